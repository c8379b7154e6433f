"""A tariff that is half understood is a wrong bill: it is refused by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from contract.codec import WireError, from_wire
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer

ENERGY = PriceComponent(Dimension.ENERGY, Decimal("0.50"), Decimal(20))
CHEAPER = PriceComponent(Dimension.ENERGY, Decimal("0.10"), Decimal(20))
PARKING = PriceComponent(Dimension.PARKING_TIME, Decimal("5.00"), Decimal(20), 60)


def tariff(*elements: tuple[PriceComponent, ...], currency: str = "EUR") -> Tariff:
    return Tariff("t", 1, currency, tuple(TariffElement(parts) for parts in elements))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"price": "-0.01"}, "ENERGY price -0.01: want 0"),
        ({"price": "1000000001"}, "ENERGY price"),
        ({"vat": "-1"}, "ENERGY vat -1"),
        ({"vat": "100.5"}, "ENERGY vat 100.5"),
        ({"step_size": 0}, "ENERGY step_size 0"),
        ({"step_size": 1_000_001}, "ENERGY step_size"),
        ({"type": "RESERVATION"}, "none of ENERGY, TIME"),
        ({"restrictions": {"start_time": "09:00"}}, "restrictions: unknown key"),
    ],
)
def test_a_component_out_of_range_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WireError, match=message):
        from_wire(PriceComponent, {"type": "ENERGY", "price": "0.5"} | changes)


@pytest.mark.parametrize("key", ["restrictions", "start_date_time", "tariff_alt_text", "type"])
def test_words_of_ocpi_that_price_does_not_know_yet_are_refused(key: str) -> None:
    with pytest.raises(WireError, match=f"{key}: unknown key"):
        from_wire(Tariff, {"id": "t", "version": 1, "currency": "EUR", "elements": [], key: {}})


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="currency 'XXX' is not known"):
        tariff(currency="XXX")


def test_a_dimension_stands_once_in_an_element() -> None:
    with pytest.raises(ValueError, match="twice in one element"):
        tariff((ENERGY, CHEAPER))


@pytest.mark.parametrize("grace_s", [-1, 86_401])
def test_a_grace_is_at_most_a_day(grace_s: int) -> None:
    with pytest.raises(ValueError, match="parking_grace_s"):
        TariffOffer(tariff((ENERGY,)), grace_s)


def test_the_first_element_that_has_a_dimension_prices_it() -> None:
    both = tariff((PARKING,), (ENERGY,), (CHEAPER,))

    assert both.component(Dimension.ENERGY) == ENERGY
    assert both.component(Dimension.PARKING_TIME) == PARKING
    assert both.component(Dimension.TIME) is None


def test_parking_is_billed_only_where_it_costs() -> None:
    free = PriceComponent(Dimension.PARKING_TIME, Decimal(0))

    assert tariff((PARKING,)).bills_parking
    assert not tariff((free,)).bills_parking
    assert not tariff((ENERGY,)).bills_parking
