"""Uses, fees and agreements of a host in sentences and numbers of their language. Pure: values in, texts out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.hosts.terms import InForce, prices_of
from billing.hosts.uses import COUNTED, Use, UseKind
from billing.pages.host_texts import HOST
from billing.pages.render import clock_text, date_text, money, money_exact, number, price_digits
from billing.settlement.allocation import Bearer, HostPayment
from contract.currency import MINOR_DIGITS, from_minor
from contract.price import Line
from contract.words.texts import LANGUAGES
from contract.words.when import when

CHIPS = {
    UseKind.FINISHED: "ok",
    UseKind.OWN: "off",
    UseKind.NO_ENERGY: "off",
    UseKind.TAKEN_BACK: "warn",
    UseKind.RUNNING: "flow",
    UseKind.ON_ITS_WAY: "stale",
    UseKind.CHECKED: "warn",
}


@dataclass(frozen=True, slots=True)
class Speech:
    """One reader's language, currency and time zone."""

    language: str
    currency: str
    time_zone: str

    @property
    def words(self) -> dict[str, str]:
        return HOST[self.language]

    def money(self, amount_minor: int) -> str:
        return money(amount_minor, self.currency, self.language)

    def price(self, amount: Decimal) -> str:
        return money_exact(amount, self.currency, self.language, price_digits(amount, self.currency))

    def kwh(self, energy_wh: int) -> str:
        return number(Decimal(energy_wh) / 1000, 3, self.language).replace("-", "−")

    def day(self, moment: datetime) -> str:
        return date_text(moment, self.time_zone, self.language)

    def clock(self, moment: datetime) -> str:
        return clock_text(moment, self.time_zone, self.language)

    def day_and_clock(self, moment: datetime) -> str:
        return f"{self.day(moment)} {self.clock(moment)}"

    def span(self, use: Use) -> str:
        begins = clock_text(use.begins, use.time_zone, self.language)
        if use.kind is UseKind.RUNNING:
            return f"{begins}–{self.words['now']}"
        return begins if use.ends is None else f"{begins}–{clock_text(use.ends, use.time_zone, self.language)}"


def use_row(use: Use, speech: Speech, payout: str = "") -> dict[str, Any]:
    """A row of the table of uses: what the template prints."""
    return {
        "time": speech.span(use),
        "day": date_text(use.begins, use.time_zone, speech.language),
        "kiosk": use.kiosk_name,
        "evse": use.evse_id,
        "chip": CHIPS[use.kind],
        "state": speech.words[use.kind.value],
        "kwh": "" if use.sold is None else speech.kwh(use.energy_wh),
        "how": calculation(use, speech),
        "notes": notes(use, speech),
        "amount": "" if use.sold is None else speech.money(use.amount_minor),
        "is_dim": use.kind in (UseKind.OWN, UseKind.NO_ENERGY),
        "payout": payout,
    }


def calculation(use: Use, speech: Speech) -> str:
    """kWh × the host's price by its hours = electricity · the parts of the fee; a sentence where nothing is paid."""
    words = speech.words
    match use.kind:
        case UseKind.CHECKED:
            return words["checked_means"]
        case UseKind.OWN:
            return words["own_means"]
        case UseKind.NO_ENERGY:
            is_free = use.sold is not None and use.sold.sale.gross_minor == 0
            return ". ".join([words["no_energy_means"], *([words["driver_nothing"]] if is_free else [])])
    sold = use.sold
    if sold is None:
        return ""
    if sold.sale.is_own_use:
        return words["own_means"]
    if sold.sale.energy_wh <= 0:
        return words["no_energy_means"]
    return " · ".join([electricity_words(sold.electricity, sold.allocation.host, speech), *fee_words(use, speech)])


def electricity_words(lines: Iterable[Line], payment: HostPayment, speech: Speech) -> str:
    """11.346 kWh × € 0.21 + 7.296 kWh × € 0.17 = € 3.62"""
    parts = [
        f"{number(quantity, 3, speech.language)} kWh × {speech.price(price)}"
        for price, quantity in by_price(lines).items()
    ]
    if not parts:
        return speech.words["no_power"]
    return speech.words["calc"].format(energy=" + ".join(parts), amount=speech.money(payment.electricity_minor))


def fee_words(use: Use, speech: Speech) -> list[str]:
    assert use.sold is not None
    fee, terms, sale = use.sold.allocation.host, use.sold.agreement.host, use.sold.sale
    if terms is None:
        return []
    scale = Decimal(10) ** MINOR_DIGITS[speech.currency]
    found = []
    if fee.per_use_minor:
        found.append(speech.words["fee_use"].format(amount=speech.money(fee.per_use_minor)))
    if terms.per_kwh:
        told = {"kwh": speech.kwh(sale.energy_wh), "price": speech.price(terms.per_kwh / scale)}
        found.append(speech.words["fee_kwh"].format(**told, amount=speech.money(fee.per_kwh_minor)))
    if terms.per_hour:
        told = {"time": duration(sale.connected_ms), "price": speech.price(terms.per_hour / scale)}
        found.append(speech.words["fee_hour"].format(**told, amount=speech.money(fee.per_hour_minor)))
    return found


