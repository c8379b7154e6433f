"""A board with a contactor and a temperature of its own: what it does by itself is no fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contract.transaction import ChargingState, StoppedReason
from kiosk.cli.causes import CAUSES
from kiosk.cli.doctor import advice
from kiosk.probe.checks_snapshot import all_of
from kiosk.session.states import State
from kiosk.ui.choose import choose
from kiosk.ui.navigation import Nav
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.views.charging import ChargingView
from tests.faults.forecourt import CABLES, HEIDELBERG
from tests.faults.scene import Scene

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]
BOARD = next(cable for cable in CABLES if cable.board == HEIDELBERG)


def test_a_car_that_pauses_keeps_its_transaction_and_one_that_leaves_under_load_is_billed(scene: Scene) -> None:
    charge, number = scene.charge(BOARD), BOARD.evse_id

    scene.stage.street("pause", evse=number)
    scene.wait_until_open(BOARD)
    paused = scene.charges.wait_for(
        number,
        "waits for the car",
        lambda e: e.transaction is not None and e.transaction.charging_state is ChargingState.SUSPENDED_EV,
    )
    scene.stage.street("pause", evse=number, on=False)
    before_wh = scene.delivered_wh(charge)
    scene.stage.wait_for("energy flows again", lambda: scene.delivered_wh(charge) > before_wh + 5, 20.0, "controller")
    scene.leave(BOARD)

    assert paused.state is State.DELIVERING
    assert scene.billed(charge).stopped_reason is StoppedReason.EV_DISCONNECTED
    scene.wait_until_idle(BOARD)
    assert f"evse {number}: Faulted contactor" not in scene.logged()


def test_a_board_that_derates_is_told_and_the_charge_goes_on(scene: Scene) -> None:
    charge, number, row = scene.charge(BOARD), BOARD.evse_id, "heat:board"

    scene.stage.street("fault", kind="board-derating", evse=number)
    scene.charges.wait_for(number, "takes less by itself", lambda e: row in e.why)
    cause = next(cause for cause in scene.causes(BOARD) if cause["code"] == row)
    seen, before_wh = scene.eyes.snapshot, scene.delivered_wh(charge)
    assert seen is not None
    for name, language in LANGUAGES.items():
        view = choose(replace(seen, notice=None, token_waits=False), Nav(name, name, focus=number), 0.0)
        assert isinstance(view, ChargingView) and view.note.text == language.say("charging.note_hot")
    shown = scene.shown()
    doctor = [str(finding) for finding in all_of(shown, advice(shown)) if f"board{number}" in str(finding)]

    assert cause["sentence"] == CAUSES[row][0]
    assert any(line.startswith("ok") and "lowers the current by itself (state 8" in line for line in doctor), doctor
    scene.stage.wait_for("energy flows", lambda: scene.delivered_wh(charge) > before_wh, 5.0, "controller")
    scene.stage.street("mend", evse=number)
    scene.charges.wait_for(number, "is cool again", lambda e: row not in e.why)
    scene.leave(BOARD)
    assert scene.billed(charge).stopped_reason is StoppedReason.EV_DISCONNECTED
    scene.wait_until_idle(BOARD)
