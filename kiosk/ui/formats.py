"""Numbers, money and times as a language writes them (Babel). Between sign and number stands a no-break space."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from contract.currency import MINOR_DIGITS, from_minor

NBSP = "\u00a0"


class Formats:
    """The formats of one language at one place."""

    def __init__(self, locale: str, time_zone: str) -> None:
        """Raises babel.UnknownLocaleError and zoneinfo.ZoneInfoNotFoundError."""
        self._locale = Locale.parse(locale)
        self._zone = ZoneInfo(time_zone)

    def money(self, minor: int, currency: str) -> str:
        return self._currency(from_minor(minor, currency), currency, MINOR_DIGITS[currency], MINOR_DIGITS[currency])

    def unit_price(self, gross: Decimal, currency: str) -> str:
        """A price per something: at least the currency's digits, up to two more where they matter."""
        digits = MINOR_DIGITS[currency]
        return self._currency(gross, currency, digits, digits + 2)

    def energy(self, wh: int) -> str:
        """All the meter counts, so that anyone can check the sum."""
        return self.quantity_kwh(Decimal(wh) / 1000)

    def energy_about(self, wh: int) -> str:
        return self.number(Decimal(wh) / 1000, 1) + NBSP + "kWh"

    def quantity_kwh(self, kwh: Decimal) -> str:
        return self.number(kwh, 3) + NBSP + "kWh"

    def power(self, watts: int) -> str:
        kilowatts = Decimal(watts) / 1000
        return self.number(kilowatts, 1 if kilowatts < 100 else 0) + NBSP + "kW"

    def rating(self, watts: int) -> str:
        return self.number(Decimal(watts) / 1000, 0) + NBSP + "kW"

    def number(self, value: Decimal, digits: int, most: int | None = None) -> str:
        most = digits if most is None else most
        rounded = value.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP)
        return str(format_decimal(rounded, self._pattern(digits, most), self._locale))

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone)

    def clock(self, at: datetime) -> str:
        return self.local(at).strftime("%H:%M")

    def clock_s(self, at: datetime) -> str:
        return self.local(at).strftime("%H:%M:%S")

    def date(self, at: datetime) -> str:
        return str(format_date(self.local(at), "medium", self._locale))

    @staticmethod
    def duration(seconds: float) -> str:
        """18:42, from an hour on 1:18:42."""
        whole = max(0, int(seconds))
        hours, rest = divmod(whole, 3600)
        minutes, left = divmod(rest, 60)
        return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"

    @staticmethod
    def _pattern(digits: int, most: int) -> str:
        return "#,##0" + ("." if most else "") + "0" * digits + "#" * (most - digits)

    def _currency(self, amount: Decimal, currency: str, digits: int, most: int) -> str:
        rounded = amount.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP)
        shape = str(self._locale.currency_formats["standard"].pattern).split(";")[0]
        number_at = min(shape.index(sign) for sign in "#0" if sign in shape)
        number_end = max(shape.rindex(sign) for sign in "#0" if sign in shape) + 1
        before, behind = shape[:number_at].rstrip(" \u00a0"), shape[number_end:].lstrip(" \u00a0")
        pattern = (before + NBSP if before else "") + self._pattern(digits, most) + (NBSP + behind if behind else "")
        return str(format_currency(rounded, currency, pattern, self._locale, currency_digits=False))


@cache
def formats_for(locale: str, time_zone: str) -> Formats:
    return Formats(locale, time_zone)
