"""The loop: less never waits, more always asks, and nothing that became true is lost."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.api import AuthorizeStatus, CommandAnswer, CommandStatus, PaymentRefusal
from contract.commands import Command, CommandKind, sign_command
from contract.identity import IdToken, TokenKind
from contract.iec61851 import PilotState
from contract.list_change import change_between, sign_change
from contract.records import AskStep
from contract.tokens import AuthorizationList, ForgedText, sign_list
from contract.transaction import EventType, StoppedReason
from kiosk.controller import DOCUMENT_LIST, INBOX_LIMIT, MOST_CHANGES, Found
from kiosk.session import events
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from tests.rig import KEY, Rig, knowledge, voucher
from tests.session.bench import WITH_PARKING, check_story

PAYMENT = IdToken(TokenKind.DIRECT_PAYMENT, "spay:lena:1")


def start_command(command_id: str = "c-1", evse_id: int = 1) -> Command:
    return Command(command_id, CommandKind.START, 60, evse_id, account_id="anna", offer=WITH_PARKING)


def notice(rig: Rig) -> NoticeCode | None:
    shown = rig.snapshot().notice
    return None if shown is None else shown.code


# ---- less never waits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["emergency stop", "rcd", "unplugged"])
def test_the_contactor_opens_in_the_same_beat_while_a_write_hangs(cause: str) -> None:
    rig = Rig()
    rig.charge()
    rig.disk.hangs = True
    rig.run(61)
    rig.deeds.clear()
    rig.stop.active, rig.rcds[1].active = cause == "emergency stop", cause == "rcd"
    rig.pilots[1].at = PilotState.A if cause == "unplugged" else PilotState.C
    rig.beat()

    assert not rig.contactors[1].closed
    assert rig.pilots[1].offered_a == 0
    assert rig.deeds == ["open"]


def test_what_goes_off_goes_off_before_anything_is_written() -> None:
    rig = Rig()
    rig.charge()
    rig.deeds.clear()
    rig.stop.active = True
    rig.beat()

    assert rig.deeds[:2] == ["open", "write"]


def test_a_pressed_stop_asks_for_a_beat_before_the_next_one_is_due() -> None:
    rig = Rig()
    rig.charge()
    assert not rig.controller.safety_inputs_changed()
    rig.stop.active = True
    assert rig.controller.safety_inputs_changed()
    rig.beat()
    assert not rig.controller.safety_inputs_changed()
    rig.rcds[2].active = True
    assert rig.controller.safety_inputs_changed()


# ---- more always asks ------------------------------------------------------------------------------------------


def test_nothing_closes_and_nothing_is_offered_before_started_is_on_disk() -> None:
    rig = Rig()
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.tap()
    rig.beat(2)
    rig.disk.hangs = True
    rig.accept()
    rig.run(20)
    assert rig.state() is State.PREPARING
    assert not rig.contactors[1].closed
    assert rig.pilots[1].offered_a == 0
    assert rig.snapshot().evses[0].why == ("waiting_for_disk",)
    rig.disk.hangs = False
    rig.run_until(State.DELIVERING)

    assert rig.contactors[1].closed


def test_an_ask_is_on_disk_before_the_server_hears_of_it() -> None:
    rig = Rig()
    rig.beat(2)
    rig.disk.hangs = True
    rig.pilots[1].at = PilotState.C
    rig.tap()
    rig.run(5)
    assert rig.server.asked == []
    rig.disk.hangs = False
    rig.beat(2)

    assert [request.transaction_id for request in rig.server.asked] == rig.disk.asks(AskStep.ASKED)


def test_the_interlocks_objection_stands_in_the_snapshot() -> None:
    rig = Rig()
    rig.charge()
    rig.controller._durable.clear()  # the two memories of what is on disk disagree
    rig.beat()

    assert not rig.contactors[1].closed
    assert "interlock:not_on_disk" in rig.snapshot().evses[0].why


def test_a_locked_cable_stays_locked_while_its_contactor_is_closed() -> None:
    rig = Rig()
    rig.charge()
    assert rig.locks[1].locked
    rig.contactors[1].welded = True
    rig.stop.active = True
    rig.run(30)
    assert rig.locks[1].locked
    rig.contactors[1].welded = rig.contactors[1].closed = False
    rig.beat(2)

    assert not rig.locks[1].locked


# ---- a register that cannot be true --------------------------------------------------------------------------------


def test_a_register_that_ran_backwards_for_good_is_believed_once_a_technician_says_so_by_name() -> None:
    rig = Rig()
    rig.charge()
    rig.meters[1].register_wh = 7.0
    rig.run_until(State.OUT_OF_SERVICE)
    rig.run(600)
    assert rig.snapshot().evses[0].why == ("fault:meter_implausible",)
    rig.controller.post(events.ResetPressed(1, "Mia"))
    rig.run(2)

    assert rig.state() is State.IDLE
    (audit,) = [audit for audit in rig.disk.audits() if audit.what == "reset"]
    assert (audit.by, audit.evse_id) == ("Mia", 1)


# ---- the disk --------------------------------------------------------------------------------------------------


def test_failed_writes_are_tried_again_in_order_with_a_growing_pause_and_nothing_is_lost() -> None:
    rig = Rig()
    rig.charge()
    rig.disk.tries_at_s.clear()
    rig.disk.failures = 4
    rig.run(70)
    assert rig.controller.last_error == ""
    rig.run(61)
    rig.pilots[1].at = PilotState.A
    rig.run_until(State.IDLE)
    rig.beat(3)

    tries = rig.disk.tries_at_s[:5]
    pauses = [later - now for now, later in itertools.pairwise(tries)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 8
    check_story(rig.disk.events())
    assert rig.disk.most_in_flight == 1


def test_what_became_true_while_a_write_was_failing_stays_behind_it() -> None:
    rig = Rig()
    rig.charge(for_s=58)
    rig.disk.hangs, rig.disk.failures = True, 1
    rig.run(4)
    rig.pilots[1].at = PilotState.A
    rig.run(3)
    assert rig.state() is State.IDLE
    rig.disk.hangs = False
    rig.run(5)

    check_story(rig.disk.events())


def test_a_disk_that_hangs_is_told_once_it_was_given_up_and_no_longer() -> None:
    rig = Rig()
    rig.charge()
    rig.disk.hangs = True
    rig.run(61)  # the next reading is written, and does not come back
    assert "hangs" not in str(rig.snapshot().devices)
    rig.run(rig.controller.kiosk.settings.patience.record_s)
    told = [device.message for device in rig.snapshot().devices if device.name == "journal"]
    assert told == ["a write has not come back for 120 s: the disk hangs"]
    assert rig.snapshot().evses[0].fault is not None
    rig.disk.hangs = False
    rig.run(5)

    assert all(device.is_good for device in rig.snapshot().devices)


def test_a_disk_that_fails_is_told_while_it_does() -> None:
    rig = Rig()
    rig.beat(2)
    rig.disk.failures = 100
    rig.pilots[1].at = PilotState.C
    rig.tap()
    rig.run(3)
    assert rig.controller.last_error == "disk full"
    assert any(d.name == "journal" and not d.is_good and d.message == "disk full" for d in rig.snapshot().devices)
    rig.run(20)
    assert rig.state() is State.OUT_OF_SERVICE
    rig.disk.failures = 0
    rig.run(60)

    assert rig.state() is State.IDLE
    assert rig.controller.last_error == ""


def test_the_pause_between_tries_is_bounded() -> None:
    rig = Rig()
    rig.beat(2)
    rig.disk.failures = 1000
    rig.pilots[1].at = PilotState.C
    rig.tap()
    rig.beat(250, every_s=1.0)

    pauses = [later - now for now, later in itertools.pairwise(rig.disk.tries_at_s)]
    assert 29 < max(pauses) < 32
    assert len(pauses) < 15


# ---- the server ------------------------------------------------------------------------------------------------


def test_a_silent_server_lets_the_own_list_decide() -> None:
    rig = Rig()
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.tap()
    rig.run(rig.patience.answer_s - 1)
    assert rig.state() is State.AUTHORIZING
    rig.run(2)
    assert rig.disk.events()[0].offline
    rig.accept()
    rig.beat(2)

    assert [event.event_type for event in rig.disk.events()].count(EventType.STARTED) == 1, (
        "the late answer is nobody's"
    )


def test_without_a_server_the_own_list_decides_at_once() -> None:
    rig = Rig()
    rig.server.online = False
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.tap()
    rig.beat(3)

    assert rig.server.asked == []
    assert rig.state() in (State.PREPARING, State.DELIVERING)


def test_a_payment_code_is_refused_at_once_without_a_server_though_an_own_list_is_there() -> None:
    rig = Rig()
    rig.server.online = False
    rig.beat(2)
    rig.tap(PAYMENT)
    rig.beat(3)

    assert (rig.state(), notice(rig)) == (State.IDLE, NoticeCode.WHICH_CONNECTOR)
    rig.controller.post(events.ConnectorChosen(1))
    rig.beat(3)
    assert (rig.state(), notice(rig)) == (State.IDLE, NoticeCode.PAYMENT_OFFLINE)
    assert rig.server.asked == [] and rig.disk.events() == []


def test_a_payment_code_waits_longer_for_the_server_and_is_given_up_with_its_hold() -> None:
    rig = Rig(count=1)
    rig.beat(2)
    rig.tap(PAYMENT)
    rig.run(rig.patience.answer_s + 2)
    assert rig.state() is State.AUTHORIZING
    rig.run(rig.patience.payment_s - rig.patience.answer_s)
    assert (rig.state(), notice(rig)) == (State.IDLE, NoticeCode.PAYMENT_NO_ANSWER)
    rig.accept()
    rig.beat(2)

    assert rig.disk.events() == [] and rig.server.disclaimed == [rig.server.asked[0].transaction_id]


def test_a_refused_payment_code_says_the_servers_reason_and_guessing_them_is_slowed() -> None:
    rig = Rig(count=1)
    rig.beat(2)
    for number in range(3):
        rig.tap(IdToken(TokenKind.DIRECT_PAYMENT, f"spay:guess:{number}"))
        rig.beat(2)
        rig.accept(AuthorizeStatus.UNKNOWN, reason=PaymentRefusal.UNKNOWN_CODE)
        assert notice(rig) is NoticeCode.PAYMENT_UNKNOWN
    rig.tap(PAYMENT)

    assert notice(rig) is NoticeCode.SLOW_DOWN and len(rig.server.asked) == 3


def test_a_server_lost_in_mid_question_is_not_waited_for() -> None:
    rig = Rig()
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.tap()
    rig.beat(2)
    assert len(rig.server.asked) == 1
    rig.server.online = False
    rig.beat(2)

    assert rig.state() in (State.PREPARING, State.DELIVERING)


def test_a_late_acceptance_after_an_own_refusal_starts_nothing_and_is_disclaimed() -> None:
    rig = Rig()
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.reader.tokens.append(IdToken(TokenKind.ISO14443, "UNKNOWN"))
    rig.beat(3)
    rig.run(rig.patience.answer_s + 1)
    assert notice(rig) is NoticeCode.UNKNOWN_TOKEN
    rig.accept()
    rig.run(2)

    assert rig.state() is State.IDLE
    assert rig.disk.events() == []
    assert rig.server.disclaimed == [rig.server.asked[0].transaction_id] == rig.disk.asks(AskStep.DISCLAIMED)


@pytest.mark.parametrize("end", ["cancelled", "refused", "fault", "never durable"])
def test_an_ask_that_never_started_is_disclaimed_once(end: str) -> None:
    rig = Rig()
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.tap()
    rig.disk.hangs = end == "never durable"
    rig.beat(2)
    match end:
        case "cancelled":
            rig.controller.post(events.CancelPressed(1))
        case "refused":
            rig.accept(AuthorizeStatus.BLOCKED)
        case "fault":
            rig.stop.active = True
        case _:
            rig.run(rig.patience.authorize_s + 1)
            rig.disk.hangs = False
    rig.run(2)

    assert rig.server.disclaimed == ["tx-1"]
    assert rig.disk.asks(AskStep.DISCLAIMED) == ["tx-1"]


def test_asks_found_at_boot_without_a_start_are_disclaimed() -> None:
    rig = Rig(found=Found(asked=("tx-7", "tx-8")))
    rig.beat(3)

    assert rig.server.disclaimed == ["tx-7", "tx-8"] == rig.disk.asks(AskStep.DISCLAIMED)


def test_a_voucher_is_spent_by_the_same_write_as_its_started() -> None:
    rig = Rig()
    rig.server.online = False
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.tap(voucher())
    rig.run_until(State.DELIVERING)
    assert rig.disk.spent == [("v-1", "order-1")]
    rig.pilots[2].at = PilotState.C
    rig.tap(voucher())
    rig.run(7)
    rig.tap(voucher())
    rig.run(3)

    assert len({event.transaction_id for event in rig.disk.events()}) == 1


def test_a_scan_of_nonsense_breaks_nothing() -> None:
    rig = Rig()
    rig.beat(2)
    rig.pilots[1].at = PilotState.C
    rig.tap(IdToken(TokenKind.VOUCHER, "KV1.É.A"))
    rig.beat(3)

    assert notice(rig) is NoticeCode.FORGED_VOUCHER


def test_a_list_of_nobody_we_know_is_refused_and_the_old_one_stays() -> None:
    rig = Rig()

    with pytest.raises(ForgedText):
        rig.controller.take_list("KL1.AAAA.AAAA")
    assert rig.controller.list_version() == 1


def a_list(version: int, blocked: bool = False) -> AuthorizationList:
    first = knowledge().authorizations
    assert first is not None
    return replace(first, version=version, entries=(replace(first.entries[0], is_blocked=blocked),))


def test_a_blocked_card_reaches_the_kiosk_and_its_charge_ends_and_is_owed() -> None:
    rig = Rig()
    rig.charge()
    rig.controller.take_list(sign_change(change_between(a_list(1), a_list(2, blocked=True)), KEY))
    rig.beat(4)

    assert rig.controller.list_version() == 2
    assert rig.state() is State.PARKED
    session = rig.controller.kiosk.session(1)
    assert session is not None and session.running.stopped_reason is StoppedReason.DE_AUTHORIZED
    assert [audit.what for audit in rig.disk.audits()] == [
        "list version 2: 1 tokens blocked",
        "stop: the token was blocked",
    ]
    assert rig.disk.documents[DOCUMENT_LIST].count("\n") == 1
    rig.pilots[1].at = PilotState.A
    rig.run_until(State.IDLE)
    rig.beat(3)
    assert (rig.disk.events()[-1].total_incl_vat_minor or 0) > 0

    rig.server.online = False
    rig.run(6)
    rig.controller.post(events.ConnectorChosen(1))
    rig.tap()
    rig.beat(6)

    assert notice(rig) is NoticeCode.BLOCKED_TOKEN


def test_a_change_that_does_not_fit_is_refused_and_the_full_list_is_asked_for() -> None:
    rig = Rig()
    rig.beat(2)
    rig.controller.take_list(sign_change(change_between(a_list(5), a_list(6)), KEY))
    rig.beat(2)

    assert rig.controller.list_version() == 1
    assert rig.server.list_refreshes == [0]
    rig.controller.take_list(sign_list(a_list(6), KEY))
    assert rig.controller.list_version() == 6


def test_many_changes_are_followed_by_a_full_list() -> None:
    rig = Rig()
    rig.beat(2)
    for version in range(1, MOST_CHANGES + 1):
        rig.controller.take_list(sign_change(change_between(a_list(version), a_list(version + 1)), KEY))
    assert rig.server.list_refreshes == [0]
    rig.controller.take_list(sign_list(a_list(MOST_CHANGES + 1), KEY))
    rig.beat(2)

    assert "\n" not in rig.disk.documents[DOCUMENT_LIST]


# ---- commands --------------------------------------------------------------------------------------------------


def test_a_command_is_answered_when_it_is_on_disk_and_the_same_way_ever_after() -> None:
    rig = Rig()
    rig.beat(2)
    rig.disk.hangs = True
    rig.controller.commanded(start_command())
    rig.controller.commanded(start_command())
    rig.run(2)
    rig.controller.commanded(start_command())
    rig.run(2)
    assert rig.server.answers == []
    rig.disk.hangs = False
    rig.beat(2)
    assert [(a.status, a.transaction_id) for a in rig.server.answers] == [(CommandStatus.ACCEPTED, "tx-1")]
    rig.controller.commanded(start_command())
    rig.run(2)

    assert rig.server.answers[0] == rig.server.answers[1]
    assert [event.event_type for event in rig.disk.events()] == [EventType.STARTED]
    assert [audit.command_id for audit in rig.disk.audits()] == ["c-1"]


def test_a_command_seen_before_the_restart_is_answered_as_then_and_not_obeyed_again() -> None:
    then = CommandAnswer("c-1", CommandStatus.ACCEPTED, "", "tx-before")
    rig = Rig(found=Found(answers={"c-1": then}))
    rig.beat(2)
    rig.controller.commanded(start_command())
    rig.run(1)

    assert rig.server.answers == [then]
    assert rig.state() is State.IDLE
    assert rig.disk.events() == []


def test_a_command_counts_only_with_the_servers_signature_and_this_kiosks_name() -> None:
    rig = Rig()
    rig.beat(2)
    good = replace(start_command(), kiosk_id="hk-07")
    other_key = Ed25519PrivateKey.generate()
    for forged in (
        sign_command(good, other_key),
        sign_command(replace(good, kiosk_id="hk-08"), KEY),
        sign_command(good, KEY)[:-4] + "AAAA",
        "KC1.e30.e30",
        "",
    ):
        rig.controller.take_command(forged)
    rig.run(1)
    assert (rig.state(), rig.server.answers, rig.disk.rows) == (State.IDLE, [], [])

    rig.controller.take_command(sign_command(good, KEY))
    rig.run(1)

    assert [answer.status for answer in rig.server.answers] == [CommandStatus.ACCEPTED]
    assert rig.state() is State.PREPARING


def test_a_start_that_brings_a_stop_code_is_stopped_by_that_one() -> None:
    rig = Rig()
    rig.beat(2)
    rig.controller.commanded(replace(start_command(), stop_code="0417"))
    rig.run(1)
    transaction = rig.snapshot().evses[0].transaction

    assert transaction is not None and transaction.stop_code == "0417"
    with pytest.raises(ValueError, match="four digits"):
        replace(start_command(), stop_code="417")


def test_a_start_that_waited_too_long_at_the_server_is_answered_expired_and_starts_nothing() -> None:
    rig = Rig()
    rig.beat(2)
    rig.controller.commanded(replace(start_command(), age_s=60))
    rig.run(1)

    assert [(a.status, a.reason) for a in rig.server.answers] == [
        (CommandStatus.EXPIRED, "it waited 60 s and was valid for 60 s")
    ]
    assert rig.state() is State.IDLE
    assert [(a.what, a.command_id) for a in rig.disk.audits()] == [("command Expired", "c-1")]


def test_a_newer_list_is_asked_for_at_once_and_the_command_is_answered() -> None:
    rig = Rig()
    rig.beat(2)
    rig.controller.commanded(Command("c-1", CommandKind.UPDATE_LIST, 60))
    rig.run(1)

    assert rig.server.list_refreshes == [1]
    assert [answer.status for answer in rig.server.answers] == [CommandStatus.ACCEPTED]


def test_a_stop_command_stops_the_transaction_it_names() -> None:
    rig = Rig()
    rig.charge()
    running = rig.disk.events()[0].transaction_id
    rig.controller.commanded(Command("c-1", CommandKind.STOP, 60, transaction_id="tx-other"))
    rig.controller.commanded(Command("c-2", CommandKind.STOP, 60, transaction_id=running))
    rig.beat(2)

    assert rig.state() is State.PARKED
    rig.beat(2)
    assert [a.status for a in rig.server.answers] == [CommandStatus.REJECTED, CommandStatus.ACCEPTED]


@pytest.mark.parametrize(
    "command",
    [
        Command("c-1", CommandKind.START, 60, 1),
        Command("c-1", CommandKind.STOP, 60),
        Command("c-1", CommandKind.START, 60, 9, account_id="anna", offer=WITH_PARKING),
    ],
)
def test_a_command_that_lacks_something_is_rejected(command: Command) -> None:
    rig = Rig()
    rig.beat(2)
    rig.controller.commanded(command)
    rig.beat(3)

    assert [(a.command_id, a.status) for a in rig.server.answers] == [("c-1", CommandStatus.REJECTED)]


# ---- heartbeat, snapshot, inbox ----------------------------------------------------------------------------------


def test_every_beat_gives_a_heartbeat_until_a_contactor_is_welded() -> None:
    rig = Rig()
    rig.charge()
    given = rig.heartbeat.beats
    rig.beat(4)
    assert rig.heartbeat.beats == given + 4
    rig.contactors[1].welded = True
    rig.stop.active = True
    rig.run(rig.patience.open_s + 0.5)
    given = rig.heartbeat.beats
    rig.run(5)

    assert rig.heartbeat.beats == given


def test_a_snapshot_of_every_state_survives_the_wire() -> None:
    rig = Rig()
    seen = {evse.state for evse in rig.snapshot().evses}
    rig.charge(for_s=61)
    seen.add(rig.snapshot().evses[0].state)
    rig.controller.post(events.StopPressed(1, "4711"))
    rig.beat()
    seen.add(rig.snapshot().evses[0].state)
    rig.pilots[1].at = PilotState.A
    rig.beat()
    seen.add(rig.snapshot().evses[0].state)
    rig.run_until(State.IDLE)
    assert rig.snapshot().evses[0].receipt is not None
    seen.add(rig.snapshot().evses[0].state)
    rig.reader.tokens.append(voucher())
    rig.beat()
    rig.controller.post(events.ConnectorChosen(1))
    rig.beat()
    seen.add(rig.snapshot().evses[0].state)
    rig.beat(3)
    rig.accept()
    seen.add(rig.snapshot().evses[0].state)

    assert seen == set(State)


def test_a_full_inbox_drops_what_comes_and_says_so() -> None:
    rig = Rig()
    taken = [rig.controller.post(events.NoticeDismissed()) for _ in range(INBOX_LIMIT + 5)]

    assert not any(taken[-5:])
    rig.beat()
    assert rig.controller.post(events.NoticeDismissed())


def test_a_device_that_complains_is_named_in_the_fault_it_causes() -> None:
    rig = Rig()
    rig.charge()
    rig.pilots[1].good = False
    rig.pilots[1].state = lambda: None  # type: ignore[method-assign]
    rig.run(30)

    fault = rig.snapshot().evses[0].fault
    assert fault is not None
    assert fault.detail == "pilot 1: no answer. Check the wiring."


# ---- restart -----------------------------------------------------------------------------------------------------


def test_after_a_restart_the_open_transaction_ends_and_nothing_closes() -> None:
    before = Rig()
    before.charge(for_s=61)
    story = tuple(before.disk.events())
    after = Rig(found=Found(open_transactions=(story,)), at_s=5.0)
    after.pilots[1].at = PilotState.C
    after.meters[1].register_wh = before.meters[1].register_wh
    after.run_until(State.IDLE)
    after.beat(2)

    whole = [*story, *after.disk.events()]
    check_story(whole)
    assert whole[-1].stopped_reason is StoppedReason.POWER_LOSS
    assert "close" not in after.deeds


def test_the_next_beat_is_due_when_something_waits() -> None:
    rig = Rig()
    rig.run(2)
    assert rig.controller.beat(rig.now) == float("inf")
    rig.controller.post(events.ConnectorChosen(1))
    assert rig.controller.has_news()
    rig.beat()

    assert rig.controller.beat(rig.now) <= rig.s + rig.patience.choose_s


def test_what_was_used_offline_lessens_the_credit_in_the_commit_of_its_ended_until_the_server_has_it() -> None:
    rig = Rig()
    rig.server.online = False
    rig.charge(for_s=30)
    rig.pilots[1].at = PilotState.A
    rig.run_until(State.IDLE)
    rig.beat(3)
    total_minor = rig.disk.events()[-1].total_incl_vat_minor
    account_id = rig.disk.events()[0].authority.account_id  # type: ignore[union-attr]

    assert total_minor and rig.controller.knowledge.drawn_minor == {account_id: total_minor}
    written = [write for write in rig.disk.written if any(name == "drawn_offline" for name, _ in write.documents)]
    assert len(written) == 1 and b'"Ended"' in written[0].entries[-1].body
    rig.server.online = True
    rig.disk.is_acknowledged = True
    rig.beat(2)
    assert rig.controller.knowledge.drawn_minor == {}


def test_devices_of_one_name_are_told_apart_by_their_kind() -> None:
    rig = Rig()
    rig.pilots[1].name = rig.meters[1].name = "left"
    rig.beat(2)

    names = [device.name for device in rig.snapshot().devices]

    assert names.count("board 'left'") == names.count("meter 'left'") == 1
    assert "left" not in names and rig.heartbeat.name in names
