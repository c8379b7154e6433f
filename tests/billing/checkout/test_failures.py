"""Every failure has one right outcome: the table of docs/payments.md, row by row. Each test is named in its row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from billing.checkout import desk, refunds
from billing.checkout.bills import GOES_ON_WITHIN, settle
from billing.checkout.checkout import Reason
from billing.checkout.refunds import NotRefundable, Rule
from billing.checkout.view import Step
from billing.checkout.write_off import write_off
from billing.commands import NotReachable
from billing.ledger.chart import Kind
from billing.pages.unfinished_view import unfinished
from billing.payments.payment import LONGEST_PAUSE_S
from billing.tables import quarantine
from contract.api import AuthorizeStatus, CommandStatus, PaymentRefusal
from contract.commands import CommandKind
from contract.transaction import StoppedReason
from sim.social.bank import HOLD_LIVES_S, TOKEN_LIVES_S
from tests.billing.checkout.shop import Shop, sight_of
from tests.billing.stories import corrected

DOC = Path(__file__).parents[3] / "docs" / "payments.md"


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return Shop(engine)


def paid_once(shop: Shop, minor: int) -> None:
    assert (shop.mina_paid, shop.mina_held) == (minor, 0)
    assert sum(move.amount_minor for move in shop.bank.moves if move.why == "remittance") == minor
    shop.check()


def gave_all_back(shop: Shop) -> None:
    assert (shop.mina_paid, shop.mina_held) == (0, 0)
    assert not [move for move in shop.bank.moves if move.why == "remittance"]
    shop.check()


# ---- at the start --------------------------------------------------------------------------------------------------


def test_answer_lost_after_the_hold(shop: Shop) -> None:
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.trouble.loses_answer = 1.0
    shop.pay(checkout)
    shop.work()
    assert shop.view(checkout).step is Step.PAYING and shop.mina_held == 4_000
    shop.trouble.loses_answer = 0.0
    shop.pass_time(5)
    shop.work()
    start = shop.obey(CommandKind.START)
    story = shop.story_of(start)
    shop.upload(story)
    shop.work()

    assert len(shop.bank.holds) == 1
    paid_once(shop, story[-1].total_incl_vat_minor or 0)


def test_kiosk_offline_at_the_start(shop: Shop) -> None:
    shop.pass_time(300)
    with pytest.raises(NotReachable, match="nothing was queued"):
        shop.begin()
    assert not shop.run(lambda c: desk.device_at(c, "hk-07", 1, shop.now)).is_reachable

    shop.hear()
    checkout = shop.begin()
    shop.pay(checkout)
    shop.pass_time(75)
    shop.work_until_rest()

    view = shop.view(checkout)
    assert (view.step, view.reason) == (Step.FAILED, Reason.NOT_REACHABLE)
    gave_all_back(shop)


def test_provider_down_at_the_start(shop: Shop) -> None:
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.trouble.is_down = True
    shop.pay(checkout)
    shop.work()
    assert shop.view(checkout).step is Step.PAYING
    shop.pass_time(121)
    shop.work()
    view = shop.view(checkout)
    assert (view.step, view.reason) == (Step.FAILED, Reason.PAYMENT_UNAVAILABLE)
    assert CommandKind.CANCEL_RESERVATION in [command.kind for command in shop.commands()]
    shop.trouble.is_down = False
    shop.work_until_rest()

    assert shop.payment(checkout).is_at_rest and not shop.commands()
    gave_all_back(shop)


def test_payment_too_late(shop: Shop) -> None:
    """The hold was made, its answer lost, and the connector is not kept any more when it is known."""
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.trouble.loses_answer = 1.0
    shop.pay(checkout)
    shop.work()
    assert shop.mina_held == 4_000
    shop.pass_time(121)
    shop.work()
    shop.trouble.loses_answer = 0.0
    shop.work_until_rest()

    assert shop.view(checkout).reason is Reason.PAYMENT_UNAVAILABLE
    gave_all_back(shop)
    shop.hear()
    with pytest.raises(ValueError, match="not kept"):
        late = shop.begin()
        shop.pass_time(200)
        shop.pay(late)


def test_payment_refused(shop: Shop) -> None:
    shop.bank.blocked.add("mina")
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.pay(checkout)
    shop.work()

    view = shop.view(checkout)
    assert (view.step, view.reason, view.detail) == (Step.FAILED, Reason.PAYMENT_REFUSED, "blocked")
    gave_all_back(shop)


def test_webhook_before_the_answer(shop: Shop) -> None:
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.trouble.loses_answer = 1.0
    shop.pay(checkout)
    shop.work()
    shop.trouble.loses_answer = 0.0
    told = sight_of(shop.bank.events[-1].body)
    assert shop.till.tell(checkout.payment_id, told)
    shop.work()
    shop.obey(CommandKind.START)
    assert shop.till.tell(checkout.payment_id, told)

    assert shop.payment(checkout).is_authorised and len(shop.bank.holds) == 1
    assert not shop.till.tell("P-of-somebody-else", told)


def test_start_command_lost(shop: Shop) -> None:
    """Never fetched: given back as soon as its time is over. Fetched and not answered: when the kiosk is heard."""
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.pay(checkout)
    shop.work()
    shop.pass_time(61)
    shop.work_until_rest()
    assert shop.view(checkout).reason is Reason.START_LOST
    gave_all_back(shop)

    second = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.pay(second)
    shop.work()
    assert [command.kind for command in shop.commands()] == [CommandKind.START]
    shop.pass_time(hours=5)
    shop.work()
    assert shop.view(second).step is Step.STARTING and shop.mina_held == 4_000  # it may be delivering
    shop.hear()
    shop.pass_time(40)
    shop.work_until_rest()

    assert shop.view(second).reason is Reason.START_LOST
    gave_all_back(shop)


def test_start_refused_by_the_kiosk(shop: Shop) -> None:
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.pay(checkout)
    shop.work()
    (start,) = shop.commands()
    shop.answer(start, CommandStatus.REJECTED, "EVSE 1 is out_of_service")
    shop.pass_time(1)
    shop.work_until_rest()

    view = shop.view(checkout)
    assert (view.reason, view.detail) == (Reason.START_REFUSED, "EVSE 1 is out_of_service")
    gave_all_back(shop)


def test_driver_never_plugs_in(shop: Shop) -> None:
    checkout, start = shop.started()
    shop.upload(shop.unplugged(start))
    shop.work()

    view = shop.view(checkout)
    assert (view.step, view.reason) == (Step.FAILED, Reason.NOTHING_DELIVERED)
    assert view.money.released_minor == 4_000
    gave_all_back(shop)


def test_two_holds_after_a_second_tap(shop: Shop) -> None:
    """The same link twice is one hold; two phones at one connector are two, and the one that lost has it back."""
    first, second = shop.begin(), shop.begin()
    one, other = (command for command in shop.commands() if command.kind is CommandKind.RESERVE)
    shop.answer(one)
    shop.pay(first)
    shop.pay(first)
    shop.pay(second)
    shop.work()
    shop.answer(other, CommandStatus.REJECTED, "EVSE 1 is reserved already")
    (refused, start) = sorted(
        (command for command in shop.commands() if command.kind is CommandKind.START),
        key=lambda command: command.account_id == first.payer,
    )
    shop.answer(refused, CommandStatus.REJECTED, "EVSE 1 is reserved")
    shop.answer(start, of="t-first")
    story = shop.story_of(start, transaction_id="t-first")
    shop.upload(story)
    shop.pass_time(2)
    shop.work_until_rest()

    assert shop.view(second).step is Step.FAILED and shop.view(first).step is Step.FINISHED
    assert len(shop.bank.holds) == 2
    paid_once(shop, story[-1].total_incl_vat_minor or 0)


# ---- a payment code read by the kiosk ------------------------------------------------------------------------------


def code(shop: Shop) -> str:
    return shop.bank.issue_token("mina", shop.now.timestamp())


def test_payment_code_read_by_the_kiosk(shop: Shop) -> None:
    """System D, steps 1 to 7: held before the answer, the hold is the cap, remitted in parts; asked twice is once."""
    token = code(shop)
    answers = [shop.ask(token) for _ in range(2)]

    assert answers[0] == answers[1] and answers[0].status is AuthorizeStatus.ACCEPTED
    assert answers[0].cap_minor == 4_000 and shop.mina_held == 4_000 and answers[0].account_id is not None
    story = shop.direct_story(answers[0], "t-1")
    shop.upload(story)
    shop.work_until_rest()
    assert shop.bank.balance("cpo") > 0 and shop.bank.balance("operator") > 0
    paid_once(shop, story[-1].total_incl_vat_minor or 0)


def test_payment_code_refused_with_its_reason(shop: Shop) -> None:
    used = code(shop)
    assert shop.ask(used, "t-1").reason is None
    assert shop.ask(used, "t-2").reason is PaymentRefusal.USED_CODE
    assert shop.ask("spay:nobody:1", "t-3").reason is PaymentRefusal.UNKNOWN_CODE
    poor = [shop.ask(code(shop), f"poor-{n}").reason for n in range(2)]
    assert poor == [None, PaymentRefusal.INSUFFICIENT_FUNDS]
    old = code(shop)
    shop.pass_time(TOKEN_LIVES_S + 1)
    assert shop.ask(old, "t-4").reason is PaymentRefusal.EXPIRED_CODE
    shop.trouble.is_down = True
    silent = shop.ask(code(shop), "t-5")
    shop.trouble.is_down = False

    assert (silent.reason, silent.offer) == (PaymentRefusal.PROVIDER_SILENT, None)
    assert shop.ask("spay:mina:9", "t-6", evse_id=9).reason is PaymentRefusal.NOT_TAKEN_HERE
    shop.disclaim("t-1", "poor-0")
    shop.work_until_rest()
    gave_all_back(shop)


def test_payment_code_whose_hold_arrives_after_the_refusal(shop: Shop) -> None:
    shop.trouble.loses_answer = 1.0
    token = code(shop)
    assert shop.ask(token).reason is PaymentRefusal.PROVIDER_SILENT and shop.mina_held == 4_000
    shop.trouble.loses_answer = 0.0
    assert shop.ask(token).reason is PaymentRefusal.PROVIDER_SILENT  # the same Ask, the same answer
    shop.work_until_rest()

    gave_all_back(shop)


def test_power_cut_between_ask_and_started(shop: Shop) -> None:
    assert shop.ask(code(shop)).status is AuthorizeStatus.ACCEPTED and shop.mina_held == 4_000
    shop.disclaim("t-1")  # what a kiosk does at its next boot with every Ask that never became Started
    shop.work_until_rest()

    gave_all_back(shop)


def test_server_dies_between_the_hold_and_the_answer(shop: Shop) -> None:
    shop.begin_ask(code(shop), "t-1")
    assert shop.mina_held == 4_000
    shop.pass_time(121)
    shop.work_until_rest()

    gave_all_back(shop)


def test_disclaim_lost(shop: Shop) -> None:
    assert shop.ask(code(shop)).status is AuthorizeStatus.ACCEPTED
    shop.pass_time(hours=2)
    shop.work()
    assert shop.mina_held == 4_000  # silent: it may be delivering
    shop.hear()
    shop.pass_time(31)
    shop.work_until_rest()

    gave_all_back(shop)


def test_start_given_up_that_began_all_the_same(shop: Shop) -> None:
    """Rows that came after others against every rule: the hold is gone, so what was delivered is owed."""
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.pay(checkout)
    shop.work()
    start = next(command for command in shop.commands() if command.kind is CommandKind.START)
    shop.pass_time(hours=1)
    shop.hear()
    shop.work_until_rest()
    assert shop.view(checkout).reason is Reason.START_LOST and shop.mina_held == 0
    story = shop.story_of(start)
    shop.upload(story)
    shop.work_until_rest()

    assert shop.owed_by(checkout) == story[-1].total_incl_vat_minor
    tasks = shop.run(lambda c: unfinished(c, shop.now))
    assert [line["what"] for line in tasks] == ["Owed: the hold had been released"]
    gave_all_back(shop)


# ---- at the end ----------------------------------------------------------------------------------------------------


def test_answer_lost_after_the_capture(shop: Shop) -> None:
    checkout, start = shop.started()
    story = shop.story_of(start)
    shop.trouble.loses_answer = 1.0
    shop.upload(story)
    for _ in range(3):
        shop.work()
        shop.pass_time(10)
    shop.trouble.loses_answer = 0.0
    shop.work_until_rest()

    assert shop.view(checkout).step is Step.FINISHED
    paid_once(shop, story[-1].total_incl_vat_minor or 0)


def test_kiosk_offline_at_the_end(shop: Shop) -> None:
    checkout, start = shop.started()
    story = shop.story_of(start)
    shop.upload(story[:3])
    shop.pass_time(hours=9)
    shop.work()
    view = shop.view(checkout)
    assert view.step is Step.CHARGING and not view.is_reachable and view.value_age_s == 9 * 3600
    with pytest.raises(NotReachable):
        shop.run(lambda c: desk.stop(c, checkout.link_id, shop.now))
    shop.hear()
    shop.upload(story[3:])
    shop.work_until_rest()

    paid_once(shop, story[-1].total_incl_vat_minor or 0)


def test_authorized_then_offline_for_days(shop: Shop) -> None:
    """The start was fetched, and nothing more was heard. It may have delivered: the hold stays, and pays."""
    checkout = shop.begin()
    shop.obey(CommandKind.RESERVE)
    shop.pay(checkout)
    shop.work()
    start = next(command for command in shop.commands() if command.kind is CommandKind.START)
    story = shop.story_of(start)
    shop.pass_time(days=3)
    shop.work()
    assert shop.mina_held == 4_000 and shop.view(checkout).step is Step.STARTING
    shop.upload(story)
    shop.work_until_rest()

    assert shop.view(checkout).step is Step.FINISHED
    paid_once(shop, story[-1].total_incl_vat_minor or 0)


def test_power_cut_between_ended_and_upload(shop: Shop) -> None:
    """The journal has it: the same rows come when the power is back, twice if the acknowledgement was lost."""
    checkout, start = shop.started()
    story = shop.story_of(start)
    shop.upload(story[:-1])
    shop.work()
    shop.pass_time(hours=30)
    shop.upload(story[-2:])
    shop.upload(story[-2:])
    shop.work_until_rest()

    assert shop.view(checkout).step is Step.FINISHED
    paid_once(shop, story[-1].total_incl_vat_minor or 0)


def test_provider_down_at_the_end(shop: Shop) -> None:
    checkout, start = shop.started()
    shop.trouble.is_down = True
    story = shop.story_of(start)
    shop.upload(story)
    shop.work()
    view = shop.view(checkout)
    assert view.step is Step.FINISHED and view.money.taken_minor == 0 and not view.money.is_known
    shop.trouble.is_down = False
    shop.work_until_rest()

    paid_once(shop, story[-1].total_incl_vat_minor or 0)


def test_provider_down_for_three_days(shop: Shop) -> None:
    checkout, start = shop.started()
    shop.trouble.is_down = True
    story = shop.story_of(start)
    shop.upload(story)
    for _ in range(24):
        shop.pass_time(hours=3)
        shop.work()
    pause_s = shop.payment(checkout).pause_until_s - shop.now.timestamp()
    shop.trouble.is_down = False
    shop.work_until_rest()

    assert pause_s == LONGEST_PAUSE_S  # asked every quarter of an hour, not faster and not seldomer
    paid_once(shop, story[-1].total_incl_vat_minor or 0)


def test_hold_expired_before_the_capture(shop: Shop) -> None:
    checkout, start = shop.started()
    story = shop.story_of(start)
    shop.pass_time(HOLD_LIVES_S + 60)
    shop.upload(story)
    shop.work_until_rest()

    total_minor = story[-1].total_incl_vat_minor
    assert shop.payment(checkout).owed_minor == shop.owed_by(checkout) == total_minor
    assert shop.view(checkout).money.owed_minor == total_minor
    assert [line["what"] for line in shop.run(lambda c: unfinished(c, shop.now))] == ["Owed: the hold had expired"]
    with pytest.raises(NotRefundable, match="reason"):
        shop.run(lambda c: write_off(c, checkout.payment_id, "", shop.now))
    host_minor = shop.balance(Kind.HOST_PAYABLE, "rosa")
    assert shop.run(lambda c: write_off(c, checkout.payment_id, "nobody to ask", shop.now)) == total_minor

    assert shop.owed_by(checkout) == 0 == shop.balance(Kind.PARTNER_PAYABLE, "cpo")
    assert shop.view(checkout).money.owed_minor == 0
    assert shop.balance(Kind.HOST_PAYABLE, "rosa") == host_minor and not shop.run(lambda c: unfinished(c, shop.now))
    with pytest.raises(NotRefundable, match="nothing is owed"):
        shop.run(lambda c: write_off(c, checkout.payment_id, "once more", shop.now))
    gave_all_back(shop)


def test_energy_beyond_the_hold(shop: Shop) -> None:
    """A guest owes at most the hold; what is beyond it is the operator's loss, and is told to them."""
    checkout, start = shop.started()
    story = shop.story_of(start, wh_per_minute=360, minutes=250)
    shop.upload(story)
    shop.work_until_rest()

    assert (story[-1].total_incl_vat_minor or 0) > 4_000 and shop.owed_by(checkout) == 0
    assert shop.view(checkout).money.owed_minor == 0
    codes = shop.run(lambda c: set(c.execute(select(quarantine.c.code)).scalars()))
    assert "over_cap" in codes
    paid_once(shop, 4_000)


