"""The story of one row: charge, break, look, mend, look."""

from __future__ import annotations

from tests.faults.forecourt import Cable
from tests.faults.rows import Row
from tests.faults.scene import Scene

UNREAD_WH = 25.0  # 22 kW for the kiosk seconds between two polls, and one more


def play(scene: Scene, row: Row, cable: Cable) -> None:
    """At one EVSE, with nobody there before and after. Raises AssertionError."""
    number = cable.evse_id
    if row.is_before_the_charge:
        scene.stage.street(**row.breaks, evse=number)
        charge = scene.begin(cable)
    else:
        charge = scene.charge(cable)
        scene.stage.street(**row.breaks, evse=number)
    broken_wh = scene.delivered_wh(charge)

    for amps in row.passes_a:
        scene.wait_until_offered(cable, amps)
    scene.wait_until_open(cable)
    if row.can_reach_board:
        scene.wait_until_offered(cable, 0)  # a busy bus takes its time; the contactor did not wait for it
    scene.wait_until_out(cable, row.code)
    scene.tells(cable, row.code, row.condition, row.tells)
    status = scene.status(cable)
    checked = scene.billed(charge, None if row.can_read_meter else max(0.0, broken_wh - UNREAD_WH))

    truth, true_wh = scene.physics(cable), scene.delivered_wh(charge)
    assert not truth["is_closed"]
    assert truth["offered_a"] == 0 or not row.can_reach_board
    assert checked.stopped_reason is row.ends
    assert (status["fault"]["code"], status["fault"]["is_latched"]) == (row.code, row.latches)
    assert f"evse {number}: Faulted {row.code}" in scene.logged()

    if not row.is_there_to_stay:
        scene.stage.street(**row.mends, evse=number)
    if row.latches:
        latched = "cause_gone" if row.is_told_by_a_line else "needs_reset"
        scene.charges.wait_for(number, "is healthy and latched", lambda e: latched in e.why)
        assert scene.kiosk("reset", str(number)).returncode == 0
    if row.clears_by_unplugging:
        scene.leave(cable)
    scene.wait_until_idle(cable)
    assert scene.delivered_wh(charge) == true_wh, "nothing flowed afterwards"
    if row.is_there_to_stay:
        scene.stage.street("mend", evse=number)  # back to the first one: the same fault again, for nobody's charge
        scene.wait_until_out(cable, row.code)
    if not row.clears_by_unplugging:
        scene.leave(cable)
    scene.clear(cable)
