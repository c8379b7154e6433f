"""Limits that are passed for a while: current, voltage, heat, a contactor that lies, another meter in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.iec61851 import PilotState
from contract.metering import MeterReading, Quality
from contract.transaction import StoppedReason
from kiosk.session import events
from kiosk.session.facts import Facts
from kiosk.session.faults import FAULT_RULES, FaultCode, fault_in
from kiosk.session.protection import CALM, Offered, Watch, most_current_ma, watched
from kiosk.session.settings import EvseSettings, Protection
from kiosk.session.states import State
from tests.session.bench import Bench

EVSE = EvseSettings(1)
LIMITS = EVSE.protection
MOST_MA = most_current_ma(LIMITS, EVSE.max_a)  # 32 A + 10 % + 0.5 A


def fault(bench: Bench) -> FaultCode | None:
    return bench.session().fault


# ---- the table -----------------------------------------------------------------------------------------------------

FACTS = st.builds(
    Facts,
    pilot=st.sampled_from([None, *PilotState]),
    contactor_closed=st.sampled_from([None, True, False]),
    meter_is_fresh=st.booleans(),
    rcd_tripped=st.booleans(),
    emergency_stop=st.booleans(),
    relay_dropped=st.booleans(),
    ignores_offer=st.booleans(),
    journal_given_up=st.booleans(),
    safety_line_lost=st.booleans(),
    diode_failed=st.booleans(),
    board_failed=st.booleans(),
    board_is_too_hot=st.booleans(),
    board_derates=st.booleans(),
    meter_is_doubted=st.booleans(),
    meter_changed_at_s=st.sampled_from([float("-inf"), 5.0, 9.0]),
)
WATCHES = st.one_of(
    st.just(CALM),
    st.builds(
        Watch,
        is_over_current=st.booleans(),
        is_under_voltage=st.booleans(),
        flows_though_open=st.booleans(),
        is_too_hot=st.booleans(),
        meter_accepted_s=st.sampled_from([float("-inf"), 5.0, 9.0]),
    ),
)


@given(FACTS, WATCHES)
def test_the_quick_glance_and_the_table_never_disagree(facts: Facts, watch: Watch) -> None:
    by_table = next((rule.code for rule in FAULT_RULES if rule.holds(facts, watch)), None)

    assert fault_in(facts, watch) is by_table


@given(st.sampled_from([name for name in Facts.__dataclass_fields__ if name not in ("board_derates", "journal_fails")]))
def test_no_single_fact_hides_from_the_glance(name: str) -> None:
    """Each one made bad alone, so that a new fact cannot be forgotten in the glance."""
    well = {"pilot": PilotState.B, "contactor_closed": False, "meter_is_fresh": True}
    bad = {"pilot": None, "contactor_closed": None, "meter_is_fresh": False, "meter_changed_at_s": 1.0}
    harmless = ("meter", "contactor_sensed_at_s", "temperature_dc", "meter_is_doubted")
    facts = Facts(**(well | {name: bad.get(name, True)}))  # type: ignore[arg-type]

    assert (fault_in(Facts(**well)) is None) and ((fault_in(facts) is None) == (name in harmless))  # type: ignore[arg-type]


# ---- current -------------------------------------------------------------------------------------------------------


def test_a_vehicle_that_draws_too_much_is_switched_off_and_believed_again_once_its_cable_was_out() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.plugs[1].current_ma = (MOST_MA + 1, 0, 0)
    bench.run(LIMITS.over_current_s - 0.5)
    assert bench.state() is State.DELIVERING, "a peak is no fault"
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=10)

    assert fault(bench) is FaultCode.OVER_CURRENT
    assert bench.ended.stopped_reason is StoppedReason.OVERCURRENT_FAULT
    assert bench.ended.final is True
    bench.plugs[1].current_ma = (0, 0, 0)
    bench.run(30)
    assert bench.state() is State.OUT_OF_SERVICE, "the same vehicle would do it again"
    bench.unplug()
    bench.run(1)
    assert bench.state() is State.IDLE


@given(st.lists(st.integers(0, MOST_MA), min_size=1, max_size=60))
def test_a_vehicle_within_its_tolerance_is_never_switched_off(currents_ma: list[int]) -> None:
    watch, offered = CALM, Offered(EVSE.max_a)
    for second, current_ma in enumerate(currents_ma):
        reading = MeterReading(float(second), 0, current_ma=(current_ma, 0, 0))
        facts = Facts(PilotState.C, True, second, reading, meter_is_fresh=True)
        watch = watched(watch, facts, reading, EVSE, offered, float("inf"), second)

    assert fault_in(facts, watch) is None


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_too_much_current_is_a_fault_exactly_when_it_lasted(is_over: list[bool]) -> None:
    watch, offered = CALM, Offered(EVSE.max_a)
    run, longest = 0, 0
    for second, over in enumerate(is_over):
        run = run + 1 if over else 0
        longest = max(longest, run)
        reading = MeterReading(float(second), 0, current_ma=(MOST_MA + over, 0, 0))
        facts = Facts(PilotState.C, True, second, reading, meter_is_fresh=True)
        watch = watched(watch, facts, reading, EVSE, offered, float("inf"), second)

    assert watch.is_over_current == (longest > LIMITS.over_current_s)


def test_a_vehicle_has_its_five_seconds_to_follow_a_lower_offer() -> None:
    offered = Offered(32).told(16, 100.0, LIMITS.follow_s)

    assert offered.most_a(104.9, LIMITS.follow_s) == 32
    assert offered.most_a(105.0, LIMITS.follow_s) == 16
    lower_still = offered.told(6, 102.0, LIMITS.follow_s)
    assert lower_still.most_a(106.0, LIMITS.follow_s) == 32, "the first lowering is still under way"


def test_current_through_an_open_contactor_drops_the_safety_relay_and_needs_a_reset() -> None:
    bench = Bench(count=2)
    bench.charge(for_s=60)
    bench.plugs[1].current_ma = (16_000, 0, 0)
    bench.tap()
    bench.run_until(State.IDLE)
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=15)
    assert fault(bench) is FaultCode.FLOWS_THOUGH_OPEN
    assert not bench.plugs[1].wanted.heartbeat
    bench.run(1)
    assert bench.session(2).fault is FaultCode.RELAY_DROPPED

    bench.plugs[1].current_ma = ()
    bench.run(5)
    assert bench.state() is State.OUT_OF_SERVICE
    bench.say(events.ResetPressed(1, "Mia"))
    bench.run(1)
    assert (bench.state(1), bench.state(2)) == (State.IDLE, State.IDLE)
    assert bench.plugs[1].wanted.heartbeat


# ---- contactor -----------------------------------------------------------------------------------------------------


def test_a_contactor_that_opens_by_itself_is_called_so_and_needs_a_reset() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.plugs[1].stuck_open = True
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=10)

    assert fault(bench) is FaultCode.CONTACTOR_DROPPED
    assert bench.ended.final is True
    bench.plugs[1].stuck_open = False
    bench.run(30)
    assert bench.state() is State.OUT_OF_SERVICE
    bench.say(events.ResetPressed(1, "Mia"))
    assert bench.state() is State.IDLE


def test_a_contactor_that_does_not_close_after_a_pause_is_stuck_and_not_dropped() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.plug_in(pilot=PilotState.B)
    bench.run(10)
    bench.plugs[1].stuck_open = True
    bench.plug_in(pilot=PilotState.C)
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=20)

    assert fault(bench) is FaultCode.CONTACTOR_STUCK_OPEN


@pytest.mark.parametrize("pilot", [PilotState.A, PilotState.B])
def test_a_board_that_opens_by_itself_as_the_vehicle_pauses_or_leaves_is_not_broken(pilot: PilotState) -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.plugs[1].stuck_open = True  # one look shows both: the vehicle asks no more, and the contactor is open
    bench.plug_in(pilot=pilot)
    bench.run(5)

    assert fault(bench) is None
    assert bench.state() is (State.IDLE if pilot is PilotState.A else State.DELIVERING)
    if pilot is PilotState.A:
        assert bench.ended.stopped_reason is StoppedReason.EV_DISCONNECTED


# ---- voltage -------------------------------------------------------------------------------------------------------


def test_too_little_voltage_on_one_phase_ends_the_charge_and_clears_when_it_is_back() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.plugs[1].voltage_mv = (230_000, 195_000, 230_000)
    bench.run(LIMITS.under_voltage_s - 0.5)
    assert bench.state() is State.DELIVERING
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=10)

    assert fault(bench) is FaultCode.UNDER_VOLTAGE
    assert bench.ended.stopped_reason is StoppedReason.POWER_QUALITY
    bench.plugs[1].voltage_mv = (230_000, 197_000, 230_000)
    bench.run(5)
    assert bench.state() is State.OUT_OF_SERVICE, "a little above the limit is not back"
    bench.plugs[1].voltage_mv = (230_000,) * 3
    bench.run(1)
    assert bench.state() is State.IDLE


def test_a_single_phase_evse_looks_at_its_own_phase_only() -> None:
    single = EvseSettings(1, phases=1)
    reading = MeterReading(0.0, 0, voltage_mv=(230_000, 0, 0))
    watch = watched(CALM, Facts(meter=reading), reading, single, None, 0.0, 0.0)

    assert watch is CALM


# ---- heat ----------------------------------------------------------------------------------------------------------


def test_heat_takes_current_away_in_steps_and_stops_where_that_does_not_help() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    plug = bench.plugs[1]
    plug.temperature_dc = LIMITS.warm_dc
    bench.run(1)
    assert (bench.state(), plug.wanted.offered_a) == (State.DELIVERING, 16)
    bench.run(LIMITS.heat_step_s, every_s=1)
    assert (bench.state(), plug.wanted.offered_a) == (State.DELIVERING, 6)
    bench.run(LIMITS.heat_step_s, every_s=1)
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=10)
    assert fault(bench) is FaultCode.OVER_TEMPERATURE

    plug.temperature_dc = LIMITS.cool_dc + 1
    bench.run(5)
    assert bench.state() is State.OUT_OF_SERVICE
    plug.temperature_dc = LIMITS.cool_dc
    bench.run(1)
    assert bench.state() is State.IDLE
    assert bench.session().watch is CALM


def test_heat_that_the_first_step_cures_gives_all_of_the_current_back() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    plug = bench.plugs[1]
    plug.temperature_dc = LIMITS.warm_dc + 20
    bench.run(60, every_s=1)
    plug.temperature_dc = LIMITS.warm_dc - 10
    bench.run(3 * LIMITS.heat_step_s, every_s=5)
    assert plug.wanted.offered_a == 16, "neither warm nor cool: the step stands"
    plug.temperature_dc = LIMITS.cool_dc
    bench.run(1)

    assert plug.wanted.offered_a == EVSE.max_a
    assert bench.state() is State.DELIVERING


def test_a_board_that_is_too_hot_by_its_own_word_stops_at_once() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.plugs[1].temperature_dc = 860
    bench.plugs[1].board_is_too_hot = True
    bench.sense()

    assert not bench.plugs[1].wanted.contactor_closed
    bench.plugs[1].board_is_too_hot, bench.plugs[1].temperature_dc = False, 800
    bench.run(60)
    assert fault(bench) is FaultCode.OVER_TEMPERATURE, "until it has cooled, not until it is a degree less"


def test_a_board_that_derates_goes_on_charging() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.plugs[1].board_derates = True
    bench.run(600, every_s=1)

    assert bench.state() is State.DELIVERING


# ---- meter ---------------------------------------------------------------------------------------------------------


def test_another_meter_ends_the_charge_with_the_last_good_reading_of_the_former_one() -> None:
    bench = Bench()
    bench.charge(for_s=90)
    plug = bench.plugs[1]
    before_wh = plug.reading.import_wh if plug.reading else 0
    plug.serial, plug.register_wh, plug.changed_at_s = "M2", 9_000_000.0, bench.s
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=5)

    assert fault(bench) is FaultCode.METER_SWAPPED
    assert bench.ended.meter.import_wh == before_wh
    assert bench.ended.meter.quality is Quality.STALE
    assert bench.ended.final is False
    bench.run(60)
    assert bench.state() is State.OUT_OF_SERVICE, "until somebody says by name that it is right"
    bench.say(events.ResetPressed(1, "Mia"))
    bench.run(1)
    assert bench.state() is State.IDLE
    assert ("Mia", "reset") in [(a.by, a.what) for a in bench.audits]

    bench.unplug()
    bench.run(1)
    bench.charge(for_s=60)
    bench.tap()
    bench.run_until(State.IDLE)
    assert bench.ended.meter.import_wh - bench.story()[0].meter.import_wh < 1_000, "the new meter counts from its own"


def test_another_meter_is_noticed_by_its_number_alone() -> None:
    """As after a power cut in which somebody exchanged it: the driver has nothing to compare with."""
    bench = Bench()
    bench.charge(for_s=90)
    plug = bench.plugs[1]
    before_wh = plug.reading.import_wh if plug.reading else 0
    plug.serial, plug.register_wh = "M2", 9_000_000.0
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=5)

    assert fault(bench) is FaultCode.METER_SWAPPED
    assert bench.ended.meter.import_wh == before_wh
    bench.run(1)
    bench.say(events.ResetPressed(1, "Mia"))
    assert bench.state() is State.IDLE


def test_a_register_that_cannot_be_true_is_named_and_the_last_good_reading_stands() -> None:
    bench = Bench()
    bench.charge(for_s=90)
    bench.plugs[1].register_is_doubted = True
    last_wh = bench.plugs[1].reading.import_wh if bench.plugs[1].reading else 0
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=40)

    assert fault(bench) is FaultCode.METER_IMPLAUSIBLE
    assert bench.ended.meter.import_wh == last_wh
    assert bench.ended.final is False


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [{"warm_c": 85}, {"cool_c": 70}, {"over_current_s": 0.0}, {"under_voltage_percent": 96}]
)
def test_a_limit_out_of_its_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Protection(**wrong)  # type: ignore[arg-type]
