"""The lines on the controller's local socket: one JSON object per line, at most LONGEST_LINE bytes.

A client's first line is `{"hello": ROLE}`; the controller checks the role against the peer's credentials and answers
with a first snapshot (uplink: with rows_waiting and list_version), or with `{"refused": why}` and a closed socket.
After that:

| role       | sends                                                        | gets                                    |
|------------|--------------------------------------------------------------|-----------------------------------------|
| screen     | {"intent": NAME, …fields}                                    | {"snapshot": …} on every change          |
| technician | {"intent": …} (StopCommanded, ResetPressed), {"watch": true},| {"snapshot": …} once, or on every change |
|            | {"query": NAME, …}                                           | {"answer": …} or {"error": why}          |
| uplink     | UplinkSays                                                   | UplinkHears                             |

A line that does not parse, or an intent a role may not send, is answered with {"error": why} and changes nothing.

| UplinkSays                                 | meaning                                                                |
|--------------------------------------------|------------------------------------------------------------------------|
| {"online": bool}                           | whether the server answered lately; said at every change               |
| {"because": OfflineCause, "detail"}        | why the server does not answer; said at every change while it does not |
| {"authorize_answer": AuthorizeAnswer}      | the server's answer to an ask                                          |
| {"fetch": limit}                           | wants the oldest waiting rows, at most ROWS_PER_BATCH                  |
| {"acknowledged": [journal_no, …], "epoch"} | the server has these rows                                              |
| {"set_aside": journal_no, "reason"}        | the server refuses this row again and again: go on without it          |
| {"list": signed text}                      | a newer list                                                           |
| {"command": signed text}                   | what the server asks for; the controller checks the signature          |

| UplinkHears                                | meaning                                                                |
|--------------------------------------------|------------------------------------------------------------------------|
| {"ask": AuthorizeRequest}                  | who is this?                                                           |
| {"disclaim": [transaction_id, …]}          | asks that never became Started                                         |
| {"command_answer": CommandAnswer}          | what became of a command                                               |
| {"rows": [Row, …], "epoch"}                | the answer to a fetch; rows may be empty                               |
| {"rows_waiting": n}                        | journal rows not acknowledged, at hello and on change                  |
| {"list_version": n, "is_due"}              | of the list in force (0: none), at hello and on change; due: ask now   |

| query                                      | answer                                                                 |
|--------------------------------------------|------------------------------------------------------------------------|
| journal: after (0; none: the newest), limit, kind | [{"journal_no", "kind", "body", "is_sound", …}, …]              |
| row: journal_no                            | one such row, or an error                                              |
| outbox                                     | {"waiting": n, "epoch", "oldest": row or null, "is_online",            |
|                                            | "set_aside": [{"journal_no", "reason"}, …]}                            |
| snapshot                                   | the snapshot                                                           |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from contract.api import ROWS_PER_BATCH, AuthorizeAnswer, AuthorizeRequest, CommandAnswer, Disclaim, RowBatch
from contract.codec import WireError, from_wire, to_wire
from kiosk.session import events as session_events
from kiosk.session.snapshot import Snapshot as Snapshot  # for those whose door is this module

LONGEST_LINE = 8_000_000  # a signed list of 20,000 cards fits

Intent = (
    session_events.ConnectorChosen
    | session_events.ConnectorShown
    | session_events.StopPressed
    | session_events.CancelPressed
    | session_events.LimitChosen
    | session_events.UnlockPressed
    | session_events.ReceiptDismissed
    | session_events.NoticeDismissed
    | session_events.StopCommanded
    | session_events.ResetPressed
)
SCREEN_INTENTS: dict[str, type] = {cls.__name__: cls for cls in session_events.SCREEN_INTENTS}
TECHNICIAN_INTENTS: dict[str, type] = {
    cls.__name__: cls for cls in (session_events.StopCommanded, session_events.ResetPressed)
}


# The screen says it from the loop that paints, so a screen that hangs falls silent.
ALIVE = {"alive": True}
ALIVE_EVERY_S = 1.0


class Role(StrEnum):
    SCREEN = "screen"
    UPLINK = "uplink"
    TECHNICIAN = "technician"


def pack(line: dict[str, Any]) -> bytes:
    """One line, newline included."""
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """Raises WireError for anything but one JSON object."""
    if len(line) > LONGEST_LINE:
        raise WireError(f"line of {len(line)} bytes: at most {LONGEST_LINE}")
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError) as error:  # the latter: brackets nested beyond reason
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise WireError("want an object")
    return parsed


def intent_line(intent: Intent) -> dict[str, Any]:
    return {"intent": type(intent).__name__, **to_wire(intent)}


def read_intent(line: dict[str, Any], role: Role) -> Intent:
    """Raises WireError for an unknown intent, a wrong field, or one the role may not send."""
    allowed = {Role.SCREEN: SCREEN_INTENTS, Role.TECHNICIAN: TECHNICIAN_INTENTS, Role.UPLINK: {}}[role]
    name = line.get("intent")
    if not isinstance(name, str) or name not in allowed:
        raise WireError(f"intent {name!r}: role {role} may send {', '.join(allowed) or 'none'}")
    fields = {key: item for key, item in line.items() if key != "intent"}
    intent: Intent = from_wire(allowed[name], fields, name)
    return intent


def snapshot_line(snapshot: Snapshot) -> dict[str, Any]:
    return {"snapshot": to_wire(snapshot)}


def read_snapshot(line: dict[str, Any]) -> Snapshot:
    """Raises WireError."""
    return from_wire(Snapshot, line.get("snapshot"), "snapshot")


# ---- the uplink's lines -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Online:
    online: bool


class OfflineCause(StrEnum):
    """Why the server is not reached, as far as the uplink can tell."""

    NO_ANSWER = "no_answer"  # no network, no route, no server
    SERVER_REFUSES = "server_refuses"  # it is there and answers with an error, or does not know this kiosk
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_REFUSED = "certificate_refused"  # another authority, another name, or not valid yet


@dataclass(frozen=True, slots=True)
class WhyOffline:
    because: OfflineCause
    detail: str  # the error's own words


@dataclass(frozen=True, slots=True)
class Fetch:
    """`fetch` is the most rows wanted, 1 to ROWS_PER_BATCH."""

    fetch: int

    def __post_init__(self) -> None:
        if not 1 <= self.fetch <= ROWS_PER_BATCH:
            raise ValueError(f"fetch {self.fetch}: want 1 to {ROWS_PER_BATCH}")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    acknowledged: tuple[int, ...]
    epoch: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row the server refuses. It stays in the journal and is sent again when the uplink comes the next time."""

    set_aside: int
    reason: str


