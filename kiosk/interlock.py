"""Interlock: why these wants may not be applied now. Pure, and on purpose a second opinion.

The session has already decided; this asks again from the facts alone, in other words, so that one mistake in one
place closes no contactor. It only ever says no to more; less needs no consent.
"""

from __future__ import annotations

from collections.abc import Mapping

from kiosk.session.facts import NOTHING_KNOWN, Facts
from kiosk.session.settings import KioskSettings
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
    if facts.safety_line_lost:
        return "safety_line_lost"
    if facts.board_failed or facts.diode_failed or facts.board_is_too_hot:
        return "board_objects"
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


def may_unlock(facts: Facts) -> bool:
    """A cable is never freed under load, nor in doubt: only beside a contactor that is seen open."""
    return facts.contactor_closed is False


FLOWS_MA, IDLE_MA = 3_000, 500  # a conductor in use, and one that is not, while the vehicle charges


def exceeds_site(
    offers: Mapping[int, int], facts: Mapping[int, Facts], settings: KioskSettings, meter_is_fresh: bool
) -> bool:
    """Whether these offers (A, by evse_id) together are more than the site allows on one of its phases.

    A conductor on which a charging vehicle is seen to draw nothing does not count; any doubt does.
    """
    site = settings.site
    if site is None:
        return False
    limit_a = site.limit_a if meter_is_fresh or not site.has_meter else site.fallback_a
    sums_a = [0, 0, 0]
    for evse in settings.evses:
        seen = facts.get(evse.evse_id, NOTHING_KNOWN)
        drawn_ma = seen.meter.current_ma if seen.meter is not None and seen.meter_is_fresh else ()
        flows = max(drawn_ma, default=0) >= FLOWS_MA
        for conductor, phase in enumerate(evse.site_phases):
            is_unused = flows and conductor < len(drawn_ma) and abs(drawn_ma[conductor]) < IDLE_MA
            sums_a[phase] += 0 if is_unused else offers.get(evse.evse_id, 0)
    return max(sums_a) > limit_a
