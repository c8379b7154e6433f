"""The index over the rows: which transactions and asks are open, which commands and vouchers were used.

It is written in the same commit as the row it speaks of, so that a start needs no full scan.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from contract.api import RowKind
from contract.records import AskStep
from contract.transaction import EventType
from kiosk.journal.values import JournalError, NewRow, VoucherAlreadySpent


def note_row(db: sqlite3.Connection, row: NewRow, number: int) -> None:
    """Raises JournalError for a body that cannot be indexed."""
    if row.kind is RowKind.TRANSACTION:
        _note_transaction(db, _parsed(row), number)
    elif row.kind is RowKind.AUTHORIZATION:
        _note_authorization(db, _parsed(row), number)
    elif row.kind is RowKind.AUDIT and (command_id := _parsed(row).get("command_id")) is not None:
        use_command(db, command_id, number)


def spend(db: sqlite3.Connection, voucher_id: str, order_id: str) -> None:
    """Once per voucher; the same order may say it again, as after a commit whose answer was lost, or a restart.

    Raises VoucherAlreadySpent.
    """
    db.execute("INSERT OR IGNORE INTO spent_voucher VALUES (?, ?)", (voucher_id, order_id))
    spender = db.execute("SELECT order_id FROM spent_voucher WHERE voucher_id = ?", (voucher_id,))
    if spender.fetchone()[0] != order_id:
        raise VoucherAlreadySpent(f"voucher {voucher_id} was spent by another order")


def use_command(db: sqlite3.Connection, command_id: str, number: int) -> None:
    db.execute("INSERT OR IGNORE INTO used_command VALUES (?, ?)", (command_id, number))


def put_document(db: sqlite3.Connection, name: str, body: str) -> None:
    db.execute("INSERT OR REPLACE INTO document VALUES (?, ?)", (name, body))


def _note_transaction(db: sqlite3.Connection, event: dict[str, Any], number: int) -> None:
    event_type, transaction_id = event.get("event_type"), event.get("transaction_id")
    if event_type == EventType.STARTED:
        db.execute("INSERT OR REPLACE INTO open_transaction VALUES (?, ?)", (transaction_id, number))
        db.execute("DELETE FROM open_ask WHERE transaction_id = ?", (transaction_id,))
        command_id = event.get("authority", {}).get("command_id")
        if command_id is not None:
            use_command(db, command_id, number)
    elif event_type == EventType.ENDED:
        db.execute("DELETE FROM open_transaction WHERE transaction_id = ?", (transaction_id,))


def _note_authorization(db: sqlite3.Connection, body: dict[str, Any], number: int) -> None:
    step, transaction_id = body.get("step"), body.get("transaction_id")
    if step == AskStep.ASKED:
        db.execute("INSERT OR REPLACE INTO open_ask VALUES (?, ?)", (transaction_id, number))
    elif step == AskStep.DISCLAIMED:
        db.execute("DELETE FROM open_ask WHERE transaction_id = ?", (transaction_id,))


def _parsed(row: NewRow) -> dict[str, Any]:
    try:
        parsed = json.loads(row.body)
    except ValueError as error:
        raise JournalError(f"row of kind {row.kind}: not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise JournalError(f"row of kind {row.kind}: want an object")
    return parsed
