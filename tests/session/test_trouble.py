"""Whatever goes wrong: it opens, the story still ends, and service comes back when it may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from contract.iec61851 import PilotState
from contract.metering import Quality
from contract.tariff import Dimension
from contract.transaction import StoppedReason, TransactionEvent
from kiosk.session import events
from kiosk.session.deadlines import next_deadline_s
from kiosk.session.faults import FAULT_RULES, RULE_OF, FaultCode
from kiosk.session.states import State
from kiosk.session.transaction import recovered
from tests.session.bench import WITH_PARKING, Bench, Plug, check_story, offer_of, power_cut

Cause = Callable[[Plug, bool], None]


def _set(name: str) -> Cause:
    return lambda plug, on: setattr(plug, name, on)


CAUSES: dict[FaultCode, Cause] = {
    FaultCode.EMERGENCY_STOP: _set("emergency_stop"),
    FaultCode.RCD_TRIPPED: _set("rcd_tripped"),
    FaultCode.PILOT_FAULT: lambda plug, on: setattr(plug, "pilot", PilotState.E if on else PilotState.C),
    FaultCode.PILOT_LOST: lambda plug, on: setattr(plug, "pilot_answers", not on),
    FaultCode.FEEDBACK_LOST: lambda plug, on: setattr(plug, "feedback_answers", not on),
    FaultCode.METER_LOST: lambda plug, on: setattr(plug, "meter_answers", not on),
    FaultCode.SAFETY_LINE_LOST: _set("safety_line_lost"),
    FaultCode.DIODE_FAULT: _set("diode_failed"),
    FaultCode.BOARD_FAULT: _set("board_failed"),
    FaultCode.OVER_TEMPERATURE: _set("board_is_too_hot"),
    FaultCode.METER_IMPLAUSIBLE: _set("register_is_doubted"),
}


@pytest.mark.parametrize("code", CAUSES, ids=str)
def test_each_fault_opens_at_once_ends_the_story_and_heals_as_its_rule_says(code: FaultCode) -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.charge(for_s=60)
    CAUSES[code](bench.plugs[1], True)
    bench.run_until(State.CLOSING, at_most_s=6)
    assert not bench.plugs[1].wanted.contactor_closed, "a fault opens without a ramp"
    assert bench.plugs[1].wanted.offered_a == 0
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=30)

    assert bench.ended.stopped_reason is RULE_OF[code].stopped_reason
    assert bench.session().fault is code
    CAUSES[code](bench.plugs[1], False)
    bench.run(5)
    if RULE_OF[code].latches:
        assert bench.state() is State.OUT_OF_SERVICE
        bench.say(events.ResetPressed(1, "Mia"))
        assert [(a.by, a.what) for a in bench.audits] == [("Mia", "reset")]
    assert bench.state() is State.IDLE
    assert bench.session().fault is None


@pytest.mark.parametrize("code", CAUSES, ids=str)
@pytest.mark.parametrize("state", [State.IDLE, State.AUTHORIZING, State.PREPARING, State.PARKED])
def test_a_fault_is_noticed_in_every_state(code: FaultCode, state: State) -> None:
    bench = Bench(offer=WITH_PARKING)
    if state is State.PARKED:
        bench.charge(for_s=60)
        bench.tap()
    elif state is not State.IDLE:
        bench.plug_in(pilot=PilotState.B)
        bench.tap()
        if state is State.PREPARING:
            bench.accept()
    bench.run(6)
    assert bench.state() is state
    CAUSES[code](bench.plugs[1], True)
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=40)

    assert bench.session().transaction is None
    assert bench.session().asked is None
    if bench.journal:
        check_story(bench.story())


def test_a_reset_while_the_cause_lasts_is_no_reset() -> None:
    bench = Bench()
    bench.plugs[1].emergency_stop = True
    bench.run(1)
    bench.say(events.ResetPressed(1, "Mia"))
    bench.plugs[1].emergency_stop = False
    bench.run(5)

    assert bench.state() is State.OUT_OF_SERVICE


def test_a_contactor_that_never_closes_is_given_up_and_needs_a_reset() -> None:
    bench = Bench()
    bench.plugs[1].stuck_open = True
    bench.plug_in()
    bench.tap()
    bench.accept()
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=bench.patience.close_s + 5)

    assert bench.session().fault is FaultCode.CONTACTOR_STUCK_OPEN
    assert bench.ended.total_incl_vat_minor == 0
    bench.plugs[1].stuck_open = False
    bench.run(5)
    assert bench.state() is State.OUT_OF_SERVICE


def test_a_welded_contactor_lets_the_safety_relay_drop_and_is_still_billed() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.plugs[1].welded = True
    bench.tap()
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)

    assert bench.session().fault is FaultCode.CONTACTOR_WELDED
    assert not bench.plugs[1].wanted.heartbeat
    assert bench.ended.final is False
    bench.plugs[1].welded = False
    bench.run(5)
    assert not bench.plugs[1].wanted.heartbeat, "until somebody looked at it"
    bench.say(events.ResetPressed(1, "Mia"))
    assert bench.state() is State.IDLE
    assert bench.plugs[1].wanted.heartbeat


def test_what_flows_through_a_weld_after_it_was_found_is_nobodys_bill() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    plug = bench.plugs[1]
    plug.welded = plug.ignores_offer = True
    bench.tap()
    before_wh = plug.register_wh
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    bench.run(600)

    noticed_s = bench.patience.ramp_s + bench.patience.open_s + 0.5
    assert 0 < bench.ended.meter.import_wh - before_wh <= plug.car_w * noticed_s / 3600
    assert plug.register_wh - bench.ended.meter.import_wh > plug.car_w * 600 / 3600


def test_a_welded_contactor_takes_no_guest_above_the_cap() -> None:
    bench = Bench()
    bench.charge(for_s=5, cap_minor=50)
    plug = bench.plugs[1]
    while bench.session().taper is None:
        bench.run(0.25)
    plug.welded = plug.ignores_offer = True
    plug.car_w = 45_000  # more than the EVSE may ever deliver
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=900)

    assert bench.ended.total_incl_vat_minor is not None
    assert 35 <= bench.ended.total_incl_vat_minor <= 50
    assert bench.ended.final is False


def test_a_contactor_that_only_the_safety_relay_opened_needs_a_reset_too() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.plugs[1].welded = True
    bench.tap()
    while bench.plugs[1].wanted.heartbeat:
        bench.run(0.25)
    bench.plugs[1].welded = False  # the relay has dropped and the contacts came apart
    bench.run_until(State.IDLE, State.OUT_OF_SERVICE)

    assert bench.session().fault is FaultCode.CONTACTOR_WELDED
    assert bench.state() is State.OUT_OF_SERVICE
    assert bench.ended.final is True


def test_a_contactor_welded_under_the_emergency_stop_drops_the_safety_relay_all_the_same() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    plug = bench.plugs[1]
    plug.welded = plug.emergency_stop = True
    bench.run(bench.patience.open_s + 0.5)
    assert not plug.wanted.heartbeat
    bench.run_until(State.OUT_OF_SERVICE)
    plug.welded = plug.emergency_stop = False
    bench.run(1)
    assert bench.session().fault is FaultCode.CONTACTOR_WELDED, "the other fault is not hidden behind the first"
    bench.say(events.ResetPressed(1, "Mia"))

    assert bench.state() is State.IDLE


@pytest.mark.parametrize("state", [State.IDLE, State.PREPARING])
def test_a_contactor_that_closes_by_itself_is_noticed(state: State) -> None:
    bench = Bench()
    if state is State.PREPARING:
        bench.plug_in(pilot=PilotState.B)
        bench.tap()
        bench.accept()
        bench.run(3)
    bench.plugs[1].welded = bench.plugs[1].closed = True
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=40)

    assert bench.session().fault is FaultCode.CONTACTOR_WELDED
    assert not bench.plugs[1].wanted.heartbeat


def test_a_meter_dead_at_the_end_leaves_the_last_good_reading_and_says_so() -> None:
    bench = Bench()
    bench.charge(for_s=61)
    last_wh = bench.journal[-1].meter.import_wh
    bench.plugs[1].meter_answers = False
    bench.tap()
    bench.run_until(State.OUT_OF_SERVICE)

    assert bench.ended.final is False
    assert bench.ended.meter.quality is Quality.STALE
    assert bench.ended.meter.import_wh >= last_wh
    assert bench.session().fault is FaultCode.METER_LOST


def test_a_register_that_runs_backwards_is_not_believed_and_breaks_nothing() -> None:
    bench = Bench()
    bench.charge(for_s=61, cap_minor=1000)
    bench.plugs[1].register_wh = 5.0
    bench.run(1)
    evse = bench.kiosk.evse(1)
    assert next_deadline_s(bench.session(), bench.s, evse, bench.patience) > bench.s
    bench.unplug()
    bench.run_until(State.IDLE)

    assert bench.ended.meter.quality is Quality.STALE


def test_feedback_older_than_the_wish_proves_nothing() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    old = bench.plugs[1].sense(bench.s)
    opened = replace(old, contactor_closed=False, pilot=PilotState.A)
    bench.pass_time(0.25)
    bench.say(events.Sensed({1: opened}))  # unplugged now; the open feedback is from before the wish to open
    assert bench.state() is State.CLOSING
    bench.say(events.Sensed({1: opened}))

    assert bench.state() is State.CLOSING
    assert bench.session().opened_at_s is None


def test_the_last_reading_is_taken_after_the_contactor_was_seen_open() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.unplug()
    before = bench.plugs[1].sense(bench.s)
    bench.pass_time(0.5)
    now = bench.plugs[1].sense(bench.s)
    bench.say(events.Sensed({1: replace(now, meter=before.meter)}))
    assert bench.state() is State.CLOSING
    bench.run(0.5)

    assert bench.state() is State.IDLE
    assert bench.ended.final is True


def test_nothing_closes_before_started_is_on_disk() -> None:
    bench = Bench()
    bench.disk_works = False
    bench.plug_in()
    bench.tap()
    bench.accept()
    bench.run(30)
    wanted = bench.plugs[1].wanted
    assert (wanted.contactor_closed, wanted.offered_a) == (False, 0)
    bench.disk_works = True
    bench.run(1)

    assert bench.state() is State.DELIVERING


def test_a_fault_during_the_ramp_cuts_it_short() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.tap()
    assert bench.plugs[1].wanted.contactor_closed
    bench.plugs[1].emergency_stop = True
    bench.sense()

    assert not bench.plugs[1].wanted.contactor_closed


def test_an_emergency_stop_at_one_evse_of_two_leaves_the_other_alone() -> None:
    bench = Bench(count=2)
    bench.charge(for_s=10)
    bench.plugs[2].rcd_tripped = True
    bench.run(30)

    assert (bench.state(1), bench.state(2)) == (State.DELIVERING, State.OUT_OF_SERVICE)


# ---- power cuts -------------------------------------------------------------------------------------------------


def test_after_a_power_cut_the_open_transaction_ends_once_with_every_watt_hour() -> None:
    bench = Bench(offer=offer_of((Dimension.ENERGY, "0.50", 1), (Dimension.TIME, "6.00", 1)))
    bench.charge(for_s=600)
    last = bench.journal[-1]
    after = power_cut(bench)
    assert after.state() is State.CLOSING
    assert not after.plugs[1].wanted.contactor_closed
    after.run_until(State.IDLE)

    ended = after.ended
    assert ended.stopped_reason is StoppedReason.POWER_LOSS
    assert ended.seq_no == last.seq_no + 1
    assert ended.elapsed_ms == last.elapsed_ms, "time is billed up to the last durable event"
    assert ended.at.boot_id == "boot-2"
    assert abs(ended.meter.import_wh - 1_000_000 - bench.plugs[1].delivered_wh) <= 1
    assert after.session().receipt is None
    assert after.session().held_for is not None, "its cable is still in"


def test_a_power_cut_while_parked_bills_no_more_parking() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.charge(for_s=60)
    bench.tap()
    bench.run(20 * 60, every_s=1)
    last = bench.journal[-1]
    after = power_cut(bench, off_s=7200)
    after.run_until(State.IDLE)

    assert after.ended.elapsed_ms == last.elapsed_ms


def test_after_a_power_cut_a_dead_meter_ends_the_story_all_the_same() -> None:
    bench = Bench()
    bench.charge(for_s=120)
    bench.plugs[1].meter_answers = False
    after = power_cut(bench)
    after.run_until(State.OUT_OF_SERVICE)

    assert after.ended.final is False
    assert after.ended.meter.import_wh == bench.journal[-1].meter.import_wh


@pytest.mark.parametrize("moved_wh", [-5_000, 2_000, 600_000])
def test_after_a_power_cut_a_register_that_cannot_be_true_leaves_the_last_reading_on_the_disk(moved_wh: int) -> None:
    bench = Bench()
    bench.charge(for_s=120)
    bench.plugs[1].register_wh += moved_wh
    after = power_cut(bench)
    after.run_until(State.OUT_OF_SERVICE)

    assert after.session().fault is FaultCode.METER_IMPLAUSIBLE
    assert after.ended.final is False
    assert after.ended.meter.import_wh == bench.journal[-1].meter.import_wh
    after.run(5)
    assert after.state() is not State.OUT_OF_SERVICE, "with nobody's bill open, the register may start anywhere"


def test_after_a_power_cut_a_welded_contactor_is_found() -> None:
    bench = Bench()
    bench.charge(for_s=120)
    bench.plugs[1].welded = True
    after = power_cut(bench)
    after.run_until(State.OUT_OF_SERVICE)

    assert after.session().fault is FaultCode.CONTACTOR_WELDED
    assert not after.plugs[1].wanted.heartbeat


def test_a_contactor_that_a_killed_controller_left_closed_is_waited_for_and_the_safety_relay_not_fed() -> None:
    """A GPIO line keeps its level until the safety relay drops, and the journal may not have been readable."""
    bench = Bench(plugs={1: Plug(closed=True, welded=True)})
    bench.run(0.5)

    assert bench.session().fault is not FaultCode.CONTACTOR_WELDED
    assert not bench.plugs[1].wanted.heartbeat
    bench.plugs[1].welded = False
    bench.run(5)
    assert bench.state() is State.IDLE
    assert bench.plugs[1].wanted.heartbeat


def test_a_contactor_that_does_not_open_at_a_start_is_welded_and_the_safety_relay_was_never_fed() -> None:
    bench = Bench(plugs={1: Plug(closed=True, welded=True)})
    for _ in range(50):
        bench.run(0.1)
        assert not bench.plugs[1].wanted.heartbeat

    assert bench.session().fault is FaultCode.CONTACTOR_WELDED


def test_a_second_power_cut_during_recovery_still_gives_one_ended() -> None:
    bench = Bench()
    bench.charge(for_s=120)
    after = power_cut(power_cut(bench))
    after.run_until(State.IDLE)

    check_story(after.story())


def test_a_story_without_its_beginning_is_not_recovered() -> None:
    bench = Bench()
    bench.charge(for_s=120)
    middle: list[TransactionEvent] = bench.journal[1:]

    with pytest.raises(ValueError, match="not Started"):
        recovered(middle, bench.now)


def test_every_fault_has_one_rule() -> None:
    assert sorted(rule.code for rule in FAULT_RULES) == sorted(FaultCode)


def test_a_reset_refused_while_closing_is_forgotten() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.plugs[1].welded = True
    bench.tap()
    while bench.plugs[1].wanted.heartbeat:
        bench.run(0.25)
    assert bench.state() is State.CLOSING
    bench.say(events.ResetPressed(1, "Mia"))
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    bench.plugs[1].welded = False
    bench.run(30)

    assert bench.state() is State.OUT_OF_SERVICE, "it needs a reset given after the contact was seen open"


def test_a_weld_takes_the_other_evse_out_of_service_until_it_is_reset() -> None:
    bench = Bench(count=2)
    bench.charge(for_s=60)
    bench.plugs[1].welded = True
    bench.tap()
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    bench.run(1)

    assert bench.session(2).fault is FaultCode.RELAY_DROPPED
    bench.plugs[1].welded = False
    bench.run(1)
    bench.say(events.ResetPressed(1, "Mia"))
    bench.run(1)
    assert bench.state(2) is State.IDLE


def test_two_welds_at_once_are_reset_one_after_the_other() -> None:
    bench = Bench(count=2, plugs={1: Plug(closed=True, welded=True), 2: Plug(closed=True, welded=True)})
    bench.run(10)
    assert bench.session(1).fault is bench.session(2).fault is FaultCode.CONTACTOR_WELDED
    bench.plugs[1].welded = bench.plugs[2].welded = False
    bench.run(1)

    bench.say(events.ResetPressed(1, "Mia"))
    bench.run(1)
    assert bench.session(1).fault is FaultCode.RELAY_DROPPED, "the safety relay stays open for the other"
    bench.say(events.ResetPressed(2, "Mia"))
    bench.run(1)
    assert bench.state(1) is bench.state(2) is State.IDLE
