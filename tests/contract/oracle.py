"""What a session costs, the naive way: second by second, from OCPI's words alone, and no code of price().

A second is split where an amount of energy falls into it. Readings stand on whole seconds. It is quick enough for ten
thousand sessions because what cannot change is looked up once: the power between two readings, the clock within a
minute. Energy is counted in whole numbers, as many to the Wh as there are seconds between two readings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
Exact = Fraction | int
Chosen = dict[Dimension, int]  # which element prices a dimension
Amounts = dict[tuple[Dimension, int, int], Exact]  # by dimension, element and how many make a Wh or a second
NEVER = 10**30


@dataclass
class Ledger:
    used: Amounts = field(default_factory=lambda: defaultdict(int))
    last: dict[str, tuple[Dimension, int]] = field(default_factory=dict)  # of "energy" and "time": what priced it last
    flat: int | None = None
    parked_s: Exact = 0
    was_used: bool = False


def total(offer: TariffOffer, samples: Sequence[Sample], started_at: datetime) -> tuple[Fraction, Fraction]:
    """Without and with VAT, unrounded."""
    book, zone, elements = Ledger(), ZoneInfo(offer.time_zone), offer.tariff.elements
    ranges = [_ranges(element) for element in elements]
    minute, open_by_clock = -1, frozenset[int]()
    for now, later in pairwise(samples):
        assert now.elapsed_ms % 1000 == later.elapsed_ms % 1000 == 0
        seconds, wh = (later.elapsed_ms - now.elapsed_ms) // 1000, later.import_wh - now.import_wh
        if not seconds:
            assert not wh
            continue
        watts = Fraction(now.power_w) if now.power_w is not None else Fraction(wh * 3600, seconds)
        flowing = [n for n, e in enumerate(elements) if _flows(e, watts / 1000, Fraction(now.current_ma or 0, 1000))]
        limits = [tuple(x if x == NEVER else x * seconds for x in one[:2]) for one in ranges]
        edges = sorted({x for one in limits for x in one if 0 < x < NEVER})
        for second in range(seconds):
            at_s = now.elapsed_ms // 1000 + second
            moment = started_at + timedelta(seconds=at_s)
            if moment.minute != minute:
                minute, local = moment.minute, moment.astimezone(zone)
                open_by_clock = frozenset(n for n, e in enumerate(elements) if _is_open(e, local))
            begin = (now.import_wh - samples[0].import_wh) * seconds + wh * second
            for from_, upto in _split(edges, begin, begin + wh):
                chosen: Chosen = {}
                for n in flowing:
                    least, most = limits[n]
                    if n in open_by_clock and least <= from_ < most and ranges[n][2] <= at_s < ranges[n][3]:
                        for component in elements[n].price_components:
                            chosen.setdefault(component.type, n)
                part = 1 if upto - from_ == wh else Fraction(upto - from_) / wh
                _book(book, chosen, offer.parking_grace_s, now.time_use, part, upto - from_, seconds)
    return _sum(offer, book)


def minor(amount: Fraction, currency: str) -> int:
    return floor(amount * 10 ** MINOR_DIGITS[currency] + Fraction(1, 2))


def _ranges(element: TariffElement) -> tuple[Exact, Exact, int, int]:
    """Where it holds: Wh from and to, seconds from and to."""
    rule = element.restrictions
    if rule is None:
        return 0, NEVER, 0, NEVER
    least = 0 if rule.min_kwh is None else Fraction(rule.min_kwh) * 1000
    most = NEVER if rule.max_kwh is None else Fraction(rule.max_kwh) * 1000
    whole = [int(x) if x == int(x) else x for x in (least, most)]
    return (*whole, rule.min_duration or 0, NEVER if rule.max_duration is None else rule.max_duration)  # type: ignore[return-value]


def _split(edges: Sequence[Exact], begin: int, end: int) -> Iterator[tuple[Exact, Exact]]:
    inside = [x for x in edges if begin < x < end]
    return pairwise([begin, *inside, end])


def _is_open(element: TariffElement, local: datetime) -> bool:
    """By clock and calendar of the place, and for no reservation."""
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
    return in_window and of_week and (rule.start_date or "0") <= today < (rule.end_date or "9")


def _flows(element: TariffElement, kw: Fraction, amps: Fraction) -> bool:
    rule = element.restrictions
    if rule is None:
        return True
    pairs = [(kw, rule.min_power, rule.max_power), (amps, rule.min_current, rule.max_current)]
    return all((low is None or x >= low) and (high is None or x < high) for x, low, high in pairs)


def _book(book: Ledger, chosen: Chosen, grace_s: int, use: TimeUse, seconds: Exact, energy: Exact, per_wh: int) -> None:
    if book.flat is None and Dimension.FLAT in chosen:
        book.flat = chosen[Dimension.FLAT]
    charged_s = paid_s = 0
    if use is TimeUse.CHARGING:
        charged_s = seconds
    elif use is TimeUse.PARKING:
        paid_s = max(0, book.parked_s + seconds - grace_s) - max(0, book.parked_s - grace_s)
        book.parked_s += seconds
    book.was_used = book.was_used or bool(energy or paid_s or charged_s)
    for kind, slot, amount in (
        (Dimension.ENERGY, "energy", energy),
        (Dimension.TIME, "time", charged_s),
        (Dimension.PARKING_TIME, "time", paid_s),
    ):
        if amount and kind in chosen:
            book.used[kind, chosen[kind], per_wh if kind is Dimension.ENERGY else 1] += amount
            book.last[slot] = (kind, chosen[kind])


def _sum(offer: TariffOffer, book: Ledger) -> tuple[Fraction, Fraction]:
    def component(kind: Dimension, element: int) -> PriceComponent:
        return next(c for c in offer.tariff.elements[element].price_components if c.type is kind)

    for kind, element in book.last.values():
        step = component(kind, element).step_size
        whole = sum((Fraction(amount, per) for (k, _, per), amount in book.used.items() if k is kind), Fraction(0))
        book.used[kind, element, 1] += ceil(whole / step) * step - whole
    excl = incl = Fraction(0)

    def add(part: PriceComponent, units: Fraction) -> None:
        nonlocal excl, incl
        excl += units * Fraction(part.price)
        incl += units * Fraction(part.price) * (1 + Fraction(part.vat) / 100)

    for (kind, element, per), amount in book.used.items():
        add(component(kind, element), Fraction(amount, per) / (1000 if kind is Dimension.ENERGY else 3600))
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
