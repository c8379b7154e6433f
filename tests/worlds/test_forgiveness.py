"""What a rule gives up over a restart: as much as was not on the disk, where the boot finds a register it cannot
believe, and nothing where it finds the true one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from worlds.checker import check
from worlds.faults.kinds import KINDS, chosen
from worlds.faults.trouble import Episode
from worlds.forgiveness import forgivable, stays
from worlds.world import World

SEED = 50
UNREAD_MS = 50_000  # of the 60 seconds between two readings
LEAST_UNREAD_WH = 250.0  # what flows meanwhile, and more than flows until a reading is stale and the contactor open
DARK_S = 900.0


class DarkScene:
    """A charge with much that is not on the disk yet: its next reading is nearly due."""

    def __init__(self) -> None:
        self.world = world = World(SEED, 2.0, faults=chosen("none"))
        world.boot()
        world.street.open()
        world.site.open()
        while (found := self._long_unread()) is None:
            self.pass_s(1.0)
        self.evse_id = found

    def pass_s(self, seconds: float) -> None:
        self.world._pass_until(self.world.agenda.now_s + seconds)

    def _long_unread(self) -> int | None:
        """An EVSE where much flows, and whose next reading is nearly due."""
        world = self.world
        assert world.kiosk is not None
        for session in world.kiosk.controller.kiosk.sessions:
            t = session.transaction
            if t is not None and t.samples and world.outlets[session.evse_id].power_w > 20_000:
                if t.elapsed_ms(world.now()) - t.samples[-1].elapsed_ms > UNREAD_MS:
                    return session.evse_id
        return None

    def begin(self, kind: str, chance: int = 0, lasts_s: float = 300.0) -> Episode:
        """`chance` draws how far a register is led astray, and whether it comes back."""
        self.world.trouble.rng = random.Random(chance)
        return self.world.trouble.begin(replace(KINDS[kind], lasts_s=(lasts_s, lasts_s)), self.evse_id)

    def breaks_while_dark(self, kind: str, chance: int) -> Episode:
        self.world.cut_power()
        self.pass_s(60.0)
        episode = self.begin(kind, chance)
        self.pass_s(DARK_S)
        return episode

    def boots_and_rests(self) -> None:
        self.world.boot_again()
        self.world.calm()

    @property
    def forgivable_wh(self) -> float:
        world = self.world
        bounds = [forgivable(world, stay) for stay in stays(world) if stay.evse_id == self.evse_id]
        return sum(sum(bound.values()) for bound in bounds)


@pytest.mark.parametrize(("kind", "chance"), [("register_jumps", 0), ("register_backwards", 3), ("meter_swapped", 0)])
def test_a_register_led_astray_while_the_kiosk_is_dark_costs_what_was_not_on_the_disk(kind: str, chance: int) -> None:
    scene = DarkScene()

    episode = scene.breaks_while_dark(kind, chance)

    assert scene.world.kiosk is None and episode.to_s < scene.world.agenda.now_s, "mended before the boot"
    assert episode.leaves_another_register
    scene.boots_and_rests()
    assert not check(scene.world).any(), scene.world.story[-10:]
    assert scene.world.activity.forgiven_wh["last_good_reading"] > LEAST_UNREAD_WH


@pytest.mark.parametrize(("kind", "chance"), [("register_jumps", 4), ("register_backwards", 0), ("meter_silent", 0)])
def test_a_register_that_is_true_again_at_the_boot_bills_everything(kind: str, chance: int) -> None:
    scene = DarkScene()

    episode = scene.breaks_while_dark(kind, chance)

    assert not episode.leaves_another_register
    scene.boots_and_rests()
    assert not check(scene.world).any(), scene.world.story[-10:]
    assert not scene.world.activity.forgiven_wh
    assert scene.forgivable_wh < LEAST_UNREAD_WH, "nothing that was not on the disk is given up"


def test_a_kiosk_killed_before_the_end_is_on_the_disk_has_lost_its_last_good_reading() -> None:
    """The register is mended meanwhile: it goes on from where it jumped to."""
    scene = DarkScene()
    episode = scene.begin("register_jumps", 0, lasts_s=10.0)
    scene.pass_s(12.0)

    scene.world.kill_process()
    scene.pass_s(2.0)
    scene.boots_and_rests()

    assert episode.leaves_another_register
    assert not check(scene.world).any(), scene.world.story[-10:]
    assert scene.world.activity.forgiven_wh["last_good_reading"] > LEAST_UNREAD_WH


def test_a_restart_after_the_end_is_on_the_disk_forgives_no_more() -> None:
    scene = DarkScene()
    episode = scene.begin("register_jumps", 0, lasts_s=20.0)
    scene.pass_s(120.0)

    scene.world.cut_power()
    scene.pass_s(DARK_S)
    scene.boots_and_rests()

    assert episode.leaves_another_register
    assert not check(scene.world).any(), scene.world.story[-10:]
    assert scene.forgivable_wh < LEAST_UNREAD_WH


def test_a_weld_that_is_mended_while_the_kiosk_is_dark_costs_what_was_not_on_the_disk() -> None:
    """The vehicle goes on drawing, more than a charge can have come to: the boot does not believe the register."""
    scene = DarkScene()
    scene.begin("offer_ignored")
    scene.begin("contactor_welded", lasts_s=DARK_S / 2)

    scene.world.cut_power()
    scene.pass_s(DARK_S)
    scene.boots_and_rests()

    assert not check(scene.world).any(), scene.world.story[-10:]
    uncommanded_wh = scene.world.outlets[scene.evse_id].uncommanded_wh
    assert scene.world.activity.forgiven_wh["welded_contactor"] - uncommanded_wh > LEAST_UNREAD_WH
