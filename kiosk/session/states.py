"""The law of a session: one order for every service.

    idle → authorizing → preparing → delivering → parked → closing → idle, and out_of_service from any state.

Everything that moves a session stands in MOVES; the diagram in docs/ is drawn from it. A state with a patience is
left when that patience ends, so no session waits for ever.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    IDLE = "idle"
    AUTHORIZING = "authorizing"
    PREPARING = "preparing"
    DELIVERING = "delivering"
    PARKED = "parked"
    CLOSING = "closing"
    OUT_OF_SERVICE = "out_of_service"


# from → to → what causes it, in words for the diagram
MOVES: dict[State, dict[State, str]] = {
    State.IDLE: {
        State.AUTHORIZING: "token, start command, or going on after a power cut",
        State.OUT_OF_SERVICE: "fault",
    },
    State.AUTHORIZING: {
        State.PREPARING: "Authorized",
        State.IDLE: "refused, cancelled, no answer",
        State.OUT_OF_SERVICE: "fault",
    },
    State.PREPARING: {
        State.DELIVERING: "contactor seen closed",
        State.CLOSING: "stop, unplugged, not plugged in, fault",
    },
    State.DELIVERING: {
        State.PARKED: "stop or limit, cable in, parking is billed",
        State.CLOSING: "stop or limit, unplugged, fault",
    },
    State.PARKED: {
        State.CLOSING: "unplugged, fault",
    },
    State.CLOSING: {
        State.IDLE: "seen open, last reading taken",
        State.OUT_OF_SERVICE: "fault, or never seen open",
    },
    State.OUT_OF_SERVICE: {
        State.IDLE: "healthy again, and reset where it latches",
    },
}
