"""The journal as one synchronous object: SQLite in WAL with synchronous=FULL, one writer.

Not thread-safe: one thread uses it, JournalWriter's or a world's.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contract.api import ROWS_PER_BATCH, Row, RowKind
from contract.records import AskStep
from contract.transaction import EventType
from kiosk.journal import schema
from kiosk.journal.project import project
from kiosk.journal.values import (
    EPOCH,
    Batch,
    JournalDamaged,
    JournalError,
    KeptRow,
    NewRow,
    Projection,
    VoucherAlreadySpent,
)

KEPT_AFTER_ACKNOWLEDGEMENT = timedelta(days=30)
NEWEST_KEPT = 1000  # rows never pruned, whatever their age: numbers are not used twice, and a technician can look back
MOST_ROWS_READ = 1000
PRUNED_AT_ONCE = 5000  # keeps one pruning commit short


class JournalStore:
    """`source`: the file, or an open connection (a world's, in memory). `read_only` for the technician's look.

    Raises JournalDamaged, JournalTooNew; sqlite3.OperationalError where the file cannot be opened or written.
    """

    def __init__(self, source: Path | str | sqlite3.Connection, *, read_only: bool = False) -> None:
        if isinstance(source, sqlite3.Connection):
            self.name, self._db = "journal", source
            self._db.isolation_level = None
        else:
            self.name = str(source)
            target = f"{Path(source).absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            self._db = sqlite3.connect(target, uri=True, isolation_level=None, check_same_thread=False)
        if read_only:
            try:
                schema.check_version(self._db, self.name)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                raise JournalDamaged(f"{self.name}: {error}") from error
        else:
            schema.prepare(self._db, self.name)
        count = self._db.execute("SELECT count(*) FROM row WHERE acknowledged IS NULL").fetchone()
        self._waiting = int(count[0])

    # ---- writing ------------------------------------------------------------------------------------------------

    def commit(self, batch: Batch) -> list[int]:
        """Write a batch in one transaction; the numbers of its rows. On return it is on the disk.

        Raises VoucherAlreadySpent, JournalError for a body that cannot be indexed, sqlite3.Error from the disk.
        """
        with self._transaction():
            numbers = self._write(batch)
        self._waiting += len(numbers)
        return numbers

    def commit_many(self, batches: Sequence[Batch]) -> list[list[int] | JournalError]:
        """Several batches with one flush to the disk; a batch that is wrong fails alone. Raises sqlite3.Error."""
        results: list[list[int] | JournalError] = []
        with self._transaction():
            for batch in batches:
                self._db.execute("SAVEPOINT batch")
                try:
                    results.append(self._write(batch))
                except JournalError as error:
                    self._db.execute("ROLLBACK TO batch")
                    results.append(error)
                self._db.execute("RELEASE batch")
        self._waiting += sum(len(result) for result in results if isinstance(result, list))
        return results

    def acknowledge(self, numbers: Iterable[int], epoch: str, now: datetime) -> None:
        """The server has these rows. Another epoch than the last heard: it wants everything that is kept again."""
        with self._transaction():
            known = self._db.execute("SELECT body FROM document WHERE name = ?", (EPOCH,)).fetchone()
            if known is None or known[0] != epoch:
                if known is not None:
                    self._db.execute("UPDATE row SET acknowledged = NULL WHERE acknowledged IS NOT NULL")
                self._put_document(EPOCH, epoch)
            self._db.executemany(
                "UPDATE row SET acknowledged = ? WHERE journal_no = ? AND acknowledged IS NULL",
                [(_unix_ms(now), number) for number in numbers],
            )
        count = self._db.execute("SELECT count(*) FROM row WHERE acknowledged IS NULL").fetchone()
        self._waiting = int(count[0])

    def prune(self, now: datetime) -> int:
        """Delete rows acknowledged 30 days ago, but none that a start still needs, nor the newest. How many went."""
        with self._transaction():
            newest = self._db.execute("SELECT coalesce(max(journal_no), 0) FROM row").fetchone()[0]
            needed = self._db.execute(
                "SELECT min(no) FROM"
                " (SELECT first_no AS no FROM open_transaction UNION SELECT journal_no FROM open_ask)"
            ).fetchone()[0]
            below = min(newest - NEWEST_KEPT + 1, newest if needed is None else needed)
            gone = self._db.execute(
                "DELETE FROM row WHERE journal_no IN (SELECT journal_no FROM row WHERE journal_no < ?"
                " AND acknowledged < ? ORDER BY journal_no LIMIT ?)",
                (below, _unix_ms(now - KEPT_AFTER_ACKNOWLEDGEMENT), PRUNED_AT_ONCE),
            ).rowcount
            self._db.execute(
                "DELETE FROM used_command WHERE journal_no < (SELECT coalesce(min(journal_no), 0) FROM row)"
            )
        return gone

    def _write(self, batch: Batch) -> list[int]:
        numbers = [self._append(row) for row in batch.rows]
        for voucher_id, transaction_id in batch.spends:
            self._spend(voucher_id, transaction_id)
        for name, body in batch.documents.items():
            self._put_document(name, body)
        return numbers

    def _append(self, row: NewRow) -> int:
        cursor = self._db.execute("INSERT INTO row (kind, body) VALUES (?, ?)", (row.kind.value, row.body))
        number = cursor.lastrowid
        assert number is not None
        if row.kind is RowKind.TRANSACTION:
            self._index_transaction(_parsed(row), number)
        elif row.kind is RowKind.AUTHORIZATION:
            self._index_authorization(_parsed(row), number)
        elif row.kind is RowKind.AUDIT and (command_id := _parsed(row).get("command_id")) is not None:
            self._use_command(command_id, number)
        return number

    def _index_transaction(self, event: dict[str, Any], number: int) -> None:
        event_type, transaction_id = event.get("event_type"), event.get("transaction_id")
        if event_type == EventType.STARTED:
            self._db.execute("INSERT OR REPLACE INTO open_transaction VALUES (?, ?)", (transaction_id, number))
            self._db.execute("DELETE FROM open_ask WHERE transaction_id = ?", (transaction_id,))
            command_id = event.get("authority", {}).get("command_id")
            if command_id is not None:
                self._use_command(command_id, number)
        elif event_type == EventType.ENDED:
            self._db.execute("DELETE FROM open_transaction WHERE transaction_id = ?", (transaction_id,))

    def _index_authorization(self, body: dict[str, Any], number: int) -> None:
        step, transaction_id = body.get("step"), body.get("transaction_id")
        if step == AskStep.ASKED:
            self._db.execute("INSERT OR REPLACE INTO open_ask VALUES (?, ?)", (transaction_id, number))
        elif step == AskStep.DISCLAIMED:
            self._db.execute("DELETE FROM open_ask WHERE transaction_id = ?", (transaction_id,))

    def _spend(self, voucher_id: str, transaction_id: str) -> None:
        """Once per voucher; the same transaction may say it twice, as after a commit whose answer was lost."""
        self._db.execute("INSERT OR IGNORE INTO spent_voucher VALUES (?, ?)", (voucher_id, transaction_id))
        spender = self._db.execute("SELECT transaction_id FROM spent_voucher WHERE voucher_id = ?", (voucher_id,))
        if spender.fetchone()[0] != transaction_id:
            raise VoucherAlreadySpent(f"voucher {voucher_id} was spent by another transaction")

    def _use_command(self, command_id: str, number: int) -> None:
        self._db.execute("INSERT OR IGNORE INTO used_command VALUES (?, ?)", (command_id, number))

    def _put_document(self, name: str, body: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO document VALUES (?, ?)", (name, body))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # ---- reading ------------------------------------------------------------------------------------------------

    def unacknowledged(self, limit: int = ROWS_PER_BATCH) -> list[Row]:
        """The oldest rows the server has not acknowledged, in order, at most `limit`."""
        found = self._db.execute(
            "SELECT journal_no, kind, body FROM row WHERE acknowledged IS NULL ORDER BY journal_no LIMIT ?",
            (min(limit, MOST_ROWS_READ),),
        )
        return [Row(number, RowKind(kind), body.decode()) for number, kind, body in found]

    def waiting(self) -> int:
        """How many rows the server has not acknowledged."""
        return self._waiting

    def epoch(self) -> str:
        """The server's, as last heard; "" before that."""
        found = self._db.execute("SELECT body FROM document WHERE name = ?", (EPOCH,)).fetchone()
        return "" if found is None else str(found[0])

    def newest_rows(self, limit: int = 100, kind: RowKind | None = None) -> list[KeptRow]:
        """The last rows, in order, at most min(limit, 1000)."""
        found = self._db.execute(
            "SELECT journal_no, kind, body, acknowledged FROM row WHERE (?1 IS NULL OR kind = ?1)"
            " ORDER BY journal_no DESC LIMIT ?2",
            (None if kind is None else kind.value, max(0, min(limit, MOST_ROWS_READ))),
        )
        return [_kept(row) for row in found][::-1]

    def rows(self, after: int = 0, limit: int = 100, kind: RowKind | None = None) -> list[KeptRow]:
        """Rows with a number above `after`, in order, at most min(limit, 1000)."""
        found = self._db.execute(
            "SELECT journal_no, kind, body, acknowledged FROM row WHERE journal_no > ? AND (?2 IS NULL OR kind = ?2)"
            " ORDER BY journal_no LIMIT ?3",
            (after, None if kind is None else kind.value, max(0, min(limit, MOST_ROWS_READ))),
        )
        return [_kept(row) for row in found]

    def row(self, journal_no: int) -> KeptRow | None:
        found = self._db.execute(
            "SELECT journal_no, kind, body, acknowledged FROM row WHERE journal_no = ?", (journal_no,)
        ).fetchone()
        return None if found is None else _kept(found)

    def project(self) -> Projection:
        """What a controller has to know when it starts. Raises JournalDamaged for a row that cannot be read."""
        return project(self._db, self.name)

    def integrity(self) -> tuple[str, ...]:
        """What SQLite finds wrong with the file; nothing if it is sound. Reads all of it."""
        try:
            found = [str(line) for (line,) in self._db.execute("PRAGMA integrity_check(20)")]
        except sqlite3.DatabaseError as error:
            return (str(error),)
        return () if found == ["ok"] else tuple(found)

    def close(self) -> None:
        self._db.close()


def _parsed(row: NewRow) -> dict[str, Any]:
    try:
        parsed = json.loads(row.body)
    except ValueError as error:
        raise JournalError(f"row of kind {row.kind}: not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise JournalError(f"row of kind {row.kind}: want an object")
    return parsed


def _kept(row: tuple[int, str, bytes, int | None]) -> KeptRow:
    number, kind, body, acknowledged = row
    at = None if acknowledged is None else datetime.fromtimestamp(acknowledged / 1000, UTC)
    return KeptRow(number, RowKind(kind), body.decode(), at)


def _unix_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
