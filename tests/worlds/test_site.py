"""Worlds in which outlets share a supply: the physics never exceeds the limit for long, and the watch is awake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.session.settings import SiteSettings
from worlds.checker import check
from worlds.world import World

METERED, PLAIN = 3, 16  # seeds of worlds with a site meter, and with a limit alone


def test_half_of_the_worlds_share_a_supply_and_some_of_those_have_a_meter() -> None:
    sites = [World(seed, 1).site.settings for seed in range(1, 41)]
    shared = [settings for settings in sites if settings is not None]

    assert 12 <= len(shared) <= 28
    assert 5 <= sum(settings.has_meter for settings in shared) <= 20


@pytest.mark.parametrize("seed", [METERED, PLAIN])
def test_a_shared_supply_does_no_harm(seed: int) -> None:
    world = World(seed, 16)
    assert isinstance(world.site.settings, SiteSettings)
    world.run()

    assert not check(world).any(), world.story[-20:]
    assert world.activity.sessions > 2


def test_a_kiosk_that_knows_of_no_limit_is_found_unsafe() -> None:
    """The watch reads amps: where every EVSE offers all it may, it says so."""
    world = World(PLAIN, 12)
    world.settings = replace(world.settings, site=None)
    world.run()

    assert check(world).unsafe > 0
    assert any("over the site's limit" in line for line in world.story)
