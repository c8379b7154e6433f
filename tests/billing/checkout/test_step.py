"""What follows from a checkout and the facts, row by row, and for any facts in any order. Pure: no database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.checkout.checkout import Checkout, Origin, Reason, Stage
from billing.checkout.step import (
    Facts,
    Fate,
    FreeConnector,
    GiveUpPayment,
    NameOrder,
    SendStart,
    SendStop,
    Wish,
    cancelled,
    looked,
    paid,
    stopped,
)
from contract.api import CommandStatus
from tests.billing.stories import NOON, OFFER

UNTIL = NOON + timedelta(seconds=120)
NEW = Checkout(
    "f" * 32, Origin.PHONE, "hk-07", 1, OFFER, 4_000, "en", NOON, UNTIL, "P1", "start", "r1", "reserve"
)  # fmt: skip
NOW = Facts(NOON)
REJECTED, ACCEPTED = Fate(CommandStatus.REJECTED, "no"), Fate(CommandStatus.ACCEPTED)

ROWS = [
    (Stage.RESERVED, replace(NOW, reserve=REJECTED), Stage.FAILED, Reason.OCCUPIED, ()),
    (Stage.RESERVED, replace(NOW, now=UNTIL), Stage.FAILED, Reason.TOO_LATE, (FreeConnector(),)),
    (Stage.PAYING, replace(NOW, refusal="blocked"), Stage.FAILED, Reason.PAYMENT_REFUSED,
     (FreeConnector(), GiveUpPayment())),
    (Stage.PAYING, replace(NOW, is_held=True), Stage.STARTING, None, (SendStart(),)),
    (Stage.PAYING, replace(NOW, is_held=True, now=UNTIL), Stage.FAILED, Reason.PAYMENT_UNAVAILABLE,
     (FreeConnector(), GiveUpPayment())),
    (Stage.PAYING, replace(NOW, is_held=True, reserve=REJECTED), Stage.FAILED, Reason.OCCUPIED, (GiveUpPayment(),)),
    (Stage.STARTING, replace(NOW, began_as="t1"), Stage.RUNNING, None, ()),
    (Stage.STARTING, replace(NOW, start=REJECTED), Stage.FAILED, Reason.START_REFUSED,
     (FreeConnector(), GiveUpPayment())),
    (Stage.STARTING, replace(NOW, start=Fate(is_lost=True)), Stage.FAILED, Reason.START_LOST,
     (FreeConnector(), GiveUpPayment())),
    (Stage.STARTING, replace(NOW, is_disproved=True), Stage.FAILED, Reason.NEVER_BEGAN,
     (FreeConnector(), GiveUpPayment())),
    (Stage.STARTING, replace(NOW, now=UNTIL + timedelta(days=3)), Stage.STARTING, None, ()),
    (Stage.RUNNING, replace(NOW, began_as="t1", order_id="o1"), Stage.RUNNING, None, (NameOrder("o1"),)),
    (Stage.RUNNING, replace(NOW, began_as="t1", order_id="o1", is_billed=True), Stage.SETTLED,
     Reason.NOTHING_DELIVERED, (NameOrder("o1"),)),
    (Stage.FAILED, replace(NOW, began_as="t1", order_id="o1"), Stage.RUNNING, None, ()),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "facts", "then", "reason", "wishes"), ROWS)
def test_each_row_of_the_table(
    stage: Stage, facts: Facts, then: Stage, reason: Reason | None, wishes: tuple[Wish, ...]
) -> None:
    after, wished = looked(replace(NEW, stage=stage), facts)

    assert (after.stage, after.reason, wished) == (then, reason, wishes)


def test_a_second_payment_and_a_stop_that_comes_early_change_nothing_and_are_remembered() -> None:
    paying, _ = paid(NEW, "social", NOON)
    assert paid(paying, "other", NOON) == (paying, ())
    assert stopped(paying) == (paying, ())
    starting = replace(paying, stage=Stage.STARTING)
    wanted, nothing = cancelled(starting)
    assert wanted.wants_stop and nothing == ()
    running, _ = looked(wanted, replace(NOW, began_as="t1"))
    stopping, wishes = looked(running, replace(NOW, began_as="t1", order_id="o1", running_as="t2"))

    assert SendStop("t2") in wishes and not stopping.wants_stop


fates = st.builds(Fate, st.sampled_from([None, *CommandStatus]), st.just(""), st.booleans())
facts = st.builds(
    Facts,
    st.integers(0, 400).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    fates,
    fates,
    st.booleans(),
    st.sampled_from([None, "blocked"]),
    st.sampled_from(["", "t1"]),
    st.sampled_from(["", "o1"]),
    st.sampled_from(["", "t1", "t2"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
acts = st.lists(st.one_of(facts, st.sampled_from(["pay", "stop", "cancel"])), max_size=12)


@given(acts)
def test_whatever_comes_in_whatever_order_nothing_starts_without_a_hold_and_what_fails_is_given_back(
    story: list[Facts | str],
) -> None:
    checkout, was_paid, starts = NEW, False, 0
    for happening in story:
        before = checkout
        if isinstance(happening, Facts):
            checkout, wishes = looked(before, happening)
            again, _ = looked(checkout, happening)
            assert looked(again, happening)[0].stage is again.stage or happening.began_as  # it comes to rest
        elif happening == "pay":
            checkout, wishes = paid(before, "social", NOON)
            was_paid = was_paid or checkout.stage is Stage.PAYING
        else:
            checkout, wishes = (stopped if happening == "stop" else cancelled)(before)
        if SendStart() in wishes:
            starts += 1
            assert isinstance(happening, Facts) and happening.is_held and was_paid
        if checkout.stage is Stage.FAILED and before.stage in (Stage.PAYING, Stage.STARTING):
            assert GiveUpPayment() in wishes
        if before.stage in (Stage.FAILED, Stage.SETTLED):
            assert wishes == ()

    assert starts <= 1
