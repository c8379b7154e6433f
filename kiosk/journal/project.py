"""From the journal's index to what a controller has to know when it starts, without a full scan."""

from __future__ import annotations

import json
import sqlite3

from contract.api import CommandAnswer, CommandStatus, RowKind
from contract.codec import WireError, from_bytes, utc_from_text
from contract.records import AuditRecord, AuthorizationRecord
from contract.transaction import TransactionEvent
from kiosk.journal.values import (
    DRAWN,
    EPOCH,
    LAST_WALL,
    LIST,
    MEMORY,
    OVERRIDES,
    VOUCHERS_IN_DOUBT,
    JournalDamaged,
    OpenTransaction,
    Projection,
)


def project(db: sqlite3.Connection, name: str, is_sound: str = "1") -> Projection:
    """Raises JournalDamaged for a row that cannot be read. `is_sound`: in SQL, whether a row is what was written."""
    try:
        documents = dict(db.execute("SELECT name, body FROM document"))
        last_wall = documents.get(LAST_WALL)
        return Projection(
            open_transactions=_open_transactions(db, is_sound),
            asked=tuple(from_bytes(AuthorizationRecord, body) for (body,) in db.execute(_ASKED)),
            spent_vouchers=frozenset(key for (key,) in db.execute("SELECT voucher_id FROM spent_voucher")),
            list_text=documents.get(LIST),
            epoch=documents.get(EPOCH, ""),
            last_wall=None if last_wall is None else utc_from_text(last_wall),
            used_command_ids=frozenset(key for (key,) in db.execute("SELECT command_id FROM used_command")),
            answers=_answers(db),
            drawn_minor=json.loads(documents.get(DRAWN, "{}")),
            vouchers_in_doubt=documents.get(VOUCHERS_IN_DOUBT) == "yes",
            memory_text=documents.get(MEMORY),
            overrides_text=documents.get(OVERRIDES),
        )
    except (WireError, ValueError, sqlite3.DatabaseError) as error:
        raise JournalDamaged(f"{name}: {error}") from error


_ASKED = "SELECT body FROM row JOIN open_ask USING (journal_no) ORDER BY journal_no"


_ANSWERED = (
    "SELECT command_id, kind, body FROM used_command LEFT JOIN row USING (journal_no)"
    " ORDER BY journal_no DESC LIMIT 1000"
)


def _answers(db: sqlite3.Connection) -> dict[str, CommandAnswer]:
    """The newest thousand, oldest first. A start that stands as Started was accepted."""
    found: dict[str, CommandAnswer] = {}
    for command_id, kind, body in db.execute(_ANSWERED):
        if kind == RowKind.TRANSACTION:
            event = from_bytes(TransactionEvent, body)
            found[command_id] = CommandAnswer(command_id, CommandStatus.ACCEPTED, "", event.transaction_id)
        elif kind == RowKind.AUDIT:
            record = from_bytes(AuditRecord, body)
            word = record.what.removeprefix("command ")
            status = CommandStatus(word) if word in set(CommandStatus) else CommandStatus.EXPIRED
            found[command_id] = CommandAnswer(command_id, status, record.reason or "", record.transaction_id)
        else:  # its row is gone from a damaged journal
            found[command_id] = CommandAnswer(command_id, CommandStatus.EXPIRED, "seen before the journal was damaged")
    return dict(reversed(found.items()))


def _open_transactions(db: sqlite3.Connection, is_sound: str) -> tuple[OpenTransaction, ...]:
    """Rows from the oldest open Started on; all before belong to transactions that ended."""
    first_of = dict(db.execute("SELECT transaction_id, first_no FROM open_transaction ORDER BY first_no"))
    events: dict[str, list[TransactionEvent]] = {transaction_id: [] for transaction_id in first_of}
    if first_of:
        rows = db.execute(
            f"SELECT journal_no, body, {is_sound} FROM row WHERE journal_no >= ? AND kind = 'transaction'"
            " ORDER BY journal_no",
            (min(first_of.values()),),
        )
        for number, body, is_as_written in rows:
            if not is_as_written:
                raise ValueError(f"row {number}: not what was written (checksum)")
            event = from_bytes(TransactionEvent, body)
            if event.transaction_id in events:
                events[event.transaction_id].append(event)
    return tuple(OpenTransaction(tuple(found)) for found in events.values())
