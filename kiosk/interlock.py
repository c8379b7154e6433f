"""Interlock: why these wants may not be applied now. Pure, and on purpose a second opinion.

The session has already decided; this asks again from the facts alone, in other words, so that one mistake in one
place closes no contactor. It only ever says no to more; less needs no consent.
"""

from __future__ import annotations

from kiosk.session.facts import Facts
from kiosk.session.wants import SAFE, Wants


def objection(wants: Wants, facts: Facts, is_on_disk: bool) -> str | None:
    """Why `wants` must not be engaged, in a word for `kiosk why`; None is consent."""
    if not wants.contactor_closed and wants.offered_a == 0:
        return None
    if not is_on_disk:
        return "not_on_disk"
    if facts.emergency_stop:
        return "emergency_stop"
    if facts.rcd_tripped:
        return "rcd_tripped"
    if facts.pilot is None or not facts.pilot.is_connected:
        return "no_vehicle"
    if facts.contactor_closed is None:
        return "feedback_unknown"
    if not facts.meter_is_fresh:
        return "meter_unknown"
    if wants.contactor_closed and not facts.pilot.asks_for_energy:
        return "vehicle_does_not_ask"
    return None


def allowed(wants: Wants, facts: Facts, is_on_disk: bool) -> Wants:
    """The wants, or as much of them as is safe."""
    if objection(wants, facts, is_on_disk) is None:
        return wants
    return Wants(SAFE.contactor_closed, SAFE.offered_a, wants.locked, wants.heartbeat)
