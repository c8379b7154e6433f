"""What is wrong with the kiosk besides its EVSEs: one row each, found in the snapshot by `kiosk why`.

Law: a row is found by what the snapshot says, never by asking anything else. Cause and fix stand in causes.py under
the row's code. A row that also takes an EVSE out of service comes with that EVSE's fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Snapshot = Mapping[str, Any]
Shows = Callable[[Snapshot], bool]


def _reader(kind: str) -> Shows:
    return lambda s: any(r["kind"] == kind and not r["is_good"] for r in s["readers"])


def _no_reader(snapshot: Snapshot) -> bool:
    readers = snapshot["readers"]
    return bool(readers) and not any(reader["is_good"] for reader in readers)


def _device(name: str) -> Shows:
    return lambda s: any(d["name"] == name and not d["is_good"] for d in s["devices"])


def _says(*words: str) -> Shows:
    """A device, or the journal, that is not well and says one of these; the drivers' own sentences."""
    return lambda s: any(not d["is_good"] and any(word in d["message"] for word in words) for d in s["devices"])


def _offline(*because: str) -> Shows:
    return lambda s: not s["is_online"] and s.get("offline_because", "") in because


def _uplink_gone(snapshot: Snapshot) -> bool:
    return _offline("uplink_gone")(snapshot) or _device("uplink process")(snapshot)


def _clock_was_set(snapshot: Snapshot) -> bool:
    return any(d["name"] == "clock" and "was set" in d["message"] for d in snapshot["devices"])


CONDITIONS: dict[str, Shows] = {
    "nfc_reader_dead": _reader("nfc"),
    "scanner_gone": _reader("qr"),
    "reader_lost": _no_reader,
    "screen_gone": _device("screen process"),
    "uplink_gone": _uplink_gone,
    "offline": _offline("", "no_answer"),
    "server_refuses": _offline("server_refuses"),
    "row_refused": _device("outbox"),
    "certificate_expired": _offline("certificate_expired"),
    "certificate_refused": _offline("certificate_refused"),
    "clock_unknown": lambda s: bool(s["clock_quality"] == "unknown"),
    "clock_set": _clock_was_set,
    "disk_full": _says("database or disk is full", "No space left"),
    "disk_read_only": _says("readonly database", "read-only", "Read-only", "disk I/O error"),
    "disk_stalled": _says("has not come back"),
    "journal_damaged": _says("damaged"),
    "port_gone": _says("no such port"),
    "bus_babbles": _says("talks without pause"),
    "address_doubled": _says("ikely two devices have address"),
    "answers_late": _says("too late for a patience"),
    "wrong_device": _says("answers in its place"),
    "gpio_gone": _says("GPIO"),
}


def standing(snapshot: Snapshot) -> list[str]:
    """The codes of the rows that the snapshot shows, in the table's order."""
    return [code for code, shows in CONDITIONS.items() if shows(snapshot)]
