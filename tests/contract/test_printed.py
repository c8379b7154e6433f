"""What is printed adds up: the lines to the total, the VAT per rate to the VAT in it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.currency import MINOR_DIGITS
from contract.price import Sample, TimeUse, price
from contract.printed import PrintedKind, printed
from contract.tariff import Dimension, PriceComponent, PriceLimit, Tariff, TariffElement, TariffOffer
from contract.vat import split
from tests.contract.sessions import case


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_printed_lines_and_vat_sum_to_the_total(seed: int) -> None:
    drawn = case(seed)
    cost = price(drawn.offer, drawn.samples)
    lines = printed(cost)

    assert sum(line.amount_minor for line in lines) == cost.incl_vat_minor
    assert sum(line.gross_minor for line in cost.vat) == cost.incl_vat_minor
    assert cost.excl_vat_minor + cost.vat_minor == cost.incl_vat_minor
    assert cost.vat_minor == sum(line.vat_minor for line in cost.vat)
    for line in cost.vat:
        exact = Fraction(line.gross_minor) * Fraction(line.rate) / (100 + Fraction(line.rate))
        assert abs(line.vat_minor - exact) <= Fraction(1, 2)
    for group in lines:
        if group.kind not in (PrintedKind.MIN_PRICE, PrintedKind.MAX_PRICE):
            exact_minor = Fraction(group.quantity * group.unit_price) * 10 ** MINOR_DIGITS[cost.currency]
            assert abs(group.amount_minor - exact_minor) < 1 + Fraction(1, 10**9)


def test_a_price_that_comes_back_is_one_line() -> None:
    part = PriceComponent(Dimension.ENERGY, Decimal("0.50"), Decimal(20))
    sold = TariffOffer(Tariff("t", 1, "EUR", (TariffElement((part,)),)))
    samples = [Sample(n * 60_000, 500 * n, TimeUse.CHARGING) for n in range(5)]

    (line,) = printed(price(sold, samples))

    assert (line.quantity, line.unit_price, line.amount_minor) == (Decimal(2), Decimal("0.60"), 120)


def test_a_least_price_is_a_line_of_its_own() -> None:
    part = PriceComponent(Dimension.ENERGY, Decimal("0.50"), Decimal(20))
    limit = PriceLimit(Decimal("2.00"), Decimal("2.40"))
    sold = TariffOffer(Tariff("t", 1, "EUR", (TariffElement((part,)),), min_price=limit))
    cost = price(sold, [Sample(0, 0, TimeUse.CHARGING), Sample(60_000, 1_000, TimeUse.NONE)])

    assert [(line.kind, line.amount_minor) for line in printed(cost)] == [
        (PrintedKind.ENERGY, 60),
        (PrintedKind.MIN_PRICE, 180),
    ]
    assert (cost.incl_vat_minor, cost.vat_minor, cost.rule) == (240, 40, "min_price")


@given(st.integers(0, 10**9), st.lists(st.fractions(0, 1000), min_size=1, max_size=6))
def test_a_split_sums_to_the_whole(total: int, weights: list[Fraction]) -> None:
    if not sum(weights):
        return
    parts = split(total, weights)

    assert sum(parts) == total
    assert all(abs(part - total * weight / sum(weights)) < 1 for part, weight in zip(parts, weights, strict=True))


def test_nothing_to_split_by_is_an_error() -> None:
    with pytest.raises(ValueError, match="weights"):
        split(5, [Fraction(0)])
