"""Bytes of a journal read without SQLite are the rows SQLite reads."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from contract.api import RowKind
from kiosk.journal import Batch, JournalStore, NewRow
from kiosk.journal.pages import PAGE_SIZE, FoundRow, pages_of_wal, rows_in
from tests.journal.rows import NOON, asked_row, row, started, status_row, updated


def read_raw(path: Path) -> dict[int, FoundRow]:
    data, wal = path.read_bytes(), Path(f"{path}-wal")
    newer = pages_of_wal(wal.read_bytes()) if wal.exists() else {}

    def page(number: int) -> bytes:
        return newer.get(number, data[(number - 1) * PAGE_SIZE : number * PAGE_SIZE])

    return rows_in(page, max([len(data) // PAGE_SIZE, *newer]))


@pytest.mark.parametrize("is_checkpointed", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_a_sound_journal_is_read_as_sqlite_reads_it(tmp_path: Path, seed: int, is_checkpointed: bool) -> None:
    rng, path = random.Random(seed), tmp_path / "j.db"
    store = JournalStore(path)
    story = started("t")
    store.commit(Batch((row(story),), spends=(("v", "o"),)))
    for number in range(1, 200):
        long = NewRow(RowKind.STATUS, rng.randbytes(rng.choice([10, 700, 4000, 4061, 4062, 30_000])).hex().encode())
        store.commit(Batch((row(updated(story, number)), rng.choice([long, asked_row(f"a{number}"), status_row("ü")]))))
        if rng.random() < 0.1:
            store.acknowledge(range(1, number), "e", NOON)
        if is_checkpointed and rng.random() < 0.1:
            store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    found = read_raw(path)

    with sqlite3.connect(path) as db:
        wanted = {n: (n, k, b, a) for n, k, b, a in db.execute("SELECT journal_no, kind, body, acknowledged FROM row")}
    assert {n: (n, r.kind.value, r.body, r.acknowledged) for n, r in found.items()} == wanted
    store.close()


def test_a_torn_log_counts_up_to_its_last_whole_commit(tmp_path: Path) -> None:
    store = JournalStore(tmp_path / "j.db")
    for number in range(20):
        store.commit(Batch((status_row(str(number)),)))
    wal = (tmp_path / "j.db-wal").read_bytes()
    store.close()

    whole, torn = pages_of_wal(wal), pages_of_wal(wal[:-100])

    assert whole != torn
    assert len(rows_in(lambda number: torn.get(number, b""), 20)) == 19


def test_noise_is_no_row() -> None:
    noise = [random.Random(seed).randbytes(PAGE_SIZE) for seed in range(300)]
    pages = [b"\x0d" + page[1:] for page in noise]

    assert rows_in(lambda number: pages[number - 1], len(pages)) == {}