def notes(use: Use, speech: Speech) -> list[str]:
    """What a reader may wonder about, in words under the calculation."""
    words, found = speech.words, []
    if use.kind is UseKind.TAKEN_BACK and use.booked is not None:
        found.append(words["taken_back_means"].format(day=speech.day(use.booked), why=words["taken_why"]))
    if use.kind is UseKind.ON_ITS_WAY:
        found.append(words["on_its_way_means"])
    if use.kind is UseKind.RUNNING and use.seen is not None:
        found.append(words["seen"].format(time=speech.clock(use.seen)))
    if use.sold is not None and use.kind in (UseKind.FINISHED, UseKind.RUNNING):
        if use.sold.sale.gross_minor == 0 and use.amount_minor:
            found.append(words["free_means"])
        if use.sold.sale.is_continued and use.sold.agreement.host is not None:
            found.append(words["continued_means"])
        if use.sold.electricity_at_dearest:
            found.append(words["dearest_means"])
    is_late = use.booked is not None and use.ends is not None and use.booked - use.ends > timedelta(days=1)
    if is_late and use.kind is not UseKind.TAKEN_BACK and use.booked is not None:
        found.append(words["counted_on"].format(day=speech.day(use.booked)))
    return found


def by_price(lines: Iterable[Line]) -> dict[Decimal, Decimal]:
    """kWh by price of a kWh, with the contract's VAT; in the order they came."""
    found: dict[Decimal, Decimal] = {}
    for line in lines:
        price = line.unit_price * (100 + line.vat) / 100
        found[price] = found.get(price, Decimal(0)) + line.quantity
    return found


def electricity_of(uses: Iterable[Use]) -> int:
    """Electricity in a sum of uses, takings back with their sign; minor units."""
    return sum(_sign(use) * use.sold.allocation.host.electricity_minor for use in uses if use.sold is not None)


def counted(uses: Iterable[Use]) -> list[Use]:
    return [use for use in uses if use.kind in COUNTED]


def kwh_by_price(uses: Iterable[Use]) -> dict[Decimal, Decimal]:
    """Of what is paid for: own uses are not."""
    found: dict[Decimal, Decimal] = {}
    for use in uses:
        if use.sold is None or use.sold.sale.is_own_use:
            continue
        for price, quantity in by_price(use.sold.electricity).items():
            found[price] = found.get(price, Decimal(0)) + _sign(use) * quantity
    return found


def duration(length_ms: int) -> str:
    """1:43 h"""
    minutes = (length_ms + 30_000) // 60_000
    return f"{minutes // 60}:{minutes % 60:02} h"


def age_words(age: timedelta, words: dict[str, str]) -> str:
    seconds = max(0, int(age.total_seconds()))
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return words[f"age_{unit}"].format(count=seconds // size)
    return words["age_d"].format(count=seconds // 86_400)


def agreement_rows(one: InForce, speech: Speech) -> list[tuple[str, str]]:
    """What is agreed, term by term."""
    words, terms = speech.words, one.agreement.host
    assert terms is not None
    scale = Decimal(10) ** MINOR_DIGITS[speech.currency]
    rows = []
    for label, amount in (
        ("per_use", from_minor(terms.per_use_minor, speech.currency)),
        ("per_kwh", terms.per_kwh / scale),
        ("per_hour", terms.per_hour / scale),
        ("per_month", from_minor(terms.per_month_minor, speech.currency)),
    ):
        if amount:
            rows.append((words[label], speech.price(amount)))
    if one.agreement.electricity is None:
        rows.append((words["power_price"], words["no_price"]))
    else:
        for restrictions, price in prices_of(one.agreement.electricity):
            hours = "" if restrictions is None else when(restrictions, LANGUAGES[speech.language])
            is_only = len(one.agreement.electricity.elements) == 1
            suffix = hours or ("" if is_only else words["otherwise"])
            rows.append(
                (" · ".join(part for part in (words["power_price"], suffix) if part), f"{speech.price(price)} / kWh")
            )
    if one.agreement.host_account:
        rows.append((words["own_account"], words["own_account_means"].format(account=one.agreement.host_account)))
    bearer = "bearer_provider" if terms.paid_by is Bearer.PROVIDER else "bearer_operator"
    rows.append((words["bearer"], words[bearer]))
    return rows


def _sign(use: Use) -> int:
    return -1 if use.kind is UseKind.TAKEN_BACK else 1
