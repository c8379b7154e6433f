"""Currencies and the one rounding rule: half up, once per printed amount."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

# Digits of the minor unit, ISO 4217. A currency that is not listed is refused, never guessed.
MINOR_DIGITS = {
    **dict.fromkeys(("EUR", "USD", "GBP", "CHF", "CNY", "SEK", "NOK", "DKK", "PLN", "CZK"), 2),
    **dict.fromkeys(("JPY", "KRW"), 0),
    "KWD": 3,
}


def to_minor(amount: Decimal | Fraction, currency: str) -> int:
    """Round an amount in major units to integer minor units, half up (away from zero at the half)."""
    numerator, denominator = amount.as_integer_ratio()
    scale: int = 10 ** MINOR_DIGITS[currency]
    minor = (2 * abs(numerator) * scale + denominator) // (2 * denominator)
    return minor if numerator >= 0 else -minor


def from_minor(amount_minor: int, currency: str) -> Decimal:
    """Integer minor units as an exact amount in major units."""
    return Decimal(amount_minor).scaleb(-MINOR_DIGITS[currency])
