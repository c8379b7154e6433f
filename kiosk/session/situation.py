"""From the kiosk's state to the situation a tap is routed by: whose is which connector?"""

from __future__ import annotations

from collections.abc import Container

from contract.identity import TokenKind
from contract.transaction import Authority, token_hash
from kiosk.session.events import IdTokenPresented
from kiosk.session.session import Session
from kiosk.session.states import State
from kiosk.session.taps import Place, Situation, Touch


def situation_of(
    tap: IdTokenPresented,
    sessions: tuple[Session, ...],
    sold_at: Container[int],
    now_s: float,
    bounce_s: float,
    touch: Touch = Touch.NOTHING,
    touched: int | None = None,
) -> Situation:
    """`sold_at`: the EVSEs that have an offer. A touched connector that does not exist is no touch."""
    places = tuple((s.evse_id, place_of(tap, s, s.evse_id in sold_at, now_s - bounce_s)) for s in sessions)
    if touched not in [s.evse_id for s in sessions]:
        touch, touched = Touch.NOTHING, None
    return Situation(places, touch, touched, tap.token.kind is TokenKind.DIRECT_PAYMENT)


def place_of(tap: IdTokenPresented, session: Session, is_sold: bool, young_s: float) -> Place:
    """What this EVSE is to the token's owner. `young_s`: what began later than this is within the bounce time."""
    t = session.transaction
    match session.state:
        case State.OUT_OF_SERVICE:
            return Place.CLOSED
        case State.IDLE:
            return _idle_place(tap, session, is_sold, young_s)
        case State.AUTHORIZING:
            is_own = session.asked is not None and session.asked.token == tap.token
            return Place.OWN_AUTHORIZING if is_own else Place.BUSY
    if t is None or not is_named(tap, t.authority):
        return Place.BUSY
    match session.state:
        case State.PARKED:
            return Place.OWN_PARKED if is_own_token(tap, t.authority) else Place.BUSY
        case State.CLOSING:
            return Place.OWN_CLOSING if is_own_token(tap, t.authority) else Place.BUSY
    if not is_own_token(tap, t.authority):
        return Place.GROUP_RUNNING
    return Place.OWN_YOUNG if t.started.s > young_s else Place.OWN_RUNNING


def _idle_place(tap: IdTokenPresented, session: Session, is_sold: bool, young_s: float) -> Place:
    if session.is_blocked or not is_sold:
        return Place.CLOSED
    if session.held_for is not None:
        if not is_named(tap, session.held_for):
            return Place.HELD
        return Place.JUST_ENDED if session.since_s > young_s else Place.HELD_OWN
    if (kept := session.reservation) is not None:
        name = token_hash(tap.token.kind, tap.token.value)
        return Place.RESERVED_OWN if kept.is_for(name, tap.account_id, tap.group_id) else Place.RESERVED
    plugged = session.facts.pilot is not None and session.facts.pilot.is_connected
    return Place.FREE_PLUGGED if plugged else Place.FREE


def is_own_token(tap: IdTokenPresented, authority: Authority) -> bool:
    """The same token, or one of the same account."""
    if authority.token_hash == token_hash(tap.token.kind, tap.token.value):
        return True
    return tap.account_id is not None and tap.account_id == authority.account_id


def is_named(tap: IdTokenPresented, authority: Authority) -> bool:
    """The same token, account or group."""
    return is_own_token(tap, authority) or (tap.group_id is not None and tap.group_id == authority.group_id)
