"""An entry balances or does not exist; the parts of a whole sum to the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.ledger.chart import POINT, Account, Kind, account_of
from billing.ledger.draft import Draft, Leg, OutOfBalance, drafted, split

MARGIN, HOST = Account(Kind.MARGIN, "operator", "EUR"), Account(Kind.HOST_PAYABLE, "rosa", "EUR")
amounts = st.integers(-(10**9), 10**9)


def test_an_entry_out_of_balance_cannot_be_written_down() -> None:
    with pytest.raises(OutOfBalance, match=r"entry k: \{'EUR': 1\}"):
        Draft("k", "w", (Leg(MARGIN, 100), Leg(HOST, -99)))


def test_each_unit_balances_by_itself() -> None:
    points = Account(Kind.ISSUED, "sun", POINT)

    with pytest.raises(OutOfBalance):
        Draft("k", "w", (Leg(MARGIN, 100), Leg(points, -100)))


def test_amounts_of_zero_leave_no_leg() -> None:
    draft = drafted("k", "w", {MARGIN: 5, HOST: -5, Account(Kind.VAT_PAYABLE, "19", "EUR"): 0})

    assert {leg.account for leg in draft.legs} == {MARGIN, HOST}


@given(whole=amounts, weights=st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 10**6), min_size=1))
def test_parts_sum_to_the_whole_and_none_is_off_by_a_whole_unit(whole: int, weights: dict[str, int]) -> None:
    total = sum(weights.values())
    if total == 0:
        weights["x"] = total = 1
    parts = split(whole, weights)

    assert sum(parts.values()) == whole
    assert all(abs(parts[name] * total - whole * weight) < total for name, weight in weights.items())


def test_a_split_for_nobody_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody"):
        split(1, {"a": 0})

    assert split(0, {"a": 0}) == {"a": 0}


@given(
    kind=st.sampled_from(Kind), owner=st.text("abcdefghij-_.:19", min_size=1), unit=st.sampled_from(["EUR", "point"])
)
def test_an_account_is_found_by_its_name(kind: Kind, owner: str, unit: str) -> None:
    account = Account(kind, owner, unit)

    assert account_of(account.name) == account
