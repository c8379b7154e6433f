"""The answer to each fault and each condition, one row each: what becomes of outputs, session and bill, what the driver
reads, what the log says, how it clears, and which kinds of fault show it in a world.

Codes, latches and reasons come from the code that acts on them; what stands here is what that code does, in words. The
tests of tests/session and tests/daemon hold it to them.
"""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.session.faults import FAULT_RULES, FaultCode, FaultRule

AT_ONCE = "0 A and open, at once"
AS_THEY_ARE = "as they are"
REGISTER = "the register read after the opening; no parking"
LAST_GOOD = "the last good reading; Ended says `final: false`, and one correction may follow"
AS_EVER = "as ever"
BY_RESET = "by a named reset, once the input is healthy"
BY_ITSELF = "by itself, once the facts are healthy"


@dataclass(frozen=True, slots=True)
class Row:
    """`screen`: keys of the driver's texts; `silent`: why he is not told, where there are none. `doctor`: the lines of
    `kiosk doctor` that tell of it. `kinds`: of worlds.faults; `unseen`: what a world cannot show of it."""

    code: str
    outputs: str
    session: str
    bill: str
    log: str
    doctor: str
    clears: str
    kinds: tuple[str, ...] = ()
    screen: tuple[str, ...] = ()
    silent: str = ""
    unseen: str = ""


# ---- faults of an EVSE: what differs from the rule -------------------------------------------------------------------

_RELAY = f"{AT_ONCE}; the safety relay is dropped, so every contactor of the kiosk opens"
_OUTPUTS = {
    FaultCode.CONTACTOR_WELDED: _RELAY,
    FaultCode.FLOWS_THOUGH_OPEN: _RELAY,
    FaultCode.OVER_TEMPERATURE: "first half of the current, then 6 A, a step every `heat_step_s`, then 0 A and open; "
    "at the board's own alarm at once",
    FaultCode.JOURNAL_FAILED: "idle: open; delivering: as they are for `record_s`, then ramped to 0 A and opened",
}
_BILL = {
    FaultCode.METER_LOST: LAST_GOOD,
    FaultCode.METER_IMPLAUSIBLE: LAST_GOOD,
    FaultCode.METER_SWAPPED: "the last good reading of the former meter",
    FaultCode.FEEDBACK_LOST: "the newest reading, `end_s` after the stop; Ended says `final: false`",
    FaultCode.CONTACTOR_WELDED: "the register, once the relay has opened; not seen open within `end_s`: as it was when "
    "the weld was found, and never above the cap, with `final: false`",
}
_CLEARS = {
    FaultCode.CONTACTOR_WELDED: "by a named reset, once the contactor is seen open",
    FaultCode.FLOWS_THOUGH_OPEN: "by a named reset, once the meter reads no current",
    FaultCode.CONTACTOR_DROPPED: "by a named reset",
    FaultCode.CONTACTOR_STUCK_OPEN: "by a named reset",
    FaultCode.METER_SWAPPED: "by a named reset, which says that this meter is right",
    FaultCode.METER_IMPLAUSIBLE: "by itself, with a register that can be true; or by a named reset, which says "
    "that it is right as it stands",
    FaultCode.RELAY_DROPPED: "by itself, with the reset of the EVSE that is welded",
    FaultCode.OVER_CURRENT: "by itself, once the cable was out",
    FaultCode.OFFER_IGNORED: "by itself, once the cable was out",
    FaultCode.OVER_TEMPERATURE: "by itself, once the board has cooled to `cool_c`",
    FaultCode.JOURNAL_FAILED: "by itself, with the first write that succeeds",
}
_KINDS: dict[FaultCode, tuple[str, ...]] = {
    FaultCode.EMERGENCY_STOP: ("emergency_stop",),
    FaultCode.RCD_TRIPPED: ("rcd_tripped",),
    FaultCode.CONTACTOR_WELDED: ("contactor_welded", "feedback_contradicts"),
    FaultCode.CONTACTOR_STUCK_OPEN: ("contactor_stuck_open", "feedback_contradicts"),
    FaultCode.CONTACTOR_DROPPED: ("feedback_contradicts",),
    FaultCode.FLOWS_THOUGH_OPEN: ("feedback_contradicts",),
    FaultCode.SAFETY_LINE_LOST: ("gpio_gone",),
    FaultCode.RELAY_DROPPED: ("contactor_welded",),
    FaultCode.PILOT_FAULT: ("pilot_e", "pilot_f"),
    FaultCode.PILOT_LOST: ("board_silent", "bus_noise"),
    FaultCode.FEEDBACK_LOST: ("feedback_lost", "board_silent", "gpio_gone"),
    FaultCode.METER_LOST: ("meter_silent", "meter_late", "bus_noise"),
    FaultCode.METER_IMPLAUSIBLE: ("register_backwards", "register_jumps"),
    FaultCode.METER_SWAPPED: ("meter_swapped",),
    FaultCode.OVER_CURRENT: ("over_current",),
    FaultCode.OVER_TEMPERATURE: ("board_over_temperature", "cabinet_hot"),
    FaultCode.DIODE_FAULT: ("board_diode_failure",),
    FaultCode.BOARD_FAULT: ("board_error",),
    FaultCode.UNDER_VOLTAGE: ("under_voltage",),
    FaultCode.OFFER_IGNORED: ("offer_ignored", "car_ignores_offer"),
    FaultCode.JOURNAL_FAILED: ("disk_full", "disk_read_only", "disk_stalled"),
}


