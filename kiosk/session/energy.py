"""The Energy body: one plug, one contactor, one meter. What charging wants of its outputs, and what its facts mean.

Law:
- The contactor is wanted closed only while the vehicle asks (pilot C or D) in a transaction whose Started is on disk.
- A normal stop first takes the offered current to zero and waits, bounded; a fault opens at once.
- Feedback older than the wish proves nothing.
- At a start the safety relay is not fed while a contactor is seen that was closed from the first look on: whoever left
  it so is gone, and if it does not open it is welded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.iec61851 import PilotState
from contract.price import TimeUse
from contract.transaction import ChargingState
from kiosk.session.protection import heat_cap_a
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.states import State
from kiosk.session.wants import Wants

if TYPE_CHECKING:
    from kiosk.session.session import Session

RELOCK_S, RELOCKS_AT_S = 1.0, (0.0, 2.0)
IDLE_POWER_W = 150  # below this no current is broken worth a worn contact


def wants(session: Session, now_s: float, evse: EvseSettings, patience: Patience) -> Wants:
    """The outputs of an EVSE as a function of its state and facts."""
    facts = session.facts
    heartbeat = not session.is_welded and (session.was_seen_open or facts.contactor_closed is not True)
    feedback_not_open = facts.contactor_closed is not False
    transaction = session.transaction
    if session.state in (State.PREPARING, State.DELIVERING) and transaction is not None:
        connected = facts.pilot is not None and facts.pilot.is_connected
        asks = facts.pilot is not None and facts.pilot.asks_for_energy
        rested = session.wishes_closed or now_s >= session.wish_since_s + patience.off_s
        most_a = evse.max_a if session.watch.heat == 0 else heat_cap_a(session.watch, evse)
        most_a = most_a if session.taper is None else min(most_a, session.taper.most_a)
        share_a = most_a if session.share is None else min(most_a, session.share.offered_a)
        offered_a = share_a if connected and transaction.durable_seq >= 0 else 0
        # A pause takes the current away first and opens once it is gone; nothing closes on an offer of nothing.
        is_falling = session.wishes_closed and session.share is not None and session.share.may_draw
        may_close = asks and rested and transaction.durable_seq >= 0 and (share_a > 0 or is_falling)
        return Wants(may_close, offered_a, connected or feedback_not_open, heartbeat)
    return Wants(is_ramping(session, now_s), 0, feedback_not_open or is_relocking(session, now_s), heartbeat)


def is_relocking(session: Session, now_s: float) -> bool:
    """Help for a cable that will not release: locked and freed twice, as its bolt may stand under tension."""
    since_s = now_s - session.unlock_since_s
    if since_s >= RELOCKS_AT_S[-1] + RELOCK_S:
        return False
    return any(start_s <= since_s < start_s + RELOCK_S for start_s in RELOCKS_AT_S)


def is_ramping(session: Session, now_s: float) -> bool:
    """Between a normal stop and the opening: current is asked to zero, the contactor stays closed for it."""
    if session.state not in (State.PARKED, State.CLOSING) or now_s >= session.ramp_until_s:
        return False
    facts = session.facts
    if facts.contactor_closed is not True or facts.pilot is None or not facts.pilot.asks_for_energy:
        return False
    meter = facts.meter
    has_fallen = meter is not None and meter.at_s > session.since_s and meter.power_w < IDLE_POWER_W
    return not has_fallen


def is_seen(session: Session, closed: bool) -> bool:
    """The auxiliary contact shows `closed`, sensed after the wish and after the state was entered."""
    facts = session.facts
    return facts.contactor_closed is closed and feedback_is_fresh(session)


def feedback_is_fresh(session: Session) -> bool:
    """Feedback older than the wish or the state proves nothing."""
    return session.facts.contactor_sensed_at_s > max(session.wish_since_s, session.since_s)


def charging_state(session: Session) -> ChargingState:
    """OCPP's charging state, computed from state and facts."""
    facts = session.facts
    if facts.pilot is PilotState.A:
        return ChargingState.IDLE
    if session.state is not State.DELIVERING:
        return ChargingState.EV_CONNECTED
    if session.share is not None and session.share.offered_a == 0:
        return ChargingState.SUSPENDED_EVSE
    if facts.pilot is not None and not facts.pilot.asks_for_energy:
        return ChargingState.SUSPENDED_EV
    return ChargingState.CHARGING if facts.contactor_closed else ChargingState.SUSPENDED_EVSE


def time_use(session: Session) -> TimeUse:
    """What the time from now on counts as: a pause of the vehicle costs neither charging nor parking time."""
    if session.state is State.PARKED:
        return TimeUse.NONE if session.parking_is_free else TimeUse.PARKING
    if session.state is State.DELIVERING and charging_state(session) is ChargingState.CHARGING:
        return TimeUse.CHARGING
    return TimeUse.NONE
