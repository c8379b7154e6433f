"""The walk through a session: which element prices each moment of it.

Law (OCPI 2.2.1 mod_tariffs):
- For each dimension the first element that has it and is in force prices it; none means it is free.
- Between two readings energy is linear. A session is cut wherever an element may come into force or leave it: on the
  local clock, at a duration, at an amount of energy; power and current change at readings only.
- FLAT counts once, at the first moment at which an element with a FLAT is in force.
- Every quantity is exact, an integer or a fraction of integers: a reading inserted on the line changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from contract.local_time import Exact, local_clock, marks_between, marks_of
from contract.restrictions import ReservationRestriction, TariffRestrictions
from contract.tariff import Dimension, PriceComponent, TariffElement, TariffOffer
from contract.usage import TimeUse
from contract.values import replace, value

MS_PER_HOUR, MS_PER_DAY = 3_600_000, 86_400_000
Picks = tuple[int | None, int | None, int | None, int | None]  # elements by ENERGY, TIME, PARKING_TIME, FLAT
_DIMENSIONS = (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT)


@value
class Span:
    """A piece of a session between two readings. Power in W, current in mA over all phases, where they are known."""

    from_ms: Exact
    to_ms: Exact
    energy_wh: Exact
    time_use: TimeUse
    power_w: Exact | None = None
    current_ma: Exact | None = None
    at_ms: Exact | None = None  # UTC at `from_ms`, where the clock was known

    @property
    def flow_w(self) -> Exact:
        """The power told, else what energy and time say."""
        if self.power_w is not None:
            return self.power_w
        length_ms = self.to_ms - self.from_ms
        return Fraction(self.energy_wh) * MS_PER_HOUR / length_ms if length_ms else 0

    def point(self, share: Exact, energy_wh: Exact) -> Point:
        """Where the session stands at a share of the span, 0 its beginning, with `energy_wh` used by then."""
        on_ms = share * (self.to_ms - self.from_ms)
        current_ma = 0 if self.current_ma is None and self.energy_wh == 0 else self.current_ma
        at_ms = None if self.at_ms is None else self.at_ms + on_ms
        return Point(self.from_ms + on_ms, energy_wh, self.flow_w, current_ma, at_ms)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a session stands: how long, how much, with what power and current, and when (UTC ms)."""

    elapsed_ms: Exact
    energy_wh: Exact
    power_w: Exact = 0
    current_ma: Exact | None = None
    at_ms: Exact | None = None


