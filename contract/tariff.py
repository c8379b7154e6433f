"""A tariff in OCPI 2.2.1's words (mod_tariffs, object Tariff).

Prices are per kWh, per hour or per session, without VAT, in major units of the currency; `vat` is a percentage.
Restrictions are refused by name until price() honours them: a tariff that is half understood is a wrong bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from contract.currency import MINOR_DIGITS

HIGHEST_PRICE = 10**9  # in major units per kWh, hour or session
LARGEST_STEP = 10**6


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
        """Price per OCPI unit including VAT."""
        return self.price * (100 + self.vat) / 100


@dataclass(frozen=True, slots=True)
class TariffElement:
    """OCPI TariffElement: the first one that has a dimension prices it."""

    price_components: tuple[PriceComponent, ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """OCPI Tariff, with our version number: a tariff is never changed, only followed by the next version."""

    id: str
    version: int
    currency: str
    elements: tuple[TariffElement, ...]

    def __post_init__(self) -> None:
        if self.currency not in MINOR_DIGITS:
            raise ValueError(f"tariff {self.id}: currency {self.currency!r} is not known")
        for element in self.elements:
            kinds = [component.type for component in element.price_components]
            if len(kinds) != len(set(kinds)):
                raise ValueError(f"tariff {self.id}: a dimension stands twice in one element")

    def component(self, dimension: Dimension) -> PriceComponent | None:
        """The component that prices a dimension; None means that dimension is free."""
        for element in self.elements:
            for component in element.price_components:
                if component.type is dimension:
                    return component
        return None

    @property
    def bills_parking(self) -> bool:
        component = self.component(Dimension.PARKING_TIME)
        return component is not None and component.price > 0


@dataclass(frozen=True, slots=True)
class TariffOffer:
    """What is offered at an EVSE, and frozen into a transaction at its start.

    `parking_grace_s` stands beside the tariff because OCPI has no word for it.
    """

    tariff: Tariff
    parking_grace_s: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.parking_grace_s <= 86_400:
            raise ValueError(f"parking_grace_s {self.parking_grace_s}: want 0 to 86400")
