"""A journal of an older program: brought forward with nothing lost and every byte as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from contract.codec import utc_text
from kiosk.journal import Batch, JournalStore, JournalTooNew, VoucherAlreadySpent, open_journal
from kiosk.journal.checksum import teach
from kiosk.journal.schema import MIGRATIONS
from kiosk.journal.values import KeptRow, NewRow, Projection
from tests.journal.rows import NOON, asked_row, audit_row, ended, row, started, status_row, updated

# The journal as version 1 made it; kept as text, because the program that made it is gone.
VERSION_1 = """
    PRAGMA journal_mode=WAL;
    CREATE TABLE row (
        journal_no INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        acknowledged INTEGER
    ) STRICT;
    CREATE INDEX row_waiting ON row (journal_no) WHERE acknowledged IS NULL;
    CREATE TABLE document (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE spent_voucher (
        voucher_id TEXT PRIMARY KEY, transaction_id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE open_transaction (
        transaction_id TEXT PRIMARY KEY, first_no INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE open_ask (transaction_id TEXT PRIMARY KEY, journal_no INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE used_command (command_id TEXT PRIMARY KEY, journal_no INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    PRAGMA user_version=1;
"""
DONE, OPEN = started("done", command_id="c-1"), started("open")
ROWS: tuple[NewRow, ...] = (
    row(DONE), row(updated(DONE, 1)), row(ended(DONE, 2)), status_row("zwei · 二"), row(OPEN), row(updated(OPEN, 1)),
    asked_row("asked"), audit_row("c-2"),
)  # fmt: skip


# Version 2 called a voucher's spender an order.
VERSION_2 = VERSION_1.replace(
    "voucher_id TEXT PRIMARY KEY, transaction_id TEXT NOT NULL", "voucher_id TEXT PRIMARY KEY, order_id TEXT NOT NULL"
).replace("user_version=1", "user_version=2")


@pytest.fixture(params=[VERSION_1, VERSION_2], ids=["version 1", "version 2"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    made = tmp_path / "journal.db"
    with closing(sqlite3.connect(made, isolation_level=None)) as db:
        db.executescript(request.param)
        for number, one in enumerate(ROWS, 1):
            stamp = 1_700_000_000_000 if number <= 3 else None
            db.execute("INSERT INTO row VALUES (?, ?, ?, ?)", (number, one.kind.value, one.body, stamp))
        for name, body in (("epoch", "e-1"), ("authorization_list", "KL1.a.b"), ("last_wall", utc_text(NOON))):
            db.execute("INSERT INTO document VALUES (?, ?)", (name, body))
        spender = "done" if request.param is VERSION_1 else DONE.order_id
        db.executemany("INSERT INTO spent_voucher VALUES (?, ?)", [("v-1", spender), ("v-old", "pruned-long-ago")])
        db.execute("INSERT INTO open_transaction VALUES ('open', 5)")
        db.execute("INSERT INTO open_ask VALUES ('asked', 7)")
        db.executemany("INSERT INTO used_command VALUES (?, ?)", [("c-1", 1), ("c-2", 8)])
    return made


def test_an_older_journal_goes_on_with_every_byte(path: Path) -> None:
    opened = open_journal(path, NOON)

    assert opened.setback is None
    kept: list[KeptRow] = opened.store.rows()
    assert [(one.kind, one.body.encode()) for one in kept] == [(one.kind, one.body) for one in ROWS]
    assert [one.acknowledged_at is not None for one in kept] == [True] * 3 + [False] * 5
    assert opened.store.waiting() == 5
    found: Projection = opened.found
    assert [story.events for story in found.open_transactions] == [(OPEN, updated(OPEN, 1))]
    assert [asked.transaction_id for asked in found.asked] == ["asked"]
    assert found.spent_vouchers == {"v-1", "v-old"}
    assert (found.list_text, found.epoch, found.last_wall) == ("KL1.a.b", "e-1", NOON)
    assert found.used_command_ids == {"c-1", "c-2"}
    assert opened.store.integrity() == ()
    opened.store.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_a_voucher_of_an_older_journal_belongs_to_its_order_afterwards(path: Path) -> None:
    store = open_journal(path, NOON).store

    store.commit(Batch(spends=(("v-1", DONE.order_id),)))  # the same order may go on after a power cut
    for voucher_id in ("v-1", "v-old"):
        with pytest.raises(VoucherAlreadySpent):
            store.commit(Batch(spends=((voucher_id, "another order"),)))
    store.close()


def test_a_power_cut_in_the_middle_of_a_migration_leaves_the_older_journal(path: Path) -> None:
    before = path.read_bytes()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        teach(db)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.executescript(f"BEGIN IMMEDIATE;{MIGRATIONS[version]}")  # and the power is gone before COMMIT
    assert path.read_bytes() == before

    with closing(open_journal(path, NOON).store) as store:
        assert [one.body.encode() for one in store.rows()] == [one.body for one in ROWS]


def test_a_newer_journal_is_refused_by_the_store_as_well(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    before = path.read_bytes()

    with pytest.raises(JournalTooNew, match="install the newer version"):
        JournalStore(path)

    assert path.read_bytes() == before


def test_rows_of_an_older_journal_are_looked_after_from_then_on(path: Path) -> None:
    open_journal(path, NOON).store.close()
    data = path.read_bytes()
    assert data.count(b"status") >= 1
    path.write_bytes(data.replace("zwei · 二".encode(), "drei · 二".encode()))

    opened = open_journal(path, NOON)

    assert opened.setback is not None
    assert "row 4: not what was written" in opened.setback.why
    opened.store.close()