def test_the_same_session_settled_twice(shop: Shop) -> None:
    checkout, story = shop.charged()
    order_id = story[0].order_id
    bills = [shop.run(lambda c: settle(c, order_id, shop.now)) for _ in range(2)]
    shop.upload(story)
    shop.work_until_rest()

    assert bills[0] == bills[1]
    assert [request.__class__.__name__ for request in shop.door.asked].count("Capture") == 1
    assert shop.view(checkout).step is Step.FINISHED
    paid_once(shop, story[-1].total_incl_vat_minor or 0)


# ---- afterwards ----------------------------------------------------------------------------------------------------


def test_partial_refund_with_reason_and_second_approval(shop: Shop) -> None:
    checkout, story = shop.charged(minutes=20, wh_per_minute=300)
    before = {who: shop.bank.balance(who) for who in ("cpo", "operator")}
    name = checkout.payment_id

    def ask(amount_minor: int, why: str, second_above_minor: int = 100) -> refunds.Refund:
        return shop.run(
            lambda c: refunds.ask(c, name, amount_minor, Rule.SHARED, why, "olga", shop.now, second_above_minor)
        )

    with pytest.raises(NotRefundable, match="reason"):
        ask(50, " ")
    small = ask(50, "the screen was dark")
    large = ask(120, "the place was iced over")
    assert small.is_granted is True and large.is_granted is None
    with pytest.raises(NotRefundable, match="another person"):
        shop.run(lambda c: refunds.approve(c, large.refund_id, "olga", shop.now))
    shop.work_until_rest()
    assert shop.bank.moves[-1].why == "refund" and shop.mina_paid == (story[-1].total_incl_vat_minor or 0) - 50
    granted = [shop.run(lambda c: refunds.approve(c, large.refund_id, "finn", shop.now)) for _ in range(2)]
    shop.work_until_rest()

    assert granted[0].decided_by == "finn" and granted[0] == granted[1]
    assert shop.mina_paid == (story[-1].total_incl_vat_minor or 0) - 170 and shop.owed_by(checkout) == 0
    assert all(shop.bank.balance(who) < before[who] for who in before)
    assert shop.bank.notices[-1].text == "the place was iced over"
    with pytest.raises(NotRefundable, match="left of the capture"):
        ask(10_000, "more than there is")
    shop.check()


