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
from tests.faults.forecourt import ALONE, HEIDELBERG, Cable
from tests.faults.rows import CONDITIONS_ELSEWHERE, ELSEWHERE, ROWS, SHARED_ROWS, Row
from tests.faults.scene import Scene
from tests.faults.story import play

ROOT = Path(__file__).resolve().parents[2]
QUEUE_PATIENCE_S = 90.0

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("faults")]


@pytest.fixture(scope="module")
def stories(request: pytest.FixtureRequest, scene: Scene) -> Iterator[dict[str, Future[None]]]:
    """Every row that was asked for, being played."""
    asked_for = {item.name for item in request.session.items}
    wanted = [
        row for row in ROWS if f"{test_a_row_ends_the_charge_as_its_row_says.__name__}[{name_of(row)}]" in asked_for
    ]
    free: dict[bool, SimpleQueue[Cable]] = {False: SimpleQueue(), True: SimpleQueue()}
    for cable in ALONE:
        free[cable.board == HEIDELBERG].put(cable)
    with ThreadPoolExecutor(len(ALONE)) as pool:
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


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_row_ends_the_charge_as_its_row_says(stories: dict[str, Future[None]], row: Row) -> None:
    stories[row.what].result()


def test_every_row_of_the_tables_has_a_test_in_the_bytes_tier() -> None:
    played = (*ROWS, *SHARED_ROWS)
    faults = {row.code for row in played} | set(ELSEWHERE)
    conditions = {row.condition for row in played} | set(CONDITIONS_ELSEWHERE)

    assert {rule.code for rule in FAULT_RULES} - faults == set()
    assert set(CONDITIONS) - conditions == set()
    for words, place in (*((code.name, at) for code, at in ELSEWHERE.items()), *CONDITIONS_ELSEWHERE.items()):
        assert words in (ROOT / place).read_text(encoding="utf-8"), f"{place} does not test {words}"
