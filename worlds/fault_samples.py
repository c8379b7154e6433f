"""Snapshots in which each row of the fault table shows, as the technician's commands get them: for docs/faults.md.

The drivers' sentences are made by the drivers' own code where that needs no device.
"""

from __future__ import annotations

from typing import Any

from kiosk.drivers.modbus_errors import Place
from kiosk.session.faults import RULE_OF, FaultCode
from worlds.fault_rows import LESS

LEFT = Place("meter", "left", "sdm630", "/dev/ttyRS485", 1)
BOARD = Place("board", "left", "heidelberg", "/dev/ttyRS485", 2)
SINCE = "2026-11-21T04:22:24.000Z"
READER = (
    "front: pn532 at /dev/ttyNFC: [Errno 5] Input/output error, for 40 s; last good 41 s ago, reset 3 times. Check "
    + (
        "that the reader has power, its switches are on HSU, TX and RX are crossed, and no other program holds the "
        "terminal; a reader that hangs needs a reset."
    )
)
SCANNER = (
    "scanner: serial scanner at /dev/ttyQR: [Errno 2] could not open port, for 40 s; last open 41 s ago. Check "
    + ("that the scanner is plugged in and in serial (USB-COM) mode, and that no other program holds the terminal.")
)
NO_LINE = "contactor 1: cannot read GPIO 23: 'GPIO busy'. Check that no other program holds the line (gpioinfo)."


def healthy() -> dict[str, Any]:
    return {
        "kiosk_id": "hk-07",
        "place": "Pier 4 North",
        "boot_id": "e55d501d7cf24354",
        "at": SINCE,
        "is_online": True,
        "offline_because": "",
        "outbox_rows": 0,
        "clock_quality": "synchronised",
        "token_waits": False,
        "evses": [_evse()],
        "readers": [_part("front", kind="nfc"), _part("scanner", kind="qr")],
        "devices": [_part("contactor 1"), _part("meter 'left'"), _part("journal")],
    }


def of_fault(code: FaultCode) -> dict[str, Any]:
    """EVSE 1 out of service for it."""
    return healthy() | _faulted(code, _DETAILS.get(code, ""))


def of_less(code: str) -> dict[str, Any]:
    """EVSE 1 delivers, with less than it could."""
    assert any(row.code == code for row in LESS)
    transaction = {"meter_quality": "good", "is_offline": False, "is_on_disk": True, "power_w": 3680, "energy_wh": 235}
    transaction |= {"bill": {"total_minor": 11, "currency": "EUR"}, "meter_age_s": 0.4}
    offered_a = {"heat:half": 16, "heat:least": 6, "heat:board": 32}[code]
    state = {"state": "delivering", "contactor_closed": True, "wants_contactor_closed": True, "pilot": "C"}
    evse = _evse(**state, offered_a=offered_a, transaction=transaction, why=["charging_state:Charging", code])
    board = _part(
        "board 'left'",
        f"{BOARD}: lowers the current by itself (state 8, derating, 78.0 °C) for 90 s. Likely heat: clear its air, "
        "shade the cabinet. Charging goes on, slower.",
        is_good=True,
    )
    return healthy() | {"evses": [evse]} | ({"devices": [*healthy()["devices"], board]} if code == "heat:board" else {})


def of_condition(code: str) -> dict[str, Any]:
    changes: dict[str, dict[str, Any]] = {
        "nfc_reader_dead": {"readers": [_part("front", READER, kind="nfc"), _part("scanner", kind="qr")]},
        "scanner_gone": {"readers": [_part("front", kind="nfc"), _part("scanner", SCANNER, kind="qr")]},
        "reader_lost": {"readers": [_part("front", READER, kind="nfc"), _part("scanner", SCANNER, kind="qr")]},
        "screen_gone": _device("screen process", "screen process: not here for 35 s. Check systemctl status kiosk-ui."),
        "uplink_gone": _offline("uplink_gone")
        | _device("uplink process", "uplink process: not here for 35 s. Check systemctl status kiosk-uplink."),
        "offline": _offline("no_answer"),
        "server_refuses": _offline("server_refuses"),
        "row_refused": _device(
            "outbox", "outbox: the server refuses row 4711, which stays here: 422: POST /v1/rows: meter: unknown key"
        ),
        "certificate_expired": _offline("certificate_expired"),
        "certificate_refused": _offline("certificate_refused"),
        "clock_unknown": {"clock_quality": "unknown", "at": "1970-01-01T00:02:11.000Z"},
        "clock_set": _device("clock", "clock: was set forward by 3600 s, 20 s ago", is_good=True),
        "disk_full": _journal("database or disk is full"),
        "disk_read_only": _journal("attempt to write a readonly database"),
        "disk_stalled": _journal("a write has not come back for 120 s: the disk hangs"),
        "journal_damaged": _device(
            "journal",
            "the journal was damaged (database disk image is malformed) and is kept in "
            "/var/lib/kiosk/damaged/20261121T042011Z; 4120 rows were carried over, 12 of them still for the server, "
            "3 unreadable ones the server has, 0 are lost",
        ),
        "port_gone": _meter(
            f"{LEFT}: /dev/ttyRS485 9600 8N1: there is no such port. Check that the USB adapter is plugged in.",
        ),
        "bus_babbles": _meter(LEFT.drowned(9.0, 12.0)),
        "address_doubled": _meter(LEFT.garbled(9.0, 12.0, True)),
        "answers_late": _meter(LEFT.too_late(0.7, 0.5, 9.0, 12.0)),
        "wrong_device": _meter(LEFT.stranger(7, 9.0, 12.0)),
        "gpio_gone": _faulted(FaultCode.SAFETY_LINE_LOST, _DETAILS[FaultCode.SAFETY_LINE_LOST])
        | _device("contactor 1", NO_LINE),
    }
    return healthy() | changes[code]


