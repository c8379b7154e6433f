"""Rows the server refuses: marked in the journal, passed over, never lost."""

from __future__ import annotations

from pathlib import Path

from kiosk.journal import Batch, JournalStore
from kiosk.journal.refused_rows import MOST_REFUSED, forget_refused, note_refused, refused_rows, sendable
from tests.journal.rows import status_row


def journal(path: Path, count: int) -> JournalStore:
    store = JournalStore(path / "journal.db")
    store.commit(Batch(tuple(status_row(f'{{"n":{n}}}') for n in range(count))))
    return store


def numbers(store: JournalStore, limit: int = 100) -> list[int]:
    return [row.journal_no for row in sendable(store, limit)]


def test_a_refused_row_is_passed_over_and_stays(tmp_path: Path) -> None:
    store = journal(tmp_path, 4)
    note_refused(store, 2, "422: why not")

    assert numbers(store) == [1, 3, 4]
    assert numbers(store, 2) == [1, 3]
    assert store.row(2) is not None
    assert store.waiting() == 4


def test_the_mark_outlives_the_program_and_is_read_beside_it(tmp_path: Path) -> None:
    journal(tmp_path, 2).close()
    store = JournalStore(tmp_path / "journal.db")
    note_refused(store, 1, "413: too large")
    beside = JournalStore(tmp_path / "journal.db", read_only=True)

    assert refused_rows(beside) == {1: "413: too large"}
    assert numbers(beside) == [2]


def test_forgetting_makes_them_sendable_once_more(tmp_path: Path) -> None:
    store = journal(tmp_path, 3)
    note_refused(store, 1, "422")
    note_refused(store, 3, "422")

    assert forget_refused(store) == 2
    assert numbers(store) == [1, 2, 3]
    assert forget_refused(store) == 0


def test_the_marks_are_bounded(tmp_path: Path) -> None:
    store = journal(tmp_path, MOST_REFUSED + 3)
    for number in range(1, MOST_REFUSED + 3):
        note_refused(store, number, "422")

    assert len(refused_rows(store)) == MOST_REFUSED
    assert numbers(store) == [1, 2, MOST_REFUSED + 3]
