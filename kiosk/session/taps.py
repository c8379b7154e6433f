"""Tap routing: what a presented token means, as a table. First row whose condition holds decides.

Law:
- The table looks at a Situation and at nothing else: in which place every EVSE is for the token's owner, what the
  screen was touched for, and whether the token is a payment app's code.
- A start never turns into a stop, nor a stop into a start, within the bounce time.
- What was touched is never exchanged for something else: where the touched connector cannot serve the owner and another
  one could, the screen asks.
- A token of the same group moves somebody else's session only at a connector that was touched.
- A payment app's code starts a charge and never stops one: each is new, so it shows nobody's right.

A card left on the reader never gets here twice: the reader reports it once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from kiosk.session.snapshot import NoticeCode


class Place(StrEnum):
    """What an EVSE is to the owner of the token. Every EVSE is in exactly one place."""

    FREE = "free"
    FREE_PLUGGED = "free, vehicle in"
    RESERVED_OWN = "reserved for the owner"
    HELD_OWN = "idle, the owner's ended session's cable in"
    JUST_ENDED = "the same, ended within the bounce time"
    OWN_AUTHORIZING = "own, being authorised"
    OWN_YOUNG = "own, started within the bounce time"
    OWN_RUNNING = "own, running"
    OWN_PARKED = "own, parked"
    OWN_CLOSING = "own, closing"
    GROUP_RUNNING = "running, of the same group"
    BUSY = "in use by somebody else"
    HELD = "idle, somebody else's cable in"
    RESERVED = "reserved for somebody else"
    CLOSED = "out of service, or nothing to sell"


class Touch(StrEnum):
    """What the screen was touched for; `NOTHING` where that is too long ago."""

    NOTHING = "nothing"
    CHOSEN = "chosen"  # this connector, for a new charge or as the answer to "which one?"
    LOOKED_AT = "looked at"  # its session, its fault, or why it is not free
    UNLOCK = "unlock"  # its cable
    LIMIT = "limit"  # a limit for its session, that waits for the right


class Outcome(StrEnum):
    START = "start"  # ask at the EVSE named by the situation
    STOP = "stop"  # stop the owner's session
    UNLOCK = "unlock"  # stop it where it runs, and free the cable
    LIMIT = "limit"  # the limit that waits comes into force
    CHOOSE = "choose"  # keep the token until a connector is chosen
    NOTICE = "notice"  # nothing happens, and the screen says why


STARTABLE = (Place.FREE, Place.FREE_PLUGGED, Place.RESERVED_OWN, Place.HELD_OWN, Place.JUST_ENDED)
STOPPABLE = (Place.OWN_RUNNING, Place.GROUP_RUNNING)
RIGHTFUL = (*STOPPABLE, Place.OWN_YOUNG, Place.OWN_PARKED, Place.OWN_CLOSING, Place.HELD_OWN, Place.JUST_ENDED)
LIMITABLE = (*STOPPABLE, Place.OWN_YOUNG)
MOVABLE = (*LIMITABLE, Place.OWN_PARKED, Place.OWN_CLOSING)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the table may look at: (evse_id, place) of every EVSE, the touch with its connector, the token's kind."""

    places: tuple[tuple[int, Place], ...]
    touch: Touch = Touch.NOTHING
    touched: int | None = None
    is_payment: bool = False  # the token is a payment app's code: new each time, so nobody's but for the start it asks

    def at(self, *places: Place) -> tuple[int, ...]:
        """The EVSEs in one of these places."""
        return tuple(evse_id for evse_id, place in self.places if place in places)

    def is_at(self, touch: Touch, *places: Place) -> bool:
        """It was this touch, and the touched connector is in one of these places."""
        return self.touch is touch and self.touched in self.at(*places)


@dataclass(frozen=True, slots=True)
class Route:
    outcome: Outcome
    evse_id: int | None = None
    notice: NoticeCode | None = None


@dataclass(frozen=True, slots=True)
class TapRule:
    """One row: in words for the docs, as a condition, and what follows."""

    when: str
    holds: Callable[[Situation], bool]
    then: Callable[[Situation], Route]


def _touched(outcome: Outcome) -> Callable[[Situation], Route]:
    return lambda s: Route(outcome, s.touched)


def _at_touched(code: NoticeCode) -> Callable[[Situation], Route]:
    return lambda s: Route(Outcome.NOTICE, s.touched, code)


