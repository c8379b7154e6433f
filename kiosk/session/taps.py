"""Tap routing: what a presented token means, as a table. First row whose condition holds decides.

The situation is what the token's owner has running here, what the screen shows, and which EVSEs are free; the table
knows nothing else. A card left on the reader never gets here twice: the reader reports it once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from kiosk.session.snapshot import NoticeCode


class Outcome(StrEnum):
    START = "start"  # ask at the EVSE named by the situation
    STOP = "stop"  # stop the owner's session
    CHOOSE = "choose"  # keep the token until a connector is chosen
    NOTICE = "notice"  # nothing happens, and the screen says why


@dataclass(frozen=True, slots=True)
class Situation:
    """What the table may look at. EVSE numbers; empty tuples where there is none."""

    own_stoppable: tuple[int, ...]  # sessions of the token's owner that a token may stop
    own_too_young: tuple[int, ...]  # the same, started less than the bounce time ago
    own_authorizing: tuple[int, ...]
    own_closing: tuple[int, ...]
    own_parked: tuple[int, ...]
    own_just_ended: tuple[int, ...]  # ended less than the bounce time ago, cable still in
    free: tuple[int, ...]  # EVSEs that would take this owner now
    free_plugged: tuple[int, ...]  # of those, with a vehicle connected
    held: tuple[int, ...]  # idle, but kept for somebody else until the cable is out
    out_of_service: tuple[int, ...]  # or with nothing to sell
    count: int  # of EVSEs
    chosen: int | None  # the connector chosen on the screen


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


def _start(evse_id: int | None) -> Route:
    return Route(Outcome.START, evse_id)


def _notice(code: NoticeCode, evse_id: int | None = None) -> Route:
    return Route(Outcome.NOTICE, evse_id, code)


TAP_RULES: tuple[TapRule, ...] = (
    TapRule(
        "the chosen connector is free for this owner",
        lambda s: s.chosen in s.free,
        lambda s: _start(s.chosen),
    ),
    TapRule(
        "the chosen connector runs the owner's session, just started",
        lambda s: s.chosen in s.own_too_young,
        lambda s: _notice(NoticeCode.STOP_WITH_CARD, s.chosen),
    ),
    TapRule(
        "the chosen connector runs the owner's session",
        lambda s: s.chosen in s.own_stoppable,
        lambda s: Route(Outcome.STOP, s.chosen),
    ),
    TapRule(
        "the chosen connector is kept for somebody whose cable is still in",
        lambda s: s.chosen in s.held,
        lambda s: _notice(NoticeCode.CONNECTOR_HELD, s.chosen),
    ),
    TapRule(
        "the chosen connector went out of service",
        lambda s: s.chosen in s.out_of_service,
        lambda s: _notice(NoticeCode.OUT_OF_SERVICE, s.chosen),
    ),
    TapRule(
        "the owner's vehicle is parked at the chosen connector",
        lambda s: s.chosen in s.own_parked,
        lambda s: _notice(NoticeCode.UNPLUG_TO_FINISH, s.chosen),
    ),
    TapRule(
        "the chosen connector is in use: no other one is started or stopped in its place",
        lambda s: s.chosen is not None,
        lambda s: _notice(NoticeCode.CONNECTOR_BUSY, s.chosen),
    ),
    TapRule(
        "the owner is being authorised",
        lambda s: bool(s.own_authorizing),
        lambda s: _notice(NoticeCode.ALREADY_CHARGING, s.own_authorizing[0]),
    ),
    TapRule(
        "the owner's session was just started: a start never turns into a stop",
        lambda s: bool(s.own_too_young),
        lambda s: _notice(NoticeCode.STOP_WITH_CARD, s.own_too_young[0]),
    ),
    TapRule(
        "the owner runs one session",
        lambda s: len(s.own_stoppable) == 1,
        lambda s: Route(Outcome.STOP, s.own_stoppable[0]),
    ),
    TapRule(
        "the owner runs several sessions: which connector?",
        lambda s: len(s.own_stoppable) > 1,
        lambda s: Route(Outcome.CHOOSE, None, NoticeCode.WHICH_CONNECTOR),
    ),
    TapRule(
        "the owner's session is being closed",
        lambda s: bool(s.own_closing),
        lambda s: _notice(NoticeCode.ALREADY_CHARGING, s.own_closing[0]),
    ),
    TapRule(
        "the owner's vehicle is parked: unplugging ends it",
        lambda s: bool(s.own_parked),
        lambda s: _notice(NoticeCode.UNPLUG_TO_FINISH, s.own_parked[0]),
    ),
    TapRule(
        "the owner's session has just ended: a stop never turns into a start",
        lambda s: bool(s.own_just_ended),
        lambda s: _notice(NoticeCode.UNPLUG_TO_FINISH, s.own_just_ended[0]),
    ),
    TapRule(
        "one free connector has a vehicle plugged in",
        lambda s: len(s.free_plugged) == 1,
        lambda s: _start(s.free_plugged[0]),
    ),
    TapRule(
        "one connector is free",
        lambda s: len(s.free) == 1,
        lambda s: _start(s.free[0]),
    ),
    TapRule(
        "several connectors are free: which one?",
        lambda s: len(s.free) > 1,
        lambda s: Route(Outcome.CHOOSE, None, NoticeCode.WHICH_CONNECTOR),
    ),
    TapRule(
        "every connector is out of service",
        lambda s: len(s.out_of_service) == s.count,
        lambda s: _notice(NoticeCode.OUT_OF_SERVICE),
    ),
    TapRule(
        "the only idle connector is kept for somebody whose cable is still in",
        lambda s: bool(s.held),
        lambda s: _notice(NoticeCode.CONNECTOR_HELD, s.held[0]),
    ),
    TapRule(
        "no connector is free",
        lambda s: True,
        lambda s: _notice(NoticeCode.NONE_FREE),
    ),
)


def route(situation: Situation) -> Route:
    """The first row that holds; the last one always does."""
    return next(rule.then(situation) for rule in TAP_RULES if rule.holds(situation))
