"""The journal read from its file, beside its one writer or without: JSON as the controller answers the same queries."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from contract.api import RowKind
from contract.codec import utc_text
from kiosk.journal import JournalError, JournalStore
from kiosk.journal.refused_rows import refused_rows
from kiosk.journal.values import KeptRow
from kiosk.probe.ends import FINDING, OK, UNREACHABLE, Trouble
from kiosk.probe.request import Request


def show_list(request: Request) -> int:
    """The newest rows, or those after a number; oldest first."""
    kind = None if request.kind is None else RowKind(request.kind)
    with open_journal(request) as store:
        if request.after is None:
            rows = store.newest_rows(request.limit, kind)
        else:
            rows = store.rows(request.after, request.limit, kind)
    print(json.dumps([_as_json(row) for row in rows], ensure_ascii=False))
    return OK


def show_one(request: Request) -> int:
    with open_journal(request) as store:
        row = store.row(request.no)
    if row is None:
        raise Trouble(FINDING, f"journal: no row {request.no}; it was never written, or was pruned after 30 days")
    print(json.dumps(_as_json(row), ensure_ascii=False))
    return OK


def outbox(request: Request) -> int:
    """What the server has not acknowledged."""
    with open_journal(request) as store:
        count = store.waiting()
        first = store.unacknowledged(1)
        oldest = store.row(first[0].journal_no) if first else None
        epoch = store.epoch()
        refused = refused_rows(store)
    found = {
        "waiting": count,
        "epoch": epoch,
        "oldest": oldest and _as_json(oldest),
        "is_online": None,
        "set_aside": [{"journal_no": number, "reason": reason} for number, reason in refused.items()],
    }
    print(json.dumps(found, ensure_ascii=False))
    return OK


@contextmanager
def open_journal(request: Request) -> Iterator[JournalStore]:
    """Read-only. Raises Trouble where there is none or it cannot be read."""
    path = request.load().kiosk.journal
    if not path.exists():
        raise Trouble(UNREACHABLE, f"{path}: there is no journal here; the controller makes it at its first start")
    try:
        store = JournalStore(path, read_only=True)
        try:
            yield store
        finally:
            store.close()
    except sqlite3.OperationalError as error:
        raise Trouble(
            UNREACHABLE, f"{path}: {error}. Read it as the controller's user or as root, with sudo"
        ) from error
    except JournalError as error:
        raise Trouble(UNREACHABLE, str(error)) from error


def _as_json(row: KeptRow) -> dict[str, Any]:
    found: dict[str, Any] = {"journal_no": row.journal_no, "kind": row.kind.value, "body": row.body}
    if row.acknowledged_at is not None:
        found["acknowledged_at"] = utc_text(row.acknowledged_at)
    if not row.is_sound:
        found["is_sound"] = False
    return found
