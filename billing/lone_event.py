"""One event of a charge that runs, alone in its upload: what a server hears most, and nothing comes of it but its row.

Law: what is done here is what billing.intake would do, in fewer statements; whatever is not plain is left to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.facts import EPOCH
from billing.moments import to_ms
from billing.prepared import Prepared, prepared_insert
from billing.received import Received, Upload, event_values
from billing.tables import events, kiosks, transactions
from contract.transaction import EventType

_STATE = Prepared(
    select(transactions.c.ended_seq).where(
        transactions.c.kiosk_id == bindparam("kiosk_id"), transactions.c.transaction_id == bindparam("transaction_id")
    )
)
_STORE = prepared_insert(events)
_NOTE_CONTACT = (
    update(kiosks)
    .where(kiosks.c.kiosk_id == bindparam("of_kiosk"))
    .values(last_contact_ms=bindparam("at_ms"), last_rows_ms=bindparam("at_ms"), arrival_age_ms=bindparam("age_ms"))
    .returning(EPOCH.scalar_subquery())
)
_CONTACT = Prepared(_NOTE_CONTACT)


def _all_at_once(_dialect: str) -> Any:
    """PostgreSQL alone takes one statement that writes two tables: a round trip instead of three."""
    stored = insert(events).values({column.name: bindparam(column.name) for column in events.columns})
    made = stored.on_conflict_do_nothing().returning(literal(1).label("one")).cte("made")
    state = select(transactions.c.ended_seq).where(
        transactions.c.kiosk_id == bindparam("kiosk_id"), transactions.c.transaction_id == bindparam("transaction_id")
    )
    is_open = select(func.count()).select_from(state.where(transactions.c.ended_seq.is_(None)).subquery())
    return _NOTE_CONTACT.returning(select(func.count()).select_from(made).scalar_subquery(), is_open.scalar_subquery())


_ALL_AT_ONCE = Prepared(_all_at_once)


def is_lone(upload: Upload) -> bool:
    """Whether an upload is one plain event: not of the beginning, nor of the end, nor of what comes after."""
    if len(upload.acknowledged) != 1 or not upload.received:
        return False
    return upload.received[0].event.event_type is EventType.UPDATED


def take_lone(connection: Connection, kiosk_id: str, item: Received, now: datetime) -> str | None:
    """The server's epoch once the event is stored. None where there is more to it: it may be stored all the same."""
    now_ms = to_ms(now)
    values = event_values(kiosk_id, item, now_ms)
    contact = {"of_kiosk": kiosk_id, "at_ms": now_ms, "age_ms": now_ms - to_ms(item.event.at.wall)}
    if connection.dialect.name == "postgresql":
        found = _ALL_AT_ONCE.row(connection, values | contact)
        is_plain = found is not None and found[1] == 1 and found[2] == 1
        return found[0] if found is not None and is_plain else None
    state = _STATE.row(connection, values)
    if state is None or state[0] is not None or _STORE.do(connection, values) != 1:
        return None
    known: str | None = _CONTACT.value(connection, contact)
    return known
