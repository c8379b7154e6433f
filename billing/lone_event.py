"""One event of a charge that runs, alone in its upload: what a server hears most, and nothing comes of it but its row.

Law: what is done here is what billing.intake would do, in fewer statements; whatever is not plain is left to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from billing.heard import HEARD_OF_EVENTS, heard_values, note_heard
from billing.moments import to_ms
from billing.prepared import Prepared, prepared_insert
from billing.received import Received, Upload, event_values
from billing.tables import events, transactions
from contract.transaction import EventType

_STATE = select(transactions.c.ended_seq).where(
    transactions.c.kiosk_id == bindparam("kiosk_id"), transactions.c.transaction_id == bindparam("transaction_id")
)
_ASK_STATE = Prepared(_STATE)
STORE = prepared_insert(events)


def _all_at_once(_dialect: str) -> Any:
    """PostgreSQL alone takes one statement that writes two tables: a round trip instead of three."""
    stored = insert(events).values({column.name: bindparam(column.name) for column in events.columns})
    made = stored.on_conflict_do_nothing().returning(literal(1).label("one")).cte("made")
    is_open = select(func.count()).select_from(_STATE.where(transactions.c.ended_seq.is_(None)).subquery())
    return HEARD_OF_EVENTS.returning(
        select(func.count()).select_from(made).scalar_subquery(), is_open.scalar_subquery()
    )


_ALL_AT_ONCE = Prepared(_all_at_once)


def is_lone(upload: Upload) -> bool:
    """Whether an upload is one plain event: not of the beginning, nor of the end, nor of what comes after."""
    if len(upload.acknowledged) != 1 or not upload.received:
        return False
    return upload.received[0].event.event_type is EventType.UPDATED


def take_lone(connection: Connection, kiosk_id: str, item: Received, now: datetime) -> str | None:
    """The server's epoch once the event is stored. None where there is more to it: it may be stored all the same."""
    values = event_values(kiosk_id, item, to_ms(now))
    if connection.dialect.name == "postgresql":
        found = _ALL_AT_ONCE.row(connection, values | heard_values(kiosk_id, [item], now))
        is_plain = found is not None and found[1] == 1 and found[2] == 1
        return found[0] if found is not None and is_plain else None
    state = _ASK_STATE.row(connection, values)
    if state is None or state[0] is not None or STORE.do(connection, values) != 1:
        return None
    return note_heard(connection, kiosk_id, [item], now)
