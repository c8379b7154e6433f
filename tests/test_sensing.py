"""From devices to facts: too old is unknown, and what some devices tell besides is understood."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from contract.iec61851 import PilotState
from contract.metering import MeterReading
from kiosk.devices import Alarm, BoardReport, Health, MeterChange, Observation
from kiosk.sensing import Disk, EvseParts, Parts, Senses
from kiosk.session.facts import Facts
from kiosk.session.faults import FaultCode, fault_in
from kiosk.session.settings import Patience

NOW_S = 100.0
PATIENCE = Patience()


@dataclass
class Board:
    """A pilot board that reports, and the contactor beside it."""

    name: str = "board"
    seen: Observation[BoardReport] | None = None
    at_s: float = NOW_S

    def state(self) -> Observation[PilotState]:
        return Observation(PilotState.B, self.at_s)

    def offer(self, amps: int) -> None: ...

    def report(self) -> Observation[BoardReport] | None:
        return self.seen

    def command(self, closed: bool) -> None: ...

    def feedback(self) -> Observation[bool]:
        return Observation(False, self.at_s)

    def health(self) -> Health:
        return Health(True)


@dataclass
class OwnMeter:
    """A meter with a number, that doubts."""

    name: str = "meter"
    at_s: float = NOW_S
    doubt: Observation[str] | None = None
    changed: Observation[MeterChange] | None = None

    def reading(self) -> MeterReading:
        return MeterReading(self.at_s, 1_000)

    def doubted(self) -> Observation[str] | None:
        return self.doubt

    def start_anew(self) -> None:
        self.doubt = None

    def change(self) -> Observation[MeterChange] | None:
        return self.changed

    def health(self) -> Health:
        return Health(True)


@dataclass
class Line:
    name: str = "line"
    active: bool = False
    is_readable: bool = True

    def is_active(self) -> bool:
        return self.active or not self.is_readable

    def health(self) -> Health:
        return Health(self.is_readable, "" if self.is_readable else "cannot read GPIO 17")


class Bench:
    def __init__(self) -> None:
        self.board, self.meter, self.stop, self.rcd = Board(), OwnMeter(), Line(), Line()
        parts = EvseParts(self.board, self.board, self.meter, self.rcd)
        self.senses = Senses(Parts({1: parts}, emergency_stop=self.stop), PATIENCE)

    def facts(self, now_s: float = NOW_S) -> Facts:
        return self.senses.look(now_s, Disk())[1]

    def fault(self) -> FaultCode | None:
        return fault_in(self.facts())


def test_a_healthy_evse_shows_no_fault() -> None:
    assert Bench().fault() is None


@pytest.mark.parametrize("which", ["stop", "rcd"])
def test_a_line_that_cannot_be_read_is_not_called_pressed(which: str) -> None:
    bench = Bench()
    line: Line = getattr(bench, which)
    line.is_readable = False
    facts = bench.facts()
    assert (facts.emergency_stop, facts.rcd_tripped, facts.safety_line_lost) == (False, False, True)
    assert fault_in(facts) is FaultCode.SAFETY_LINE_LOST
    line.is_readable, line.active = True, True

    assert bench.fault() is (FaultCode.EMERGENCY_STOP if which == "stop" else FaultCode.RCD_TRIPPED)


def test_a_line_that_is_lost_asks_for_one_beat_and_not_for_ever() -> None:
    bench = Bench()
    bench.facts()
    assert not bench.senses.safety_has_changed()
    bench.rcd.is_readable = False
    assert bench.senses.safety_has_changed()
    bench.facts()

    assert not bench.senses.safety_has_changed()


@pytest.mark.parametrize(
    ("alarm", "code"),
    [
        (Alarm.DIODE_FAILURE, FaultCode.DIODE_FAULT),
        (Alarm.BOARD_ERROR, FaultCode.BOARD_FAULT),
        (Alarm.OVER_TEMPERATURE, FaultCode.OVER_TEMPERATURE),
        (Alarm.DERATING, None),
    ],
)
def test_what_the_board_reports_is_the_fault_of_that_name(alarm: Alarm, code: FaultCode | None) -> None:
    bench = Bench()
    bench.board.seen = Observation(BoardReport(frozenset({alarm}), 912), NOW_S)
    facts = bench.facts()

    assert fault_in(facts) is code
    assert facts.board_derates == (alarm is Alarm.DERATING)
    assert facts.temperature_dc == 912


def test_an_old_report_is_no_report() -> None:
    bench = Bench()
    told = BoardReport(frozenset({Alarm.BOARD_ERROR}), 500)
    bench.board.seen = Observation(told, NOW_S - PATIENCE.pilot_stale_s - 1)

    assert bench.fault() is None
    assert bench.facts().temperature_dc is None


def test_a_meter_that_answers_nonsense_is_named_once_its_last_good_reading_is_old() -> None:
    bench = Bench()
    bench.meter.doubt = Observation("import ran backwards", NOW_S)
    assert bench.fault() is None, "the last good reading is fresh"
    bench.meter.at_s = NOW_S - PATIENCE.meter_stale_s - 1
    assert bench.fault() is FaultCode.METER_IMPLAUSIBLE
    bench.meter.doubt = Observation("import ran backwards", NOW_S - PATIENCE.meter_stale_s - 1)

    assert bench.fault() is FaultCode.METER_LOST, "it has fallen silent since"


def test_a_register_that_a_technician_believes_is_asked_for_anew() -> None:
    bench = Bench()
    bench.meter.doubt, bench.meter.at_s = Observation("import ran backwards", NOW_S), NOW_S - PATIENCE.meter_stale_s - 1
    assert bench.fault() is FaultCode.METER_IMPLAUSIBLE
    bench.senses.believe_register(1)

    assert bench.meter.doubt is None


def test_another_meter_is_a_fact_with_its_time() -> None:
    bench = Bench()
    bench.meter.changed = Observation(MeterChange("42", "43"), 97.0)

    assert bench.facts().meter_changed_at_s == 97.0
    assert bench.fault() is FaultCode.METER_SWAPPED
    assert fault_in(replace(bench.facts(), meter_changed_at_s=float("-inf"))) is None
