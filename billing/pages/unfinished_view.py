"""What does not finish by itself: transactions whose Ended was lost, or with events missing. An operator's task.

| what | when it stands here | what to do |
|---|---|---|
| Ended lost | a later charge began at the same EVSE, or nothing came of it for a day | the kiosk's journal has it, or |
| | | nobody has: then a person decides (billing.decisions) |
| Events missing | Ended is here, others are not, for an hour | the same, for the numbers named |
| Waits for its meter | Ended with the last good reading, and no correction yet | nothing; it stands after a while |
| Owed, begun and never heard | billing.checkout.tasks: money nobody can take by itself | each line says it |
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, or_, select

from billing.checkout.tasks import money_tasks
from billing.decisions.conditions import is_lost, is_missing, is_overtaken, span
from billing.decisions.tables import is_decided
from billing.moments import from_ms, to_ms
from billing.pages.render import ago, kwh
from billing.tables import events, kiosks, transactions
from contract.transaction import EventType

METER_WITHIN = timedelta(days=2)  # the kiosk's own limit is a day at most; its rows may come late
MOST_SHOWN = 200
MOST_NAMED = 12  # missing numbers


def unfinished(connection: Connection, now: datetime) -> list[dict[str, str]]:
    """Worst first: what is lost, what is missing, what may still come."""
    t = transactions.c
    of = span()
    query = (
        select(transactions, kiosks.c.name, of.c.count, of.c.newest_ms, of.c.energy_wh)
        .add_columns(is_overtaken().label("is_overtaken"), _waits_for_meter(now).label("waits"))
        .join_from(transactions, kiosks)
        .join(of, and_(of.c.kiosk_id == t.kiosk_id, of.c.transaction_id == t.transaction_id))
        .where(_is_unfinished(now, of))
        .order_by(t.first_received_ms)
        .limit(MOST_SHOWN)
    )
    lines = [_line(connection, row, now) for row in connection.execute(query)] + money_tasks(connection, now)
    return sorted(lines, key=lambda line: ("bad", "warn", "stale").index(line["chip"]))


def _is_unfinished(now: datetime, of: Any) -> ColumnElement[bool]:
    return and_(~is_decided(), or_(is_lost(now, of), is_missing(now, of), _waits_for_meter(now)))


def _waits_for_meter(now: datetime) -> ColumnElement[bool]:
    t, ended, late = transactions.c, events.alias("ended"), events.alias("late")
    is_awaited = exists().where(
        ended.c.kiosk_id == t.kiosk_id,
        ended.c.transaction_id == t.transaction_id,
        ended.c.event_type == EventType.ENDED.value,
        ended.c.body.like('%"final":false%'),  # canonical JSON has one way to say it
        ended.c.received_ms >= to_ms(now - METER_WITHIN),
    )
    has_come = exists().where(
        late.c.kiosk_id == t.kiosk_id,
        late.c.transaction_id == t.transaction_id,
        late.c.event_type == EventType.METER_CORRECTION.value,
    )
    return and_(is_awaited, ~has_come)


def _line(connection: Connection, row: Row[Any], now: datetime) -> dict[str, str]:
    missing = _missing(connection, row)
    journal = "On the kiosk: kiosk journal list. Is it there, the uplink sends it; is it not, decide."
    if row.ended_seq is None:
        why = "a later charge began there" if row.is_overtaken else "nothing came of it for a day"
        chip, what, do = "bad", f"Ended lost: {why}", journal
    elif row.count <= row.ended_seq:
        chip, what, do = "warn", f"Events missing: seq {missing}", journal
    else:
        chip, what = "stale", "Waits for its meter"
        do = "Nothing: billed with the last good reading, which stands if the meter does not tell within a day."
    page = "sessions" if chip == "stale" else "decisions"
    return {
        "chip": chip,
        "what": what,
        "do": do,
        "kiosk": row.name,
        "kiosk_id": row.kiosk_id,
        "evse": str(row.evse_id),
        "transaction_id": row.transaction_id,
        "href": f"/operator/{page}/{quote(row.kiosk_id, safe='')}/{quote(row.transaction_id, safe='')}",
        "energy": kwh(row.energy_wh or 0, "en"),
        "seen": ago(from_ms(row.newest_ms), now),
    }


def _missing(connection: Connection, row: Row[Any]) -> str:
    if row.ended_seq is None:
        return ""
    e = events.c
    query = select(e.seq_no).where(e.kiosk_id == row.kiosk_id, e.transaction_id == row.transaction_id)
    gone = sorted(set(range(row.ended_seq + 1)) - set(connection.execute(query).scalars()))
    more = f" and {len(gone) - MOST_NAMED} more" if len(gone) > MOST_NAMED else ""
    return ", ".join(str(number) for number in gone[:MOST_NAMED]) + more
