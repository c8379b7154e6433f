"""A board with a contactor of its own opens as soon as the car pauses or leaves: that is no fault."""

from __future__ import annotations

import pytest

from contract.transaction import ChargingState, StoppedReason
from kiosk.session.states import State
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
