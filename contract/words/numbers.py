"""Numbers and money as a language writes them (Babel). Between sign and number stands a no-break space."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from babel import Locale
from babel.numbers import format_currency, format_decimal

from contract.currency import MINOR_DIGITS

NBSP = "\u00a0"


def number(value: Decimal, locale: str, digits: int, most: int | None = None) -> str:
    """At least `digits` decimals, at most `most`."""
    most = digits if most is None else most
    rounded = value.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP)
    return str(format_decimal(rounded, _pattern(digits, most), _locale(locale)))


def unit_price(gross: Decimal, currency: str, locale: str) -> str:
    """A price per something: at least the currency's digits, up to two more where they matter."""
    digits = MINOR_DIGITS[currency]
    return money(gross, currency, locale, digits, digits + 2)


def money(amount: Decimal, currency: str, locale: str, digits: int, most: int) -> str:
    """An amount in major units."""
    rounded = amount.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP)
    spoken = _locale(locale)
    shape = str(spoken.currency_formats["standard"].pattern).split(";")[0]
    number_at = min(shape.index(sign) for sign in "#0" if sign in shape)
    number_end = max(shape.rindex(sign) for sign in "#0" if sign in shape) + 1
    before, behind = shape[:number_at].rstrip(" \u00a0"), shape[number_end:].lstrip(" \u00a0")
    pattern = (before + NBSP if before else "") + _pattern(digits, most) + (NBSP + behind if behind else "")
    return str(format_currency(rounded, currency, pattern, spoken, currency_digits=False))


def _pattern(digits: int, most: int) -> str:
    return "#,##0" + ("." if most else "") + "0" * digits + "#" * (most - digits)


@cache
def _locale(name: str) -> Locale:
    """Raises babel.UnknownLocaleError."""
    return Locale.parse(name)
