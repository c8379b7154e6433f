"""A world that skips beats skips none that matters: what a look in between would change is found in time."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from contract.iec61851 import PilotState
from contract.metering import MeterReading
from kiosk.session.events import Sensed
from kiosk.session.facts import Facts
from kiosk.session.kiosk import step
from kiosk.session.session import Session
from worlds.polls import LOOK_AGAIN_S
from worlds.world import World


class PeepedAtWorld(World):
    """Now and then somebody shows the core what the devices say at that moment, and forgets its answer."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, 24.0)
        self.peeps, self.found = 0, 0
        self._own = random.Random(f"peep-{seed}")
        self.agenda.after(1.0, self._peep)

    def _peep(self) -> None:
        self.agenda.after(self._own.choice((0.03, 0.3, 3.0, 60.0)) * self._own.random(), self._peep)
        boot, now_s = self.kiosk, self.agenda.now_s
        if boot is None or boot.due_s <= now_s or boot.controller.has_news():
            return
        kiosk = boot.controller.kiosk
        facts = {session.evse_id: self._facts(session) for session in kiosk.sessions}
        later, messages = step(kiosk, Sensed(facts, kiosk.site_reading), self.now())
        moved = [
            (session.state, session.fault, session.wishes_closed)
            for session, after in zip(kiosk.sessions, later.sessions, strict=True)
            if (session.state, session.fault, session.wishes_closed) != (after.state, after.fault, after.wishes_closed)
        ]
        self.peeps += 1
        if messages or moved:
            self.found += 1
            times = self.times.values()
            slowest_s = max(max(t.feedback_period_s, t.pilot_period_s, t.meter_period_s) for t in times)
            assert boot.due_s - now_s <= slowest_s + LOOK_AGAIN_S, (moved, messages, self.story[-5:])

    def _facts(self, session: Session) -> Facts:
        outlet, now_s = self.outlets[session.evse_id], self.now().s
        reading = MeterReading(now_s, outlet.meter.register_wh, 0, round(outlet.power_w), outlet.currents_ma)
        return replace(
            session.facts,
            pilot=PilotState(outlet.pilot),
            contactor_closed=outlet.contactor.feedback,
            contactor_sensed_at_s=now_s,
            meter=reading,
            meter_is_fresh=True,
        )


@pytest.mark.parametrize("seed", [6, 18])
def test_a_look_between_two_beats_finds_nothing_that_would_be_missed(seed: int) -> None:
    world = PeepedAtWorld(seed)
    world.run()

    assert world.peeps > 5_000
    assert world.found > 0, "a peep that never finds anything proves nothing"
