"""Paying by phone at the kiosk: what the screen shows for it, the reservation meanwhile, the code that only starts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contract.api import CommandStatus
from contract.device_code import is_code, is_signed
from contract.identity import TokenKind
from contract.iec61851 import PilotState
from contract.transaction import ClockQuality, StoppedReason
from kiosk.cli.causes import CAUSES
from kiosk.session import events
from kiosk.session.snapshot import NoticeCode, PhoneProblem, Snapshot
from kiosk.session.states import State
from kiosk.session.view import About, snapshot
from tests.session.bench import CODE, ENERGY_ONLY, WITH_PARKING, Bench

SECRET = "5e" * 32
PAYER = "checkout:9f8e"


def shown(bench: Bench, is_online: bool = True, secret: str | None = SECRET) -> Snapshot:
    about = About("hk-07", "", "", "", "https://x", "UTC", is_online, 0, (), (), {}, {}, code_secret=secret)
    return snapshot(bench.kiosk, bench.now, about)


def pay(bench: Bench, code: str = "spay:lena:1") -> None:
    bench.tap(code, kind=TokenKind.DIRECT_PAYMENT)


def keep_for(bench: Bench, account: str = PAYER, hold_s: float = 120.0) -> CommandStatus:
    bench.say(events.ReserveCommanded("c-r", 1, "r-1", hold_s, account_id=account))
    return bench.answers[-1].status


# ---- what the screen shows ---------------------------------------------------------------------------------------


def test_each_free_connector_shows_what_the_server_believes_and_other_things_the_next_minute() -> None:
    bench = Bench(count=2)
    one, two = (evse.phone for evse in shown(bench).evses)
    assert one is not None and two is not None
    address, proof = one.address.split("?s=")

    assert address == "https://x/d/hk-07/1"
    assert is_signed(SECRET, "hk-07", 1, proof, bench.wall) and is_code(SECRET, 1, one.code, bench.wall)
    assert is_code(SECRET, 2, two.code, bench.wall) and two.address != one.address
    assert 0 < one.left_s <= 60
    bench.run(one.left_s, every_s=5.0)
    later = shown(bench).evses[0].phone
    assert later is not None and later.address != one.address and later.left_s == pytest.approx(60)


def test_nobody_pays_by_phone_at_a_connector_where_they_could_not_charge() -> None:
    bench = Bench(count=2)
    keep_for(bench)
    assert [evse.phone is not None for evse in shown(bench).evses] == [False, True]
    bench.say(events.ReservationCancelled("c-x", "r-1"), events.AvailabilityCommanded("c-y", 2, False))
    assert [evse.phone is not None for evse in shown(bench).evses] == [True, False]
    bench.charge(for_s=5)
    assert shown(bench).evses[0].phone is None
    bench.say(events.StopPressed(1, CODE))
    bench.run_until(State.IDLE)
    assert shown(bench).evses[0].phone is None, "the former customer's cable is in"
    bench.unplug()
    bench.run(1)

    assert shown(bench).evses[0].phone is not None


@pytest.mark.parametrize(
    ("is_online", "quality", "secret", "problem"),
    [
        (True, ClockQuality.ESTIMATED, SECRET, None),
        (True, ClockQuality.UNKNOWN, SECRET, PhoneProblem.NO_CLOCK),
        (False, ClockQuality.UNKNOWN, None, PhoneProblem.OFFLINE),
        (True, ClockQuality.SYNCHRONISED, None, PhoneProblem.NO_SECRET),
    ],
)
def test_without_server_clock_or_secret_the_screen_knows_why_and_shows_no_code(
    is_online: bool, quality: ClockQuality, secret: str | None, problem: PhoneProblem | None
) -> None:
    made = shown(Bench(quality=quality), is_online, secret)

    assert made.phone_problem is problem
    assert (made.evses[0].phone is None) is (problem is not None)


def test_where_the_server_takes_no_payments_no_code_is_shown_whatever_else_is_well() -> None:
    bench = Bench()
    about = About("hk-07", "", "", "", "https://x", "UTC", True, 0, (), (), {}, {}, code_secret=SECRET,
                  phones_are_taken=False)  # fmt: skip
    made = snapshot(bench.kiosk, bench.now, about)

    assert made.phone_problem is PhoneProblem.NOT_TAKEN and made.evses[0].phone is None


def test_the_secret_itself_is_shown_to_nobody() -> None:
    bench = Bench()
    about = About("hk-07", "", "", "", "https://x", "UTC", True, 0, (), (), {}, {}, code_secret=SECRET)

    assert SECRET not in repr(snapshot(bench.kiosk, bench.now, about)) and SECRET not in repr(about)


# ---- the connector is kept while the phone pays ------------------------------------------------------------------


def test_while_the_phone_pays_the_connector_is_kept_with_its_remaining_time_though_the_cable_is_in() -> None:
    bench = Bench()
    bench.plug_in(pilot=PilotState.B)
    bench.run(1)
    assert keep_for(bench) is CommandStatus.ACCEPTED
    bench.run(20, every_s=1.0)
    evse = shown(bench).evses[0]

    assert evse.reserved_for_phone and evse.reserved_s == pytest.approx(100)
    pay(bench)
    assert bench.notice is NoticeCode.CONNECTOR_RESERVED
    bench.command_start(account=PAYER, cap_minor=2_000)
    bench.run_until(State.PREPARING)
    assert shown(bench).evses[0].reserved_s is None


def test_kiosk_why_has_a_sentence_for_a_phones_reservation_and_for_a_payment_that_is_being_asked_about() -> None:
    bench = Bench(count=2)
    keep_for(bench)
    pay(bench)
    whys = [evse.why for evse in shown(bench).evses]

    assert whys == [("reserved_for_phone",), ("waiting_for_payment",)]
    assert shown(bench).evses[1].asks_payment
    assert {"reserved_for_phone", "waiting_for_payment"} <= set(CAUSES)


def test_a_members_reservation_is_no_phones_and_needs_an_empty_connector() -> None:
    bench = Bench()
    assert keep_for(bench, "anna") is CommandStatus.ACCEPTED
    assert not shown(bench).evses[0].reserved_for_phone
    bench.say(events.ReservationCancelled("c-x", "r-1"))
    bench.plug_in()

    assert keep_for(bench, "anna") is CommandStatus.REJECTED


# ---- a payment code ----------------------------------------------------------------------------------------------


def test_a_payment_code_asks_and_starts_and_its_charge_says_so() -> None:
    bench = Bench()
    bench.plug_in()
    bench.run(1)
    pay(bench)
    assert bench.asks[-1].token.kind is TokenKind.DIRECT_PAYMENT
    bench.accept("payment:1", cap_minor=2_000)
    bench.run_until(State.DELIVERING)
    transaction = shown(bench).evses[0].transaction

    assert transaction is not None and transaction.is_by_phone and not transaction.is_prepaid
    assert transaction.stop_code == CODE and not transaction.stops_by_phone


@pytest.mark.parametrize("code", [code for code in NoticeCode if code.name.startswith("PAYMENT_")])
def test_a_refused_payment_code_says_why_and_goes_back_to_the_start(code: NoticeCode) -> None:
    bench = Bench()
    pay(bench)
    bench.refuse(code)

    assert (bench.state(), bench.notice) == (State.IDLE, code)
    assert bench.journal == []


def test_a_payment_code_nobody_answers_for_is_given_up_with_its_own_words() -> None:
    bench = Bench()
    pay(bench)
    bench.run(bench.patience.authorize_s + 0.5)

    assert (bench.state(), bench.notice) == (State.IDLE, NoticeCode.PAYMENT_NO_ANSWER)


@pytest.mark.parametrize("code", ["spay:lena:1", "spay:lena:2"], ids=["the same code again", "a newer one"])
def test_a_payment_code_never_stops_the_charge_that_one_started(code: str) -> None:
    bench = Bench()
    bench.plug_in()
    bench.run(1)
    pay(bench)
    bench.accept("payment:1", cap_minor=2_000)
    bench.run_until(State.DELIVERING)
    bench.run(30)
    bench.say(events.ConnectorShown(1))
    pay(bench, code)

    assert (bench.state(), bench.notice) == (State.DELIVERING, NoticeCode.PAYMENT_STOPS_NOTHING)
    bench.say(events.StopPressed(1, CODE))
    bench.run_until(State.IDLE)
    assert bench.ended.stopped_reason is StoppedReason.LOCAL


def test_where_codes_stop_nothing_they_stop_a_charge_by_payment_code_all_the_same() -> None:
    bench = Bench(stop_with_code=False)
    bench.plug_in()
    bench.run(1)
    pay(bench)
    bench.accept(PAYER, cap_minor=2_000)
    bench.run_until(State.DELIVERING)
    bench.say(events.StopPressed(1, "0000"))
    assert (bench.state(), bench.notice) == (State.DELIVERING, NoticeCode.WRONG_CODE)
    bench.say(events.StopPressed(1, CODE))

    assert bench.state() is State.CLOSING


@pytest.mark.parametrize(("account", "is_guest"), [(PAYER, True), ("anna", False)])
def test_who_pays_by_phone_owes_at_most_what_was_held_and_some_of_it_is_kept_for_parking(
    account: str, is_guest: bool
) -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.plug_in()
    bench.run(1)
    bench.command_start(account=account, cap_minor=1_000)
    bench.run_until(State.DELIVERING)
    transaction = shown(bench).evses[0].transaction

    assert transaction is not None and transaction.charge_cap_minor is not None
    assert (transaction.charge_cap_minor < 1_000) is is_guest


def test_a_stale_front_does_not_bring_a_payment_code_to_another_connector() -> None:
    """A code that waits for a connector is used for the one that is touched, once."""
    bench = Bench(count=2, offer=ENERGY_ONLY)
    pay(bench)
    assert bench.notice is NoticeCode.WHICH_CONNECTOR and shown(bench).token_is_code
    bench.choose(2)
    assert [ask.evse_id for ask in bench.asks] == [2]
    bench.wall += timedelta(minutes=5)
    bench.choose(1)

    assert [ask.evse_id for ask in bench.asks] == [2]
