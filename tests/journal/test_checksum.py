"""Bytes that change on the card: found, never sent, set aside with their number, and everything else goes on."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.journal import Batch, JournalStore, JournalWriter, open_journal
from kiosk.journal.checksum import checksum
from kiosk.journal.refused_rows import sendable
from tests.journal.rows import NOON, ended, row, started, status_row, updated

TALE = started("tale")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Six rows: a finished charge, and three words about the kiosk. The server has the first two."""
    made = tmp_path / "journal.db"
    store = JournalStore(made)
    rows = (row(TALE), row(updated(TALE, 1)), row(ended(TALE, 2)), *(status_row(f"word {n}") for n in (4, 5, 6)))
    store.commit(Batch(rows))
    store.acknowledge([1, 2], "epoch", NOON)
    store.checkpoint()
    store.close()
    return made


def flip(path: Path, written: bytes, now: bytes) -> None:
    """One bit or more inside a body; SQLite's own structure stays sound."""
    data = path.read_bytes()
    assert data.count(written) == 1 and len(now) == len(written)
    path.write_bytes(data.replace(written, now))


def test_sqlite_alone_finds_nothing_wrong_with_a_changed_body(path: Path) -> None:
    flip(path, b"word 5", b"word 7")

    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(JournalStore(path, read_only=True)) as store:
        assert store.integrity() == ("row 5: not what was written (checksum)",)


def test_a_changed_row_is_put_aside_with_its_number_at_the_start_and_the_others_stay_as_they_were(path: Path) -> None:
    with closing(JournalStore(path, read_only=True)) as store:
        before = {kept.journal_no: kept for kept in store.rows()}
    flip(path, b"word 5", b"word 7")
    opened = open_journal(path, NOON)
    after = {kept.journal_no: kept for kept in opened.store.rows()}

    assert opened.setback is not None
    assert "row 5: not what was written (checksum)" in str(opened.setback)
    assert (opened.setback.carried, opened.setback.lost) == (5, 1)
    assert {number: after[number] for number in (1, 2, 3, 4, 6)} == {n: before[n] for n in (1, 2, 3, 4, 6)}
    assert 5 not in after
    kept_as = Path(opened.setback.kept_as)
    assert any(b"word 7" in file.read_bytes() for file in kept_as.iterdir()), "the file is kept as it was found"
    assert opened.store.integrity() == ()
    opened.store.close()


def test_a_changed_reading_of_a_charge_is_filled_from_the_one_before_and_bills_no_more(path: Path) -> None:
    with closing(JournalStore(path)) as store:
        other = started("other")
        store.commit(Batch((row(other), row(updated(other, 1)), row(updated(other, 2)), row(ended(other, 3)))))
        reading = store.row(9)
        assert reading is not None
        store.checkpoint()
    written = reading.body.encode()
    flip(path, written, written.replace(b'"import_wh":', b'"import_wh":', 1)[:-1] + b" ")

    opened = open_journal(path, NOON)

    assert opened.setback is not None
    assert "row 9" in opened.setback.why
    assert opened.setback.mended == 1
    opened.store.close()


def test_a_row_that_changes_under_a_running_kiosk_is_never_sent_and_blocks_no_other(path: Path) -> None:
    store = JournalStore(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "UPDATE row SET body = CAST(replace(CAST(body AS TEXT), 'word 5', 'word 7') AS BLOB) WHERE journal_no = 5"
        )

    assert [sent.journal_no for sent in sendable(store, 10)] == [3, 4, 6]
    assert store.spoiled == {5}
    shown = store.row(5)
    assert shown is not None
    assert not shown.is_sound
    store.close()


def test_the_writer_tells_of_a_changed_row_so_that_a_new_start_mends_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE row SET body = CAST('{}' AS BLOB) WHERE journal_no = 5")
    writer = JournalWriter(JournalStore(path))
    looked = threading.Event()
    writer.do(lambda store: store.unacknowledged(), lambda rows, error: looked.set())
    assert looked.wait(10)
    writer.close()

    assert writer.damage == "row 5: not what was written (checksum)"


def test_a_checksum_covers_number_kind_and_body() -> None:
    proof = checksum(7, "status", b"{}")

    assert proof != checksum(8, "status", b"{}")
    assert proof != checksum(7, "audit", b"{}")
    assert proof != checksum(7, "status", b"[]")
