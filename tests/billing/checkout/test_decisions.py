"""What no rule settles is decided by a person: what each choice does to payer, host and ledger, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from billing.checkout.view import Step
from billing.decisions import cases, decide
from billing.decisions.case import Cause, NotDecidable, at_stake_minor, proposals
from billing.decisions.cases import Decision
from billing.decisions.choice import Choice
from billing.ledger.chart import Kind
from billing.pages.decisions_view import choices_in_words
from billing.pages.receipt_view import find_receipt
from billing.pages.session_view import session_detail
from billing.tariffs.trial import past
from contract.transaction import ClockQuality, TransactionEvent
from tests.billing.checkout.shop import Shop
from tests.billing.stories import charge, interrupted

LIMIT_MINOR = 5_000
DAY_S = 86_400


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return Shop(engine)


def waiting(shop: Shop) -> list[tuple[str, Cause]]:
    return [(case.transaction_id, case.cause) for case in shop.run(lambda c: cases.waiting(c, shop.now))]


def waited(shop: Shop) -> list[Decision]:
    return shop.run(lambda c: cases.waited_for(c, shop.now))


def decided(shop: Shop, of: str, choice: Choice, by: str = "fina", limit: int = LIMIT_MINOR, **how: int) -> Decision:
    done = shop.run(lambda c: decide.ask(c, "hk-07", of, choice, "looked at it", by, shop.now, limit, **how))
    shop.work_until_rest()
    return done


def jumped(story: list[TransactionEvent], wh: int = 80_000) -> list[TransactionEvent]:
    """The register jumps before the last reading by more than the cable can carry."""
    *before, last, ended = story
    return [*before, *(replace(e, meter=replace(e.meter, import_wh=e.meter.import_wh + wh)) for e in (last, ended))]


def held(shop: Shop) -> tuple[str, TransactionEvent]:
    """A phone's charge of 40 minutes whose meter jumped at the end: its payer, and its beginning."""
    checkout, start = shop.started()
    story = jumped(shop.story_of(start, minutes=40, wh_per_minute=300))
    shop.upload(story)
    shop.work()
    return checkout.payer, story[0]


def test_a_doubt_holds_the_bill_until_somebody_decides(shop: Shop) -> None:
    _, begun = held(shop)
    shop.work()

    assert waiting(shop) == [(begun.transaction_id, Cause.HELD)]
    assert shop.mina_paid == 0 and shop.mina_held == 4_000


def test_what_is_proved_is_taken_and_the_rest_of_the_hold_is_free(shop: Shop) -> None:
    payer, begun = held(shop)
    decided(shop, begun.transaction_id, Choice.PROVED)
    bill = shop.bill(begun.order_id)

    assert bill is not None and 0 < bill.total_minor < 4_000, "39 minutes of 300 Wh, and the fee once per charge"
    assert bill.total_minor == 692
    assert (shop.mina_paid, shop.mina_held, waiting(shop)) == (692, 0, [])
    assert shop.balance(Kind.HOST_PAYABLE, "rosa") == -(20 + 29)
    assert shop.balance(Kind.RECEIVABLE, payer) == 0
    shop.check()


def test_the_record_as_it_came_takes_no_more_than_a_guest_had_held(shop: Shop) -> None:
    _, begun = held(shop)
    decided(shop, begun.transaction_id, Choice.RECORDED)

    assert (shop.mina_paid, shop.mina_held) == (4_000, 0)
    shop.check()


def test_nothing_is_billed_and_the_host_is_paid_for_what_is_proved(shop: Shop) -> None:
    payer, begun = held(shop)
    decided(shop, begun.transaction_id, Choice.NOTHING)

    assert (shop.mina_paid, shop.mina_held, shop.balance(Kind.RECEIVABLE, payer)) == (0, 0, 0)
    assert shop.balance(Kind.HOST_PAYABLE, "rosa") == -(20 + 29)
    assert shop.balance(Kind.MARGIN, "operator") == 20 + 29
    shop.check()


