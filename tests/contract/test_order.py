"""The parts of an interrupted order cost together what the whole would have cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.order import Continuation, corrected, joined, price_of_part
from contract.price import Line, Sample, TimeUse, measure, price
from contract.restrictions import ReservationRestriction, TariffRestrictions
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from tests.contract.values import OFFERS


@st.composite
def usages(draw: st.DrawFn) -> tuple[Sample, ...]:
    samples = [Sample(0, draw(st.integers(0, 10**9)), TimeUse.NONE)]
    for _ in range(draw(st.integers(1, 5))):
        last = samples[-1]
        later_ms = last.elapsed_ms + draw(st.integers(0, 7_200_000))
        samples.append(Sample(later_ms, last.import_wh + draw(st.integers(0, 50_000)), draw(st.sampled_from(TimeUse))))
    return tuple(samples)


def uninterrupted(parts: Sequence[tuple[Sample, ...]]) -> tuple[Sample, ...]:
    whole: tuple[Sample, ...] = ()
    for part in parts:
        whole = joined(whole, part)
    return whole


@given(OFFERS, st.lists(usages(), min_size=1, max_size=4))
def test_the_parts_cost_together_what_the_whole_costs(offer: TariffOffer, parts: list[tuple[Sample, ...]]) -> None:
    costs = [price_of_part(offer, uninterrupted(parts[:number]), part) for number, part in enumerate(parts)]
    whole = price(offer, uninterrupted(parts))

    assert sum(cost.incl_vat_minor for cost in costs) == whole.incl_vat_minor
    assert sum(cost.excl_vat_minor for cost in costs) == whole.excl_vat_minor


@given(OFFERS, usages(), usages())
def test_every_part_is_explained_by_its_lines(
    offer: TariffOffer, first: tuple[Sample, ...], second: tuple[Sample, ...]
) -> None:
    def by_dimension(lines: Sequence[Line]) -> dict[Dimension, Decimal]:
        sums: dict[Dimension, Decimal] = {}
        for line in lines:
            sums[line.dimension] = sums.get(line.dimension, Decimal(0)) + line.incl_vat
        # To a millionth of a cent: a line's own amounts are divided, and Decimal keeps 28 digits of that.
        exact = {dimension: amount.quantize(Decimal("1e-8")) for dimension, amount in sums.items()}
        return {dimension: amount for dimension, amount in exact.items() if amount}

    lines = (*price(offer, first).lines, *price_of_part(offer, first, second).lines)

    assert by_dimension(lines) == by_dimension(price(offer, joined(first, second)).lines)


@given(usages(), usages())
def test_the_interruption_itself_counts_for_nothing(first: tuple[Sample, ...], second: tuple[Sample, ...]) -> None:
    one, other, both = (measure(samples, 0) for samples in (first, second, joined(first, second)))

    assert both.energy_wh == one.energy_wh + other.energy_wh
    assert both.charging_ms == one.charging_ms + other.charging_ms
    assert both.parking_ms == one.parking_ms + other.parking_ms


def test_without_a_part_before_it_is_price() -> None:
    samples = (Sample(0, 100, TimeUse.CHARGING), Sample(60_000, 400, TimeUse.NONE))
    assert joined((), samples) == samples
    assert joined(samples, ()) == samples


def test_a_correction_stands_in_for_the_reading_at_the_end() -> None:
    samples = (Sample(0, 100, TimeUse.CHARGING), Sample(60_000, 400, TimeUse.NONE))

    assert corrected(samples, 450) == (samples[0], replace(samples[1], import_wh=450))


def test_a_continuation_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="two at least"):
        Continuation("tx", (Sample(0, 0, TimeUse.NONE),))


def test_a_reservation_is_paid_once_however_often_the_charge_was_interrupted() -> None:
    per_hour = PriceComponent(Dimension.TIME, Decimal(6))
    kept = TariffElement((per_hour,), TariffRestrictions(reservation=ReservationRestriction.RESERVATION))
    energy = TariffElement((PriceComponent(Dimension.ENERGY, Decimal("0.50")),))
    offer = TariffOffer(Tariff("t", 1, "EUR", (kept, energy)), reserved_ms=600_000)
    one = (Sample(0, 0, TimeUse.CHARGING), Sample(60_000, 1_000, TimeUse.NONE))
    two = (Sample(0, 5_000, TimeUse.CHARGING), Sample(60_000, 7_000, TimeUse.NONE))

    assert price_of_part(offer, (), one).incl_vat_minor == 100 + 50
    assert price_of_part(offer, one, two).incl_vat_minor == 100
    assert price(offer, joined(one, two)).incl_vat_minor == 250