def test_refund_of_a_split_payment(shop: Shop) -> None:
    """Everybody gives their part, the host too, also after the payout; or the operator alone."""
    checkout, _ = shop.charged(minutes=20, wh_per_minute=300)
    host_minor, cpo_minor = -shop.balance(Kind.HOST_PAYABLE, "rosa"), shop.bank.balance("cpo")
    name, total_minor = checkout.payment_id, shop.mina_paid
    shop.run(lambda c: refunds.ask(c, name, 50, Rule.OPERATOR, "by courtesy", "olga", shop.now))
    shop.work_until_rest()
    assert -shop.balance(Kind.HOST_PAYABLE, "rosa") == host_minor and shop.bank.balance("cpo") == cpo_minor
    rest_minor = total_minor - 50
    shop.run(lambda c: refunds.ask(c, name, rest_minor, Rule.SHARED, "the meter was wrong", "olga", shop.now))
    shop.work_until_rest()

    assert shop.mina_paid == 0 and shop.owed_by(checkout) == 0 and shop.bank.balance("cpo") == 0
    assert -shop.balance(Kind.HOST_PAYABLE, "rosa") < host_minor * 50 / total_minor + 1
    assert shop.balance(Kind.PARTNER_PAYABLE, "cpo") == 0
    shop.check()