def test_what_a_choice_says_of_the_host_is_booked_also_where_the_kiosk_did_not_know_the_time(
    shop: Shop,
) -> None:
    story = charge(
        evse_id=1,
        minutes=40,
        wh_per_minute=300,
        started_at=datetime(1970, 1, 1, tzinfo=UTC),
        clock_quality=ClockQuality.UNKNOWN,
    )
    shop.upload(jumped(story))
    case = shop.run(lambda c: cases.case_of(c, "hk-07", story[0].transaction_id, shop.now))
    assert case is not None
    (said,) = [w for w in shop.run(lambda c: choices_in_words(c, case, 0)) if w["value"] == "proved"]
    decided(shop, story[0].transaction_id, Choice.PROVED)

    paid_minor = -shop.balance(Kind.HOST_PAYABLE, "rosa")
    assert paid_minor > 0 and f"Host rosa: paid € 0.{paid_minor:02}" in said["effects"][1].replace("\u00a0", " ")


def test_above_the_limit_another_person_agrees_before_anything_moves(shop: Shop) -> None:
    _, begun = held(shop)
    asked = decided(shop, begun.transaction_id, Choice.NOTHING, limit=100)
    assert asked.is_granted is None and shop.mina_held == 4_000
    with pytest.raises(NotDecidable, match="another person"):
        shop.run(lambda c: decide.approve(c, asked.decision_id, "fina", shop.now))
    with pytest.raises(NotDecidable, match="waits for a second person"):
        decided(shop, begun.transaction_id, Choice.PROVED)
    shop.run(lambda c: decide.approve(c, asked.decision_id, "max", shop.now))
    shop.work_until_rest()

    assert (shop.mina_paid, shop.mina_held) == (0, 0)
    shop.check()


def test_a_refused_decision_leaves_the_case_where_it_was(shop: Shop) -> None:
    _, begun = held(shop)
    asked = decided(shop, begun.transaction_id, Choice.NOTHING, limit=100)
    shop.run(lambda c: decide.refuse(c, asked.decision_id, "max", shop.now))

    assert waiting(shop) == [(begun.transaction_id, Cause.HELD)]
    with pytest.raises(NotDecidable, match="was refused before"):
        shop.run(lambda c: decide.approve(c, asked.decision_id, "max", shop.now))


def test_the_sessions_page_says_who_decided_and_asks_for_no_decision_any_more(shop: Shop) -> None:
    _, begun = held(shop)
    decided(shop, begun.transaction_id, Choice.WAIT, days=3)
    found = shop.run(lambda c: session_detail(c, "hk-07", begun.transaction_id, shop.now))
    assert found is not None and not found["is_decided"]
    assert found["decided"][-1][1] == "fina decided: wait some days, until 2026-05-17: looked at it"
    shop.pass_time(60)
    decided(shop, begun.transaction_id, Choice.NOTHING)
    found = shop.run(lambda c: session_detail(c, "hk-07", begun.transaction_id, shop.now))

    assert found is not None and found["is_decided"]
    assert found["decided"][-1][1] == "fina decided: bill nothing, 0.00 EUR: looked at it"


def test_who_waits_sees_the_case_again_on_its_day(shop: Shop) -> None:
    _, begun = held(shop)
    decided(shop, begun.transaction_id, Choice.WAIT, days=3)
    assert waiting(shop) == []
    assert [one.transaction_id for one in shop.run(lambda c: cases.waited_for(c, shop.now))] == [begun.transaction_id]
    shop.pass_time(days=3)

    assert waiting(shop) == [(begun.transaction_id, Cause.HELD)]


def test_what_was_waited_for_and_then_decided_is_waited_for_no_more(shop: Shop) -> None:
    _, begun = held(shop)
    decided(shop, begun.transaction_id, Choice.WAIT, days=5)
    shop.pass_time(60)
    decided(shop, begun.transaction_id, Choice.WAIT, days=2)
    assert [one.until for one in waited(shop)] == [shop.now + timedelta(days=2)], "the newer word counts"
    decided(shop, begun.transaction_id, Choice.NOTHING)

    assert (waited(shop), waiting(shop)) == ([], [])


