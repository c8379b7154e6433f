"""Rows the server refused again and again: marked, left in the journal, and passed over until the uplink comes anew.

The mark is a document beside the rows, so that it outlives the controller and the technician sees it without one.
"""

from __future__ import annotations

import json
from typing import Any

from contract.api import Row
from kiosk.journal import index
from kiosk.journal.store import JournalStore

REFUSED_ROWS = "refused_rows"  # {"journal_no": reason, …}
MOST_REFUSED = 100


def refused_rows(store: JournalStore) -> dict[int, str]:
    """Number → why, as the server said it."""
    text = store.document(REFUSED_ROWS)
    found: dict[str, Any] = {} if text is None else json.loads(text)
    return {int(number): str(reason) for number, reason in found.items()}


def note_refused(store: JournalStore, journal_no: int, reason: str) -> None:
    """Pass over this row from now on; of more than MOST_REFUSED the eldest mark goes. Raises sqlite3.Error."""
    marked = refused_rows(store) | {journal_no: reason}
    kept = dict(sorted(marked.items())[-MOST_REFUSED:])
    with store.transaction() as db:
        index.put_document(db, REFUSED_ROWS, json.dumps(kept, ensure_ascii=False))


def forget_refused(store: JournalStore) -> int:
    """They may be sent again; how many. Raises sqlite3.Error."""
    marked = refused_rows(store)
    if marked:
        with store.transaction() as db:
            index.put_document(db, REFUSED_ROWS, "{}")
    return len(marked)


def sendable(store: JournalStore, limit: int) -> list[Row]:
    """The oldest rows the server has neither acknowledged nor refused, in order, at most `limit`."""
    refused = refused_rows(store)
    rows = store.unacknowledged(limit + len(refused))
    return [row for row in rows if row.journal_no not in refused][:limit]
