"""How each row of docs/faults.md is had in the bytes tier: what breaks in the street, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contract.transaction import StoppedReason
from kiosk.session.faults import FaultCode
from tests.faults.forecourt import DIN, HEIDELBERG


@dataclass(frozen=True, slots=True)
class Row:
    """`breaks` is a command to the street for the EVSE that charges. `tells` are words of the driver's complaint."""

    what: str  # a sentence's subject: the test's name
    code: FaultCode
    breaks: dict[str, Any]
    mends: dict[str, Any] = field(default_factory=lambda: {"do": "mend"})
    board: str = DIN
    ends: StoppedReason = StoppedReason.OTHER
    latches: bool = False
    is_before_the_charge: bool = False
    can_read_meter: bool = True  # after the fault: the bill is right to the register's step
    can_reach_board: bool = True  # the offer falls to 0 A
    clears_by_unplugging: bool = False
    is_there_to_stay: bool = False  # what broke is not mended: a reset says that it is right
    passes_a: tuple[int, ...] = ()  # offers on the way to 0 A: less before nothing
    tells: str = ""
    condition: str = ""  # the row of the kiosk's own table that shows with it

    @property
    def is_told_by_a_line(self) -> bool:
        """The kiosk sees by itself that the cause is gone; of a contactor or a meter a person has to say so."""
        return self.code is FaultCode.RCD_TRIPPED


def _fault(kind: str) -> dict[str, Any]:
    return {"do": "fault", "kind": kind}


F = FaultCode
ROWS = (
    Row("an RCD that trips", F.RCD_TRIPPED, {"do": "trip-rcd"}, ends=StoppedReason.GROUND_FAULT, latches=True),
    Row(
        "an RCD line that another program holds",
        F.SAFETY_LINE_LOST,
        _fault("rcd-line-busy"),
        tells="GPIO busy",
        condition="gpio_gone",
    ),
    Row(
        "a contactor that does not close",
        F.CONTACTOR_STUCK_OPEN,
        _fault("jam"),
        is_before_the_charge=True,
        latches=True,
    ),
    Row("a contactor whose coil loses its wire", F.CONTACTOR_DROPPED, _fault("coil-cut"), latches=True),
    Row("feedback that says open against the wish", F.CONTACTOR_DROPPED, _fault("feedback-open"), latches=True),
    Row(
        "a feedback line that another program holds",
        F.FEEDBACK_LOST,
        _fault("feedback-line-busy"),
        tells="GPIO busy",
    ),
    Row(
        "a pilot in state E",
        F.PILOT_FAULT,
        _fault("pilot-e"),
        board=HEIDELBERG,
        tells="finds the pilot shorted or failed",
    ),
    Row(
        "a pilot in state F",
        F.PILOT_FAULT,
        _fault("pilot-f"),
        board=HEIDELBERG,
        tells="finds the pilot shorted or failed",
    ),
    Row("a failed diode check", F.DIODE_FAULT, _fault("board-diode"), tells="vehicle's diode"),
    Row("an error of a pilot board", F.BOARD_FAULT, _fault("board-error"), tells="error of its own"),
    Row("an error of a board that switches", F.BOARD_FAULT, _fault("board-error"), board=HEIDELBERG, tells="state 11"),
    Row("a board that is too hot", F.OVER_TEMPERATURE, _fault("board-hot"), board=HEIDELBERG, tells="92.0 °C"),
    Row(
        "a board that stays warm with less and less current",
        F.OVER_TEMPERATURE,
        _fault("board-warm"),
        board=HEIDELBERG,
        passes_a=(8, 6),
    ),
    Row(
        "a pilot board that falls silent",
        F.PILOT_LOST,
        _fault("board-silent"),
        can_reach_board=False,
        tells="no answer for",
    ),
    Row(
        "a board that switches and falls silent",
        F.PILOT_LOST,
        _fault("board-silent"),
        board=HEIDELBERG,
        can_read_meter=False,  # its own watchdog opens and takes the offer away, after `end_s` of the forecourt
        tells="no answer for",
    ),
    Row(
        "a vehicle that draws beyond its offer",
        F.OVER_CURRENT,
        _fault("over-current"),
        clears_by_unplugging=True,
        ends=StoppedReason.OVERCURRENT_FAULT,
    ),
    Row("mains below 85 % of its voltage", F.UNDER_VOLTAGE, _fault("under-voltage"), ends=StoppedReason.POWER_QUALITY),
    Row(
        "another meter in place of the one before",
        F.METER_SWAPPED,
        _fault("meter-swapped"),
        can_read_meter=False,
        is_there_to_stay=True,
        latches=True,
    ),
    Row(
        "a register that runs backwards",
        F.METER_IMPLAUSIBLE,
        _fault("meter-backwards"),
        can_read_meter=False,
        tells="ran backwards",
    ),
    Row(
        "a register that jumps",
        F.METER_IMPLAUSIBLE,
        _fault("meter-jump"),
        can_read_meter=False,
        tells="jumped by",
    ),
    Row(
        "a meter that falls silent",
        F.METER_LOST,
        _fault("meter-silent"),
        can_read_meter=False,
        tells="no answer for",
    ),
    Row(
        "a meter that answers too late",
        F.METER_LOST,
        _fault("meter-late"),
        can_read_meter=False,
        tells="too late for a patience of",
        condition="answers_late",
    ),
    Row(
        "a meter that answers one request late",
        F.METER_LOST,
        _fault("meter-lags"),
        can_read_meter=False,
        tells="meter",
    ),
    Row(
        "another device that answers in the meter's place",
        F.METER_LOST,
        _fault("meter-wrong-device"),
        can_read_meter=False,
        tells="device 99 answers in its place",
        condition="wrong_device",
    ),
    Row(
        "two meters on one address",
        F.METER_LOST,
        _fault("meter-doubled"),
        can_read_meter=False,
        tells="second device has address 1",
    ),
    Row(
        "a bus held by a babbling device",
        F.METER_LOST,
        _fault("bus-babble"),
        can_read_meter=False,
        tells="talks without pause",
        condition="bus_babbles",
    ),
    Row(
        "an RS-485 adapter that is pulled",
        F.METER_LOST,
        _fault("bus-unplugged"),
        can_read_meter=False,
        tells="there is no such port",
        condition="port_gone",
    ),
    Row(
        "an RS-485 adapter that comes back under another name",
        F.METER_LOST,
        _fault("bus-unplugged"),
        _fault("bus-renamed"),
        can_read_meter=False,
        tells="there is no such port",
        condition="port_gone",
    ),
)