def _of_rule(rule: FaultRule) -> Row:
    return Row(
        rule.code.value,
        _OUTPUTS.get(rule.code, AT_ONCE),
        f"ends with `{rule.stopped_reason}`; out of service",
        _BILL.get(rule.code, REGISTER),
        f"kiosk.controller: INFO: evse 1: Faulted {rule.code}",
        "relay and inputs",
        _CLEARS.get(rule.code, BY_RESET if rule.latches else BY_ITSELF),
        _KINDS.get(rule.code, ()),
        tuple(f"fault.{rule.code}.{part}" for part in ("what", "detail", "do")),
    )


FAULTS = tuple(_of_rule(rule) for rule in FAULT_RULES)

# ---- less than there could be, and no fault --------------------------------------------------------------------------

_HOT = ("charging.note_hot",)
LESS = (
    Row(
        "heat:half", "half of `max_a` at most", "goes on", AS_EVER, "none", "none: nothing is broken",
        "by itself, once the board has cooled to `cool_c`", ("cabinet_hot",), _HOT,
    ),
    Row(
        "heat:least", "6 A", "goes on; a step later it ends with the fault `over_temperature`", AS_EVER, "none",
        "none: nothing is broken", "by itself, once the board has cooled to `cool_c`", ("cabinet_hot",), _HOT,
    ),
    Row(
        "heat:board", "as offered; the board takes less by itself", "goes on", AS_EVER, "none", "device",
        "by itself, once the board says so", ("board_derating",), _HOT,
    ),
)  # fmt: skip

# ---- the kiosk besides its EVSEs -------------------------------------------------------------------------------------

_OFFLINE = ("authorizing.waits_offline", "plug_in.accepted_offline", "charging.note_offline")
_ALONE = "goes on; new ones by the kiosk's own list and signed vouchers"
_LATER = f"{AS_EVER}; it reaches the server later, once"
_FAULT_OF_METER = tuple(f"fault.meter_lost.{part}" for part in ("what", "detail", "do"))
_FAULT_OF_DISK = tuple(f"fault.journal_failed.{part}" for part in ("what", "detail", "do"))
_OF_THOSE = f"of the EVSEs concerned: {AT_ONCE}"
_ENDS = "ends with `Other`, by the fault `meter_lost`, `pilot_lost` or `feedback_lost`"
_UNTIL = "goes on for `record_s`, then ends with `Other`"
_DISK_LOG = "kiosk.controller: ERROR: journal: …; … rows wait for the next try"
_METER_LOG = "kiosk.health: WARNING: meter 'left' (sdm630, /dev/ttyRS485, address 1): …"
_NO_BYTES = "no device Protocol shows bytes, so there it is a meter that is silent or late"


def _offline(code: str, log: str, clears: str, kinds: tuple[str, ...], unseen: str = "") -> Row:
    """The server is not reached: the kiosk goes on alone."""
    lines = "uplink" if code == "uplink_gone" else "uplink, server"
    return Row(code, AS_THEY_ARE, _ALONE, _LATER, log, lines, clears, kinds, _OFFLINE, unseen=unseen)


def _bus(code: str, doctor: str, clears: str) -> Row:
    """Something on a bus keeps a meter, or a board, from being read: the EVSE's own fault follows."""
    kinds = ("meter_late",) if code == "answers_late" else ("meter_silent",)
    return Row(code, _OF_THOSE, _ENDS, LAST_GOOD, _METER_LOG, doctor, clears, kinds, _FAULT_OF_METER, unseen=_NO_BYTES)