def test_what_came_late_is_a_case_though_somebody_waited_before_it_was_decided(shop: Shop) -> None:
    _, start = shop.started()
    story = shop.story_of(start, minutes=40, wh_per_minute=300)
    shop.upload(story[:31])
    shop.pass_time(DAY_S + 60)
    decided(shop, story[0].transaction_id, Choice.WAIT, days=5)
    decided(shop, story[0].transaction_id, Choice.NOTHING)
    shop.upload(story)

    assert (waited(shop), waiting(shop)) == ([], [(story[0].transaction_id, Cause.LATE)])


def test_what_settled_by_itself_is_waited_for_no_more(shop: Shop) -> None:
    _, start = shop.started()
    story = shop.story_of(start, minutes=40, wh_per_minute=300)
    shop.upload([event for event in story if event.seq_no != 20])
    shop.pass_time(3_700)
    decided(shop, story[0].transaction_id, Choice.WAIT, days=5)
    assert len(waited(shop)) == 1
    shop.upload(story)

    assert (waited(shop), waiting(shop)) == ([], [])


def test_a_lost_end_is_billed_to_the_last_reading_and_a_late_end_is_a_case_of_its_own(shop: Shop) -> None:
    checkout, start = shop.started()
    story = shop.story_of(start, minutes=40, wh_per_minute=300)
    shop.upload(story[:31])
    shop.pass_time(DAY_S + 60)
    shop.hear()
    assert waiting(shop) == [(story[0].transaction_id, Cause.LOST)]
    decided(shop, story[0].transaction_id, Choice.RECORDED)
    half_minor = shop.mina_paid
    assert (half_minor, shop.mina_held, waiting(shop)) == (546, 0, []), "30 minutes; the rest of the hold is free"
    shop.upload(story)
    shop.work_until_rest()
    assert (shop.mina_paid, waiting(shop)) == (half_minor, [(story[0].transaction_id, Cause.LATE)])
    decided(shop, story[0].transaction_id, Choice.RECORDED)
    bill = shop.bill(story[0].order_id)

    assert bill is not None and bill.standing_minor == 708
    assert (shop.mina_paid, shop.owed_by(checkout), waiting(shop)) == (546, 708 - 546, []), (
        "taken once; the rest is owed"
    )
    assert shop.balance(Kind.HOST_PAYABLE, "rosa") == -(20 + 30)
    shop.check()


def test_what_was_decided_may_stand_against_a_late_part(shop: Shop) -> None:
    _, start = shop.started()
    story = shop.story_of(start, minutes=40, wh_per_minute=300)
    shop.upload(story[:31])
    shop.pass_time(DAY_S + 60)
    decided(shop, story[0].transaction_id, Choice.NOTHING)
    shop.upload(story)
    decided(shop, story[0].transaction_id, Choice.KEEP)
    shop.upload(story)

    assert (shop.mina_paid, shop.mina_held, waiting(shop)) == (0, 0, [])
    shop.check()


def test_a_gap_may_be_bridged_by_the_register_or_cut_off(shop: Shop) -> None:
    _, start = shop.started()
    story = shop.story_of(start, minutes=40, wh_per_minute=300)
    shop.upload([event for event in story if event.seq_no not in (20, 21)])
    shop.pass_time(3_700)
    (case,) = shop.run(lambda c: cases.waiting(c, shop.now))

    assert (case.cause, case.missing) == (Cause.MISSING, (20, 21))
    assert [(p.choice, p.amount and p.amount.incl_vat_minor, p.given_minor) for p in proposals(case)] == [
        (Choice.PROVED, 368, 708 - 368), (Choice.RECORDED, 708, 0), (Choice.NOTHING, 0, 708), (Choice.WAIT, None, 0),
    ]  # fmt: skip
    assert at_stake_minor(case) == 708


def test_a_charge_whose_beginning_never_came_can_only_be_given_up(shop: Shop) -> None:
    story = charge(transaction_id="headless", started_at=shop.now)
    shop.upload(story[1:])
    shop.pass_time(3_700)
    (case,) = shop.run(lambda c: cases.waiting(c, shop.now))
    assert [p.choice for p in proposals(case)] == [Choice.NOTHING, Choice.WAIT] and at_stake_minor(case) is None
    with pytest.raises(NotDecidable, match="not possible here"):
        decided(shop, "headless", Choice.RECORDED)
    decided(shop, "headless", Choice.NOTHING)
    assert waiting(shop) == []
    shop.upload(story)

    assert waiting(shop) == [("headless", Cause.LATE)], "its beginning came after all"
    decided(shop, "headless", Choice.RECORDED)
    bill = shop.bill(story[0].order_id)
    assert bill is not None and bill.total_minor == story[-1].total_incl_vat_minor
    shop.check()


