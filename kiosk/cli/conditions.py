"""What is wrong with the kiosk besides its EVSEs: one row each, found in the snapshot by `why`, told in docs/faults.md.

Law: a row is found by what the snapshot says, never by asking anything else. Cause and fix stand in causes.py under
the row's code. A row that also takes an EVSE out of service names the fault; the driver reads that fault's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Snapshot = Mapping[str, Any]
NOTHING_CHANGES = "as they are"
GOES_ON = "goes on"
AS_EVER = "as ever"


@dataclass(frozen=True, slots=True)
class Condition:
    """One row. `screen`: keys of the driver's texts; `silent`: why the driver is not told, where there are none."""

    code: str
    shows: Callable[[Snapshot], bool]
    outputs: str
    session: str
    bill: str
    log: str  # as it stands in the log; … for what differs
    doctor: str  # the line of `kiosk doctor` that tells of it
    clears: str
    worlds: str  # how it is seen where the device Protocols are the seam
    screen: tuple[str, ...] = ()
    silent: str = ""


def _reader(kind: str) -> Callable[[Snapshot], bool]:
    return lambda s: any(r["kind"] == kind and not r["is_good"] for r in s["readers"])


def _no_reader(snapshot: Snapshot) -> bool:
    readers = snapshot["readers"]
    return bool(readers) and not any(reader["is_good"] for reader in readers)


def _device(name: str) -> Callable[[Snapshot], bool]:
    return lambda s: any(d["name"] == name and not d["is_good"] for d in s["devices"])


def _says(*words: str) -> Callable[[Snapshot], bool]:
    """A device, or the journal, that is not well and says one of these; the drivers' own sentences."""
    return lambda s: any(not d["is_good"] and any(word in d["message"] for word in words) for d in s["devices"])


def _offline(because: str) -> Callable[[Snapshot], bool]:
    return lambda s: not s["is_online"] and s.get("offline_because", "") == because


def _clock_was_set(snapshot: Snapshot) -> bool:
    return any(d["name"] == "clock" and "was set" in d["message"] for d in snapshot["devices"])


_OPEN = "of the EVSEs concerned: 0 A, contactor open at once"
_ENDS = "ends with `Other`"


def _offline_row(
    code: str, shows: Callable[[Snapshot], bool], log: str, doctor: str, clears: str, worlds: str
) -> Condition:
    """The server is not reached: the kiosk goes on alone."""
    return Condition(
        code,
        shows,
        NOTHING_CHANGES,
        f"{GOES_ON}; new ones by the kiosk's own list and signed vouchers",
        f"{AS_EVER}; it reaches the server later, once",
        log,
        doctor,
        clears,
        worlds,
        ("authorizing.waits_offline", "plug_in.accepted_offline", "charging.note_offline"),
    )


def _bus_row(code: str, words: str, log: str, clears: str, doctor: str = "meter, device") -> Condition:
    """Something on a bus keeps a meter, or a board, from being read: the EVSE's own fault follows."""
    return Condition(
        code,
        _says(words),
        _OPEN,
        _ENDS,
        "up to the last good reading, marked not final; one correction may follow",
        log,
        doctor,
        clears,
        "a meter or pilot whose readings grow old",
        ("fault.meter_lost.what", "fault.meter_lost.detail", "fault.meter_lost.do"),
    )


