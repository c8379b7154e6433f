"""Currencies and the one rounding rule: half up, once per printed amount."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

# Digits of the minor unit, ISO 4217 (List One). A currency that is not listed is refused, never guessed;
# those whose sign the screen's letters lack (₪ ₹ ₱ ฿) are not listed.
MINOR_DIGITS = {
    **dict.fromkeys(
        (
            "AED", "ARS", "AUD", "BAM", "BDT", "BGN", "BRL", "CAD", "CHF", "CNY", "COP", "CZK", "DKK", "EGP", "EUR",
            "GBP", "GEL", "HKD", "HUF", "IDR", "KES", "KZT", "LKR", "MAD", "MDL", "MKD", "MXN", "MYR",
            "NGN", "NOK", "NZD", "PEN", "PKR", "PLN", "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "TRY",
            "TWD", "UAH", "USD", "UYU", "ZAR",
        ),
        2,
    ),
    **dict.fromkeys(
        (
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip


def to_minor(amount: Decimal | Fraction, currency: str) -> int:
    """Round an amount in major units to integer minor units, half up (away from zero at the half)."""
    numerator, denominator = amount.as_integer_ratio()
    scale: int = 10 ** MINOR_DIGITS[currency]
    minor = (2 * abs(numerator) * scale + denominator) // (2 * denominator)
    return minor if numerator >= 0 else -minor


def from_minor(amount_minor: int, currency: str) -> Decimal:
    """Integer minor units as an exact amount in major units."""
    return Decimal(amount_minor).scaleb(-MINOR_DIGITS[currency])