def test_chargeback_of_a_split_payment(shop: Shop) -> None:
    checkout, story = shop.charged(minutes=20, wh_per_minute=300)
    total_minor = story[-1].total_incl_vat_minor or 0
    shop.run(lambda c: refunds.ask(c, checkout.payment_id, 40, Rule.SHARED, "a courtesy", "olga", shop.now))
    shop.work_until_rest()
    (hold,) = shop.bank.holds
    told = sight_of(shop.bank.charge_back(hold, shop.now.timestamp()))
    for _ in range(2):
        assert shop.till.tell(checkout.payment_id, told)

    assert shop.mina_paid == 0 and shop.owed_by(checkout) == total_minor - 40
    assert abs(shop.bank.balance("cpo")) <= 1  # the bank's own rounding, of a part that was refunded before
    with pytest.raises(NotRefundable):
        shop.run(lambda c: refunds.ask(c, checkout.payment_id, 1, Rule.SHARED, "one more", "olga", shop.now))
    assert [line["what"] for line in shop.run(lambda c: unfinished(c, shop.now))] == ["Owed: charged back"]
    shop.run(lambda c: write_off(c, checkout.payment_id, "the bank decided", shop.now))
    assert shop.owed_by(checkout) == 0 and abs(shop.balance(Kind.PARTNER_PAYABLE, "cpo")) <= 1
    shop.check()


