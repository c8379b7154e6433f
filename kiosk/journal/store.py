"""The journal as one synchronous object: SQLite in WAL with synchronous=FULL, one writer.

Not thread-safe: one thread uses it, JournalWriter's or a world's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contract.api import ROWS_PER_BATCH, Row, RowKind
from contract.codec import from_bytes
from kiosk.journal import checksum, index, schema
from kiosk.journal.project import project
from kiosk.journal.values import (
    EPOCH,
    SETBACK,
    Batch,
    JournalDamaged,
    JournalError,
    KeptRow,
    NewRow,
    Projection,
    Setback,
)

KEPT_AFTER_ACKNOWLEDGEMENT = timedelta(days=30)
NEWEST_KEPT = 1000  # rows never pruned, whatever their age: numbers are not used twice, and a technician can look back
MOST_ROWS_READ = 1000
PRUNED_AT_ONCE = 500  # keeps one pruning commit short; whoever prunes asks until nothing more went


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
        self.spoiled: set[int] = set()  # rows met whose bytes are not what was written; a new start mends that
        checksum.teach(self._db)
        try:
            self.version = self._look_at_schema(read_only)
            self._waiting = self._count_waiting() if self.version else 0
        except BaseException:
            self._db.close()
            raise

    def _look_at_schema(self, read_only: bool) -> int:
        if not read_only:
            return schema.prepare(self._db, self.name)
        try:
            return schema.check_version(self._db, self.name)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"{self.name}: {error}") from error

    # ---- writing ------------------------------------------------------------------------------------------------

    def commit(self, batch: Batch) -> list[int]:
        """Write a batch in one transaction; the numbers of its rows. On return it is on the disk.

        Raises VoucherAlreadySpent, JournalError for a body that cannot be indexed, sqlite3.Error from the disk.
        """
        with self.transaction():
            numbers = self._write(batch)
        self._waiting += len(numbers)
        return numbers

    def commit_many(self, batches: Sequence[Batch]) -> list[list[int] | JournalError]:
        """Several batches with one flush to the disk; a batch that is wrong fails alone. Raises sqlite3.Error."""
        results: list[list[int] | JournalError] = []
        with self.transaction():
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
        with self.transaction():
            known = self._db.execute("SELECT body FROM document WHERE name = ?", (EPOCH,)).fetchone()
            if known is None or known[0] != epoch:
                if known is not None:
                    self._db.execute("UPDATE row SET acknowledged = NULL WHERE acknowledged IS NOT NULL")
                index.put_document(self._db, EPOCH, epoch)
            self._db.executemany(
                "UPDATE row SET acknowledged = ? WHERE journal_no = ? AND acknowledged IS NULL",
                [(_unix_ms(now), number) for number in numbers],
            )
        self._waiting = self._count_waiting()

    def prune(self, now: datetime) -> int:
        """Delete rows acknowledged 30 days ago, but none that a start still needs, nor the newest. How many went."""
        with self.transaction():
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
        for voucher_id, order_id in batch.spends:
            index.spend(self._db, voucher_id, order_id)
        for name, body in batch.documents.items():
            index.put_document(self._db, name, body)
        return numbers

    def _append(self, row: NewRow) -> int:
        number = int(self._db.execute("SELECT coalesce(max(journal_no), 0) + 1 FROM row").fetchone()[0])
        proof = checksum.checksum(number, row.kind.value, row.body)
        self._db.execute(
            "INSERT INTO row (journal_no, kind, body, checksum) VALUES (?, ?, ?, ?)",
            (number, row.kind.value, row.body, proof),
        )
        index.note_row(self._db, row, number)
        return number

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """For this package: all of what is written inside, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # ---- reading ------------------------------------------------------------------------------------------------

    def unacknowledged(self, limit: int = ROWS_PER_BATCH) -> list[Row]:
        """The oldest rows the server has not acknowledged, in order, at most `limit`.

        One that is not what was written is passed over and noted in `spoiled`: it would be somebody's wrong bill.
        """
        found = self._db.execute(
            f"SELECT journal_no, kind, body, {self._is_sound} FROM row WHERE acknowledged IS NULL"
            " ORDER BY journal_no LIMIT ?",
            (min(limit + len(self.spoiled), MOST_ROWS_READ),),
        )
        rows = []
        for number, kind, body, is_sound in found:
            if is_sound:
                rows.append(Row(number, RowKind(kind), body.decode()))
            else:
                self.spoiled.add(number)
        return rows[:limit]

    @property
    def _is_sound(self) -> str:
        """In SQL. A journal that is only looked at may be older than its checksums."""
        if self.version < checksum.SINCE_VERSION:
            return "1"
        return "checksum IS row_checksum(journal_no, kind, body)"

    def waiting(self) -> int:
        """How many rows the server has not acknowledged."""
        return self._waiting

    def _count_waiting(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM row WHERE acknowledged IS NULL").fetchone()[0])

    def epoch(self) -> str:
        """The server's, as last heard; "" before that."""
        return self.document(EPOCH) or ""

    def setback(self) -> Setback | None:
        """The last time a damaged journal was put aside, if ever. Raises WireError for one of another program."""
        text = self.document(SETBACK)
        return None if text is None else from_bytes(Setback, text)

    def document(self, name: str) -> str | None:
        """A text that is kept beside the rows; None where there is none of that name."""
        found = self._db.execute("SELECT body FROM document WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def newest_rows(self, limit: int = 100, kind: RowKind | None = None) -> list[KeptRow]:
        """The last rows, in order, at most min(limit, 1000)."""
        found = self._db.execute(
            f"SELECT journal_no, kind, body, acknowledged, {self._is_sound} FROM row WHERE (?1 IS NULL OR kind = ?1)"
            " ORDER BY journal_no DESC LIMIT ?2",
            (None if kind is None else kind.value, max(0, min(limit, MOST_ROWS_READ))),
        )
        return [self._kept(row) for row in found][::-1]

    def rows(self, after: int = 0, limit: int = 100, kind: RowKind | None = None) -> list[KeptRow]:
        """Rows with a number above `after`, in order, at most min(limit, 1000)."""
        found = self._db.execute(
            f"SELECT journal_no, kind, body, acknowledged, {self._is_sound} FROM row"
            " WHERE journal_no > ? AND (?2 IS NULL OR kind = ?2)"
            " ORDER BY journal_no LIMIT ?3",
            (after, None if kind is None else kind.value, max(0, min(limit, MOST_ROWS_READ))),
        )
        return [self._kept(row) for row in found]

    def row(self, journal_no: int) -> KeptRow | None:
        found = self._db.execute(
            f"SELECT journal_no, kind, body, acknowledged, {self._is_sound} FROM row WHERE journal_no = ?",
            (journal_no,),
        ).fetchone()
        return None if found is None else self._kept(found)

    def _kept(self, row: tuple[int, str, bytes, int | None, int]) -> KeptRow:
        number, kind, body, acknowledged, is_sound = row
        if not is_sound:
            self.spoiled.add(number)
        at = None if acknowledged is None else datetime.fromtimestamp(acknowledged / 1000, UTC)
        return KeptRow(number, RowKind(kind), body.decode(errors="replace"), at, bool(is_sound))

    def project(self) -> Projection:
        """What a controller has to know when it starts. Raises JournalDamaged for a row that cannot be read."""
        return project(self._db, self.name, self._is_sound)

    def integrity(self) -> tuple[str, ...]:
        """What SQLite finds wrong with the file, or what its checksums do; nothing if it is sound. Reads all of it."""
        try:
            found = [str(line) for (line,) in self._db.execute("PRAGMA integrity_check(20)")]
        except sqlite3.DatabaseError as error:
            return (str(error),)
        if found != ["ok"]:
            return tuple(found)
        if self.version < checksum.SINCE_VERSION:
            return ()
        spoiled = checksum.spoiled(self._db)
        if not spoiled:
            return ()
        numbers = ", ".join(str(number) for number in spoiled)
        return (f"row {numbers}: not what was written (checksum)",)

    def checkpoint(self) -> None:
        """All of it into the one file, and that on the disk."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._db.close()


def _unix_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