CONDITIONS: tuple[Condition, ...] = (
    Condition(
        "nfc_reader_dead",
        _reader("nfc"),
        NOTHING_CHANGES,
        f"{GOES_ON}; it ends by code, member code or unplugging",
        AS_EVER,
        "kiosk.health: WARNING: front: pn532 at …",
        "NFC reader / reader",
        "by itself: the driver pulses the reset line, if one is wired, and opens it anew",
        "a reader without tokens whose health is bad",
        ("readers.code_only", "identify.card_broken"),
    ),
    Condition(
        "scanner_gone",
        _reader("qr"),
        NOTHING_CHANGES,
        f"{GOES_ON}; it ends by card, code or unplugging",
        AS_EVER,
        "kiosk.health: WARNING: scanner: serial scanner at …",
        "scanner / reader",
        "by itself, once its port opens",
        "a reader without tokens whose health is bad",
        ("readers.card_only", "identify.code_broken"),
    ),
    Condition(
        "reader_lost",
        _no_reader,
        NOTHING_CHANGES,
        f"{GOES_ON}; it ends by code or unplugging",
        AS_EVER,
        "one line of kiosk.health for each reader",
        "reader",
        "by itself, with the first reader that works",
        "readers without tokens whose health is bad",
        ("readers.none",),
    ),
    Condition(
        "screen_gone",
        _device("screen process"),
        NOTHING_CHANGES,
        f"{GOES_ON}; it ends by card or unplugging",
        AS_EVER,
        "kiosk.health: WARNING: screen process: not here for … s",
        "device screen process",
        "by itself: systemd starts it again",
        "not there: worlds have no screen",
        silent="there is no screen to tell him; the card still starts and stops",
    ),
    _offline_row(
        "uplink_gone",
        _offline("uplink_gone"),
        "kiosk.desk: WARNING: uplink is gone",
        "uplink",
        "by itself: systemd starts it again",
        "an uplink that is killed and started",
    ),
    _offline_row(
        "offline",
        lambda s: not s["is_online"] and s.get("offline_because", "") in ("", "no_answer"),
        "kiosk.desk: INFO: server does not answer",
        "uplink, server",
        "by itself, with the first answer",
        "a server that is away",
    ),
    _offline_row(
        "server_refuses",
        _offline("server_refuses"),
        "kiosk.desk: WARNING: server not reached, server_refuses: …",
        "uplink, server",
        "by itself, once the server takes requests again",
        "a server that answers with errors",
    ),
    _offline_row(
        "certificate_expired",
        _offline("certificate_expired"),
        "kiosk.desk: WARNING: server not reached, certificate_expired: …",
        "uplink, server",
        "by itself, once the operator has renewed it",
        "not there: worlds call the server in process; tests/uplink/test_tls.py has it on real sockets",
    ),
    _offline_row(
        "certificate_refused",
        _offline("certificate_refused"),
        "kiosk.desk: WARNING: server not reached, certificate_refused: …",
        "uplink, server",
        "by itself, with a certificate that fits",
        "not there: worlds call the server in process; tests/uplink/test_tls.py has it on real sockets",
    ),
    Condition(
        "clock_unknown",
        lambda s: s["clock_quality"] == "unknown",
        NOTHING_CHANGES,
        GOES_ON,
        "times are marked as not sure; nothing that depends on the clock is held against the driver",
        "(none: the first line of every status shows it)",
        "clock, time sync",
        "by itself, once the clock is synchronised",
        "a clock at 1970",
        silent="his bill does not depend on it; the price before the start is the one that holds",
    ),
    Condition(
        "clock_set",
        _clock_was_set,
        NOTHING_CHANGES,
        f"{GOES_ON}: durations are monotonic",
        "by durations, which no step moves",
        "kiosk.clock: WARNING: the clock was set forward by … s",
        "device clock",
        "by itself: told for an hour",
        "a wall clock that jumps",
        silent="no duration and no price of his changes",
    ),
    Condition(
        "disk_full",
        _says("database or disk is full", "No space left"),
        "idle EVSEs: open; those that deliver: as they are for `record_s`, then ramped to 0 A and opened",
        "goes on for `record_s`, then ends with `Other`",
        "from the register, once it can be written",
        "kiosk.controller: ERROR: journal: …; … rows wait for the next try",
        "disk, disk writes",
        "by itself, with the first write that succeeds",
        "a disk that takes no writes",
        ("fault.journal_failed.what", "fault.journal_failed.detail", "fault.journal_failed.do"),
    ),
    Condition(
        "disk_read_only",
        _says("readonly database", "read-only", "Read-only", "disk I/O error"),
        "idle EVSEs: open; those that deliver: as they are for `record_s`, then ramped to 0 A and opened",
        "goes on for `record_s`, then ends with `Other`",
        "from the register, by the next start",
        "kiosk.controller: ERROR: journal: …; … rows wait for the next try",
        "disk",
        "by a new card and a new start of the controller",
        "a disk that takes no writes",
        ("fault.journal_failed.what", "fault.journal_failed.detail", "fault.journal_failed.do"),
    ),
    Condition(
        "journal_damaged",
        _says("damaged"),
        "open until the journal was begun anew, at the start",
        "one that ran ends with `PowerLoss` or `Other`",
        "from the readable rows and the register; nothing acknowledged is lost",
        "kiosk.daemon: ERROR: the journal was damaged (…) and is kept in …",
        "kept aside, database",
        "by itself; told until the folder it names is empty",
        "not there: tests/journal/test_damage.py has it on real files",
        silent="the kiosk works again before anybody could read it",
    ),
    _bus_row(
        "port_gone",
        "no such port",
        "kiosk.health: WARNING: meter 'left' (sdm630, …): no such port …",
        "by itself, once the adapter is back, also under another name that [[bus]] device or other_devices has",
        "bus",
    ),
    _bus_row(
        "bus_babbles",
        "talks without pause",
        "kiosk.health: WARNING: meter 'left' (…): cannot be heard, as something on … talks without pause …",
        "by itself, once the bus is quiet",
    ),
    _bus_row(
        "address_doubled",
        "ikely two devices have address",
        "kiosk.health: WARNING: meter 'left' (…): … Likely two devices have address …",
        "by itself, once one of the two is off",
    ),
    _bus_row(
        "answers_late",
        "too late for a patience",
        "kiosk.health: WARNING: meter 'left' (…): answers come after …, too late for a patience of …",
        "by itself, with answers in time",
    ),
    _bus_row(
        "wrong_device",
        "answers in its place",
        "kiosk.health: WARNING: meter 'left' (…): device … answers in its place …",
        "by itself, once the right one answers",
    ),
    Condition(
        "gpio_gone",
        _says("GPIO"),
        _OPEN,
        _ENDS,
        "from the register",
        "kiosk.health: WARNING: contactor 1: cannot read GPIO …",
        "relay and inputs, device",
        "by itself: each beat sets the line up again",
        "a contactor whose feedback grows old, a safety line whose health is bad",
        ("fault.safety_line_lost.what", "fault.feedback_lost.what"),
    ),
)


def standing(snapshot: Snapshot) -> list[str]:
    """The codes of the rows that the snapshot shows, in the table's order."""
    return [condition.code for condition in CONDITIONS if condition.shows(snapshot)]