def test_late_correction_below_the_capture(shop: Shop) -> None:
    """A Credit CDR and a new one after the capture: the difference comes back by itself, once."""
    checkout, start = shop.started()
    story = shop.story_of(start, wh_per_minute=300)
    shop.upload(story)
    shop.work_until_rest()
    assert shop.mina_paid == story[-1].total_incl_vat_minor
    less_minor = shop.correct_down(story, wh=900)
    for _ in range(2):
        shop.work_until_rest()

    assert less_minor < (story[-1].total_incl_vat_minor or 0)
    assert shop.mina_paid == less_minor and shop.owed_by(checkout) == 0
    assert "the meter told less" in shop.bank.notices[-1].text
    shop.check()


def test_late_correction_above_the_capture(shop: Shop) -> None:
    """The meter told more after the capture: it is owed, and never taken a second time."""
    checkout, start = shop.started()
    *told, late = corrected(shop.story_of(start, wh_per_minute=300), more_wh=800)
    shop.upload(told)
    shop.pass_time(hours=1, seconds=1)
    shop.work_until_rest()
    first_minor = shop.mina_paid
    shop.upload([late])
    shop.work_until_rest()

    more_minor = (late.total_incl_vat_minor or 0) - first_minor
    assert shop.owed_by(checkout) == more_minor > 0 and shop.mina_paid == first_minor
    assert shop.view(checkout).total_minor == late.total_incl_vat_minor
    assert [line["what"] for line in shop.run(lambda c: unfinished(c, shop.now))] == [
        "Owed: corrected after it was paid"
    ]
    shop.check()