@pytest.mark.parametrize("why", ["", "no", "x" * 201])
def test_a_decision_wants_a_reason(shop: Shop, why: str) -> None:
    _, begun = held(shop)

    with pytest.raises(NotDecidable, match="reason"):
        shop.run(
            lambda c: decide.ask(c, "hk-07", begun.transaction_id, Choice.NOTHING, why, "fina", shop.now, LIMIT_MINOR)
        )


def test_what_is_settled_or_unknown_is_no_case(shop: Shop) -> None:
    _, story = shop.charged()

    with pytest.raises(NotDecidable, match="nothing is to be decided"):
        decided(shop, story[0].transaction_id, Choice.NOTHING)
    with pytest.raises(LookupError, match="no session"):
        decided(shop, "of nobody", Choice.NOTHING)


def test_the_payers_page_shows_what_was_decided(shop: Shop) -> None:
    checkout, start = shop.started()
    story = jumped(shop.story_of(start, minutes=40, wh_per_minute=300, receipt_id="ef" * 16))
    shop.upload(story)
    shop.work()
    decided(shop, story[0].transaction_id, Choice.PROVED)
    view = shop.view(checkout)
    receipt = shop.run(lambda c: find_receipt(c, "ef" * 16, "en", shop.now))

    assert (view.step, view.total_minor, view.energy_wh) == (Step.FINISHED, 692, 39 * 300)
    assert receipt is not None and receipt.heading.replace("\u00a0", " ") == "€ 6.92"
    assert any("a person decided this bill" in note for note in receipt.notes)


def test_who_was_given_it_owes_nothing_on_every_page(shop: Shop) -> None:
    checkout, start = shop.started()
    *before, last, ended = shop.story_of(start, minutes=40, wh_per_minute=300, receipt_id="ef" * 16)
    back = [replace(e, meter=replace(e.meter, import_wh=e.meter.import_wh - 90_000)) for e in (last, ended)]
    shop.upload([*before, *back])  # the register falls, so that nothing can be priced as it came
    shop.work()
    assert shop.view(checkout).price is None
    (case,) = shop.run(lambda c: cases.waiting(c, shop.now))
    assert [one.choice for one in proposals(case)] == [Choice.PROVED, Choice.NOTHING, Choice.WAIT]
    decided(shop, before[0].transaction_id, Choice.NOTHING)
    view = shop.view(checkout)
    receipt = shop.run(lambda c: find_receipt(c, "ef" * 16, "en", shop.now))

    assert (view.step, view.total_minor, view.money.owed_minor) == (Step.FINISHED, 0, 0)
    assert receipt is not None and receipt.state == "finished" and receipt.lines == ()
    shop.check()


def test_a_part_given_up_without_its_beginning_does_not_hold_the_rest_of_its_order(shop: Shop) -> None:
    one, two = interrupted(transaction_id="one", receipt_id="ef" * 16, started_at=shop.now)
    shop.upload(one)
    shop.upload(two[1:])
    shop.pass_time(3_700)
    assert waiting(shop) == [(two[0].transaction_id, Cause.MISSING)]
    decided(shop, two[0].transaction_id, Choice.NOTHING)
    shop.pass_time(2 * DAY_S)
    shop.work()
    bill = shop.bill(one[0].order_id)
    receipt = shop.run(lambda c: find_receipt(c, "ef" * 16, "en", shop.now))
    usage = shop.run(lambda c: past(c, "one"))

    assert bill is not None and bill.total_minor == one[-1].total_incl_vat_minor
    assert receipt is not None and receipt.state == "finished"
    assert usage.samples[-1].import_wh - usage.samples[0].import_wh == 750, "and it can be priced again"
