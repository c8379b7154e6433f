"""`kiosk journal` and `kiosk outbox`: the journal read beside its one writer, never written."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from typing import Any

from contract.api import RowKind
from kiosk.journal import JournalError, JournalStore
from kiosk.journal.values import KeptRow
from kiosk.probe.ends import FINDING, OK, UNREACHABLE, USAGE, Trouble
from kiosk.probe.request import Request

MOST_ROWS = 10_000
PAGE = 1000  # JournalStore gives no more at once
WIDTH = 110  # characters of a row's body in a list


def show_list(request: Request) -> int:
    """The newest rows, or those after a number; oldest first. 1 where there are none."""
    if not 1 <= request.limit <= MOST_ROWS:
        raise Trouble(USAGE, f"--limit {request.limit}: want 1 to {MOST_ROWS}")
    store = open_journal(request)
    kind = None if request.kind is None else RowKind(request.kind)
    if request.after is None:
        rows = newest(store, request.limit, kind)
    else:
        rows = after(store, request.after, request.limit, kind)
    if request.json:
        print(json.dumps([_as_json(row) for row in rows], ensure_ascii=False))
    for row in [] if request.json else rows:
        print(f"{row.journal_no:>8} {'sent' if row.acknowledged_at else 'WAIT'} {row.kind.value:<13} {_summary(row)}")
    return OK if rows else FINDING


def show_one(request: Request) -> int:
    """One row whole, its bytes as they were written."""
    row = open_journal(request).row(request.no)
    if row is None:
        raise Trouble(FINDING, f"journal: no row {request.no}; it was never written, or was pruned after 30 days")
    if request.json:
        print(json.dumps(_as_json(row), ensure_ascii=False))
    else:
        sent = "no" if row.acknowledged_at is None else row.acknowledged_at.isoformat(timespec="seconds")
        print(f"row {row.journal_no}  kind {row.kind.value}  acknowledged {sent}")
        print(json.dumps(_body(row), ensure_ascii=False, indent=2))
    return OK


def outbox(request: Request) -> int:
    """What the server has not acknowledged. 0 also where rows wait: that is what an outbox is for."""
    store = open_journal(request)
    count = store.waiting()
    waiting = store.unacknowledged(PAGE)
    kinds = Counter(row.kind.value for row in waiting)
    oldest = _time(json.loads(waiting[0].body)) if waiting else None
    found: dict[str, Any] = {
        "waiting": count,
        "first_no": waiting[0].journal_no if waiting else None,
        "oldest_at": oldest,
        "kinds": dict(sorted(kinds.items())),
        "kinds_counted": len(waiting),
    }
    if request.json:
        print(json.dumps(found))
    elif not count:
        print("outbox: empty, the server has everything")
    else:
        some = f" (of the first {PAGE})" if count > PAGE else ""
        listed = ", ".join(f"{number} {kind}" for kind, number in found["kinds"].items())
        print(f"outbox: {count} rows wait from number {found['first_no']} on; the oldest is of {oldest or 'no time'}")
        print(f"        {listed}{some}")
    return OK


def open_journal(request: Request) -> JournalStore:
    """Read-only. Raises Trouble where there is none or it cannot be read."""
    path = request.load().kiosk.journal
    if not path.exists():
        raise Trouble(UNREACHABLE, f"{path}: there is no journal; the controller makes it at its first start")
    try:
        return JournalStore(path, read_only=True)
    except sqlite3.OperationalError as error:
        raise Trouble(
            UNREACHABLE, f"{path}: {error}. Read it as the controller's user or root: sudo kiosk journal list"
        ) from error
    except JournalError as error:
        raise Trouble(UNREACHABLE, str(error)) from error


def after(store: JournalStore, no: int, limit: int, kind: RowKind | None) -> list[KeptRow]:
    """At most `limit` rows with a number above `no`, in order."""
    rows: list[KeptRow] = []
    while len(rows) < limit and (page := store.rows(no, min(PAGE, limit - len(rows)), kind)):
        rows += page
        no = page[-1].journal_no
    return rows


def newest(store: JournalStore, limit: int, kind: RowKind | None) -> list[KeptRow]:
    """The last `limit` rows in order: looks back twice as far until there are enough."""
    last = newest_no(store)
    window = limit
    while True:
        rows = after(store, max(0, last - window), window, kind)
        if len(rows) >= limit or window >= last:
            return rows[-limit:]
        window *= 2


def newest_no(store: JournalStore) -> int:
    """The highest number, found by halving: `rows` tells whether anything comes after one."""
    low, high = 0, 1
    while store.rows(high, 1):
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if store.rows(middle, 1):
            low = middle + 1
        else:
            high = middle
    return low


def _as_json(row: KeptRow) -> dict[str, Any]:
    sent = None if row.acknowledged_at is None else row.acknowledged_at.isoformat().replace("+00:00", "Z")
    return {"journal_no": row.journal_no, "kind": row.kind.value, "acknowledged_at": sent, "body": _body(row)}


def _body(row: KeptRow) -> Any:
    try:
        return json.loads(row.body)
    except ValueError:
        return row.body


def _time(body: Any) -> str | None:
    at = body.get("at") if isinstance(body, dict) else None
    wall = at.get("wall") if isinstance(at, dict) else None
    return wall if isinstance(wall, str) else None


def _summary(row: KeptRow) -> str:
    """When, and what: a transaction's event in words, anything else as it stands."""
    body = _body(row)
    if not isinstance(body, dict):
        return str(body)[:WIDTH]
    when = (_time(body) or "–")[:19].replace("T", " ")
    if row.kind is RowKind.TRANSACTION:
        meter = body.get("meter", {})
        end = f" {body['stopped_reason']}" if "stopped_reason" in body else ""
        text = (
            f"EVSE {body.get('evse_id')} {body.get('event_type')} {body.get('seq_no')} "
            f"{body.get('trigger_reason')}{end} {meter.get('import_wh')} Wh {str(body.get('transaction_id'))[:8]}"
        )
    else:
        text = " ".join(f"{key}={_short(item)}" for key, item in body.items() if key != "at")
    return f"{when} {text}"[: WIDTH + 20]


def _short(item: Any) -> str:
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
    return text if len(text) <= 24 else f"{text[:23]}…"
