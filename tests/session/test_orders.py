"""Reservations, blocks, unlocking and limits: who may, what refuses a stranger, and how each ends."""

from __future__ import annotations

import pytest

from contract.api import CommandStatus
from contract.identity import TokenKind
from contract.iec61851 import PilotState
from contract.transaction import EventType, StoppedReason, TransactionLimit, TriggerReason, token_hash
from kiosk.session import events
from kiosk.session.settings import EvseSettings, KioskSettings
from kiosk.session.snapshot import Availability, Limit, LimitKind, NoticeCode
from kiosk.session.states import State
from kiosk.session.turn import MOST_LIMIT_CHANGES
from tests.session.bench import CODE, WITH_PARKING, Bench
from tests.session.reboot import rebooted

TEN_KWH = Limit(LimitKind.ENERGY, 10_000)


def reserve(
    bench: Bench, evse_id: int = 1, account: str | None = "anna", hold_s: float = 900, name: str = "r-1"
) -> None:
    hashed = None if account else token_hash(TokenKind.ISO14443, "A")
    bench.say(events.ReserveCommanded(f"c-{name}-{bench.s}", evse_id, name, hold_s, hashed, account))


def status(bench: Bench) -> CommandStatus:
    return bench.answers[-1].status


def with_lock(bench: Bench) -> Bench:
    evses = tuple(EvseSettings(evse.evse_id, has_lock=True) for evse in bench.kiosk.settings.evses)
    bench.say(events.SettingsChanged(KioskSettings(evses, bench.patience)))
    return bench


# ---- reservations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", ["anna", None], ids=["for an account", "for a card"])
def test_a_reserved_connector_refuses_strangers_with_words_and_finds_its_owner(account: str | None) -> None:
    bench = Bench()
    reserve(bench, account=account)
    assert status(bench) is CommandStatus.ACCEPTED
    bench.tap("B", "ben")
    assert bench.notice is NoticeCode.CONNECTOR_RESERVED
    bench.choose(1)
    bench.tap("B", "ben")
    assert (bench.notice, bench.state()) == (NoticeCode.CONNECTOR_RESERVED, State.IDLE)
    bench.command_start(1, "c-ben", "ben")
    assert status(bench) is CommandStatus.REJECTED
    bench.tap("A", "anna")

    assert bench.state() is State.AUTHORIZING
    bench.accept("anna")
    assert bench.session().reservation is None, "used"


def test_the_owner_of_a_reservation_is_taken_to_it_among_free_connectors() -> None:
    bench = Bench(count=3)
    reserve(bench, evse_id=2)
    bench.tap("A", "anna")

    assert bench.state(2) is State.AUTHORIZING


def test_a_reservation_ends_with_its_time_and_when_it_is_cancelled() -> None:
    bench = Bench(count=2)
    reserve(bench, 1, hold_s=60)
    reserve(bench, 2, name="r-2")
    assert bench.kiosk.next_deadline_s(bench.s) <= bench.s + 60
    bench.run(61, every_s=1.0)
    assert bench.session(1).reservation is None
    bench.say(events.ReservationCancelled("c-x", "r-2"))
    assert (status(bench), bench.session(2).reservation) == (CommandStatus.ACCEPTED, None)
    bench.say(events.ReservationCancelled("c-y", "r-2"))

    assert status(bench) is CommandStatus.REJECTED


def test_only_an_idle_empty_connector_in_service_is_reserved() -> None:
    bench = Bench(count=2)
    bench.plug_in(1, PilotState.B)
    reserve(bench, 1)
    assert (status(bench), bench.answers[-1].reason) == (CommandStatus.REJECTED, "EVSE 1 has a cable in")
    bench.say(events.AvailabilityCommanded("c-1", 2, False))
    reserve(bench, 2)
    assert "out of service by order" in bench.answers[-1].reason
    bench.say(events.AvailabilityCommanded("c-2", 2, True))
    reserve(bench, 2)
    reserve(bench, 2, account="ben", name="r-other")
    assert bench.answers[-1].reason == "EVSE 2 is reserved already"
    reserve(bench, 2, hold_s=1200)

    assert status(bench) is CommandStatus.ACCEPTED, "the same one may be extended"


# ---- out of service by order ------------------------------------------------------------------------------------


def test_a_closed_evse_finishes_what_runs_and_begins_nothing_new() -> None:
    bench = Bench()
    bench.charge(for_s=30)
    bench.say(events.AvailabilityCommanded("c-1", 1, False))
    bench.run(30)
    assert (status(bench), bench.state()) == (CommandStatus.ACCEPTED, State.DELIVERING)
    bench.say(events.StopPressed(1, CODE))
    bench.run_until(State.IDLE)
    bench.unplug()
    bench.tap("B", "ben")
    assert bench.notice is NoticeCode.OUT_OF_SERVICE
    bench.command_start(1, "c-2", "ben")
    assert bench.answers[-1].reason == "EVSE 1 is out of service by order"
    bench.say(events.AvailabilityCommanded("c-3", 1, True))
    bench.run(6)
    bench.tap("B", "ben")

    assert bench.state() is State.AUTHORIZING


