"""What a session costs, the naive way: second by second, from OCPI's words alone. Slow, and no code of price().

A second is split where an amount of energy falls into it. Readings stand on whole seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from zoneinfo import ZoneInfo

from contract.currency import MINOR_DIGITS
from contract.price import Sample, TimeUse
from contract.tariff import Dimension, PriceComponent, TariffElement, TariffOffer

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
Amounts = dict[tuple[Dimension, int], Fraction]  # by dimension and element: kWh or seconds


@dataclass
class Ledger:
    used: Amounts = field(default_factory=lambda: defaultdict(Fraction))
    last: dict[str, tuple[Dimension, int]] = field(default_factory=dict)  # of "energy" and "time": what priced it last
    flat: int | None = None
    parked_s: Fraction = Fraction(0)
    was_used: bool = False


def total(offer: TariffOffer, samples: Sequence[Sample], started_at: datetime) -> tuple[Fraction, Fraction]:
    """Without and with VAT, unrounded."""
    book = Ledger()
    for now, later in pairwise(samples):
        assert now.elapsed_ms % 1000 == later.elapsed_ms % 1000 == 0
        seconds = (later.elapsed_ms - now.elapsed_ms) // 1000
        delivered = Fraction(later.import_wh - now.import_wh, 1000)
        kw = Fraction(now.power_w, 1000) if now.power_w is not None else delivered * 3600 / seconds if seconds else 0
        amps = Fraction(now.current_ma or 0, 1000)
        for second in range(seconds):
            whole_s = now.elapsed_ms // 1000 + second
            begin_kwh = Fraction(now.import_wh - samples[0].import_wh, 1000) + delivered * second / seconds
            end_kwh = begin_kwh + delivered / seconds
            local = (started_at + timedelta(seconds=whole_s)).astimezone(ZoneInfo(offer.time_zone))
            for part, from_kwh, upto_kwh in _split(offer, begin_kwh, end_kwh):
                chosen = {}
                for number, element in enumerate(offer.tariff.elements):
                    if _in_force(element, local, from_kwh, whole_s, Fraction(kw), amps):
                        for component in element.price_components:
                            chosen.setdefault(component.type, number)
                _book(book, chosen, offer.parking_grace_s, now.time_use, part, upto_kwh - from_kwh)
    return _sum(offer, book)


def minor(amount: Fraction, currency: str) -> int:
    return floor(amount * 10 ** MINOR_DIGITS[currency] + Fraction(1, 2))


def _split(offer: TariffOffer, begin: Fraction, end: Fraction) -> list[tuple[Fraction, Fraction, Fraction]]:
    rules = [e.restrictions for e in offer.tariff.elements if e.restrictions is not None]
    limits = {Fraction(x) for rule in rules for x in (rule.min_kwh, rule.max_kwh) if x is not None}
    edges = [begin, *sorted(x for x in limits if begin < x < end), end]
    if begin == end:
        return [(Fraction(1), begin, end)]
    return [((b - a) / (end - begin), a, b) for a, b in pairwise(edges)]


def _in_force(
    element: TariffElement, local: datetime, kwh: Fraction, elapsed_s: int, kw: Fraction, amps: Fraction
) -> bool:
    rule = element.restrictions
    if rule is None:
        return True
    if rule.reservation is not None:
        return False
    clock, today = local.strftime("%H:%M"), local.strftime("%Y-%m-%d")
    start, end = rule.start_time or "00:00", rule.end_time or "24:00"
    end = "24:00" if end == "00:00" else end
    in_window = start <= clock < end if start < end else (clock >= start or clock < end)
    of_week = not rule.day_of_week or DAYS[local.weekday()] in rule.day_of_week
    in_dates = (rule.start_date or "0") <= today < (rule.end_date or "9")
    pairs = [
        (kwh, rule.min_kwh, rule.max_kwh),
        (kw, rule.min_power, rule.max_power),
        (amps, rule.min_current, rule.max_current),
        (Fraction(elapsed_s), rule.min_duration, rule.max_duration),
    ]
    in_ranges = all((low is None or x >= low) and (high is None or x < high) for x, low, high in pairs)
    return in_window and of_week and in_dates and in_ranges


def _book(
    book: Ledger, chosen: dict[Dimension, int], grace_s: int, use: TimeUse, seconds: Fraction, kwh: Fraction
) -> None:
    if Dimension.FLAT in chosen and book.flat is None:
        book.flat = chosen[Dimension.FLAT]
    paid_s = Fraction(0)
    if use is TimeUse.PARKING:
        free_s = max(Fraction(0), grace_s - book.parked_s)
        paid_s = max(Fraction(0), seconds - free_s)
        book.parked_s += seconds
    charged_s = seconds if use is TimeUse.CHARGING else Fraction(0)
    book.was_used = book.was_used or bool(kwh or paid_s or charged_s)
    for kind, slot, amount in (
        (Dimension.ENERGY, "energy", kwh),
        (Dimension.TIME, "time", charged_s),
        (Dimension.PARKING_TIME, "time", paid_s),
    ):
        if amount and kind in chosen:
            book.used[kind, chosen[kind]] += amount
            book.last[slot] = (kind, chosen[kind])


def _sum(offer: TariffOffer, book: Ledger) -> tuple[Fraction, Fraction]:
    def component(kind: Dimension, element: int) -> PriceComponent:
        return next(c for c in offer.tariff.elements[element].price_components if c.type is kind)

    for slot, per_step in (("energy", Fraction(1, 1000)), ("time", Fraction(1))):
        if slot in book.last:
            kind, element = book.last[slot]
            step = component(kind, element).step_size * per_step
            whole = sum((v for (k, _), v in book.used.items() if k is kind), Fraction(0))
            book.used[kind, element] += ceil(whole / step) * step - whole
    excl = incl = Fraction(0)

    def add(part: PriceComponent, units: Fraction) -> None:
        nonlocal excl, incl
        excl += units * Fraction(part.price)
        incl += units * Fraction(part.price) * (1 + Fraction(part.vat) / 100)

    for (kind, element), amount in book.used.items():
        add(component(kind, element), amount if kind is Dimension.ENERGY else amount / 3600)
    if book.flat is not None and book.was_used:
        add(component(Dimension.FLAT, book.flat), Fraction(1))
    if not book.was_used:
        return excl, incl
    least, most = offer.tariff.min_price, offer.tariff.max_price
    if least is not None:
        excl, incl = max(excl, Fraction(least.excl_vat)), max(incl, Fraction(least.incl_vat))
    if most is not None:
        excl, incl = min(excl, Fraction(most.excl_vat)), min(incl, Fraction(most.incl_vat))
    return excl, incl
