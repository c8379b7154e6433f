"""price(): what a usage costs, the same cent on the kiosk, the server and the receipt.

Law:
- The price is a function of journaled samples and the frozen offer; which element prices which part: contract.walk.
- Quantities and amounts are exact until the end; a total is rounded once, half up.
- step_size rounds the session's priced energy up once, and the last priced time dimension up once; the extra counts
  at the price of its last part (OCPI 2.2.1 mod_tariffs, "step_size").
- min_price and max_price hold the total without VAT and the total with it, each by its own amount.
- Who used nothing pays nothing. Every amount is explained by a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from contract.currency import to_minor
from contract.local_time import Exact, utc_ms
from contract.restrictions import ReservationRestriction
from contract.tariff import Dimension, TariffOffer
from contract.usage import Quantities, Reservation, Sample, TimeUse, check_order, measure
from contract.values import replace, value
from contract.vat import VatLine, vat_of_gross
from contract.walk import MS_PER_HOUR, Rules, Span, Stretch, Tally, rules_of, walked

__all__ = [
    "Line",
    "Price",
    "Quantities",
    "Reservation",
    "Sample",
    "TimeUse",
    "as_decimal",
    "measure",
    "owed_minor",
    "price",
    "price_of",
    "settled",
    "span_between",
    "spans_of",
    "tallied",
]

WH_PER_KWH = 1000


@value
class Line:
    """One explained amount: quantity × unit price, in OCPI's unit (kWh, hour, session).

    `element` counts the tariff's elements from 0; `from_ms` and `to_ms` are the part of the session it prices, in
    elapsed time. `excl_vat` and `incl_vat` are unrounded, `incl_vat_minor` is the line rounded by itself.
    """

    dimension: Dimension
    quantity: Decimal
    unit_price: Decimal  # excluding VAT
    vat: Decimal  # percent
    excl_vat: Decimal
    incl_vat: Decimal
    rule: str  # why this quantity: "measured" or "rounded up to step_size N"
    element: int = 0
    from_ms: int = 0
    to_ms: int = 0
    incl_vat_minor: int = 0
    is_reservation: bool = False


@value
class Price:
    """The whole amount of one usage; `_minor` in the currency's minor unit.

    `excl_vat` and `incl_vat` are the unrounded totals, each held by its own limit. What is owed is `incl_vat_minor`;
    the VAT in it is printed as contract.vat says. `rule`: "measured", "min_price" or "max_price".
    """

    currency: str
    lines: tuple[Line, ...]
    excl_vat: Decimal
    incl_vat: Decimal
    incl_vat_minor: int
    vat: tuple[VatLine, ...]
    rule: str = "measured"

    @property
    def vat_minor(self) -> int:
        return sum(line.vat_minor for line in self.vat)

    @property
    def excl_vat_minor(self) -> int:
        """What is printed as the amount without VAT: the rest, so that the sum is right."""
        return self.incl_vat_minor - self.vat_minor


def price(offer: TariffOffer, samples: Sequence[Sample], reservation: Reservation | None = None) -> Price:
    """Price a usage, running or ended.

    Raises ValueError where time or the register runs backwards, and where the tariff asks for a clock or a current
    that is not told.
    """
    begin_ms = None
    if samples and (at_ms := samples[0].at_ms) is not None:
        begin_ms = at_ms
    return settled(tallied(offer, samples), reservation, begin_ms)


def price_of(offer: TariffOffer, used: Quantities, began: datetime | None = None) -> Price:
    """Price summed quantities as one charge at even power, and then the parking."""
    parked_ms = used.parking_ms + offer.parking_grace_s * 1000 if used.parking_ms else 0
    samples = [
        Sample(0, 0, TimeUse.CHARGING),
        Sample(used.charging_ms, used.energy_wh, TimeUse.PARKING),
        Sample(used.charging_ms + parked_ms, used.energy_wh, TimeUse.NONE),
    ]
    if began is not None:
        samples = [replace(sample, at_ms=utc_ms(began) + sample.elapsed_ms) for sample in samples]
    return price(offer, samples)


def tallied(offer: TariffOffer, samples: Sequence[Sample]) -> Tally:
    """A usage walked through; `settled` prices it, and `Tally.after` adds to it without walking again."""
    rules = rules_of(offer)
    return walked(rules, spans_of(rules, samples))


def spans_of(rules: Rules, samples: Sequence[Sample]) -> list[Span]:
    """What lies between the readings that tell something: where nothing is restricted, a change of use alone does.

    Raises ValueError where time or the register runs backwards.
    """
    for now, later in pairwise(samples):
        check_order(now, later)
    if rules.free_picks is not None:
        inner = (later for now, later in pairwise(samples[:-1]) if later.time_use is not now.time_use)
        samples = [*samples[:1], *inner, *samples[1:][-1:]]
    return [span_between(now, later) for now, later in pairwise(samples)]


def span_between(now: Sample, later: Sample) -> Span:
    """Raises ValueError where time or the register runs backwards."""
    check_order(now, later)
    wh = later.import_wh - now.import_wh
    return Span(now.elapsed_ms, later.elapsed_ms, wh, now.time_use, now.power_w, now.current_ma, now.at_ms)


def settled(tally: Tally, reservation: Reservation | None = None, begin_ms: Exact | None = None) -> Price:
    """The price of what was walked through, and of a reservation that ended at `begin_ms` (UTC): the one given, else
    the one the offer was frozen with."""
    tariff = tally.rules.offer.tariff
    charges = [*_reserved(tally.rules.offer, reservation, begin_ms), *_charges(tally)]
    amounts = [charge.amounts() for charge in charges]
    excl, incl, rule = _held(tally, amounts)
    owed_minor = to_minor(incl, tariff.currency)
    by_rate: dict[Decimal, Fraction] = {}
    for charge, (_, gross) in zip(charges, amounts, strict=True):
        by_rate[charge.vat] = by_rate[charge.vat] + gross if charge.vat in by_rate else gross
    return Price(
        tariff.currency,
        tuple(charge.line(tariff.currency, *parts) for charge, parts in zip(charges, amounts, strict=True)),
        as_decimal(excl),
        as_decimal(incl),
        owed_minor,
        vat_of_gross(by_rate, owed_minor, excl, incl),
        rule,
    )


def owed_minor(tally: Tally, begin_ms: Exact | None = None) -> int:
    """`settled(tally, None, begin_ms).incl_vat_minor`, without what explains it: the kiosk holds it against a cap many
    times."""
    charges = [*_reserved(tally.rules.offer, None, begin_ms), *_charges(tally)]
    _, incl, _ = _held(tally, [charge.amounts() for charge in charges])
    return to_minor(incl, tally.rules.offer.tariff.currency)


def as_decimal(amount: Exact) -> Decimal:
    """To 28 digits, exact where the amount is."""
    return Decimal(amount.numerator) / Decimal(amount.denominator)


@value
class _Charge:
    """`amount` in Wh, ms or sessions, `per_unit` of them to the unit that is priced."""

    dimension: Dimension
    element: int
    unit_price: Decimal
    vat: Decimal
    step: int  # in the unit of `amount`
    amount: Exact
    per_unit: int
    from_ms: Exact
    to_ms: Exact
    rule: str = "measured"
    is_reservation: bool = False

    def amounts(self) -> tuple[Fraction, Fraction]:
        """Without and with VAT. In plain integers: this is what the kiosk does on every look at a cap."""
        price_n, price_d = self.unit_price.as_integer_ratio()
        vat_n, vat_d = self.vat.as_integer_ratio()
        over = price_n * self.amount.numerator
        under = price_d * self.amount.denominator * self.per_unit
        return Fraction(over, under), Fraction(over * (100 * vat_d + vat_n), under * 100 * vat_d)

    def line(self, currency: str, excl: Fraction, incl: Fraction) -> Line:
        return Line(
            self.dimension,
            Decimal(self.amount.numerator) / Decimal(self.amount.denominator * self.per_unit),
            self.unit_price,
            self.vat,
            as_decimal(excl),
            as_decimal(incl),
            self.rule,
            self.element,
            int(self.from_ms),
            int(self.to_ms),
            to_minor(incl, currency),
            self.is_reservation,
        )


def _charges(tally: Tally) -> list[_Charge]:
    """Every amount of a walk: FLAT, then energy, charging and parking, each in order of time."""
    energy = list(_runs(tally, Dimension.ENERGY))
    charging, parking = list(_runs(tally, Dimension.TIME)), list(_runs(tally, Dimension.PARKING_TIME))
    _round_up(energy)
    if tally.last_time is Dimension.TIME:
        _round_up(charging)
    elif tally.last_time is Dimension.PARKING_TIME:
        _round_up(parking)
    found = [*energy, *charging, *parking]
    if tally.flat is not None and tally.was_used:
        element, since_ms = tally.flat
        component = tally.rules.component(element, Dimension.FLAT)
        vat, end_ms = component.vat, tally.stretches[-1].to_ms
        found.insert(0, _Charge(Dimension.FLAT, element, component.price, vat, 1, 1, 1, since_ms, end_ms))
    return found


def _runs(tally: Tally, dimension: Dimension) -> Iterator[_Charge]:
    """What one element prices without another between, one after the other."""
    last: _Charge | None = None
    for stretch in tally.stretches:
        element, amount = _part(stretch, dimension)
        if element is None or not amount:
            continue
        if last is not None and last.element == element:
            last = replace(last, amount=last.amount + amount, to_ms=stretch.to_ms)
            continue
        if last is not None:
            yield last
        part = tally.rules.component(element, dimension)
        is_energy = dimension is Dimension.ENERGY
        step, per_unit = (part.step_size, WH_PER_KWH) if is_energy else (part.step_size * 1000, MS_PER_HOUR)
        ends = stretch.from_ms, stretch.to_ms
        last = _Charge(dimension, element, part.price, part.vat, step, amount, per_unit, *ends)
    if last is not None:
        yield last


def _part(stretch: Stretch, dimension: Dimension) -> tuple[int | None, Exact]:
    match dimension:
        case Dimension.ENERGY:
            return stretch.picks[0], stretch.energy_wh
        case Dimension.TIME:
            return stretch.picks[1], stretch.charging_ms
        case _:
            return stretch.picks[2], stretch.parking_ms


def _round_up(charges: list[_Charge]) -> None:
    """The whole of them to the last one's step_size; the extra is the last one's."""
    if not charges:
        return
    last = charges[-1]
    whole = sum(charge.amount for charge in charges)
    extra = -(-whole // last.step) * last.step - whole
    if extra:
        size = last.step if last.dimension is Dimension.ENERGY else last.step // 1000
        charges[-1] = replace(last, amount=last.amount + extra, rule=f"rounded up to step_size {size}")


def _reserved(offer: TariffOffer, reservation: Reservation | None, end_ms: Exact | None) -> list[_Charge]:
    """What keeping the place cost: its TIME by RESERVATION_EXPIRES where it expired and has one, every fee once."""
    if reservation is None and offer.reserved_ms is not None:
        reservation = Reservation(offer.reserved_ms)
    if reservation is None or reservation.duration_ms <= 0:
        return []
    at_ms = None if end_ms is None else end_ms - reservation.duration_ms
    found: list[_Charge] = []
    kinds = [ReservationRestriction.RESERVATION]
    if reservation.has_expired:
        kinds.insert(0, ReservationRestriction.RESERVATION_EXPIRES)
    for kind in kinds:
        tally = walked(rules_of(offer, kind), [Span(0, reservation.duration_ms, 0, TimeUse.CHARGING, at_ms=at_ms)])
        has_time = any(charge.dimension is Dimension.TIME for charge in found)
        for charge in _charges(tally):
            if charge.dimension is Dimension.FLAT or not has_time:
                from_ms, to_ms = charge.from_ms - reservation.duration_ms, charge.to_ms - reservation.duration_ms
                found.append(replace(charge, from_ms=from_ms, to_ms=to_ms, is_reservation=True))
    return found


def _held(tally: Tally, amounts: Sequence[tuple[Fraction, Fraction]]) -> tuple[Fraction, Fraction, str]:
    """The totals without and with VAT, each held by its own limit, and the rule."""
    excl = sum((net for net, _ in amounts[1:]), amounts[0][0]) if amounts else Fraction(0)
    incl = sum((gross for _, gross in amounts[1:]), amounts[0][1]) if amounts else Fraction(0)
    tariff, rule = tally.rules.offer.tariff, "measured"
    if amounts or tally.was_used:
        for name, limit in (("min_price", tariff.min_price), ("max_price", tariff.max_price)):
            if limit is not None:
                choose = max if name == "min_price" else min
                held = choose(excl, Fraction(limit.excl_vat)), choose(incl, Fraction(limit.incl_vat))
                if held != (excl, incl):
                    (excl, incl), rule = held, name
    return excl, incl, rule
