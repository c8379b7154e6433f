"""The lines on the controller's local socket: one JSON object per line, at most LONGEST_LINE bytes.

A client's first line is `{"hello": ROLE}`; the controller checks the role against the peer's credentials and answers
with a first snapshot, or with `{"refused": why}` and a closed socket. After that:

| role       | sends                                                        | gets                                    |
|------------|--------------------------------------------------------------|-----------------------------------------|
| screen     | {"intent": NAME, …fields}                                    | {"snapshot": …} on every change          |
| technician | {"intent": …} (StopCommanded, ResetPressed), {"watch": true}, | {"snapshot": …} once, or on every change |
|            | {"query": NAME, …}                                           | {"answer": …} or {"error": why}          |
| uplink     | UplinkSays (see below)                                       | UplinkHears                             |

A line that does not parse, or an intent a role may not send, is answered with {"error": why} and changes nothing.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from contract.codec import WireError, from_wire, to_wire
from kiosk.session import events as session_events
from kiosk.session.snapshot import Snapshot

LONGEST_LINE = 8_000_000  # a signed list of 20,000 cards fits

Intent = (
    session_events.ConnectorChosen
    | session_events.StopPressed
    | session_events.CancelPressed
    | session_events.LimitChosen
    | session_events.ReceiptDismissed
    | session_events.NoticeDismissed
    | session_events.StopCommanded
    | session_events.ResetPressed
)
SCREEN_INTENTS: dict[str, type] = {cls.__name__: cls for cls in session_events.SCREEN_INTENTS}
TECHNICIAN_INTENTS: dict[str, type] = {
    cls.__name__: cls for cls in (session_events.StopCommanded, session_events.ResetPressed)
}


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
    except ValueError as error:
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
