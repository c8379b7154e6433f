"""Half up, once, in the currency's own minor unit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.currency import MINOR_DIGITS, from_minor, to_minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1.004999", "EUR", 100),
        ("1.005", "EUR", 101),
        ("1.015", "EUR", 102),  # half even would give the same here and 1.00 above
        ("0.005", "EUR", 1),
        ("-0.005", "EUR", -1),
        ("0.0049999999", "EUR", 0),
        ("1.5", "JPY", 2),
        ("2.5", "JPY", 3),
        ("0.4999", "KRW", 0),
        ("1.2345", "KWD", 1235),
        ("1.2344", "KWD", 1234),
    ],
)
def test_a_half_rounds_away_from_zero(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor


@given(st.decimals(0, 10**9, places=8), st.sampled_from(sorted(MINOR_DIGITS)))
def test_rounding_agrees_with_fractions(amount: Decimal, currency: str) -> None:
    exact = Fraction(amount) * 10 ** MINOR_DIGITS[currency]

    assert to_minor(amount, currency) == floor(exact + Fraction(1, 2))


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(MINOR_DIGITS)))
def test_minor_units_survive_the_way_to_major_and_back(amount_minor: int, currency: str) -> None:
    assert to_minor(from_minor(amount_minor, currency), currency) == amount_minor


def test_an_unknown_currency_is_never_guessed() -> None:
    with pytest.raises(KeyError):
        to_minor(Decimal(1), "XYZ")
