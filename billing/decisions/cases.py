"""The cases that wait for a person, read from the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from billing.corrections import is_current
from billing.decisions.case import Case, Cause
from billing.decisions.choice import Choice
from billing.decisions.conditions import is_billed, is_held, is_lost, is_missing, span
from billing.decisions.tables import decisions, is_decided
from billing.moments import from_ms, to_ms
from billing.quarantine import doubts_of
from billing.rating import read_story, site_of
from billing.tables import cdrs, quarantine, transactions

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided, or asks a second person to agree to (`is_granted` is None)."""

    decision_id: str
    kiosk_id: str
    transaction_id: str
    order_id: str
    choice: Choice
    why: str
    events: int
    last_seq: int | None
    amount_minor: int | None
    currency: str | None
    until: datetime | None
    asked_by: str
    asked_at: datetime
    needs_second: bool
    decided_by: str | None
    decided_at: datetime | None
    is_granted: bool | None


class NoSuchCase(LookupError):
    """Nobody knows such a charge, or such a decision; the message names it."""


def waiting(connection: Connection, now: datetime) -> list[Case]:
    """Everything to be decided, the oldest first; what somebody decided to wait for is left out until its day."""
    found = []
    for row in connection.execute(_query(now).limit(MOST_SHOWN)).all():
        case = _case(connection, row, now)
        if case is not None:
            found.append(case)
    return found


