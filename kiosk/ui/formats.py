"""Numbers, money and times as a language writes them (Babel). Between sign and number stands a no-break space."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from contract.currency import MINOR_DIGITS, from_minor
from contract.words import numbers
from contract.words.numbers import NBSP


class Formats:
    """The formats of one language at one place."""

    def __init__(self, locale: str, time_zone: str) -> None:
        """Raises babel.UnknownLocaleError and zoneinfo.ZoneInfoNotFoundError."""
        self._name, self._locale = locale, Locale.parse(locale)
        self._zone = ZoneInfo(time_zone)

    def money(self, minor: int, currency: str) -> str:
        digits = MINOR_DIGITS[currency]
        return numbers.money(from_minor(minor, currency), currency, self._name, digits, digits)

    def unit_price(self, gross: Decimal, currency: str) -> str:
        """A price per something: at least the currency's digits, up to two more where they matter."""
        return numbers.unit_price(gross, currency, self._name)

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
        return numbers.number(value, self._name, digits, most)

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


@cache
def formats_for(locale: str, time_zone: str) -> Formats:
    return Formats(locale, time_zone)