def _first(outcome: Outcome, *places: Place) -> Callable[[Situation], Route]:
    return lambda s: Route(outcome, s.at(*places)[0])


def _notice(code: NoticeCode, *places: Place) -> Callable[[Situation], Route]:
    """A notice at the first connector in one of these places; at none where no place is named."""
    return lambda s: Route(Outcome.NOTICE, s.at(*places)[0] if places else None, code)


def _ask(s: Situation) -> Route:
    """Which one? `evse_id` is the touched connector that cannot serve, so that the screen can say so."""
    return Route(Outcome.CHOOSE, s.touched if s.touch is Touch.LOOKED_AT else None, NoticeCode.WHICH_CONNECTOR)


def _another_could(s: Situation) -> bool:
    return any(evse_id != s.touched for evse_id in s.at(*STARTABLE, *STOPPABLE))


def _is_about_a_session(s: Situation) -> bool:
    is_shown = s.is_at(Touch.LOOKED_AT, Place.BUSY, *MOVABLE) or s.is_at(Touch.CHOSEN, *MOVABLE)
    return is_shown or s.touch in (Touch.UNLOCK, Touch.LIMIT)


_FOREIGN = (Place.BUSY, Place.HELD, Place.RESERVED, Place.CLOSED)

TAP_RULES: tuple[TapRule, ...] = (
    # ---- something was touched: it is about that connector and no other
    TapRule(
        "a payment code where a session is looked at, or for an unlocking or a limit: it only starts",
        lambda s: s.is_payment and _is_about_a_session(s),
        _at_touched(NoticeCode.PAYMENT_STOPS_NOTHING),
    ),
    TapRule(
        "unlocking is asked for, and the cable or the session is the owner's",
        lambda s: s.is_at(Touch.UNLOCK, *RIGHTFUL),
        _touched(Outcome.UNLOCK),
    ),
    TapRule(
        "a limit waits, and the session is the owner's",
        lambda s: s.is_at(Touch.LIMIT, *LIMITABLE),
        _touched(Outcome.LIMIT),
    ),
    TapRule(
        "unlocking or a limit is asked for where the owner has nothing",
        lambda s: s.touch in (Touch.UNLOCK, Touch.LIMIT),
        _at_touched(NoticeCode.NOT_YOUR_SESSION),
    ),
    TapRule(
        "the chosen connector is free for this owner",
        lambda s: s.is_at(Touch.CHOSEN, *STARTABLE),
        _touched(Outcome.START),
    ),
    TapRule(
        "the chosen or looked-at connector runs the owner's session, just started",
        lambda s: s.is_at(Touch.CHOSEN, Place.OWN_YOUNG) or s.is_at(Touch.LOOKED_AT, Place.OWN_YOUNG),
        _at_touched(NoticeCode.STOP_WITH_CARD),
    ),
    TapRule(
        "the chosen or looked-at connector runs a session of the owner or the owner's group",
        lambda s: s.is_at(Touch.CHOSEN, *STOPPABLE) or s.is_at(Touch.LOOKED_AT, *STOPPABLE),
        _touched(Outcome.STOP),
    ),
    TapRule(
        "the owner's vehicle is parked at the chosen or looked-at connector",
        lambda s: s.is_at(Touch.CHOSEN, Place.OWN_PARKED) or s.is_at(Touch.LOOKED_AT, Place.OWN_PARKED),
        _at_touched(NoticeCode.UNPLUG_TO_FINISH),
    ),
    TapRule(
        "the chosen connector is kept for somebody whose cable is still in",
        lambda s: s.is_at(Touch.CHOSEN, Place.HELD),
        _at_touched(NoticeCode.CONNECTOR_HELD),
    ),
    TapRule(
        "the chosen connector is reserved for somebody else",
        lambda s: s.is_at(Touch.CHOSEN, Place.RESERVED),
        _at_touched(NoticeCode.CONNECTOR_RESERVED),
    ),
    TapRule(
        "the chosen connector went out of service",
        lambda s: s.is_at(Touch.CHOSEN, Place.CLOSED),
        _at_touched(NoticeCode.OUT_OF_SERVICE),
    ),
    TapRule(
        "the chosen connector is in use: no other one is started or stopped in its place",
        lambda s: s.touch is Touch.CHOSEN,
        _at_touched(NoticeCode.CONNECTOR_BUSY),
    ),
    TapRule(
        "the looked-at connector cannot serve this owner and another one could: which one is meant?",
        lambda s: s.is_at(Touch.LOOKED_AT, *_FOREIGN) and _another_could(s),
        _ask,
    ),
    TapRule(
        "the looked-at connector is in use by somebody else, and no other one could serve",
        lambda s: s.is_at(Touch.LOOKED_AT, Place.BUSY),
        _at_touched(NoticeCode.NOT_YOUR_SESSION),
    ),
    # ---- nothing was touched, or it makes no difference
    TapRule(
        "the owner is being authorised",
        lambda s: bool(s.at(Place.OWN_AUTHORIZING)),
        _notice(NoticeCode.ALREADY_CHARGING, Place.OWN_AUTHORIZING),
    ),
    TapRule(
        "a payment code whose own charge runs, shown again: it stops nothing",
        lambda s: s.is_payment and bool(s.at(*MOVABLE)),
        _notice(NoticeCode.PAYMENT_STOPS_NOTHING, *MOVABLE),
    ),
    TapRule(
        "the owner's session was just started: a start never turns into a stop",
        lambda s: bool(s.at(Place.OWN_YOUNG)),
        _notice(NoticeCode.STOP_WITH_CARD, Place.OWN_YOUNG),
    ),
    TapRule(
        "the owner runs one session",
        lambda s: len(s.at(Place.OWN_RUNNING)) == 1,
        _first(Outcome.STOP, Place.OWN_RUNNING),
    ),
    TapRule(
        "the owner runs several sessions: which connector?",
        lambda s: len(s.at(Place.OWN_RUNNING)) > 1,
        _ask,
    ),
    TapRule(
        "the owner's session is being closed",
        lambda s: bool(s.at(Place.OWN_CLOSING)),
        _notice(NoticeCode.ALREADY_CHARGING, Place.OWN_CLOSING),
    ),
    TapRule(
        "the owner's vehicle is parked: unplugging ends it",
        lambda s: bool(s.at(Place.OWN_PARKED)),
        _notice(NoticeCode.UNPLUG_TO_FINISH, Place.OWN_PARKED),
    ),
    TapRule(
        "the owner's session has just ended: a stop never turns into a start",
        lambda s: bool(s.at(Place.JUST_ENDED)),
        _notice(NoticeCode.UNPLUG_TO_FINISH, Place.JUST_ENDED),
    ),
    TapRule(
        "one connector is reserved for the owner, and no free one has a vehicle plugged in",
        lambda s: len(s.at(Place.RESERVED_OWN)) == 1 and not s.at(Place.FREE_PLUGGED, Place.HELD_OWN),
        _first(Outcome.START, Place.RESERVED_OWN),
    ),
    TapRule(
        "one free connector has a vehicle plugged in",
        lambda s: len(s.at(Place.FREE_PLUGGED, Place.HELD_OWN)) == 1 and not s.at(Place.RESERVED_OWN),
        _first(Outcome.START, Place.FREE_PLUGGED, Place.HELD_OWN),
    ),
    TapRule(
        "one connector is free for the owner",
        lambda s: len(s.at(*STARTABLE)) == 1,
        _first(Outcome.START, *STARTABLE),
    ),
    TapRule(
        "several connectors are free: which one?",
        lambda s: len(s.at(*STARTABLE)) > 1,
        _ask,
    ),
    TapRule(
        "none is free, but somebody of the owner's group charges here: to stop that, which connector?",
        lambda s: bool(s.at(Place.GROUP_RUNNING)),
        _ask,
    ),
    TapRule(
        "every connector is out of service",
        lambda s: len(s.at(Place.CLOSED)) == len(s.places),
        _notice(NoticeCode.OUT_OF_SERVICE),
    ),
    TapRule(
        "the only idle connectors are reserved for others",
        lambda s: bool(s.at(Place.RESERVED)),
        _notice(NoticeCode.CONNECTOR_RESERVED, Place.RESERVED),
    ),
    TapRule(
        "the only idle connectors are kept for somebody whose cable is still in",
        lambda s: bool(s.at(Place.HELD)),
        _notice(NoticeCode.CONNECTOR_HELD, Place.HELD),
    ),
    TapRule(
        "no connector is free",
        lambda s: True,
        _notice(NoticeCode.NONE_FREE),
    ),
)


def deciding(situation: Situation) -> TapRule:
    """The first row that holds; the last one always does."""
    return next(rule for rule in TAP_RULES if rule.holds(situation))


def route(situation: Situation) -> Route:
    return deciding(situation).then(situation)
