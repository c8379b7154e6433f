"""The tables and how an older journal becomes a newer one.

A migration is one SQL script; `user_version` counts those that ran. Scripts are only ever added.

open_transaction, open_ask and used_command are an index over the rows, kept in the same commit, so that a start
needs no full scan.
"""

from __future__ import annotations

import sqlite3

from kiosk.journal import checksum
from kiosk.journal.values import JournalDamaged, JournalTooNew

MIGRATIONS = (
    """
    CREATE TABLE row (
        journal_no INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        acknowledged INTEGER  -- unix ms; NULL while the server has not said so
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
    """,
    # A voucher is spent by an order: after a power cut the same order goes on in a new transaction. Where the Started
    # was pruned, the transaction's id stays, which is nobody's order.
    """
    ALTER TABLE spent_voucher RENAME COLUMN transaction_id TO order_id;
    UPDATE spent_voucher SET order_id = started.order_id
    FROM (
        SELECT json_extract(CAST(body AS TEXT), '$.transaction_id') AS transaction_id,
            json_extract(CAST(body AS TEXT), '$.order_id') AS order_id
        FROM row WHERE kind = 'transaction' AND json_extract(CAST(body AS TEXT), '$.seq_no') = 0
    ) AS started
    WHERE started.transaction_id = spent_voucher.order_id;
    """,
    # Bytes that change on the card are found (checksum.py). What stands there now is taken for what was written.
    """
    ALTER TABLE row ADD COLUMN checksum INTEGER;
    UPDATE row SET checksum = row_checksum(journal_no, kind, body);
    """,
)

# Every commit is on the disk before it returns; a checkpoint now and then keeps the log short (4 KiB pages).
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA wal_autocheckpoint=1000",
    "PRAGMA journal_size_limit=16777216",
    "PRAGMA busy_timeout=2000",
    "PRAGMA temp_store=MEMORY",
)


def prepare(connection: sqlite3.Connection, name: str) -> int:
    """Set the connection up for writing and bring the schema up to date. Raises JournalDamaged, JournalTooNew."""
    try:
        version = check_version(connection, name)  # first: a newer file is left alone
        checksum.teach(connection)
        for pragma in PRAGMAS:
            connection.execute(pragma)
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            connection.executescript(f"BEGIN IMMEDIATE;{script};PRAGMA user_version={number};COMMIT;")
        return len(MIGRATIONS)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise JournalDamaged(f"{name}: {error}") from error


def check_version(connection: sqlite3.Connection, name: str) -> int:
    """The number of migrations that ran. Raises JournalTooNew."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise JournalTooNew(
            f"{name}: schema {version} is newer than this program's {len(MIGRATIONS)}; install the newer version again"
        )
    return version
