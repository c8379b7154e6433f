"""A tariff in OCPI 2.2.1's words (mod_tariffs, object Tariff).

Prices are per kWh, per hour or per session, without VAT, in major units of the currency; `vat` is a percentage.
What price() does not honour is refused by name: a tariff that is half understood is a wrong bill.

| here | OCPI 2.2.1 | OCPI 2.3.0 |
|---|---|---|
| PriceComponent.vat | vat | vat (tax_included of the tariff is NO) |
| PriceLimit.excl_vat, incl_vat | Price.excl_vat, incl_vat | PriceLimit.before_taxes, after_taxes |
| TariffRestrictions | the same names | the same names |
| TariffOffer.time_zone | Location.time_zone | Location.time_zone |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contract.currency import MINOR_DIGITS
from contract.restrictions import ReservationRestriction, TariffRestrictions

HIGHEST_PRICE = 10**9  # in major units per kWh, hour or session
LARGEST_STEP = 10**6
MOST_ELEMENTS = 100
LONGEST_RESERVED_MS = 86_400_000


class Dimension(StrEnum):
    """OCPI TariffDimensionType."""

    ENERGY = "ENERGY"  # per kWh, step_size in Wh
    TIME = "TIME"  # per hour of charging, step_size in seconds
    PARKING_TIME = "PARKING_TIME"  # per hour connected and not charging, step_size in seconds
    FLAT = "FLAT"  # once per session that used anything, no step


@dataclass(frozen=True, slots=True)
class PriceComponent:
    """OCPI PriceComponent. `price` 0–10⁹ excluding VAT, `vat` in percent 0–100, `step_size` 1–10⁶ (Wh or s)."""

    type: Dimension
    price: Decimal
    vat: Decimal = Decimal(0)
    step_size: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.price <= HIGHEST_PRICE:
            raise ValueError(f"{self.type} price {self.price}: want 0 to {HIGHEST_PRICE}")
        if not 0 <= self.vat <= 100:
            raise ValueError(f"{self.type} vat {self.vat}: want 0 to 100 percent")
        if not 1 <= self.step_size <= LARGEST_STEP:
            raise ValueError(f"{self.type} step_size {self.step_size}: want 1 to {LARGEST_STEP}")

    @property
    def gross(self) -> Decimal:
        """Price per OCPI unit including VAT, as people read it: to nine decimals, where it has more."""
        gross = self.price * (100 + self.vat) / 100
        return gross if gross == (short := round(gross, 9)) else short


@dataclass(frozen=True, slots=True)
class TariffElement:
    """OCPI TariffElement: the first one in force that has a dimension prices it. No restrictions: always in force."""

    price_components: tuple[PriceComponent, ...]
    restrictions: TariffRestrictions | None = None

    def __post_init__(self) -> None:
        kinds = [component.type for component in self.price_components]
        if len(kinds) != len(set(kinds)):
            raise ValueError("price_components: a dimension stands twice in one element")
        if self.reservation is not None and not set(kinds) <= {Dimension.TIME, Dimension.FLAT}:
            raise ValueError("price_components: a reservation has TIME and FLAT only")

    @property
    def reservation(self) -> ReservationRestriction | None:
        return None if self.restrictions is None else self.restrictions.reservation

    def component(self, dimension: Dimension) -> PriceComponent | None:
        return next((component for component in self.price_components if component.type is dimension), None)


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """Least or most a session costs, in major units. Each amount is held against its own total."""

    excl_vat: Decimal
    incl_vat: Decimal

    def __post_init__(self) -> None:
        if not 0 <= self.excl_vat <= self.incl_vat <= 2 * HIGHEST_PRICE:
            raise ValueError(f"excl_vat {self.excl_vat}, incl_vat {self.incl_vat}: want 0 or more, incl_vat the larger")


@dataclass(frozen=True, slots=True)
class Tariff:
    """OCPI Tariff, with our version number: a tariff is never changed, only followed by the next version."""

    id: str
    version: int
    currency: str
    elements: tuple[TariffElement, ...]
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None

    def __post_init__(self) -> None:
        if self.currency not in MINOR_DIGITS:
            raise ValueError(f"tariff {self.id}: currency {self.currency!r} is not known")
        if len(self.elements) > MOST_ELEMENTS:
            raise ValueError(f"tariff {self.id}: more than {MOST_ELEMENTS} elements")
        least, most = self.min_price, self.max_price
        if least is not None and most is not None:
            if least.excl_vat > most.excl_vat or least.incl_vat > most.incl_vat:
                raise ValueError(f"tariff {self.id}: max_price is less than min_price")

    def component(self, dimension: Dimension) -> PriceComponent | None:
        """The first component of a dimension, whatever restricts it; None means that dimension is always free."""
        for element in self.elements:
            if element.reservation is None and (component := element.component(dimension)) is not None:
                return component
        return None

    @property
    def bills_parking(self) -> bool:
        parts = (element.component(Dimension.PARKING_TIME) for element in self.elements)
        return any(component is not None and component.price > 0 for component in parts)

    @property
    def bills_reservation(self) -> bool:
        """Whether it costs something to have the place kept before a charge."""
        return any(element.reservation is ReservationRestriction.RESERVATION for element in self.elements)

    @property
    def needs_clock(self) -> bool:
        """Some price depends on the time of day or the date."""
        return any(rule.need_clock for rule in self.rules)

    @property
    def needs_current(self) -> bool:
        return any(rule.need_current for rule in self.rules)

    @property
    def is_restricted(self) -> bool:
        """Some price holds for a part of a session only, so it matters when energy flowed, not only how much."""
        return bool(self.rules)

    @property
    def rules(self) -> tuple[TariffRestrictions, ...]:
        return tuple(element.restrictions for element in self.elements if element.restrictions is not None)


@dataclass(frozen=True, slots=True)
class TariffOffer:
    """What is offered at an EVSE, and frozen into a transaction at its start.

    `parking_grace_s` and `time_zone` stand beside the tariff because OCPI has no word for the one and keeps the other
    with the location. `offline_tariff` prices where the clock is not known: it depends on no clock. `reserved_ms`
    stands in a start alone: how long the place was kept for it by a reservation that the tariff has a price for.
    """

    tariff: Tariff
    parking_grace_s: int = 0
    time_zone: str = "UTC"
    offline_tariff: Tariff | None = None
    reserved_ms: int | None = None

    def __post_init__(self) -> None:
        if self.reserved_ms is not None and not 1 <= self.reserved_ms <= LONGEST_RESERVED_MS:
            raise ValueError(f"reserved_ms {self.reserved_ms}: want 1 to {LONGEST_RESERVED_MS}")
        if not 0 <= self.parking_grace_s <= 86_400:
            raise ValueError(f"parking_grace_s {self.parking_grace_s}: want 0 to 86400")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            shown = ascii(self.time_zone[:40])
            raise ValueError(f"time_zone {shown}: not known; want a name as Europe/Berlin") from error
        if self.offline_tariff is not None:
            if self.offline_tariff.needs_clock:
                raise ValueError(f"offline_tariff {self.offline_tariff.id}: depends on the clock it is to do without")
            if self.offline_tariff.currency != self.tariff.currency:
                raise ValueError(f"offline_tariff {self.offline_tariff.id}: want the currency {self.tariff.currency}")

    def sold(self, clock_is_known: bool) -> TariffOffer | None:
        """What may be sold now, and what a start freezes. None: the price depends on a clock that is not known."""
        if clock_is_known or not self.tariff.needs_clock:
            return self
        if self.offline_tariff is None:
            return None
        return replace(self, tariff=self.offline_tariff, offline_tariff=None)
