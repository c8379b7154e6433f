"""A payment against a social server that loses answers, repeats itself and is away: it ends right, always.

The other side is the simulated bank with books of its own; it is asked in-process, so that time is virtual.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.payments.payment import (
    SURELY_NOTHING_S,
    Payment,
    RefundWish,
    answered,
    billed,
    given_up,
    next_request,
    refunded,
    seen,
    sending,
)
from billing.payments.provider import (
    Capture,
    Hold,
    HoldState,
    Look,
    LookByKey,
    Nothing,
    Outcome,
    Refund,
    Refused,
    Release,
    Request,
    Sight,
    Unknown,
)
from sim.social.bank import HOLD_LIVES_S, Bank, Refusal


def sight_of(words: dict[str, object]) -> Sight:
    return Sight(
        str(words["hold_id"]),
        HoldState(str(words["state"])),
        words["amount_minor"],  # type: ignore[arg-type]
        words["captured_minor"],  # type: ignore[arg-type]
        words["fee_minor"],  # type: ignore[arg-type]
        words["refunded_minor"],  # type: ignore[arg-type]
        words["charged_back_minor"],  # type: ignore[arg-type]
        words["split"],  # type: ignore[arg-type]
        words["charged_back_split"],  # type: ignore[arg-type]
    )


class Wire:
    """The way to the bank: it may lose a request before it acts, or the answer after."""

    def __init__(self, bank: Bank, rng: random.Random, loss: float) -> None:
        self.bank, self.rng, self.loss, self.now_s = bank, rng, loss, 0.0

    def ask(self, request: Request) -> Outcome:
        if self.rng.random() < self.loss:
            return Unknown("not reached")
        try:
            words = self._act(request)
        except Refusal as refusal:
            outcome: Outcome = Refused(refusal.code, str(refusal))
        else:
            outcome = Nothing() if words is None else sight_of(words)
        return Unknown("the answer was lost") if self.rng.random() < self.loss else outcome

    def _act(self, request: Request) -> dict[str, object] | None:
        bank, now_s = self.bank, self.now_s
        match request:
            case Hold(key, token, amount_minor, currency, reference):
                return bank.hold(key, token, amount_minor, currency, reference, now_s)
            case Capture(key, hold_ref, amount_minor, split, text):
                return bank.capture(key, hold_ref, amount_minor, dict(split), "operator", text, now_s)
            case Release(key, hold_ref):
                return bank.release(key, hold_ref, now_s)
            case Refund(key, hold_ref, amount_minor, split, why):
                return bank.refund(key, hold_ref, amount_minor, dict(split), why, now_s)
            case Look(hold_ref):
                return bank.find(hold_ref, now_s)
            case LookByKey(key):
                return bank.find_by_key(key)


def settle(payment: Payment, wire: Wire, tries: int = 400) -> Payment:
    """Ask until there is nothing to ask, as the worker does."""
    for _ in range(tries):
        request = next_request(payment)
        if request is None:
            return payment
        wire.now_s = max(wire.now_s, payment.pause_until_s)
        payment = answered(sending(payment, request, wire.now_s), request, wire.ask(request), wire.now_s)
    raise AssertionError(f"does not come to rest: {payment}")


def begin(money_minor: int = 10_000, loss: float = 0.0, seed: int = 0) -> tuple[Payment, Wire]:
    bank = Bank()
    bank.open_account("mina", money_minor)
    token = bank.issue_token("mina", 0.0)
    return Payment("p1", "o1", token, 5_000, "EUR"), Wire(bank, random.Random(seed), loss)


def parts(amount_minor: int) -> dict[str, int]:
    return {"cpo": amount_minor * 4 // 5, "operator": amount_minor - amount_minor * 4 // 5}


outcomes = st.sampled_from(
    ["bill", "bill over hold", "nothing to pay", "give up at once", "give up later", "poor", "poor and gone"]
)


@settings(max_examples=300, deadline=None)
@given(outcome=outcomes, loss=st.sampled_from([0.0, 0.2, 0.6]), seed=st.integers(0, 10**6), bill=st.integers(1, 9_000))
def test_nobody_pays_twice_nor_for_nothing_whatever_answers_are_lost(
    outcome: str, loss: float, seed: int, bill: int
) -> None:
    payment, wire = begin(100 if outcome.startswith("poor") else 10_000, loss, seed)
    bank = wire.bank
    if outcome in ("give up at once", "poor and gone"):
        request = next_request(payment)
        assert request is not None
        payment = given_up(answered(sending(payment, request, 0.0), request, wire.ask(request), 0.0))
    else:
        payment = settle(payment, wire)
    if outcome.startswith("poor"):
        payment = settle(payment, wire)
        assert payment.refused is not None or payment.is_surely_nothing
        assert bank.available("mina", wire.now_s) == bank.balance("mina") == 100
        return
    if payment.refused is not None:  # its code expired while nobody answered: the charge does not begin
        assert bank.balance("mina") == bank.available("mina", wire.now_s) == 10_000
        return
    if outcome == "give up later":
        payment = given_up(payment)
    elif outcome != "give up at once":
        amount = {"bill": min(bill, 5_000), "bill over hold": 5_000 + bill, "nothing to pay": 0}[outcome]
        payment = billed(payment, amount, parts(min(amount, 5_000)), "thank you")
    payment = settle(payment, wire)

    paid = 10_000 - bank.balance("mina")
    expected = 0 if payment.bill_minor is None else min(payment.bill_minor, 5_000)
    assert paid == expected and bank.available("mina", wire.now_s) == 10_000 - paid
    assert len(bank.holds) <= 1 and payment.is_at_rest
    assert payment.owed_minor == max(0, (payment.bill_minor or 0) - 5_000)


def test_a_hold_that_arrives_after_it_was_given_up_is_found_and_released() -> None:
    payment, wire = begin()
    request = next_request(payment)
    assert isinstance(request, Hold)
    payment = given_up(answered(sending(payment, request, 0.0), request, Unknown("slow"), 0.0))
    look = next_request(payment)
    assert look is not None
    payment = answered(payment, look, wire.ask(look), 1.0)
    assert not payment.is_at_rest  # nothing is known there, but the request may still be under way
    wire.ask(request)

    payment = settle(payment, wire)

    assert payment.sight is not None and payment.sight.state is HoldState.RELEASED
    assert wire.bank.available("mina", 1.0) == 10_000


def test_after_long_enough_nothing_is_nothing() -> None:
    payment, wire = begin()
    request = next_request(payment)
    assert request is not None
    payment = given_up(answered(sending(payment, request, 0.0), request, Unknown("never left"), 0.0))

    payment = settle(payment, wire)

    assert payment.is_surely_nothing and payment.is_at_rest and wire.now_s >= SURELY_NOTHING_S


def test_webhooks_in_any_order_and_twice_change_nothing_once_it_is_known() -> None:
    payment, wire = begin()
    payment = settle(payment, wire)
    payment = settle(billed(payment, 1_000, parts(1_000), ""), wire)
    sights = [sight_of(event.body) for event in wire.bank.events]

    for order in (sights, sights[::-1], sights * 2):
        again = payment
        for sight in order:
            again = seen(again, sight)
        assert again == payment


def test_a_webhook_before_the_answer_is_the_answer() -> None:
    payment, wire = begin()
    request = next_request(payment)
    assert request is not None
    wire.ask(request)
    payment = seen(payment, sight_of(wire.bank.events[-1].body))

    assert payment.is_authorised and next_request(payment) is None
    late = answered(payment, request, Unknown("timed out"), 30.0)
    assert late.is_authorised


def test_a_hold_that_expired_before_the_bill_leaves_a_debt() -> None:
    payment, wire = begin()
    payment = settle(payment, wire)
    wire.now_s = HOLD_LIVES_S + 1
    payment = seen(payment, sight_of(wire.bank.find("h000002", wire.now_s)))

    payment = settle(billed(payment, 700, parts(700), ""), wire)

    assert payment.owed_minor == 700 and wire.bank.balance("mina") == 10_000


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 800), max_size=6), st.integers(0, 10**6))
def test_refunds_go_out_once_each_and_never_beyond_the_capture(amounts: list[int], seed: int) -> None:
    payment, wire = begin(loss=0.4, seed=seed)
    payment = settle(payment, wire)
    if payment.refused:
        return
    payment = settle(billed(payment, 1_500, parts(1_500), ""), wire)
    given = 0
    for amount in amounts:
        wish = RefundWish(amount, {"operator": amount}, "sorry")
        if given + amount > 1_500:
            with pytest.raises(ValueError, match="left to give back"):
                refunded(payment, wish)
        else:
            payment = settle(refunded(payment, wish), wire)
            given += amount

    assert wire.bank.balance("mina") == 10_000 - 1_500 + given


def test_a_capture_refused_because_the_hold_is_gone_is_looked_into_and_owed() -> None:
    payment, wire = begin()
    payment = settle(payment, wire)
    wire.now_s = HOLD_LIVES_S + 1

    payment = settle(billed(payment, 700, parts(700), ""), wire, tries=3)

    assert payment.sight is not None and payment.sight.state is HoldState.EXPIRED
    assert payment.owed_minor == 700


def test_an_order_is_billed_once() -> None:
    payment, _ = begin()
    payment = billed(payment, 100, parts(100), "")

    assert billed(payment, 100, parts(100), "") == payment
    with pytest.raises(ValueError, match="billed 100, now 101"):
        billed(payment, 101, parts(101), "")
