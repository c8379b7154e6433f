"""When a session must be looked at again though nothing happens: simulations jump there, the loop sleeps until then."""

from __future__ import annotations

from kiosk.session import corrections, energy, limits, protection, restart
from kiosk.session.session import LONG_AGO_S, NEVER_S, Session
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.states import State


def next_deadline_s(session: Session, now_s: float, evse: EvseSettings, patience: Patience) -> float:
    """When this session wants to be looked at again, if nothing happens before."""
    due = [session.deadline_s, session.ramp_until_s, session.code_locked_until_s, limits.deadline_s(session)]
    if session.interrupted is not None:
        due.append(restart.deadline_s(session.interrupted, patience))
    if session.unread is not None:
        due.append(corrections.deadline_s(session.unread, now_s, patience))
    if session.reservation is not None:
        due.append(session.reservation.until_s)
    if session.unlock_since_s != LONG_AGO_S:
        due += [session.unlock_since_s + at for start in energy.RELOCKS_AT_S for at in (start, start + energy.RELOCK_S)]
    if session.state in (State.PREPARING, State.DELIVERING) and not session.wishes_closed:
        due.append(session.wish_since_s + patience.off_s)
    if session.facts.contactor_closed is not session.wishes_closed:
        is_late_s = (
            session.wish_since_s + patience.close_s if session.wishes_closed else session.open_since_s + patience.open_s
        )
        due.append(is_late_s)
    if session.watch is not protection.CALM:
        due.append(protection.next_look_s(session.watch, evse.protection))
    if session.transaction is not None:
        due.append(session.transaction.reading_due_s)
        if session.state is State.PARKED and session.transaction.authority.is_guest:
            due.append(limits.parking_deadline_s(session, now_s))
    if session.receipt_at is not None:
        due.append(session.receipt_at.s + patience.receipt_s)
    return min([at for at in due if at > now_s], default=NEVER_S)
