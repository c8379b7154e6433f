"""What can still be read from a damaged journal. The file is read, never written."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contract.api import RowKind
from contract.codec import WireError, from_bytes
from contract.records import AuthorizationRecord
from contract.transaction import TransactionEvent
from kiosk.journal.pages import PAGE_SIZE, FoundRow, pages_of_wal, rows_in
from kiosk.journal.values import DRAWN, EPOCH, LAST_WALL, LIST, MEMORY, OVERRIDES, VOUCHERS_IN_DOUBT

LARGEST_LOG = 256_000_000  # bytes of write-ahead log that are looked at
DOCUMENTS = (LIST, EPOCH, LAST_WALL, VOUCHERS_IN_DOUBT, DRAWN, MEMORY, OVERRIDES)


@dataclass(frozen=True, slots=True)
class Salvage:
    """Rows in order, and by journal_no the events of those that are one; `spends` and `commands` by key as far as their
    tables could be read."""

    rows: tuple[FoundRow, ...] = ()
    events: Mapping[int, TransactionEvent] = field(default_factory=dict)
    unreadable: int = 0  # rows that are there and make no sense
    spends: tuple[tuple[str, str], ...] = ()  # voucher_id, order_id
    are_spends_whole: bool = False
    commands: tuple[tuple[str, int], ...] = ()  # command_id, journal_no
    documents: tuple[tuple[str, str], ...] = ()


def salvage(path: Path) -> Salvage:
    """Raises OSError where the files cannot be opened at all."""
    found = _rows(path)
    rows, events = _sensible(found)
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error:
        return Salvage(rows, events, len(found) - len(rows))
    try:
        spends, are_whole = _table(db, "SELECT voucher_id, {} FROM spent_voucher", ("order_id", "transaction_id"))
        commands, _ = _table(db, "SELECT command_id, {} FROM used_command", ("journal_no",))
        documents = [(name, body) for name in DOCUMENTS if (body := _document(db, name)) is not None]
        are_whole = are_whole and _is_sound(db, "spent_voucher")
    finally:
        db.close()
    return Salvage(
        rows,
        events,
        len(found) - len(rows),
        tuple((str(key), str(order)) for key, order in spends),
        are_whole,
        tuple((str(key), int(str(number))) for key, number in commands),
        tuple(documents),
    )


def _rows(path: Path) -> dict[int, FoundRow]:
    newer: dict[int, bytes] = {}
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size <= LARGEST_LOG:
        newer = pages_of_wal(_read_around(log))
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        count = max([os.fstat(descriptor).st_size // PAGE_SIZE, *newer])

        def page(number: int) -> bytes:
            if (kept := newer.get(number)) is not None:
                return kept
            try:
                return os.pread(descriptor, PAGE_SIZE, (number - 1) * PAGE_SIZE)
            except OSError:
                return b""  # a bad block hides its own rows only

        return rows_in(page, count)
    finally:
        os.close(descriptor)


def _read_around(path: Path) -> bytes:
    """The file up to its first bad block."""
    parts = []
    try:
        with path.open("rb", buffering=0) as file:
            while part := file.read(PAGE_SIZE):
                parts.append(part)
    except OSError:
        pass  # what came before it is still good
    return b"".join(parts)


def _sensible(found: Mapping[int, FoundRow]) -> tuple[tuple[FoundRow, ...], dict[int, TransactionEvent]]:
    """The rows that are as they were written and can be read, in order; and the events among them."""
    rows, events = list[FoundRow](), dict[int, TransactionEvent]()
    for number, row in sorted(found.items()):
        if not row.is_as_written:
            continue
        try:
            row.body.decode()
            if row.kind is RowKind.TRANSACTION:
                events[number] = from_bytes(TransactionEvent, row.body)
            elif row.kind is RowKind.AUTHORIZATION:
                from_bytes(AuthorizationRecord, row.body)
        except (WireError, UnicodeDecodeError):
            continue
        rows.append(row)
    return tuple(rows), events


def _table(db: sqlite3.Connection, query: str, columns: Sequence[str]) -> tuple[list[tuple[object, object]], bool]:
    """Rows up to the first that cannot be read, and whether that was all. `columns`: the names over the years."""
    for column in columns:
        found: list[tuple[object, object]] = []
        try:
            for key, item in db.execute(query.format(column)):
                found.append((key, item))
        except sqlite3.DatabaseError as error:
            if "no such column" in str(error):
                continue
            return found, False
        return found, True
    return [], False


def _document(db: sqlite3.Connection, name: str) -> str | None:
    try:
        found = db.execute("SELECT body FROM document WHERE name = ?", (name,)).fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return None
    return str(found[0]) if found is not None else None


def _is_sound(db: sqlite3.Connection, table: str) -> bool:
    try:
        return [str(line) for (line,) in db.execute(f"PRAGMA integrity_check({table})")] == ["ok"]
    except sqlite3.DatabaseError:
        return False