# ---- the cable ---------------------------------------------------------------------------------------------------


def ends() -> dict[str, StoppedReason]:
    return {
        "by code": StoppedReason.LOCAL,
        "by order": StoppedReason.REMOTE,
        "emergency stop": StoppedReason.EMERGENCY_STOP,
        "meter dead": StoppedReason.OTHER,
        "blocked": StoppedReason.DE_AUTHORIZED,
        "limit": StoppedReason.ENERGY_LIMIT_REACHED,
    }


@pytest.mark.parametrize("way", ends())
def test_after_any_end_the_connector_stays_closed_to_others_until_the_cable_was_out(way: str) -> None:
    bench = Bench()
    bench.charge(for_s=30)
    match way:
        case "by code":
            bench.say(events.StopPressed(1, CODE))
        case "by order":
            bench.say(events.StopCommanded(None, 1, "server"))
        case "emergency stop":
            bench.plugs[1].emergency_stop = True
        case "meter dead":
            bench.plugs[1].meter_answers = False
        case "blocked":
            bench.say(events.TokensBlocked(frozenset({token_hash(TokenKind.ISO14443, "04AABBCC")})))
        case "limit":
            bench.say(events.LimitChosen(1, Limit(LimitKind.ENERGY, 1)))
    bench.run(60)
    assert bench.ended.stopped_reason is ends()[way]
    bench.plugs[1].emergency_stop, bench.plugs[1].meter_answers = False, True
    bench.run(2)
    bench.say(events.ResetPressed(1, "Mia"))
    bench.run(2)
    assert bench.state() is State.IDLE
    bench.tap("B", "ben")
    assert (bench.notice, bench.state()) == (NoticeCode.CONNECTOR_HELD, State.IDLE)
    bench.unplug()
    bench.plug_in()
    bench.tap("B", "ben")

    assert bench.state() is State.AUTHORIZING


def test_a_cable_taken_out_while_out_of_service_holds_nothing_for_whoever_comes_next() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.plugs[1].emergency_stop = True
    bench.run(30)
    assert bench.session().held_for is not None
    bench.unplug()
    bench.plug_in()
    bench.plugs[1].emergency_stop = False
    bench.run(2)
    bench.say(events.ResetPressed(1, "Mia"))
    bench.run(2)
    bench.tap("B", "ben")

    assert bench.state() is State.AUTHORIZING


def test_a_held_connector_a_block_and_a_reservation_outlive_a_rebooted() -> None:
    bench = Bench(count=3)
    bench.charge(for_s=10)
    bench.say(events.StopPressed(1, CODE))
    bench.run_until(State.IDLE)
    bench.say(events.AvailabilityCommanded("c-1", 2, False))
    reserve(bench, 3, hold_s=900)
    after = rebooted(bench, off_s=300)
    after.run(2)
    kept = after.session(3).reservation

    assert after.session(1).held_for is not None and after.session(2).is_blocked
    assert kept is not None and 590 <= kept.until_s - after.s <= 601
    over = rebooted(after, off_s=900)
    assert over.session(3).reservation is None


# ---- unlocking ---------------------------------------------------------------------------------------------------


def locked_now(bench: Bench) -> bool:
    return bench.kiosk.wants(bench.s)[1].locked


def parked() -> Bench:
    bench = with_lock(Bench(offer=WITH_PARKING))
    bench.charge(for_s=20)
    bench.say(events.StopPressed(1, CODE))
    bench.run(10)
    assert bench.state() is State.PARKED
    return bench


def test_a_stuck_cable_is_locked_and_freed_again_for_whoever_may_stop() -> None:
    bench = parked()
    assert not locked_now(bench)
    bench.say(events.UnlockPressed(1, "0000"))
    assert bench.notice is NoticeCode.WRONG_CODE and not locked_now(bench)
    bench.say(events.UnlockPressed(1, CODE))
    levels = []
    for _ in range(16):
        levels.append(locked_now(bench))
        bench.run(0.25)

    assert bench.notice is NoticeCode.CABLE_RELEASED
    assert levels == [True] * 4 + [False] * 4 + [True] * 4 + [False] * 4


def test_a_card_frees_the_cable_within_half_a_minute_of_the_touch_and_a_strangers_does_not() -> None:
    bench = parked()
    bench.say(events.UnlockPressed(1))
    bench.tap("STRANGER")
    assert (bench.notice, locked_now(bench)) == (NoticeCode.NOT_YOUR_SESSION, False)
    bench.tap()
    assert (bench.notice, locked_now(bench)) == (NoticeCode.CABLE_RELEASED, True)
    bench.run(10)
    bench.say(events.UnlockPressed(1))
    bench.run(bench.patience.keypad_s + 1)
    bench.tap()

    assert bench.notice is NoticeCode.UNPLUG_TO_FINISH


