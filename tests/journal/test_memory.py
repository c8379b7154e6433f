"""The document beside the rows: there after a start, and carried over from a damaged journal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from kiosk.journal import Batch, JournalStore, open_journal
from kiosk.journal.values import MEMORY
from tests.journal.rows import row, started

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEXT = '{"evses":[{"evse_id":1}]}'


def test_it_is_written_with_the_rows_of_its_commit_and_found_at_the_start(tmp_path: Path) -> None:
    store = JournalStore(tmp_path / "journal.db")
    assert store.project().memory_text is None
    store.commit(Batch((row(started("t")),), documents={MEMORY: TEXT}))
    store.close()

    opened = open_journal(tmp_path / "journal.db", NOW)
    assert opened.found.memory_text == TEXT
    opened.store.close()


def test_it_survives_a_damaged_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    store = JournalStore(path)
    store.commit(Batch((row(started("t")),), documents={MEMORY: TEXT}))
    store.checkpoint()
    number = store._db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'open_ask'").fetchone()[0]
    store.close()
    raw = bytearray(path.read_bytes())
    raw[(number - 1) * 4096 : number * 4096] = bytes(4096)  # a page nobody misses here
    path.write_bytes(raw)

    opened = open_journal(path, NOW)
    assert opened.setback is not None
    assert opened.found.memory_text == TEXT
    opened.store.close()
