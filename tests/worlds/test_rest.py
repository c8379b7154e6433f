"""A look that brings an EVSE at rest no news changes nothing there but the facts: both ways are taken and compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.session import kiosk as core
from kiosk.session.events import Sensed
from kiosk.session.facts import Facts
from kiosk.session.rest import rested
from kiosk.session.session import Session
from kiosk.session.turn import step
from worlds.faults.kinds import chosen
from worlds.world import World


@pytest.mark.parametrize("seed", [2, 8])
def test_a_step_that_is_not_taken_would_have_changed_nothing_but_the_facts(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(seed, 24.0, faults=chosen("all"))
    evses = {evse.evse_id: evse for evse in world.settings.evses}
    not_taken = taken = 0

    def both_ways(session: Session, facts: Facts) -> Session | None:
        nonlocal not_taken, taken
        found = rested(session, facts)
        if found is None:
            taken += 1
            return None
        not_taken += 1
        evse = evses[session.evse_id]
        look = Sensed({session.evse_id: facts})
        assert step(session, look, world.now(), evse, world.settings.patience) == (found, [])
        assert replace(found, facts=session.facts) == session
        return found

    monkeypatch.setattr(core, "rested", both_ways)
    world.run()

    assert not_taken > 500 and taken > 500
