"""What the boards are left with when the controller goes, and what they hear first from the next one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from contract.transaction import StoppedReason
from kiosk.session.faults import FaultCode
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


class Unreadable:
    """The journal's name leads to a disk that is not there; what was under it waits beside it."""

    def __init__(self, journal: Path) -> None:
        self._journal, self._aside = journal, journal.with_name("aside")

    def begin(self) -> None:
        self._aside.mkdir()
        for file in list(self._journal.parent.glob(f"{self._journal.name}*")):
            file.rename(self._aside / file.name)
        self._journal.symlink_to(self._aside / "absent" / "journal.db")

    def end(self) -> None:
        if self._aside.exists():
            self._journal.unlink()
            for file in list(self._aside.iterdir()):
                file.rename(self._journal.with_name(file.name))
            self._aside.rmdir()


def test_a_start_that_cannot_read_its_journal_feeds_no_relay_beside_a_contactor_that_a_killed_one_left_closed(
    scene: Scene,
) -> None:
    charge, launcher = scene.charge(LEFT), scene.stage.launcher
    journal = Unreadable(scene.stage.places.state / "journal.db")
    scene.stage.street("fault", kind="weld", evse=LEFT.evse_id)  # so that it is closed at the start, and for sure
    launcher.cut(("controller",))
    scene.wait_until_relay_is_open()
    moves = scene.stage.physics()["relay"]["changes"]
    try:
        journal.begin()
        launcher.restore(("controller",))

        scene.wait_until_out(LEFT, FaultCode.CONTACTOR_WELDED)
        scene.tells(LEFT, FaultCode.CONTACTOR_WELDED)
        assert scene.stage.physics()["relay"]["changes"] == moves, "it was not fed for a moment"
        assert scene.physics(LEFT)["is_closed"] and scene.physics(LEFT)["offered_a"] == 0
        assert "out of service until the disk takes it" in scene.logged()
    finally:
        scene.stage.street("mend", evse=LEFT.evse_id)
        scene.wait_until_open(LEFT)
        journal.end()

    scene.stage.wait_for("it starts anew", lambda: "opens again: a new start" in scene.logged(), 20.0, "controller")
    goes_on_and_ends(scene, [charge])
    first, *_ = scene.charges.order_billed_once(charge.transaction_id, scene.delivered_wh(charge))
    assert first.stopped_reason is StoppedReason.POWER_LOSS