def case_of(connection: Connection, kiosk_id: str, transaction_id: str, now: datetime) -> Case | None:
    """The case of one charge, waited for or not; None where it has none. Raises NoSuchCase."""
    t = transactions.c
    known = select(t.kiosk_id).where(t.kiosk_id == kiosk_id, t.transaction_id == transaction_id)
    if connection.execute(known).first() is None:
        raise NoSuchCase(f"no session {transaction_id} of {kiosk_id}")
    query = _query(now, is_waited_for=True).where(t.kiosk_id == kiosk_id, t.transaction_id == transaction_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _case(connection, row, now)


def waited_for(connection: Connection, now: datetime) -> list[Decision]:
    """The decisions to wait that still hold, the next to end first: of charges that nothing else settled since."""
    d, t = decisions.c, transactions.c
    of_charge = and_(t.kiosk_id == d.kiosk_id, t.transaction_id == d.transaction_id)
    query = select(decisions).join(transactions, of_charge).where(*_waits(now), ~is_billed())
    query = query.order_by(d.until_ms, d.decision_id).limit(MOST_SHOWN)
    return [_decision(row) for row in connection.execute(query)]


def asked(connection: Connection) -> list[Decision]:
    """What waits for a second person, the oldest first."""
    return _decisions(connection, decisions.c.decided_ms.is_(None))


def decided(connection: Connection, kiosk_id: str, transaction_id: str) -> list[Decision]:
    """Every decision about one charge, the oldest first."""
    d = decisions.c
    return _decisions(connection, and_(d.kiosk_id == kiosk_id, d.transaction_id == transaction_id))


def load(connection: Connection, decision_id: str) -> Decision:
    """Raises NoSuchCase."""
    found = find(connection, decision_id)
    if found is None:
        raise NoSuchCase(f"no decision {decision_id}")
    return found


def find(connection: Connection, decision_id: str) -> Decision | None:
    return next(iter(_decisions(connection, decisions.c.decision_id == decision_id)), None)


def in_force(connection: Connection, kiosk_id: str, transaction_id: str) -> Decision | None:
    """The newest decision that says what is billed for a charge; None where no person had to say it."""
    known = [one for one in decided(connection, kiosk_id, transaction_id) if one.is_granted and one.choice.bills]
    return known[-1] if known else None


def kiosk_of(connection: Connection, transaction_id: str) -> str:
    """The kiosk of a charge, for who types only its id. Raises NoSuchCase."""
    t = transactions.c
    found = connection.execute(select(t.kiosk_id).where(t.transaction_id == transaction_id)).scalars().all()
    if not found:
        raise NoSuchCase(f"no session {transaction_id}; kiosk-billing task list names them")
    if len(found) > 1:
        raise ValueError(f"session {transaction_id}: several kiosks have one of that id; say which by --kiosk")
    return str(found[0])


def held_count(connection: Connection) -> int:
    """How many bills a doubt holds and how many decisions wait for a second person: beside the page's name."""
    q = quarantine.c
    of = select(q.kiosk_id, q.transaction_id).where(q.holds_bill, q.transaction_id.is_not(None)).distinct().subquery()
    c = cdrs.c
    is_billed = select(c.cdr_id).where(c.kiosk_id == of.c.kiosk_id, c.transaction_id == of.c.transaction_id).exists()
    held = select(func.count()).select_from(of).where(~is_billed, ~is_decided(of))
    second = select(func.count()).select_from(decisions).where(decisions.c.decided_ms.is_(None))
    return int(connection.execute(held).scalar_one()) + int(connection.execute(second).scalar_one())


def _query(now: datetime, is_waited_for: bool = False) -> Any:
    t, d, of = transactions.c, decisions.c, span()
    seen = select(func.max(d.events)).where(
        d.kiosk_id == t.kiosk_id, d.transaction_id == t.transaction_id, d.is_granted == 1,
        d.choice != Choice.WAIT.value,
    )  # fmt: skip
    open_ = and_(~is_decided(), or_(is_held(of), is_lost(now, of), is_missing(now, of)))
    late = and_(is_decided(), of.c.count > seen.scalar_subquery())
    query = (
        select(transactions, of.c.count, of.c.newest_ms, late.label("is_late"))
        .join_from(transactions, of, and_(of.c.kiosk_id == t.kiosk_id, of.c.transaction_id == t.transaction_id))
        .where(or_(open_, late))
        .order_by(of.c.newest_ms, t.transaction_id)
    )
    if not is_waited_for:
        waits = select(d.decision_id).where(
            d.kiosk_id == t.kiosk_id, d.transaction_id == t.transaction_id, *_waits(now)
        )
        query = query.where(~waits.exists())
    return query


def _waits(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Of two decisions to wait the newer one counts; any other decision ends the waiting."""
    d, later = decisions.c, decisions.alias("later").c
    since = select(later.decision_id).where(
        later.kiosk_id == d.kiosk_id, later.transaction_id == d.transaction_id, later.is_granted == 1,
        or_(later.choice != Choice.WAIT.value, later.asked_ms > d.asked_ms),
    )  # fmt: skip
    return d.choice == Choice.WAIT.value, d.is_granted == 1, d.until_ms > to_ms(now), ~since.exists()


def _case(connection: Connection, row: Row[Any], now: datetime) -> Case | None:
    story = read_story(connection, row.kiosk_id, row.transaction_id)
    if not story:
        return None
    standing = None
    if row.is_late:
        c = cdrs.c
        of_session = (c.kiosk_id == row.kiosk_id, c.transaction_id == row.transaction_id)
        standing = connection.execute(select(c.incl_vat_minor).where(*of_session, is_current())).scalar()
    return Case(
        row.kiosk_id,
        row.transaction_id,
        row.order_id,
        _cause(row),
        tuple(story),
        row.ended_seq,
        tuple(doubt for doubt in doubts_of(connection, row.kiosk_id, row.transaction_id) if doubt.holds_bill),
        site_of(connection, row.kiosk_id).max_power_w,
        from_ms(row.newest_ms),
        standing,
    )


def _cause(row: Row[Any]) -> Cause:
    if row.is_late:
        return Cause.LATE
    if row.ended_seq is None:
        return Cause.LOST
    return Cause.MISSING if row.count <= row.ended_seq else Cause.HELD


def _decisions(connection: Connection, condition: ColumnElement[bool]) -> list[Decision]:
    d = decisions.c
    query = select(decisions).where(condition).order_by(d.asked_ms, d.decision_id)
    return [_decision(row) for row in connection.execute(query)]


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        row.decision_id,
        row.kiosk_id,
        row.transaction_id,
        row.order_id,
        Choice(row.choice),
        row.why,
        row.events,
        row.last_seq,
        row.amount_minor,
        row.currency,
        None if row.until_ms is None else from_ms(row.until_ms),
        row.asked_by,
        from_ms(row.asked_ms),
        bool(row.needs_second),
        row.decided_by,
        None if row.decided_ms is None else from_ms(row.decided_ms),
        None if row.is_granted is None else bool(row.is_granted),
    )


def as_billed(story: Sequence[Any], decision: Decision | None) -> Sequence[Any]:
    """Of a charge's events those that are billed."""
    if decision is None or decision.last_seq is None:
        return story
    return [event for event in story if event.seq_no <= decision.last_seq]