def test_interrupted_by_a_power_cut(shop: Shop) -> None:
    """Two transactions, one order, one payment; the bill waits until no further part may come."""
    checkout, start = shop.started()
    one = shop.story_of(start, stopped_reason=StoppedReason.POWER_LOSS)
    shop.upload(one)
    shop.pass_time(60)
    shop.work()
    view = shop.view(checkout)
    assert view.step is Step.FINISHING and view.may_go_on and shop.mina_paid == 0
    two = shop.going_on(one)
    shop.upload(two[:4])
    shop.work()
    assert shop.view(checkout).step is Step.CHARGING and shop.view(checkout).energy_wh == 750 + 450
    shop.upload(two[4:])
    shop.work_until_rest()

    total_minor = (one[-1].total_incl_vat_minor or 0) + (two[-1].total_incl_vat_minor or 0)
    assert shop.view(checkout).total_minor == total_minor
    paid_once(shop, total_minor)


def test_interrupted_for_good(shop: Shop) -> None:
    checkout, start = shop.started()
    one = shop.story_of(start, stopped_reason=StoppedReason.POWER_LOSS)
    shop.upload(one)
    shop.pass_time(GOES_ON_WITHIN.total_seconds() - 1)
    shop.hear()
    shop.work()
    assert shop.view(checkout).step is Step.FINISHING
    shop.pass_time(61)
    shop.hear()
    shop.pass_time(GOES_ON_WITHIN.total_seconds())
    shop.work_until_rest()

    paid_once(shop, one[-1].total_incl_vat_minor or 0)


def test_start_accepted_and_never_heard_of_again(shop: Shop) -> None:
    """A kiosk that was replaced: the hold ends by itself, and an operator is told of the start that came to nothing."""
    checkout, _ = shop.started()
    shop.pass_time(HOLD_LIVES_S + 60)
    shop.work_until_rest()
    assert shop.run(lambda c: unfinished(c, shop.now))[0]["what"] == "Begun and never heard of again"
    gave_all_back(shop)
    assert shop.view(checkout).step is Step.STARTING


# ---- the table itself ----------------------------------------------------------------------------------------------


def test_every_row_of_the_table_has_its_test_and_every_test_its_row() -> None:
    rows = re.findall(r"\| `(test_\w+)` \|$", DOC.read_text(encoding="utf-8"), re.MULTILINE)
    tests = [name for name in globals() if name.startswith("test_") and "table" not in name]

    assert sorted(rows) == sorted(tests) and len(rows) == len(set(rows))
