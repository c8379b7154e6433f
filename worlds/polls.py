"""When the next look of the kiosk would bring news: a world jumps there instead of beating ten times a second.

Law:
- A look brings news where a device shows something else than the core knows, or where the core waits for a reading
  younger than its wish and the wiring can have one by then.
- It comes when the wiring would bring it: half a period after a change, a whole period after the last reading.
- A device that is silent brings none; worlds/cabinet.py says when it has been silent for too long.
- Everything else waits for the core's own deadlines. A beat in between would find what the core knows already;
  tests/worlds/test_polls.py tries such beats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.session.session import Session
from kiosk.session.states import State
from sim.outlet import Outlet

if TYPE_CHECKING:
    from worlds.world import Boot, World

SAFETY_POLL_S = 0.004  # the real loop looks at its safety inputs every ≤ 5 ms
LOOK_AGAIN_S = 0.5  # at a level that was looked at this very moment and is still not what it should be
JUDGED_S = 1.0  # so long after its patience a level against the wish has become a fault, or never will


def next_poll_s(world: World, boot: Boot) -> float:
    """In world seconds, later than now."""
    now_s, due_s = world.agenda.now_s, world.site.next_poll_s(boot)
    behind_s = boot.started_s - 10.0  # world seconds when the kiosk's clock said 0
    patience = world.settings.patience
    judged_s = max(patience.open_s, patience.close_s) + JUDGED_S
    for session in boot.controller.kiosk.sessions:
        outlet, times, facts = world.outlets[session.evse_id], world.times[session.evse_id], session.facts
        contactor, pilot, meter = boot.twins[session.evse_id]
        wires = world.cabinet.wires[session.evse_id]
        pause_s = feedback_pause_s(session, outlet, now_s - behind_s, judged_s)
        if pause_s is not None and not wires.feedback_is_cut:
            pause_s = max(pause_s, times.feedback_period_s / 2)
            due_s = min(due_s, max(now_s + pause_s, contactor.fresh_at_s + behind_s))
        shown = outlet.pilot if wires.pilot_shows is None else wires.pilot_shows
        if not wires.pilot_is_cut and facts.pilot != shown:
            due_s = min(due_s, max(now_s + times.pilot_period_s / 2, pilot.fresh_at_s + behind_s))
        if not wires.meter_is_cut and needs_reading(session, outlet, now_s - behind_s):
            due_s = min(due_s, max(now_s + times.meter_period_s / 2, meter.fresh_at_s + behind_s))
    if boot.controller.safety_inputs_changed():
        due_s = min(due_s, now_s + SAFETY_POLL_S)
    return due_s


def feedback_pause_s(session: Session, outlet: Outlet, now_s: float, judged_s: float) -> float | None:
    """After what time a look at the auxiliary contact would help, were its wire the fastest; None: it would not."""
    facts = session.facts
    waits = session.state is State.CLOSING or (session.state is State.PREPARING and session.wishes_closed)
    if waits and facts.contactor_sensed_at_s <= max(session.wish_since_s, session.since_s):
        return SAFETY_POLL_S
    if facts.contactor_closed is not outlet.contactor.feedback:
        return SAFETY_POLL_S if facts.contactor_sensed_at_s < now_s else LOOK_AGAIN_S
    if facts.contactor_closed is session.wishes_closed:
        return None
    since_s = session.wish_since_s if session.wishes_closed else session.open_since_s
    return LOOK_AGAIN_S if facts.contactor_sensed_at_s < since_s + judged_s else None


def needs_reading(session: Session, outlet: Outlet, now_s: float) -> bool:
    """Whether a session waits for what its meter says next: the last register, or the end of the current."""
    if session.state is State.CLOSING and session.opened_at_s is not None:
        return session.last_reading is None
    if session.ramp_until_s <= now_s:
        return False
    meter = session.facts.meter
    return meter is None or meter.at_s <= session.since_s or meter.power_w != round(outlet.power_w)
