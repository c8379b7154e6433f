"""What an amount buys is an estimate that never costs more than the amount; the curve shows gaps as gaps."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pages.curve import curve
from billing.pages.phone_amounts import EXACT_WH, MOST_WH, amounts_of, estimate, estimates
from contract.price import Quantities, price_of
from contract.restrictions import TariffRestrictions
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from tests.billing.stories import NOON, OFFER, TARIFF

prices = st.decimals(0, 2, places=2)


def offer_of(energy: Decimal, time: Decimal, flat: Decimal) -> TariffOffer:
    parts = ((Dimension.ENERGY, energy), (Dimension.TIME, time), (Dimension.FLAT, flat))
    components = tuple(PriceComponent(kind, price, Decimal(20)) for kind, price in parts)
    return TariffOffer(Tariff("t", 1, "EUR", (TariffElement(components),)))


@given(prices, prices, prices, st.integers(100, 5_000), st.integers(1_400, 300_000))
def test_an_estimate_never_costs_more_than_the_amount_and_wastes_little(
    energy: Decimal, time: Decimal, flat: Decimal, amount_minor: int, power_w: int
) -> None:
    offer = offer_of(energy, time, flat)
    found = estimate(offer, amount_minor, power_w, NOON)

    def costs(energy_wh: int) -> int:
        return price_of(offer, Quantities(energy_wh, energy_wh * 3_600_000 // power_w, 0)).incl_vat_minor

    if found.energy_wh:
        assert costs(found.energy_wh) <= amount_minor
    assert found.is_full or costs(found.energy_wh + 2 * EXACT_WH) > amount_minor


def test_more_money_never_buys_less() -> None:
    amounts = amounts_of("EUR", 4_000)
    bought = [one.energy_wh for one in estimates(OFFER, amounts.all, 22_080, NOON)]

    assert bought == sorted(bought) and bought[0] > 0


def test_a_free_tariff_fills_every_car_and_a_dear_start_buys_nothing() -> None:
    assert estimate(offer_of(Decimal(0), Decimal(0), Decimal(0)), 500, 22_080, NOON).energy_wh == MOST_WH
    assert estimate(offer_of(Decimal(1), Decimal(0), Decimal(20)), 500, 22_080, NOON).energy_wh == 0


@pytest.mark.parametrize(
    ("currency", "most", "least", "step"),
    [("EUR", 4_000, 500, 100), ("JPY", 5_000, 500, 100), ("KWD", 12_000, 2_500, 500), ("EUR", 30_000, 3_000, 800)],
)
def test_what_may_be_chosen_is_at_most_what_is_held_there(currency: str, most: int, least: int, step: int) -> None:
    amounts = amounts_of(currency, most)

    assert amounts.step >= step // 2 and amounts.most <= most and amounts.usual in amounts.all
    assert amounts.nearest(-5) == amounts.least and amounts.nearest(10**9) <= amounts.most
    assert amounts.least >= least // 2


def test_an_amount_off_the_steps_becomes_the_nearest_choice() -> None:
    assert amounts_of("EUR", 4_000).nearest(1_549) == 1_500 and amounts_of("EUR", 4_000).nearest(1_551) == 1_600


def test_a_reading_that_is_missing_is_a_gap_in_the_curve() -> None:
    whole = curve([(minute * 60_000, 11_000) for minute in range(10)])
    torn = curve([(minute * 60_000, 11_000) for minute in (0, 1, 2, 7, 8)])

    assert whole is not None and len(whole.lines) == 1
    assert torn is not None and len(torn.lines) == 2
    assert curve([(0, 11_000)]) is None and curve([(0, 0), (2_000, 22_000)]) is None


def test_the_curve_has_room_for_the_whole_charge_and_its_highest_power() -> None:
    drawn = curve([(0, 0), (9 * 3_600_000, 150_000)])

    assert drawn is not None and drawn.rows[-1][1] == 200 and drawn.marks[-1][2] >= 9 * 3_600_000
    assert all(34 <= float(point.split(",")[0]) <= 342 for point in drawn.lines[0].split())


def test_restricted_prices_are_estimated_for_the_hour_they_begin_in() -> None:
    night = TariffElement(
        (PriceComponent(Dimension.ENERGY, Decimal("0.10"), Decimal(20)),),
        TariffRestrictions(start_time="22:00", end_time="06:00"),
    )
    offer = replace(OFFER, tariff=replace(TARIFF, elements=(night, *TARIFF.elements)))

    assert (
        estimate(offer, 1_500, 11_000, NOON.replace(hour=23)).energy_wh
        > 2 * estimate(offer, 1_500, 11_000, NOON).energy_wh
    )
