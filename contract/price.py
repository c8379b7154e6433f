"""price(): what a usage costs, the same cent on the kiosk, the server and the receipt.

Law:
- The price is a function of journaled samples and the frozen offer; between two samples energy is linear.
- Quantities are summed as integers (Wh, ms); Decimal begins where a price is multiplied; a total is divided once,
  so that an exact half cent is seen as one, and rounded once, half up.
- step_size rounds the session's energy up once, and the last priced time dimension up once (OCPI 2.2.1 mod_tariffs,
  "step_size").
- Every amount is explained by a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from contract.currency import to_minor
from contract.tariff import Dimension, PriceComponent, TariffOffer


class TimeUse(StrEnum):
    """What the time after a sample counts as."""

    NONE = "None"  # neither charging nor parking: not yet delivering, paused by the vehicle, or closing
    CHARGING = "Charging"  # energy flows or may; while the vehicle pauses the time counts as NONE
    PARKING = "Parking"  # stopped with the cable still in


@dataclass(frozen=True, slots=True)
class Sample:
    """One journaled reading of a transaction. `elapsed_ms` counts from Started and never falls."""

    elapsed_ms: int
    import_wh: int
    time_use: TimeUse


@dataclass(frozen=True, slots=True)
class Line:
    """One explained amount: quantity × unit price, in OCPI's unit (kWh, hour, session); amounts unrounded."""

    dimension: Dimension
    quantity: Decimal
    unit_price: Decimal  # excluding VAT
    vat: Decimal  # percent
    excl_vat: Decimal
    incl_vat: Decimal
    rule: str  # why this quantity: "measured" or "rounded up to step_size N"


@dataclass(frozen=True, slots=True)
class Price:
    """The whole amount of one usage; `_minor` in the currency's minor unit."""

    currency: str
    lines: tuple[Line, ...]
    excl_vat_minor: int
    incl_vat_minor: int

    @property
    def vat_minor(self) -> int:
        return self.incl_vat_minor - self.excl_vat_minor


@dataclass(frozen=True, slots=True)
class Quantities:
    """A usage summed up: Wh delivered, ms charged, ms parked beyond the grace."""

    energy_wh: int
    charging_ms: int
    parking_ms: int


def measure(samples: Sequence[Sample], parking_grace_s: int) -> Quantities:
    """Sum a usage. Raises ValueError where time or the register runs backwards."""
    charging_ms = parked_ms = 0
    for now, later in pairwise(samples):
        span_ms = later.elapsed_ms - now.elapsed_ms
        if span_ms < 0:
            raise ValueError(f"elapsed_ms falls from {now.elapsed_ms} to {later.elapsed_ms}")
        if later.import_wh < now.import_wh:
            raise ValueError(f"import_wh falls from {now.import_wh} to {later.import_wh}")
        if now.time_use is TimeUse.CHARGING:
            charging_ms += span_ms
        elif now.time_use is TimeUse.PARKING:
            parked_ms += span_ms
    energy_wh = samples[-1].import_wh - samples[0].import_wh if samples else 0
    return Quantities(energy_wh, charging_ms, max(0, parked_ms - parking_grace_s * 1000))


def price(offer: TariffOffer, samples: Sequence[Sample]) -> Price:
    """Price a usage, running or ended. Who used nothing pays nothing, no FLAT either."""
    return price_of(offer, measure(samples, offer.parking_grace_s))


def price_of(offer: TariffOffer, used: Quantities) -> Price:
    """Price summed quantities; `price` for who has samples."""
    tariff = offer.tariff
    by_dimension = {
        Dimension.ENERGY: used.energy_wh,
        Dimension.TIME: used.charging_ms,
        Dimension.PARKING_TIME: used.parking_ms,
    }
    priced = [d for d in by_dimension if tariff.component(d) is not None and by_dimension[d] > 0]
    last_time = next((d for d in (Dimension.PARKING_TIME, Dimension.TIME) if d in priced), None)
    charges = []
    flat = tariff.component(Dimension.FLAT)
    if flat is not None and any(by_dimension.values()):
        charges.append(_Charge(flat, 1, 1))
    for dimension in priced:
        component = tariff.component(dimension)
        assert component is not None
        if dimension is Dimension.ENERGY:
            charges.append(_stepped(component, by_dimension[dimension], component.step_size, WH_PER_KWH))
        elif dimension is last_time:
            charges.append(_stepped(component, by_dimension[dimension], component.step_size * 1000, MS_PER_HOUR))
        else:
            charges.append(_Charge(component, by_dimension[dimension], MS_PER_HOUR))
    excl = sum((charge.shares * 100 for charge in charges), Decimal(0)) / SHARES
    incl = sum((charge.shares * (100 + charge.component.vat) for charge in charges), Decimal(0)) / SHARES
    lines = tuple(charge.line() for charge in charges)
    return Price(tariff.currency, lines, to_minor(excl, tariff.currency), to_minor(incl, tariff.currency))


WH_PER_KWH, MS_PER_HOUR = 1000, 3_600_000
SHARES = MS_PER_HOUR * 100  # every amount is a whole number of prices in these shares: per Wh, per ms, per percent


@dataclass(frozen=True, slots=True)
class _Charge:
    """`amount` in Wh, ms or sessions, `per_unit` of them to the unit that is priced."""

    component: PriceComponent
    amount: int
    per_unit: int
    rule: str = "measured"

    @property
    def shares(self) -> Decimal:
        """Without VAT, in shares of 1/MS_PER_HOUR: exact, as nothing is divided yet."""
        return self.component.price * (self.amount * (MS_PER_HOUR // self.per_unit))

    def line(self) -> Line:
        part, quantity = self.component, Decimal(self.amount) / self.per_unit
        excl, incl = self.shares * 100 / SHARES, self.shares * (100 + part.vat) / SHARES
        return Line(part.type, quantity, part.price, part.vat, excl, incl, self.rule)


def _stepped(component: PriceComponent, amount: int, step: int, per_unit: int) -> _Charge:
    rounded = -(-amount // step) * step
    rule = "measured" if rounded == amount else f"rounded up to step_size {component.step_size}"
    return _Charge(component, rounded, per_unit, rule)