@dataclass(frozen=True)
class Rules:
    """An offer made ready for a walk. `elements` carry their place in the tariff."""

    offer: TariffOffer
    elements: tuple[tuple[int, TariffElement], ...]

    @cached_property
    def restrictions(self) -> tuple[TariffRestrictions, ...]:
        return tuple(element.restrictions for _, element in self.elements if element.restrictions is not None)

    @cached_property
    def minutes(self) -> tuple[int, ...]:
        return marks_of(self.restrictions)

    @cached_property
    def energies_wh(self) -> tuple[Fraction, ...]:
        limits = {limit for rule in self.restrictions for limit in (rule.min_kwh, rule.max_kwh) if limit is not None}
        return tuple(sorted(Fraction(limit) * 1000 for limit in limits))

    @cached_property
    def durations_ms(self) -> tuple[int, ...]:
        limits = {rule.min_duration for rule in self.restrictions} | {rule.max_duration for rule in self.restrictions}
        return tuple(sorted(limit * 1000 for limit in limits if limit is not None))

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.offer.time_zone)

    @cached_property
    def free_picks(self) -> Picks | None:
        """The one selection there is, where nothing is restricted."""
        return None if self.restrictions else self._select(lambda rule: True)

    def picks(self, point: Point) -> Picks:
        """What prices a moment."""
        if self.free_picks is not None:
            return self.free_picks
        clock = None if not self.minutes or point.at_ms is None else local_clock(point.at_ms, self.zone)
        return self._select(lambda rule: _holds(rule, point, clock))

    def component(self, element: int, dimension: Dimension) -> PriceComponent:
        found = self.offer.tariff.elements[element].component(dimension)
        assert found is not None  # a pick names an element that has the dimension
        return found

    def cuts(self, energy_wh: Exact, span: Span) -> list[Fraction]:
        """Where in a span that begins at `energy_wh` an element may come into force or leave it, from 0 to 1."""
        length_ms, found = span.to_ms - span.from_ms, {Fraction(0), Fraction(1)}
        if length_ms > 0:
            if span.at_ms is not None:
                for mark_ms in marks_between(span.at_ms, span.at_ms + length_ms, self.zone, self.minutes):
                    found.add(Fraction(mark_ms - span.at_ms) / length_ms)
            inside = (ms for ms in self.durations_ms if span.from_ms < ms < span.to_ms)
            found |= {Fraction(ms - span.from_ms) / length_ms for ms in inside}
        if span.energy_wh > 0:
            for limit_wh in self.energies_wh:
                if energy_wh < limit_wh < energy_wh + span.energy_wh:
                    found.add((limit_wh - energy_wh) / span.energy_wh)
        return sorted(found)

    def pieces(self, energy_wh: Exact, span: Span) -> Iterator[tuple[Picks, Span]]:
        """A span that begins at `energy_wh`, cut where another selection of elements may begin."""
        if self.free_picks is not None:
            yield self.free_picks, span
            return
        cuts = self.cuts(energy_wh, span)
        if len(cuts) == 2:  # most of them: no fraction comes into it
            yield self.picks(span.point(0, energy_wh)), span
            return
        for begin, end in pairwise(cuts):
            point = span.point(begin, energy_wh + begin * span.energy_wh)
            to_ms = span.from_ms + end * (span.to_ms - span.from_ms)
            part_wh = (end - begin) * span.energy_wh
            yield (
                self.picks(point),
                replace(span, from_ms=point.elapsed_ms, to_ms=to_ms, energy_wh=part_wh, at_ms=point.at_ms),
            )

    def is_one_piece(self, energy_wh: Exact, first: Span, second: Span) -> bool:
        """Two spans, one after the other, that cost the same without the reading between them."""
        if first.time_use is not second.time_use:
            return False
        if self.free_picks is not None:
            return True
        whole = replace(first, to_ms=second.to_ms, energy_wh=first.energy_wh + second.energy_wh)
        if len(self.cuts(energy_wh, whole)) > 2:
            return False
        begins = self.picks(first.point(0, energy_wh)), self.picks(second.point(0, energy_wh + first.energy_wh))
        return begins[0] == begins[1] == self.picks(whole.point(0, energy_wh))

    def next_change_ms(self, elapsed_ms: int, at_ms: int | None) -> int | None:
        """How long it takes from a point until the clock, within a day, or the duration may change a price."""
        found = [ms - elapsed_ms for ms in self.durations_ms if ms > elapsed_ms]
        if at_ms is not None:
            marks = marks_between(at_ms, at_ms + MS_PER_DAY, self.zone, self.minutes)
            found += [mark_ms - at_ms for mark_ms in marks[:1]]
        return min(found, default=None)

    def crosses(self, before: Point, after: Point) -> bool:
        """Between two points an amount of energy, a power or a current was passed that may change a price."""
        if any(before.energy_wh < limit_wh <= after.energy_wh for limit_wh in self.energies_wh):
            return True
        return any(_flow_side(rule, before) != _flow_side(rule, after) for rule in self.restrictions if rule.need_flow)

    def _select(self, holds: Callable[[TariffRestrictions], bool]) -> Picks:
        found: list[int | None] = [None, None, None, None]
        for number, element in self.elements:
            if element.restrictions is not None and not holds(element.restrictions):
                continue
            for component in element.price_components:
                slot = _DIMENSIONS.index(component.type)
                if found[slot] is None:
                    found[slot] = number
        return found[0], found[1], found[2], found[3]


def rules_of(offer: TariffOffer, reservation: ReservationRestriction | None = None) -> Rules:
    """The elements for the session itself, or those for a reservation of one kind."""
    return Rules(offer, tuple((n, e) for n, e in enumerate(offer.tariff.elements) if e.reservation is reservation))


