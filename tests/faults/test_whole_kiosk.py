"""Faults that stop the whole kiosk, one after the other: the emergency stop, a weld and its relay, the GPIO chip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kiosk.session.faults import RULE_OF, FaultCode
from tests.faults.forecourt import CABLES, HEIDELBERG
from tests.faults.scene import Scene

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]
LEFT, RIGHT, THIRD = CABLES[:3]
BOARD = next(cable for cable in CABLES if cable.board == HEIDELBERG)


@pytest.fixture(autouse=True)
def whole_again(scene: Scene) -> Iterator[None]:
    """What one test broke shall not break the next."""
    yield
    scene.stage.street("mend")
    for cable in CABLES:
        scene.clear(cable)


def test_the_emergency_stop_ends_every_charge_and_waits_for_a_reset_of_each_evse(scene: Scene) -> None:
    charges = scene.several(LEFT, BOARD)
    code = FaultCode.EMERGENCY_STOP

    scene.stage.street("press-estop")

    for charge in charges:
        scene.wait_until_open(charge.cable)
    for cable in CABLES:
        scene.wait_until_out(cable, code)
    for charge in charges:
        assert scene.billed(charge).stopped_reason == RULE_OF[code].stopped_reason
        assert scene.physics(charge.cable)["offered_a"] == 0
        assert scene.status(charge.cable)["fault"] | {"detail": "", "since": ""} == {
            "code": code,
            "is_latched": True,
            "detail": "",
            "since": "",
        }
        scene.tells(charge.cable, code)
        assert f"evse {charge.cable.evse_id}: Faulted {code}" in scene.logged()
    assert scene.kiosk("reset", "1", "--patience-s", "0.5").returncode == 4

    scene.stage.street("release-estop")
    for cable in CABLES:
        scene.charges.wait_for(cable.evse_id, "is seen released", lambda e: "cause_gone" in e.why)
    assert set(scene.reset(*CABLES)) == {0}
    for cable in CABLES:
        scene.wait_until_idle(cable)


def test_a_welded_contactor_drops_the_safety_relay_and_ends_every_other_charge(scene: Scene) -> None:
    welded, other = scene.several(LEFT, RIGHT)
    scene.stage.street("fault", kind="weld", evse=LEFT.evse_id)

    scene.stage.street("pause", evse=LEFT.evse_id)

    scene.wait_until_out(LEFT, FaultCode.CONTACTOR_WELDED)
    scene.wait_until_out(RIGHT, FaultCode.RELAY_DROPPED)
    scene.wait_until_relay_is_open()
    assert scene.physics(LEFT)["is_closed"] and not scene.physics(RIGHT)["is_closed"]
    for charge, code in ((welded, FaultCode.CONTACTOR_WELDED), (other, FaultCode.RELAY_DROPPED)):
        assert scene.billed(charge).stopped_reason == RULE_OF[code].stopped_reason
        status = scene.status(charge.cable)["fault"]
        assert (status["code"], status["is_latched"]) == (code, RULE_OF[code].latches)
        scene.tells(charge.cable, code)
        assert f"evse {charge.cable.evse_id}: Faulted {code}" in scene.logged()

    scene.stage.street("mend", evse=LEFT.evse_id)
    scene.wait_until_open(LEFT)
    scene.reset_once_healthy(LEFT)
    scene.wait_until_idle(LEFT)
    scene.wait_until_idle(RIGHT)


def test_current_through_a_contactor_that_says_open_drops_the_relay(scene: Scene) -> None:
    charge = scene.charge(LEFT)
    for kind in ("weld", "car-deaf", "feedback-open"):
        scene.stage.street("fault", kind=kind, evse=LEFT.evse_id)
    lying_wh = scene.delivered_wh(charge)

    scene.wait_until_out(LEFT, FaultCode.FLOWS_THOUGH_OPEN)
    scene.wait_until_out(RIGHT, FaultCode.RELAY_DROPPED)
    scene.wait_until_relay_is_open()
    assert scene.physics(LEFT)["is_closed"]
    scene.tells(LEFT, FaultCode.FLOWS_THOUGH_OPEN)
    assert f"evse {LEFT.evse_id}: Faulted {FaultCode.FLOWS_THOUGH_OPEN}" in scene.logged()
    assert scene.billed(charge, lying_wh).stopped_reason == RULE_OF[FaultCode.FLOWS_THOUGH_OPEN].stopped_reason

    scene.stage.street("mend", evse=LEFT.evse_id)
    scene.wait_until_open(LEFT)
    scene.reset_once_healthy(LEFT)
    for cable in CABLES:
        scene.wait_until_idle(cable)


def test_feedback_stuck_at_closed_drops_the_relay_although_nobody_charged_there(scene: Scene) -> None:
    other = scene.charge(RIGHT)

    scene.stage.street("fault", kind="feedback-closed", evse=THIRD.evse_id)

    scene.wait_until_out(THIRD, FaultCode.CONTACTOR_WELDED)
    scene.wait_until_out(RIGHT, FaultCode.RELAY_DROPPED)
    scene.wait_until_open(RIGHT)
    assert scene.billed(other).stopped_reason == RULE_OF[FaultCode.RELAY_DROPPED].stopped_reason

    scene.stage.street("mend", evse=THIRD.evse_id)
    scene.charges.wait_for(THIRD.evse_id, "is seen open", lambda e: e.contactor_closed is False)
    scene.reset_once_healthy(THIRD)
    for cable in CABLES:
        scene.wait_until_idle(cable)


def test_a_gpio_chip_that_goes_away_opens_by_the_relay_and_is_named_with_its_lines(scene: Scene) -> None:
    charges = scene.several(LEFT, BOARD)

    scene.stage.street("fault", kind="gpio-gone")

    for charge in charges:
        scene.wait_until_open(charge.cable)
    scene.wait_until_relay_is_open()
    for charge in charges:
        code = FaultCode.SAFETY_LINE_LOST  # the emergency stop cannot be read
        scene.wait_until_out(charge.cable, code)
        assert scene.billed(charge).stopped_reason == RULE_OF[code].stopped_reason
        scene.tells(charge.cable, code, "gpio_gone")
    told = scene.kiosk("status").stdout
    for what in ("emergency stop", f"contactor {LEFT.evse_id}", "heartbeat"):
        assert f"{what}: cannot" in told and "GPIO" in told

    scene.stage.street("mend")
    for cable in CABLES:
        scene.wait_until_idle(cable)