# Where others are heard well on the same bus: what goes wrong with one is not the wire's doing.
SHARED_ROWS = (
    Row(
        "two meters on one address of a bus",
        F.METER_LOST,
        _fault("meter-doubled"),
        can_read_meter=False,
        tells="likely two devices have address 1",
        condition="address_doubled",
    ),
    Row(
        "two boards on one address of a bus",
        F.PILOT_LOST,
        _fault("board-doubled"),
        tells="likely two devices have address 2",
        condition="address_doubled",
    ),
)

# Rows of the table that need a test of their own: code → where it is.
ELSEWHERE = {
    F.EMERGENCY_STOP: "tests/faults/test_whole_kiosk.py",
    F.CONTACTOR_WELDED: "tests/faults/test_whole_kiosk.py",
    F.FLOWS_THOUGH_OPEN: "tests/faults/test_whole_kiosk.py",
    F.RELAY_DROPPED: "tests/faults/test_whole_kiosk.py",
    F.OFFER_IGNORED: "tests/daemon/test_site_limit.py",
    F.JOURNAL_FAILED: "tests/daemon/test_disk.py",
}

# The kiosk's own rows (kiosk/cli/conditions.py) that come with no fault of an EVSE: code → where it is tested.
CONDITIONS_ELSEWHERE = {
    **dict.fromkeys(
        (
            "offline",
            "server_refuses",
            "certificate_expired",
            "certificate_refused",
            "screen_gone",
            "nfc_reader_dead",
            "scanner_gone",
            "reader_lost",
            "uplink_gone",
        ),
        "tests/faults/test_conditions.py",
    ),
    **dict.fromkeys(("clock_unknown", "clock_set"), "tests/faults/test_clock.py"),
    **dict.fromkeys(("disk_full", "disk_read_only", "disk_stalled"), "tests/daemon/test_disk.py"),
    "row_refused": "tests/daemon/test_process.py",
    "journal_damaged": "tests/daemon/test_process.py",
}
