"""Numbers, prices and times in the driver's language, as the phone pages write them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from markupsafe import Markup, escape

from billing.pages.phone_texts import PHONE
from billing.pages.render import clock_text, kwh, money, money_exact, number, price_digits
from billing.pages.texts import RECEIPT
from contract.printed import PrintedKind, PrintedLine
from contract.tariff import Dimension, TariffOffer
from contract.words import Row, tariff_words

SECONDS = "HH:mm:ss"
_SAID = (
    PrintedKind.ENERGY, PrintedKind.TIME, PrintedKind.PARKING_TIME, PrintedKind.FLAT, PrintedKind.RESERVATION_TIME,
    PrintedKind.RESERVATION_FLAT, PrintedKind.MIN_PRICE, PrintedKind.MAX_PRICE,
)  # fmt: skip
_HOURLY = (PrintedKind.TIME, PrintedKind.PARKING_TIME, PrintedKind.RESERVATION_TIME)


@dataclass(frozen=True, slots=True)
class Speech:
    """One language at one place."""

    language: str
    time_zone: str
    currency: str

    def say(self, key: str, **values: object) -> str:
        return PHONE[self.language].say(key, **values)

    def rich(self, key: str, **values: Markup) -> Markup:
        """The same with marked-up values in it."""
        return Markup(escape(PHONE[self.language].texts[key])).format(**values)

    def money(self, amount_minor: int) -> str:
        return money(amount_minor, self.currency, self.language)

    def clock(self, moment: datetime, pattern: str = "HH:mm") -> str:
        return clock_text(moment, self.time_zone, self.language, pattern)

    def kilowatts(self, power_w: int | Decimal, digits: int = 1) -> str:
        return number(Decimal(power_w) / 1000, digits, self.language)

    def age(self, seconds: float) -> str:
        """How old a value is, in the largest unit that says enough."""
        whole = max(0, int(seconds))
        if whole < 120:
            return self.say("live.seconds_old", count=whole)
        if whole < 7200:
            return self.say("live.minutes_old", count=whole // 60)
        return self.say("live.hours_old", count=whole // 3600)

    def lasting(self, seconds: int) -> str:
        """How long something takes, to five minutes beyond an hour."""
        minutes = max(1, round(seconds / 60))
        if minutes < 60:
            return self.say("amount.minutes", minutes=minutes)
        minutes = round(minutes / 5) * 5
        return self.say("amount.hours", hours=minutes // 60, minutes=minutes % 60)

    def sum_of(self, lines: Sequence[PrintedLine], total_minor: int) -> str:
        """ "8.214 kWh × € 0.54 + € 0.60 session = € 5.04, VAT included"; "" for nothing."""
        parts = " + ".join(self._part(line) for line in sorted(lines, key=lambda line: _SAID.index(line.kind)))
        return self.say("live.sum", parts=parts, total=self.money(total_minor)) if parts else ""

    def _part(self, line: PrintedLine) -> str:
        if line.kind is PrintedKind.FLAT:
            return self.say("live.sum_session", amount=self.money(line.amount_minor))
        if line.kind is PrintedKind.ENERGY:
            return f"{kwh(int(line.quantity * 1000), self.language)} × {self._unit(line.unit_price)}"
        if line.kind in _HOURLY:
            per_minute = line.unit_price / 60
            if per_minute == round(per_minute, 4):
                minutes = line.quantity * 60
                counted = number(minutes, 0 if minutes == round(minutes) else 2, self.language)
                return f"{counted}\u00a0min × {self._unit(per_minute)}"
            return f"{number(line.quantity, 4, self.language)}\u00a0h × {self._unit(line.unit_price)}"
        return f"{self.money(line.amount_minor)} {RECEIPT[self.language][line.kind.value]}"

    def _unit(self, price: Decimal) -> str:
        return money_exact(price, self.currency, self.language, price_digits(price, self.currency))

    def parking(self, offer: TariffOffer) -> str:
        """What staying plugged in costs, as the tariff says it; "" where nothing."""
        row = _parking(offer, self.language)
        return "" if row is None else "; ".join(f"{one.when} {one.price}".strip() for one in row.entries)

    def parking_price(self, offer: TariffOffer) -> str:
        """The price alone, without the free minutes before it."""
        row = _parking(offer, self.language)
        return "" if row is None else "; ".join(entry.price for entry in row.entries)


def _parking(offer: TariffOffer, language: str) -> Row | None:
    rows = tariff_words(offer, language).rows
    return next((row for row in rows if row.kind == Dimension.PARKING_TIME.value), None)
