"""Each row of docs/faults.md, broken in the street under a charge and mended again: real processes, real drivers.

One kiosk has them all. A row is a story of its own at an EVSE of its own, so eight of them are played at once; the
test of a row waits for the end of its story.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from kiosk.cli.conditions import CONDITIONS
from kiosk.session.faults import FAULT_RULES
from tests.faults.forecourt import CABLES, HEIDELBERG, Cable
from tests.faults.rows import CONDITIONS_ELSEWHERE, ELSEWHERE, ROWS, Row
from tests.faults.scene import Scene

ROOT = Path(__file__).resolve().parents[2]
QUEUE_PATIENCE_S = 90.0
UNREAD_WH = 25.0  # 22 kW for the kiosk seconds between two polls, and one more

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]


@pytest.fixture(scope="module")
def stories(request: pytest.FixtureRequest, scene: Scene) -> Iterator[dict[str, Future[None]]]:
    """Every row that was asked for, being played."""
    asked_for = {item.name for item in request.session.items}
    wanted = [
        row for row in ROWS if f"{test_a_row_ends_the_charge_as_its_row_says.__name__}[{name_of(row)}]" in asked_for
    ]
    free: dict[bool, SimpleQueue[Cable]] = {False: SimpleQueue(), True: SimpleQueue()}
    for cable in CABLES:
        free[cable.board == HEIDELBERG].put(cable)
    with ThreadPoolExecutor(len(CABLES)) as pool:
        yield {row.what: pool.submit(play_somewhere, scene, row, free[row.board == HEIDELBERG]) for row in wanted}


def name_of(row: Row) -> str:
    return row.what.replace(" ", "_")


def play_somewhere(scene: Scene, row: Row, free: SimpleQueue[Cable]) -> None:
    cable = free.get(timeout=QUEUE_PATIENCE_S)
    try:
        play(scene, row, cable)
    except BaseException:
        scene.clear(cable)
        raise
    finally:
        free.put(cable)


def play(scene: Scene, row: Row, cable: Cable) -> None:
    """Charge, break, look, mend, look. Raises AssertionError."""
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
    scene.wait_until_out(cable, row.code)
    status, why, causes = scene.status(cable), scene.why(cable), scene.causes(cable)
    checked = scene.billed(charge, None if row.can_read_meter else max(0.0, broken_wh - UNREAD_WH))

    truth, true_wh = scene.physics(cable), scene.delivered_wh(charge)
    assert not truth["is_closed"]
    assert truth["offered_a"] == 0 or not row.can_reach_board
    assert checked.stopped_reason is row.ends
    assert (status["fault"]["code"], status["fault"]["is_latched"]) == (row.code, row.latches)
    assert why["code"] == f"fault:{row.code}" == causes[0] and row.tells in why["detail"]
    assert row.condition in (*causes, "")
    assert f"evse {number}: Faulted {row.code}" in scene.logged()

    if not row.is_there_to_stay:
        scene.stage.street("mend", evse=number)
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


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_row_ends_the_charge_as_its_row_says(stories: dict[str, Future[None]], row: Row) -> None:
    stories[row.what].result()


def test_every_row_of_the_tables_has_a_test_in_the_bytes_tier() -> None:
    faults = {row.code for row in ROWS} | set(ELSEWHERE)
    conditions = {row.condition for row in ROWS} | set(CONDITIONS_ELSEWHERE)

    assert {rule.code for rule in FAULT_RULES} - faults == set()
    assert set(CONDITIONS) - conditions == set()
    for words, place in (*((code.name, at) for code, at in ELSEWHERE.items()), *CONDITIONS_ELSEWHERE.items()):
        assert words in (ROOT / place).read_text(encoding="utf-8"), f"{place} does not test {words}"