_DETAILS: dict[FaultCode, str] = {
    FaultCode.SAFETY_LINE_LOST: "emergency stop: cannot read GPIO 17: 'GPIO busy'. Check that no other program holds "
    "the line (gpioinfo) and that the service's user is in the group gpio. Last good 4 s ago.",
    FaultCode.FEEDBACK_LOST: NO_LINE,
    FaultCode.PILOT_LOST: BOARD.silent(9.0, 12.0),
    FaultCode.METER_LOST: LEFT.silent(9.0, 12.0),
    FaultCode.METER_IMPLAUSIBLE: f"{LEFT}: import ran backwards from 1000000 to 500000 Wh; 9 readings set aside for "
    "9 s; last good reading 10 s ago. Check whether the meter was swapped or reset, or whether two devices share the "
    "address.",
    FaultCode.OVER_TEMPERATURE: f"{BOARD}: is too hot (state 7, well, 92.0 °C) for 4 s. Check the terminals for a "
    "loose screw, the fan and the sun on the cabinet.",
    FaultCode.DIODE_FAULT: f"{BOARD}: finds that the vehicle's diode, or the pilot, failed (state 5) for 4 s. Unplug "
    "the vehicle: if it clears, its diode or cable is bad; if not, the pilot wire is shorted.",
    FaultCode.BOARD_FAULT: f"{BOARD}: reports an error of its own (state 11, error) for 4 s. Switch its supply off for "
    "ten seconds; if it comes again, look up its code in the manual.",
    FaultCode.JOURNAL_FAILED: "journal: database or disk is full",
}


def _evse(**changes: Any) -> dict[str, Any]:
    plain = {
        "evse_id": 1,
        "state": "idle",
        "in_state_s": 71.0,
        "deadline_in_s": None,
        "pilot": "A",
        "contactor_closed": False,
        "wants_contactor_closed": False,
        "offered_a": 0,
        "offer": {"tariff": "here"},
        "transaction": None,
        "fault": None,
        "held": False,
        "why": ["free"],
    }
    return plain | changes


def _part(name: str, message: str = "", is_good: bool | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "is_good": not message if is_good is None else is_good, "message": message, **more}


def _device(name: str, message: str, is_good: bool = False) -> dict[str, Any]:
    """One device that says something among the healthy ones."""
    others = [part for part in healthy()["devices"] if part["name"] != name]
    return {"devices": [*others, _part(name, message, is_good)]}


def _faulted(code: FaultCode, detail: str) -> dict[str, Any]:
    latches = RULE_OF[code].latches
    fault = {"code": code.value, "since": SINCE, "is_latched": latches, "detail": detail}
    why = [f"fault:{code.value}", *(["needs_reset"] if latches else [])]
    return {"evses": [_evse(state="out_of_service", fault=fault, why=why)]}


def _meter(message: str) -> dict[str, Any]:
    """A meter that cannot be read, and what follows at its EVSE."""
    return _faulted(FaultCode.METER_LOST, message) | _device("meter 'left'", message)


def _journal(message: str) -> dict[str, Any]:
    """A disk that takes no writes, and what follows at an EVSE that is idle."""
    return _faulted(FaultCode.JOURNAL_FAILED, f"journal: {message}") | _device("journal", message)


def _offline(because: str) -> dict[str, Any]:
    return {"is_online": False, "offline_because": because, "outbox_rows": 3}
