"""Which charges do not settle by themselves, as conditions of a query over `transactions`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from billing.corrections import is_current
from billing.moments import to_ms
from billing.tables import cdrs, events, transactions

LOST_AFTER = timedelta(days=1)
MISSING_AFTER = timedelta(hours=1)


def span() -> Any:
    """By transaction: how many events are here, when the newest came, and the energy between them."""
    e = events.c
    return (
        select(
            e.kiosk_id,
            e.transaction_id,
            func.count().label("count"),
            func.max(e.received_ms).label("newest_ms"),
            (func.max(e.import_wh) - func.min(e.import_wh)).label("energy_wh"),
        )
        .group_by(e.kiosk_id, e.transaction_id)
        .subquery()
    )


def is_lost(now: datetime, span: Any) -> ColumnElement[bool]:
    """No end, and either a later charge began there or nothing came of it for a day."""
    is_old = span.c.newest_ms < to_ms(now - LOST_AFTER)
    return and_(transactions.c.ended_seq.is_(None), or_(is_old, is_overtaken()))


def is_missing(now: datetime, span: Any) -> ColumnElement[bool]:
    return and_(span.c.count <= transactions.c.ended_seq, span.c.newest_ms < to_ms(now - MISSING_AFTER))


def is_held(span: Any) -> ColumnElement[bool]:
    """Whole and not billed: a doubt holds it."""
    return and_(span.c.count > transactions.c.ended_seq, ~is_billed())


def is_overtaken() -> ColumnElement[bool]:
    """Another charge began later at the same EVSE: nothing more will come of this one by itself."""
    t, later = transactions.c, transactions.alias("later")
    return exists().where(
        later.c.kiosk_id == t.kiosk_id, later.c.evse_id == t.evse_id, later.c.started_ms > t.started_ms
    )


def is_billed() -> ColumnElement[bool]:
    c, t = cdrs.c, transactions.c
    return exists().where(c.kiosk_id == t.kiosk_id, c.transaction_id == t.transaction_id, is_current())