@dataclass(frozen=True, slots=True)
class SignedList:
    list: str


@dataclass(frozen=True, slots=True)
class SignedCommand:
    command: str


@dataclass(frozen=True, slots=True)
class RowsWaiting:
    rows_waiting: int
    may_wait: bool = False  # all that are new are readings of a charge that goes on: the uplink may gather some


@dataclass(frozen=True, slots=True)
class ListVersion:
    list_version: int
    is_due: bool = False  # the server has a newer one


UplinkSays = Online | WhyOffline | AuthorizeAnswer | Fetch | Acknowledged | SetAside | SignedList | SignedCommand
UplinkHears = AuthorizeRequest | Disclaim | CommandAnswer | RowBatch | RowsWaiting | ListVersion

# First key of a line → its type, and whether the value stands under that key (or is the whole line).
_SAYS: dict[str, tuple[type, bool]] = {
    "online": (Online, False),
    "because": (WhyOffline, False),
    "authorize_answer": (AuthorizeAnswer, True),
    "fetch": (Fetch, False),
    "acknowledged": (Acknowledged, False),
    "set_aside": (SetAside, False),
    "list": (SignedList, False),
    "command": (SignedCommand, False),
}
_HEARS: dict[str, tuple[type, bool]] = {
    "ask": (AuthorizeRequest, True),
    "disclaim": (Disclaim, True),
    "command_answer": (CommandAnswer, True),
    "rows": (RowBatch, False),
    "rows_waiting": (RowsWaiting, False),
    "list_version": (ListVersion, False),
}


def says_line(said: UplinkSays) -> dict[str, Any]:
    return _line(_SAYS, said)


def read_says(line: dict[str, Any]) -> UplinkSays:
    """Raises WireError."""
    said: UplinkSays = _read(_SAYS, line)
    return said


def hears_line(heard: UplinkHears) -> dict[str, Any]:
    if isinstance(heard, Disclaim):
        return {"disclaim": list(heard.transaction_ids)}
    return _line(_HEARS, heard)


def read_hears(line: dict[str, Any]) -> UplinkHears:
    """Raises WireError."""
    if isinstance(gone := line.get("disclaim"), list):
        line = {**line, "disclaim": {"transaction_ids": gone}}
    heard: UplinkHears = _read(_HEARS, line)
    return heard


def _line(table: dict[str, tuple[type, bool]], value: Any) -> dict[str, Any]:
    for key, (kind, is_nested) in table.items():
        if isinstance(value, kind):
            wire: dict[str, Any] = to_wire(value)
            return {key: wire} if is_nested else wire
    raise TypeError(f"no line for {type(value).__name__}")


def _read(table: dict[str, tuple[type, bool]], line: dict[str, Any]) -> Any:
    for key, (kind, is_nested) in table.items():
        if key in line:
            if is_nested and len(line) > 1:
                raise WireError(f"{key}: want nothing beside it")
            return from_wire(kind, line[key] if is_nested else line, key)
    raise WireError(f"want one of {', '.join(table)}")
