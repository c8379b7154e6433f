"""How each row of docs/faults.md is had in the bytes tier: what breaks in the street, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kiosk.session.faults import FaultCode
from tests.faults.forecourt import DIN, HEIDELBERG


@dataclass(frozen=True, slots=True)
class Row:
    """`breaks` is a command to the street for the EVSE that charges. `tells` are words of the driver's complaint."""

    what: str  # a sentence's subject: the test's name
    code: FaultCode
    breaks: dict[str, Any]
    board: str = DIN
    is_before_the_charge: bool = False
    can_read_meter: bool = True  # after the fault: the bill is right to the register's step
    can_reach_board: bool = True  # the offer falls to 0 A
    tells: str = ""

    @property
    def is_told_by_a_line(self) -> bool:
        """The kiosk sees at once that the cause is gone; of a contactor it only knows by trying again."""
        return self.code is FaultCode.RCD_TRIPPED


def _fault(kind: str) -> dict[str, Any]:
    return {"do": "fault", "kind": kind}


ROWS = (
    Row("an RCD that trips", FaultCode.RCD_TRIPPED, {"do": "trip-rcd"}),
    Row("an RCD line that another program holds", FaultCode.RCD_TRIPPED, _fault("rcd-line-busy")),
    Row(
        "a contactor that does not close", FaultCode.CONTACTOR_STUCK_OPEN, _fault("jam"), is_before_the_charge=True
    ),
    Row("feedback that says open against the wish", FaultCode.CONTACTOR_STUCK_OPEN, _fault("feedback-open")),
    Row("a pilot in state E", FaultCode.PILOT_FAULT, _fault("pilot-e")),
    Row("a pilot in state F", FaultCode.PILOT_FAULT, _fault("pilot-f"), HEIDELBERG),
    Row("a failed diode check", FaultCode.PILOT_FAULT, _fault("board-diode"), tells="finds the pilot failed"),
    Row("a board's own error", FaultCode.PILOT_FAULT, _fault("board-error"), tells="error of its own"),
    Row(
        "a board that falls silent",
        FaultCode.PILOT_LOST,
        _fault("board-silent"),
        can_reach_board=False,
        tells="no answer for",
    ),
    Row(
        "a feedback line that another program holds",
        FaultCode.FEEDBACK_LOST,
        _fault("feedback-line-busy"),
        tells="GPIO busy",
    ),
    Row(
        "a meter that falls silent",
        FaultCode.METER_LOST,
        _fault("meter-silent"),
        can_read_meter=False,
        tells="no answer for",
    ),
    Row(
        "a meter that answers too late",
        FaultCode.METER_LOST,
        _fault("meter-late"),
        can_read_meter=False,
        tells="too late for a patience of",
    ),
    Row(
        "a meter that answers one request late",
        FaultCode.METER_LOST,
        _fault("meter-lags"),
        can_read_meter=False,
        tells="meter",
    ),
    Row(
        "another device that answers in the meter's place",
        FaultCode.METER_LOST,
        _fault("meter-wrong-device"),
        can_read_meter=False,
        tells="device 99 answers in its place",
    ),
    Row(
        "two meters on one address",
        FaultCode.METER_LOST,
        _fault("meter-doubled"),
        can_read_meter=False,
        tells="second device has address 1",
    ),
    Row(
        "a register that runs backwards",
        FaultCode.METER_LOST,
        _fault("meter-backwards"),
        can_read_meter=False,
        tells="ran backwards",
    ),
    Row(
        "a register that jumps",
        FaultCode.METER_LOST,
        _fault("meter-jump"),
        can_read_meter=False,
        tells="jumped by",
    ),
    Row(
        "a bus held by a babbling device",
        FaultCode.METER_LOST,
        _fault("bus-babble"),
        can_read_meter=False,
        tells="talks without pause",
    ),
    Row(
        "an RS-485 adapter that is pulled",
        FaultCode.METER_LOST,
        _fault("bus-unplugged"),
        can_read_meter=False,
        tells="there is no such port",
    ),
)  # fmt: skip

# Rows of the table that need a test of their own: code → where it is.
ELSEWHERE = {
    FaultCode.EMERGENCY_STOP: "tests/faults/test_whole_kiosk.py",
    FaultCode.CONTACTOR_WELDED: "tests/faults/test_whole_kiosk.py",
    FaultCode.RELAY_DROPPED: "tests/faults/test_whole_kiosk.py",
    FaultCode.OFFER_IGNORED: "tests/daemon/test_site_limit.py",
    FaultCode.JOURNAL_FAILED: "tests/daemon/test_disk.py",
}
