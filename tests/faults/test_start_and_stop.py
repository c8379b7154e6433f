"""What the boards are left with when the controller goes, and what they hear first from the next one."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.forecourt import CABLES, HEIDELBERG
from tests.faults.scene import Charge, Scene

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]
LEFT = CABLES[0]
BOARD = next(cable for cable in CABLES if cable.board == HEIDELBERG)
SETTLED_S = 0.5  # after the contactor: for the street's own look at its boards


def offers_since(scene: Scene, charge: Charge, at_s: float) -> list[tuple[float, int]]:
    return [(offer_s, amps) for offer_s, amps in scene.physics(charge.cable)["offers"] if offer_s >= at_s]


def goes_on_and_ends(scene: Scene, charges: list[Charge]) -> None:
    """The cars are still there: the charge begins again by itself, until they leave."""
    for charge in charges:
        scene.charges.wait_until_delivering(charge.cable.evse_id)
        scene.leave(charge.cable)
        scene.wait_until_idle(charge.cable)
        scene.clear(charge.cable)


def test_an_orderly_stop_leaves_every_board_at_zero(scene: Scene) -> None:
    charges, launcher = scene.several(LEFT, BOARD), scene.stage.launcher
    pid = launcher.pid("controller")
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    scene.stage.wait_for("it is gone", lambda: launcher.pid("controller") != pid, 20.0)
    gone = scene.stage.physics()["evses"]

    assert [gone[str(charge.cable.evse_id)]["offered_a"] for charge in charges] == [0, 0]
    assert not any(gone[str(charge.cable.evse_id)]["is_closed"] for charge in charges)
    goes_on_and_ends(scene, charges)
    assert "holds 0 A" not in scene.logged()


def test_a_board_without_a_watchdog_offers_on_after_a_kill_and_hears_of_zero_first(scene: Scene) -> None:
    charges, launcher = scene.several(LEFT), scene.stage.launcher

    killed_s = launcher.kill("controller")

    scene.wait_until_open(LEFT)  # the safety relay
    assert scene.physics(LEFT)["offered_a"] > 0
    scene.stage.wait_for("the next one is here", lambda: bool(offers_since(scene, charges[0], killed_s)), 20.0)
    assert offers_since(scene, charges[0], killed_s)[0][1] == 0
    goes_on_and_ends(scene, charges)
