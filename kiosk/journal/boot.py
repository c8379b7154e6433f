"""Opening the journal at the start of a controller: sound, or put aside and begun anew with what is readable.

Law:
- A damaged file is never written to and never deleted; it moves to a folder of its own (aside.py), log and all.
- Whatever the power does in between, the next start finishes the same move: the new journal is complete on the disk
  under NEW before the old one moves, and NEW takes its name last.
- A journal of a newer program, and a disk that cannot be written, are no damage: they are left alone, and said.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from contract.api import RowKind
from contract.codec import to_bytes, utc_from_text
from contract.records import AuditRecord
from contract.transaction import ClockQuality, Moment
from kiosk.journal import aside, index
from kiosk.journal.checksum import checksum
from kiosk.journal.mend import Told, mending
from kiosk.journal.pages import FoundRow
from kiosk.journal.salvage import Salvage, salvage
from kiosk.journal.store import JournalStore
from kiosk.journal.values import (
    LAST_WALL,
    LIST,
    SETBACK,
    VOUCHERS_IN_DOUBT,
    Batch,
    JournalDamaged,
    JournalError,
    NewRow,
    Projection,
    Setback,
)

NEW, MAKING, SUSPECT = "-new", "-making", "-suspect"  # behind the journal's name
CHECKED_WHOLE = 32_000_000  # bytes; up to here a start reads every page, which takes a second on a slow card
UNREADABLE = (266, 522, 8458)  # SQLITE_IOERR_READ, _SHORT_READ, _CORRUPTFS: the disk itself does not give it back
BOOT_ID = "journal"  # of rows written before there is a clock


@dataclass(frozen=True, slots=True)
class Opened:
    store: JournalStore
    found: Projection
    setback: Setback | None  # of this start; the last one stands in the document SETBACK


def open_journal(path: Path, now: datetime) -> Opened:
    """`now` is only for names and stamps. Raises JournalTooNew, JournalError, sqlite3.Error, OSError."""
    _finish_move(path)
    why = damage(path)
    setback = None if why is None else _begin_anew(path, why, now)
    path.with_name(path.name + SUSPECT).unlink(missing_ok=True)
    store = JournalStore(path)
    return Opened(store, store.project(), setback)


def suspect(path: Path) -> None:
    """The running kiosk met damage: the next start looks at every page, however long that takes."""
    path.with_name(path.name + SUSPECT).touch()


def damage(path: Path) -> str | None:
    """What is wrong with the file, looked at without writing to it; None where it is sound, or not there yet.

    Raises JournalTooNew; sqlite3.OperationalError where it cannot be opened at all.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    store = None
    try:
        store = JournalStore(path, read_only=True)
        is_short = path.stat().st_size <= CHECKED_WHOLE
        if (is_short or path.with_name(path.name + SUSPECT).exists()) and (problems := store.integrity()):
            return problems[0]
        if store.version > 0:
            store.project()
    except JournalDamaged as error:
        return str(error.__cause__ or error)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in UNREADABLE:
            return f"the disk does not give it back: {error}"
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            return f"a table is gone: {error}"
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        if store is not None:
            store.close()
    return None


def _begin_anew(path: Path, why: str, now: datetime) -> Setback:
    if aside.kept(path).count >= aside.MOST_KEPT:
        raise JournalError(
            f"{path}: damaged ({why}), and {aside.MOST_KEPT} damaged journals are kept in {path.parent / aside.DAMAGED}"
            " already: replace the card, keep those files"
        )
    found = salvage(path)
    home = aside.new_home(path, now)
    making = path.with_name(path.name + MAKING)
    for part in aside.PARTS:  # of an attempt the power ended
        making.with_name(making.name + part).unlink(missing_ok=True)
    setback = _write_new(making, found, why, home, now)
    os.replace(making, path.with_name(path.name + NEW))
    aside.sync_folder(path.parent)
    _finish_move(path)
    return setback


