"""A screen that is frozen, not dead: the real window on a display of its own, stopped as SIGSTOP stops a process."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from contract.transaction import StoppedReason
from kiosk.cli.causes import CAUSES
from kiosk.cli.conditions import standing
from kiosk.cli.doctor import advice
from kiosk.cli.why import story
from kiosk.probe.checks_snapshot import all_of
from kiosk.session.snapshot import Snapshot
from kiosk.session.states import State
from kiosk.wire import snapshot_line
from tests.faults.forecourt import CABLES
from tests.faults.scene import Scene
from worlds.eyes import Eyes
from worlds.touchscreen import Touchscreen, display

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]
LEFT = CABLES[0]
SIZE = (800, 480)
CODE, PATIENCE_S = "screen_gone", 40.0
HERE = "kiosk.panel: INFO: screen is here"


class Memory:
    """All that a snapshot ever said while it was looked at: what is over soon is not missed."""

    def __init__(self) -> None:
        self.told: dict[str, Any] | None = None
        self.is_looking = False

    def take(self, snapshot: Snapshot | None) -> None:
        self.is_looking = snapshot is not None
        if snapshot is not None and CODE in standing(line := snapshot_line(snapshot)["snapshot"]):
            self.told = line


def test_a_frozen_screen_is_told_killed_by_its_watchdog_and_started_again_while_the_charge_goes_on(
    scene: Scene,
) -> None:
    stage, launcher, memory = scene.stage, scene.stage.launcher, Memory()
    charge = scene.charge(LEFT)
    with display(SIZE) as (shown_on, _), Eyes(stage.places.panel, memory.take):
        stage.wait_for("eyes are open", lambda: memory.is_looking, PATIENCE_S, "controller")
        screens = scene.logged().count(HERE)
        words = ("--socket", stage.places.panel, "--size", f"{SIZE[0]}x{SIZE[1]}", "--theme", "light")
        stage.start_screen(words, {"DISPLAY": shown_on, "LIBGL_ALWAYS_SOFTWARE": "1"})
        try:
            stage.wait_for("the screen paints", lambda: launcher.is_ready("ui"), PATIENCE_S, "ui")
            stage.wait_for("it has called", lambda: scene.logged().count(HERE) > screens, PATIENCE_S, "ui")
            frozen = launcher.pid("ui")
            assert frozen is not None
            os.kill(frozen, signal.SIGSTOP)
            frozen_wh = scene.delivered_wh(charge)

            stage.wait_for("it is told", lambda: memory.told, PATIENCE_S, "controller", "ui")
            stage.wait_for("it is killed", lambda: launcher.pid("ui") != frozen, PATIENCE_S, "ui")
            stage.wait_for("it paints again", lambda: launcher.is_ready("ui"), PATIENCE_S, "ui")
            window = Touchscreen(shown_on, SIZE, lambda: launcher.pid("ui"))
            stage.wait_for("there is a window", lambda: window.corner() is not None, PATIENCE_S, "ui")
            stage.wait_for("nobody misses it", lambda: _misses_nobody(scene), PATIENCE_S, "controller")
        finally:
            launcher.stop("ui")

    assert memory.told is not None
    (why,) = (cause for cause in story(memory.told["evses"][0], memory.told)["causes"] if cause["code"] == CODE)
    assert why["sentence"] == CAUSES[CODE][0] and "hangs" in why["sentence"]
    (doctor,) = (line for line in map(str, all_of(memory.told, advice(memory.told))) if "screen process" in line)
    assert doctor.startswith("FAIL  device") and "here, and hangs for" in doctor and CAUSES[CODE][0] in doctor
    logged = scene.logged()
    assert "kiosk.health: WARNING: screen process: here, and hangs for" in logged
    assert "screen process: well again" in logged
    assert "killed by its watchdog" in (stage.places.logs / "ui.log").read_text(encoding="utf-8")
    evse = scene.eyes.evse(LEFT.evse_id)
    assert evse is not None and evse.transaction is not None
    assert (evse.state, evse.transaction.transaction_id) == (State.DELIVERING, charge.transaction_id)
    assert scene.delivered_wh(charge) > frozen_wh
    scene.leave(LEFT)
    assert scene.billed(charge).stopped_reason is StoppedReason.EV_DISCONNECTED
    scene.wait_until_idle(LEFT)


def _misses_nobody(scene: Scene) -> bool:
    seen = scene.eyes.snapshot
    return seen is not None and CODE not in standing(snapshot_line(seen)["snapshot"])
