"""The social server's books always sum to zero, and a request acts once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.social.bank import FEES, HOLD_LIVES_S, TOKEN_LIVES_S, WORLD, Bank, Refusal, fee_of


def bank_with(money_minor: int = 10_000) -> tuple[Bank, str]:
    bank = Bank()
    bank.open_account("mina", money_minor)
    return bank, bank.issue_token("mina", 0.0)


def test_what_is_captured_goes_to_both_accounts_and_the_rest_stays_with_the_payer() -> None:
    bank, token = bank_with()
    hold = bank.hold("k1", token, 5_000, "EUR", "order-1", 1.0)
    assert bank.available("mina", 1.0) == 5_000

    bank.capture("k2", hold["hold_id"], 1_234, {"cpo": 1_000, "operator": 234}, "operator", "12.34 €", 2.0)

    assert bank.balance("mina") == bank.available("mina", 2.0) == 8_766
    assert (bank.balance("cpo"), bank.balance("operator")) == (1_000, 234 - fee_of(1_234))
    assert [notice.amount_minor for notice in bank.notices] == [1_234]


def test_the_same_key_acts_once_and_another_request_under_it_is_refused() -> None:
    bank, token = bank_with()
    first = bank.hold("k", token, 100, "EUR", "o", 1.0)

    assert bank.hold("k", token, 100, "EUR", "o", 9.0) == first == bank.find_by_key("k")
    assert bank.available("mina", 1.0) == 9_900
    with pytest.raises(Refusal, match="another request"):
        bank.hold("k", token, 101, "EUR", "o", 1.0)


def test_a_refusal_is_remembered_under_its_key_too() -> None:
    bank, token = bank_with(50)
    for _ in range(2):
        with pytest.raises(Refusal, match="not enough"):
            bank.hold("k", token, 100, "EUR", "o", 1.0)
    bank.open_account("mina", 1_000)

    with pytest.raises(Refusal, match="not enough"):
        bank.hold("k", token, 100, "EUR", "o", 1.0)
    assert bank.hold("k2", token, 100, "EUR", "o", 1.0)["state"] == "authorised"


def test_a_payment_code_pays_once_and_not_for_ever() -> None:
    bank, token = bank_with()
    bank.hold("a", token, 100, "EUR", "o", 1.0)

    for key, code, at_s in (
        ("b", token, 1.0),
        ("c", bank.issue_token("mina", 0.0), TOKEN_LIVES_S),
        ("d", "spay:x", 0.0),
    ):
        with pytest.raises(Refusal, match="code"):
            bank.hold(key, code, 100, "EUR", "o", at_s)


def test_a_hold_expires_and_is_not_captured_after_that() -> None:
    bank, token = bank_with()
    hold_id = bank.hold("a", token, 100, "EUR", "o", 0.0)["hold_id"]

    assert bank.find(hold_id, HOLD_LIVES_S)["state"] == "expired"
    with pytest.raises(Refusal, match="is expired"):
        bank.capture("b", hold_id, 100, {"op": 100}, "op", "", HOLD_LIVES_S)
    assert bank.available("mina", HOLD_LIVES_S) == 10_000
    assert [event.kind for event in bank.events] == ["authorised", "expired"]


acts = st.lists(
    st.tuples(
        st.sampled_from(["hold", "capture", "release", "refund", "chargeback", "again"]),
        st.integers(0, 5),
        st.integers(1, 400),
    ),
    max_size=40,
)


@given(acts)
def test_whatever_is_asked_the_books_sum_to_zero_and_nobody_gains(acts: list[tuple[str, int, int]]) -> None:
    bank, _ = bank_with(1_000)
    held: list[str] = []
    for number, (act, which, amount) in enumerate(acts):
        key = f"k{number if act != 'again' else which}"
        hold_id = held[which % len(held)] if held else "none"
        split = {"cpo": amount * 2 // 3, "op": amount - amount * 2 // 3}
        try:
            if act in ("hold", "again"):
                held.append(bank.hold(key, bank.issue_token("mina", 0.0), amount, "EUR", "o", 0.0)["hold_id"])
            elif act == "capture":
                bank.capture(key, hold_id, amount, split, "op", "", 0.0)
            elif act == "release":
                bank.release(key, hold_id, 0.0)
            elif act == "refund":
                bank.refund(key, hold_id, amount, split, "sorry", 0.0)
            else:
                bank.charge_back(hold_id, 0.0)
        except Refusal:
            pass

    everyone = ("mina", "cpo", "op", FEES, WORLD)
    assert sum(bank.balance(account) for account in everyone) == 0
    assert 0 <= bank.available("mina", 0.0) <= 1_000
    for hold in bank.holds.values():
        assert hold.captured_minor <= hold.amount_minor
        assert hold.refunded_minor + hold.charged_back_minor <= hold.captured_minor