def _finish_move(path: Path) -> None:
    """The old journal goes where the new one says it went."""
    new = path.with_name(path.name + NEW)
    if not new.exists():
        return
    store = JournalStore(new, read_only=True)
    try:
        setback = store.setback()
    finally:
        store.close()
    if setback is None:
        raise JournalError(f"{new}: not made by this program; move it away")
    aside.move_to(Path(setback.kept_as), path)
    for part in aside.PARTS[:2]:  # of the look above
        new.with_name(new.name + part).unlink(missing_ok=True)
    os.replace(new, path)
    aside.sync_folder(path.parent)


def _write_new(target: Path, found: Salvage, why: str, home: Path, now: datetime) -> Setback:
    """A whole journal in one file, on the disk when this returns."""
    documents = dict(found.documents)
    if (last_wall := documents.get(LAST_WALL)) is not None:
        now = max(now, utc_from_text(last_wall))
    told = [
        Told(found.events[row.journal_no], row.acknowledged is not None)
        for row in found.rows
        if row.kind is RowKind.TRANSACTION
    ]
    mended = mending(told)
    safe, lost = _missing(found.rows)
    in_doubt = not found.are_spends_whole or documents.get(VOUCHERS_IN_DOUBT) == "yes"
    setback = Setback(
        at=now,
        kept_as=str(home),
        why=why[:200],
        carried=len(found.rows),
        waiting=sum(row.acknowledged is None for row in found.rows),
        safe=safe,
        lost=lost,
        mended=len(mended),
        has_list=LIST in documents,
        vouchers_in_doubt=in_doubt,
    )
    audit = AuditRecord("kiosk", str(setback), Moment(now, ClockQuality.UNKNOWN, BOOT_ID, 0))
    documents |= {SETBACK: to_bytes(setback).decode(), VOUCHERS_IN_DOUBT: "yes" if in_doubt else "no"}
    spends = {t.event.authority.voucher_id: t.event.order_id for t in told if t.event.authority is not None}
    spends |= dict(found.spends)
    store = JournalStore(target)
    try:
        with store.transaction() as db:
            for row in found.rows:
                _carry(db, row)
            for voucher_id, order_id in spends.items():
                if voucher_id is not None:
                    index.spend(db, voucher_id, order_id)
            for command_id, number in found.commands:
                index.use_command(db, command_id, number)
        rows = [NewRow(RowKind.TRANSACTION, to_bytes(one.event)) for one in mended]
        numbers = store.commit(Batch((*rows, NewRow(RowKind.AUDIT, to_bytes(audit))), documents=documents))
        with store.transaction() as db:
            safe_rows = [number for number, one in zip(numbers, mended, strict=False) if one.is_acknowledged]
            stamp = round(now.timestamp() * 1000)
            db.executemany("UPDATE row SET acknowledged = ? WHERE journal_no = ?", [(stamp, no) for no in safe_rows])
        store.checkpoint()
    finally:
        store.close()
    return setback


def _carry(db: sqlite3.Connection, row: FoundRow) -> None:
    proof = checksum(row.journal_no, row.kind.value, row.body)
    db.execute(
        "INSERT INTO row (journal_no, kind, body, acknowledged, checksum) VALUES (?, ?, ?, ?, ?)",
        (row.journal_no, row.kind.value, row.body, row.acknowledged, proof),
    )
    try:
        index.note_row(db, NewRow(row.kind, row.body), row.journal_no)
    except JournalError:
        pass  # an audit row that is no JSON: the server takes it as it is


def _missing(rows: Sequence[FoundRow]) -> tuple[int, int]:
    """(the server has them, perhaps not) of the numbers between the first and the last row."""
    safe = lost = 0
    for before, after in pairwise(rows):
        hole = after.journal_no - before.journal_no - 1
        if before.acknowledged is not None and after.acknowledged is not None:
            safe += hole  # uploads go in order
        else:
            lost += hole
    return safe, lost