CONDITION_ROWS = (
    Row(
        "nfc_reader_dead", AS_THEY_ARE, "goes on; it ends by code, member code or unplugging", AS_EVER,
        "kiosk.health: WARNING: front: pn532 at …", "reader",
        "by itself: the driver pulses the reset line, where one is wired, and opens it anew", ("reader_dead",),
        ("readers.code_only", "identify.card_broken"),
    ),
    Row(
        "scanner_gone", AS_THEY_ARE, "goes on; it ends by card, code or unplugging", AS_EVER,
        "kiosk.health: WARNING: scanner: serial scanner at …", "reader", "by itself, once its port opens",
        ("reader_dead",), ("readers.card_only", "identify.code_broken"),
    ),
    Row(
        "reader_lost", AS_THEY_ARE, "goes on; it ends by code or unplugging", AS_EVER,
        "one line of kiosk.health for each reader", "reader", "by itself, with the first reader that works",
        ("reader_dead",), ("readers.none",),
    ),
    Row(
        "screen_gone", AS_THEY_ARE, "goes on; it ends by card or unplugging", AS_EVER,
        "kiosk.health: WARNING: screen process: not here for … s, or here, and hangs for … s", "device",
        "by itself: systemd starts it again, and kills one that hangs, by its watchdog",
        ("screen_dead",), silent="there is no screen to tell him; his card still starts and stops",
    ),
    _offline("uplink_gone", "kiosk.desk: WARNING: uplink is gone", "by itself: systemd starts it again",
             ("uplink_dead", "process_killed")),
    _offline("offline", "kiosk.desk: INFO: server does not answer", "by itself, with the first answer",
             ("network_loss",)),
    _offline("server_refuses", "kiosk.desk: WARNING: server not reached, server_refuses: …",
             "by itself, once the server takes requests again", ("server_refuses",)),
    Row(
        "row_refused", AS_THEY_ARE, "goes on", "of that row: waits for the operator; of all others as ever",
        "kiosk.desk: ERROR: the server refuses row …, which stays here: …", "device, outbox",
        "by itself, once the server takes it: it goes out again when the uplink starts",
        unseen="a world's server refuses requests, not single rows; tests/uplink has it",
        silent="his receipt comes with the row, and his charge goes on",
    ),
    _offline("certificate_expired", "kiosk.desk: WARNING: server not reached, certificate_expired: …",
             "by itself, once the operator has renewed it", ("certificate_expired",)),
    _offline("certificate_refused", "kiosk.desk: WARNING: server not reached, certificate_refused: …",
             "by itself, with a certificate that fits", (),
             "a world calls the server in process; tests/uplink/test_tls.py has it on real sockets"),
    Row(
        "clock_unknown", AS_THEY_ARE,
        "goes on; a new one whose tariff depends on the clock begins by the offline tariff, or not at all",
        "by durations and, where the tariff needs the clock, by the offline tariff shown before the start", "none",
        "clock, time sync", "by itself, once the clock is synchronised", ("clock_at_1970",),
        ("notice.no_price.title", "notice.no_price.text"),
    ),
    Row(
        "clock_set", AS_THEY_ARE, "goes on: durations are monotonic", "by durations, which no step moves",
        "kiosk.clock: WARNING: the clock was set forward by … s", "device", "by itself: it is told for an hour",
        ("clock_stepped",), silent="no duration of his charge changes",
    ),
    Row(
        "disk_full", _OUTPUTS[FaultCode.JOURNAL_FAILED], _UNTIL, "the register, once it can be written", _DISK_LOG,
        "disk, disk writes", "by itself, with the first write that succeeds", ("disk_full",), _FAULT_OF_DISK,
    ),
    Row(
        "disk_read_only", _OUTPUTS[FaultCode.JOURNAL_FAILED], _UNTIL, "the register, read by the next start", _DISK_LOG,
        "disk, disk writes", "by a new card, and a new start of the controller", ("disk_read_only",), _FAULT_OF_DISK,
    ),
    Row(
        "disk_stalled", _OUTPUTS[FaultCode.JOURNAL_FAILED], _UNTIL, "the register, once it can be written",
        "none: what hangs returns no error", "disk writes, device", "by itself, with the first write that comes back",
        ("disk_stalled",), _FAULT_OF_DISK,
    ),
    Row(
        "journal_damaged", "open until it was begun anew, at the start", "one that ran ends with its last reading",
        "the readable rows and the register; nothing acknowledged is lost",
        "kiosk.daemon: ERROR: the journal was damaged (…) and is kept in …", "kept aside, database, device",
        "by itself; it is told until the folder it names is empty", ("journal_damaged",),
        silent="the kiosk works again before he could read it",
    ),
    _bus("port_gone", "bus, device",
         "by itself, once the adapter is back: also under another name that `device` or `other_devices` has"),
    _bus("bus_babbles", "meter, device", "by itself, once the bus is quiet"),
    _bus("address_doubled", "meter, device", "by itself, once one of the two is off"),
    _bus("answers_late", "meter, device", "by itself, with answers in time"),
    _bus("wrong_device", "meter, device", "by itself, once the right one answers"),
    Row(
        "gpio_gone", _OF_THOSE, "ends with `Other`, by the fault `safety_line_lost` or `feedback_lost`", REGISTER,
        "kiosk.health: WARNING: contactor 1: cannot read GPIO …", "relay and inputs, device",
        "by itself: each beat sets the line up again", ("gpio_gone",),
        ("fault.safety_line_lost.what", "fault.feedback_lost.what"),
    ),
)  # fmt: skip
