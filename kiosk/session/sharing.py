"""Between sessions and the site: what each session asks for, and what it is granted. Pure."""

from __future__ import annotations

from contract.metering import MeterReading
from contract.values import replace
from kiosk.session.consumer import LONG_AGO_S, Demand
from kiosk.session.protection import current_ma, heat_cap_a
from kiosk.session.session import Session
from kiosk.session.settings import EvseSettings, KioskSettings
from kiosk.session.site import Site, SiteFacts, allocate, share_of
from kiosk.session.snapshot import LimitKind
from kiosk.session.states import State


def shared(
    site: Site, sessions: tuple[Session, ...], settings: KioskSettings, reading: MeterReading | None, now_s: float
) -> tuple[Site, tuple[Session, ...]]:
    """The next grants, and the sessions with their shares. `reading`: of the site's meter, None where stale."""
    if site.is_idle and not any(session.transaction for session in sessions):
        return site, sessions
    demands = [demand_of(session, evse) for session, evse in zip(sessions, settings.evses, strict=True)]
    facts = SiteFacts(tuple(demands), reading)
    site = allocate(site, facts, now_s)
    return site, tuple([_with_share(session, site, facts) for session in sessions])


def demand_of(session: Session, evse: EvseSettings) -> Demand:
    facts, t = session.facts, session.transaction
    is_plugged = facts.pilot is None or facts.pilot.is_connected  # doubt counts as plugged
    may_be_offered = session.state in (State.PREPARING, State.DELIVERING) and t is not None and t.durable_seq >= 0
    departs_s = None
    if t is not None and t.limit is not None and t.limit.kind is LimitKind.TIME:
        departs_s = t.started.s + t.limit.value
    return Demand(
        evse_id=session.evse_id,
        phases=evse.site_phases,
        most_a=heat_cap_a(session.watch, evse),
        asks=may_be_offered and facts.pilot is not None and facts.pilot.is_connected,
        is_awake=facts.pilot is not None and facts.pilot.asks_for_energy,
        is_plugged=is_plugged,
        came_s=t.started.s if t is not None else LONG_AGO_S,
        departs_s=departs_s,
        current_ma=current_ma(facts.meter, evse) if facts.meter is not None and facts.meter_is_fresh else (),
        current_at_s=facts.meter.at_s if facts.meter is not None else LONG_AGO_S,
        open_at_s=facts.contactor_sensed_at_s if facts.contactor_closed is False else None,
    )


def _with_share(session: Session, site: Site, facts: SiteFacts) -> Session:
    share = share_of(site, session.evse_id, facts)
    return session if share == session.share else replace(session, share=share)