def _holds(rule: TariffRestrictions, point: Point, clock: tuple[int, date, int] | None) -> bool:
    if rule.need_clock:
        if clock is None:
            raise ValueError("the time is not known, and a restriction of the tariff asks for it")
        if not rule.hold_on_the_clock(*clock):
            return False
    if not (
        _within(point.energy_wh, rule.min_kwh, rule.max_kwh)
        and _within(point.elapsed_ms, rule.min_duration, rule.max_duration)
        and _within(point.power_w, rule.min_power, rule.max_power)
    ):
        return False
    if not rule.need_current:
        return True
    if point.current_ma is None:
        raise ValueError("the current is not known, and a restriction of the tariff asks for it")
    return _within(point.current_ma, rule.min_current, rule.max_current)


def _flow_side(rule: TariffRestrictions, point: Point) -> tuple[bool, bool]:
    current_ma = point.current_ma or 0
    return _within(point.power_w, rule.min_power, rule.max_power), _within(
        current_ma, rule.min_current, rule.max_current
    )


def _within(thousandths: Exact, least: Decimal | int | None, most: Decimal | int | None) -> bool:
    """Wh in kWh, ms in s, W in kW, mA in A: a thousand of the one are one of the other."""
    if least is not None and thousandths < Fraction(least) * 1000:
        return False
    return most is None or thousandths < Fraction(most) * 1000


@value
class Stretch:
    """A part of a session priced by the same elements throughout. Parking beyond the grace only."""

    picks: Picks
    from_ms: Exact
    to_ms: Exact
    energy_wh: Exact = 0
    charging_ms: Exact = 0
    parking_ms: Exact = 0


@value
class Tally:
    """A session walked through so far. A value: `after` gives the next one, and costs as much as one span does."""

    rules: Rules
    energy_wh: Exact = 0
    parked_ms: Exact = 0  # the grace included
    stretches: tuple[Stretch, ...] = ()
    flat: tuple[int, Exact] | None = None  # the element whose FLAT counts, and since when
    last_time: Dimension | None = None  # the dimension of the last time that had a price

    @property
    def was_used(self) -> bool:
        """Energy flowed, or time passed that may have a price."""
        return any(s.energy_wh or s.charging_ms or s.parking_ms for s in self.stretches)

    def after(self, span: Span) -> Tally:
        """With one more span. Raises ValueError where a rule asks for a clock or a current that is not told."""
        if span.to_ms == span.from_ms and span.energy_wh == 0:
            return self
        tally = self
        for picks, piece in self.rules.pieces(self.energy_wh, span):
            tally = tally._with(picks, piece.from_ms, piece.to_ms, piece.energy_wh, piece.time_use)
        return tally

    def _with(self, picks: Picks, from_ms: Exact, to_ms: Exact, energy_wh: Exact, use: TimeUse) -> Tally:
        charging_ms = to_ms - from_ms if use is TimeUse.CHARGING else 0
        grace_ms, parked_ms = self.rules.offer.parking_grace_s * 1000, self.parked_ms
        if use is TimeUse.PARKING:
            parked_ms = parked_ms + to_ms - from_ms
        parking_ms = max(0, parked_ms - grace_ms) - max(0, self.parked_ms - grace_ms)
        before, new = self.stretches, Stretch(picks, from_ms, to_ms, energy_wh, charging_ms, parking_ms)
        if before and before[-1].picks == picks:
            last = before[-1]
            new = replace(
                new,
                from_ms=last.from_ms,
                energy_wh=last.energy_wh + energy_wh,
                charging_ms=last.charging_ms + charging_ms,
                parking_ms=last.parking_ms + parking_ms,
            )
            before = before[:-1]
        last_time = self.last_time
        if charging_ms and picks[1] is not None:
            last_time = Dimension.TIME
        elif parking_ms and picks[2] is not None:
            last_time = Dimension.PARKING_TIME
        flat = self.flat if self.flat is not None or picks[3] is None else (picks[3], from_ms)
        return Tally(self.rules, self.energy_wh + energy_wh, parked_ms, (*before, new), flat, last_time)


def walked(rules: Rules, spans: Iterable[Span]) -> Tally:
    tally = Tally(rules)
    for span in spans:
        tally = tally.after(span)
    return tally