def test_nothing_unlocks_under_load() -> None:
    bench = with_lock(Bench())
    bench.charge(for_s=10)
    bench.say(events.UnlockCommanded("c-1", 1))
    assert (status(bench), bench.state()) == (CommandStatus.REJECTED, State.DELIVERING)
    bench.plugs[1].welded = True
    bench.say(events.UnlockPressed(1, CODE))
    for _ in range(40):
        assert locked_now(bench) or bench.session().facts.contactor_closed is False
        bench.run(0.25)
    bench.say(events.UnlockCommanded("c-2", 1))

    assert status(bench) is CommandStatus.REJECTED


def test_an_order_unlocks_once_nothing_delivers_and_says_where_there_is_no_lock() -> None:
    bench = parked()
    bench.say(events.UnlockCommanded("c-1", 1))
    assert (status(bench), locked_now(bench)) == (CommandStatus.ACCEPTED, True)
    plain = Bench()
    plain.say(events.UnlockCommanded("c-2", 1))

    assert plain.answers[-1].reason == "EVSE 1 has no cable lock"


# ---- limits ------------------------------------------------------------------------------------------------------


def test_a_limit_right_after_the_start_is_free_and_written_down() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.say(events.LimitChosen(1, TEN_KWH), events.LimitChosen(1, TEN_KWH), events.LimitChosen(1, None))
    told = [event for event in bench.journal if event.trigger_reason is TriggerReason.LIMIT_SET]

    assert [event.limit for event in told] == [TransactionLimit(max_energy_wh=10_000), TransactionLimit()]
    assert all(event.event_type is EventType.UPDATED for event in told)


def test_a_stranger_cannot_stop_a_charge_with_a_limit() -> None:
    bench = Bench()
    bench.charge(for_s=bench.patience.own_start_s + 5)
    tiny = Limit(LimitKind.ENERGY, 1)
    bench.say(events.LimitChosen(1, tiny))
    bench.say(events.LimitChosen(1, tiny, "0000"))
    bench.tap("STRANGER")
    bench.run(10)
    t = bench.session().transaction
    assert t is not None and t.limit is None and bench.state() is State.DELIVERING

    bench.say(events.LimitChosen(1, TEN_KWH, CODE))
    t = bench.session().transaction
    assert t is not None and t.limit == TEN_KWH


def test_the_drivers_card_puts_a_waiting_limit_into_force_and_stops_nothing() -> None:
    bench = Bench()
    bench.charge(for_s=bench.patience.own_start_s + 5)
    bench.say(events.LimitChosen(1, TEN_KWH))
    bench.tap()
    t = bench.session().transaction

    assert t is not None and t.limit == TEN_KWH and bench.state() is State.DELIVERING


def test_limits_do_not_grow_the_journal_without_end() -> None:
    bench = Bench()
    bench.charge(for_s=5)
    for number in range(2 * MOST_LIMIT_CHANGES):
        bench.say(events.LimitChosen(1, Limit(LimitKind.ENERGY, 50_000 + number)))

    told = [event for event in bench.journal if event.trigger_reason is TriggerReason.LIMIT_SET]
    assert len(told) == MOST_LIMIT_CHANGES


def test_guessing_stop_codes_takes_ever_longer_and_is_logged_and_the_card_always_stops() -> None:
    bench = Bench()
    bench.charge(for_s=5)
    tried_at = []
    for _ in range(9):
        while bench.s < bench.session().code_locked_until_s:
            bench.run(5, every_s=5.0)
        tried_at.append(bench.s)
        bench.say(events.StopPressed(1, "0000"))
    waits = [round(tried_at[n] - tried_at[n - 1]) for n in (3, 6)]
    assert waits == [60, 120]
    assert [audit.what for audit in bench.audits] == [
        "guessing: 3 wrong stop codes, keypad rests 60 s",
        "guessing: 6 wrong stop codes, keypad rests 120 s",
        "guessing: 9 wrong stop codes, keypad rests 240 s",
    ]
    bench.say(events.StopPressed(1, CODE))
    assert bench.notice is NoticeCode.CODE_LOCKED and bench.state() is State.DELIVERING
    bench.tap()

    assert bench.state() is State.CLOSING


def test_availability_on_the_screen_follows_orders() -> None:
    from kiosk.session.view import _availability  # the snapshot's word, without a controller

    bench = Bench(count=2)
    reserve(bench, 1)
    bench.say(events.AvailabilityCommanded("c-1", 2, False))

    assert [_availability(bench.session(n), True) for n in (1, 2)] == [Availability.RESERVED, Availability.UNAVAILABLE]
