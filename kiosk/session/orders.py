"""The server's orders that move no session: reserve, cancel, take an EVSE out of service and back, unlock. Pure.

Decisions:
- An EVSE taken out of service sells nothing new at once; a running charge is finished first (who wants it to end sends
  a stop as well), as its driver was promised the energy.
- A cable is never unlocked by order while a transaction delivers: stop it first.
"""

from __future__ import annotations

from datetime import timedelta

from contract.api import CommandStatus
from contract.identity import is_phone_payer
from contract.values import replace
from kiosk.session import events
from kiosk.session.events import Answered, Now
from kiosk.session.reservation import Reservation
from kiosk.session.session import Session
from kiosk.session.states import State

Order = events.ReserveCommanded | events.ReservationCancelled | events.AvailabilityCommanded | events.UnlockCommanded


def obeyed(session: Session, order: Order, now: Now, is_sold: bool, has_lock: bool) -> tuple[Session, Answered]:
    """The session as the order wants it, or as it was, and the answer."""
    match order:
        case events.ReserveCommanded():
            if why := _why_not_reservable(session, order, is_sold):
                return session, _rejected(order.command_id, why)
            until = now.wall + timedelta(seconds=order.hold_s)
            kept = Reservation(
                order.reservation_id,
                now.s + order.hold_s,
                until,
                order.hold_s,
                order.token_hash,
                order.account_id,
                order.group_id,
            )
            return replace(session, reservation=kept), Answered(order.command_id, CommandStatus.ACCEPTED)
        case events.ReservationCancelled():
            return replace(session, reservation=None), Answered(order.command_id, CommandStatus.ACCEPTED)
        case events.AvailabilityCommanded():
            changed = replace(session, is_blocked=not order.is_operative)
            if changed.is_blocked:
                changed = replace(changed, reservation=None)
            return changed, Answered(order.command_id, CommandStatus.ACCEPTED)
        case events.UnlockCommanded():
            if not has_lock:
                return session, _rejected(order.command_id, f"EVSE {session.evse_id} has no cable lock")
            if session.state in (State.AUTHORIZING, State.PREPARING, State.DELIVERING):
                return session, _rejected(order.command_id, f"EVSE {session.evse_id} is {session.state.value}: stop it")
            if session.facts.contactor_closed is not False:
                return session, _rejected(order.command_id, f"EVSE {session.evse_id}: the contactor is not seen open")
            return replace(session, unlock_since_s=now.s), Answered(order.command_id, CommandStatus.ACCEPTED)


def _why_not_reservable(session: Session, order: events.ReserveCommanded, is_sold: bool) -> str:
    name = f"EVSE {session.evse_id}"
    if session.state is not State.IDLE:
        return f"{name} is {session.state.value}"
    if session.is_blocked:
        return f"{name} is out of service by order"
    if not is_sold:
        return f"{name} has nothing to sell"
    # Whoever pays by phone stands here, and has perhaps plugged in first.
    if session.held_for is not None or (session.is_plugged and not is_phone_payer(order.account_id)):
        return f"{name} has a cable in"
    if (kept := session.reservation) is not None and kept.reservation_id != order.reservation_id:
        return f"{name} is reserved already"
    return ""


def _rejected(command_id: str, why: str) -> Answered:
    return Answered(command_id, CommandStatus.REJECTED, why)
