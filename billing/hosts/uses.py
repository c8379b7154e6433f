"""The uses of a host's devices, each with the calculation it was settled by, and those that run as they stand.

Law:
- A corrected or refunded use is never edited: what was counted first, its taking back with the sign turned, and the new
  count are three rows.
- A use that runs is priced by the same functions on the readings that have come; it is money once it is booked.
- Where a doubt holds the driver's bill, nothing is counted for the host yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from billing.ledger.tables import ledger_entries
from billing.moments import from_ms, to_ms
from billing.quarantine import doubts_of
from billing.rating import read_story
from billing.settlement.agreement import in_force
from billing.settlement.entries import sale_key
from billing.settlement.sales import Sold, counted_at, sold_of
from billing.settlement.tables import agreements, sales
from billing.tables import cdrs, events, kiosks, transactions
from contract.codec import from_bytes
from contract.order import price_of_part
from contract.transaction import TransactionEvent, samples_before, samples_of


class UseKind(StrEnum):
    FINISHED = "finished"
    OWN = "own"  # the host's own account
    NO_ENERGY = "no energy"
    TAKEN_BACK = "taken back"
    RUNNING = "running"
    ON_ITS_WAY = "on its way"  # ended, but not everything has arrived
    CHECKED = "checked"  # a doubt holds the bill


COUNTED = frozenset({UseKind.FINISHED, UseKind.OWN, UseKind.NO_ENERGY, UseKind.TAKEN_BACK})


@dataclass(frozen=True, slots=True)
class Use:
    """One row. `amount_minor` with its sign; `sold` is None where nothing can be said yet.

    `booked` is when it was counted, None while it is not; `seen` when the newest word of it came.
    """

    kind: UseKind
    kiosk_name: str
    time_zone: str
    evse_id: int
    begins: datetime
    ends: datetime | None
    amount_minor: int
    energy_wh: int
    sold: Sold | None = None
    cdr_id: str | None = None
    booked: datetime | None = None
    seen: datetime | None = None
    turn: int = 2  # of one use: what was counted first 0, its taking back 1, what stands 2


def uses_begun(connection: Connection, host_id: str, begins: datetime, beyond: datetime) -> list[Use]:
    """What is counted of the uses that began in that time, by the time they began."""
    s = sales.c
    rows = _rows(connection, and_(s.host_id == host_id, s.started_ms >= to_ms(begins), s.started_ms < to_ms(beyond)))
    found = [use for row in rows for use in _of_row(row)]
    return sorted(found, key=_order)


def uses_booked(connection: Connection, host_id: str, begin_ms: int, beyond_ms: int) -> list[Use]:
    """What was booked in that time: uses and takings back, by the time the use began."""

    def within(column: Any) -> Any:
        return and_(column >= begin_ms, column < beyond_ms)

    taken_ms = func.coalesce(_TAKEN.c.at_ms, _CREDIT.c.rated_ms)
    rows = _rows(connection, and_(sales.c.host_id == host_id, or_(within(cdrs.c.rated_ms), within(taken_ms))))
    found = [use for row in rows for use in _of_row(row)]
    inside = [use for use in found if use.booked is not None and begin_ms <= to_ms(use.booked) < beyond_ms]
    return sorted(inside, key=_order)


def uses_open(connection: Connection, host_id: str) -> list[Use]:
    """What is not counted yet: running, on its way, or being checked; the newest first."""
    t, a = transactions.c, agreements.c
    theirs = select(a.agreement_no).where(a.host_id == host_id, a.kiosk_id == t.kiosk_id, a.evse_id == t.evse_id)
    billed = select(cdrs.c.cdr_id).where(cdrs.c.kiosk_id == t.kiosk_id, cdrs.c.transaction_id == t.transaction_id)
    query = (
        select(transactions, kiosks.c.name, kiosks.c.time_zone)
        .join_from(transactions, kiosks, kiosks.c.kiosk_id == t.kiosk_id)
        .where(t.started_ms.is_not(None), theirs.exists(), ~billed.exists())
        .order_by(t.started_ms.desc())
    )
    found = [_open(connection, host_id, row) for row in connection.execute(query).all()]
    return [use for use in found if use is not None]


# ---- counted -------------------------------------------------------------------------------------------------------

_TAKEN = ledger_entries.alias("taken")
_CREDIT = cdrs.alias("credit")


def _rows(connection: Connection, condition: Any) -> Sequence[Row[Any]]:
    s, t = sales.c, transactions.c
    query = (
        select(sales, cdrs.c.rated_ms, kiosks.c.name, kiosks.c.time_zone, t.ended_ms)
        .add_columns(_TAKEN.c.at_ms.label("taken_ms"), _CREDIT.c.rated_ms.label("credit_ms"))
        .join_from(sales, cdrs, cdrs.c.cdr_id == s.cdr_id)
        .join(kiosks, kiosks.c.kiosk_id == s.kiosk_id)
        .outerjoin(transactions, and_(t.kiosk_id == s.kiosk_id, t.transaction_id == cdrs.c.transaction_id))
        .outerjoin(_TAKEN, _TAKEN.c.reverses == sale_key("") + s.cdr_id)
        .outerjoin(_CREDIT, _CREDIT.c.credit_reference_id == s.cdr_id)
        .where(condition)
    )
    return connection.execute(query).all()


def _of_row(row: Row[Any]) -> list[Use]:
    sold = from_bytes(Sold, row.body)
    counted = Use(
        _kind(sold),
        row.name,
        row.time_zone,
        row.evse_id,
        from_ms(row.started_ms),
        None if row.ended_ms is None else from_ms(row.ended_ms),
        sold.allocation.host.total_minor,
        sold.sale.energy_wh,
        sold,
        row.cdr_id,
        from_ms(row.rated_ms),
        from_ms(row.rated_ms),
        2 if row.taken_ms is None and row.credit_ms is None else 0,
    )
    taken_ms = row.credit_ms if row.taken_ms is None else row.taken_ms
    if taken_ms is None:
        return [counted]
    back = Use(
        UseKind.TAKEN_BACK,
        row.name,
        row.time_zone,
        row.evse_id,
        counted.begins,
        counted.ends,
        -counted.amount_minor,
        -counted.energy_wh,
        sold,
        row.cdr_id,
        from_ms(taken_ms),
        from_ms(taken_ms),
        1,
    )
    return [counted, back]


def _kind(sold: Sold) -> UseKind:
    if sold.sale.is_own_use:
        return UseKind.OWN
    return UseKind.FINISHED if sold.sale.energy_wh > 0 else UseKind.NO_ENERGY


def _order(use: Use) -> tuple[datetime, int, int]:
    return use.begins, use.evse_id, use.turn


# ---- not yet counted -----------------------------------------------------------------------------------------------


def _open(connection: Connection, host_id: str, row: Row[Any]) -> Use | None:
    story = read_story(connection, row.kiosk_id, row.transaction_id)
    if not story or story[0].authority is None or story[0].offer is None:
        return None
    query = select(func.max(events.c.received_ms)).where(
        events.c.kiosk_id == row.kiosk_id, events.c.transaction_id == row.transaction_id
    )
    seen = from_ms(connection.execute(query).scalar_one())
    begins = counted_at(connection, row.kiosk_id, story, seen)
    agreement = in_force(connection, row.kiosk_id, row.evse_id, begins)
    if agreement.host is None or agreement.host.host_id != host_id:
        return None
    is_checked = any(doubt.holds_bill for doubt in doubts_of(connection, row.kiosk_id, row.transaction_id))
    kind = UseKind.RUNNING if row.ended_seq is None else UseKind.ON_ITS_WAY
    sold = None if is_checked else _so_far(story, agreement, row.time_zone)
    return Use(
        UseKind.CHECKED if sold is None else kind,
        row.name,
        row.time_zone,
        row.evse_id,
        begins,
        None if row.ended_ms is None else from_ms(row.ended_ms),
        0 if sold is None else sold.allocation.host.total_minor,
        0 if sold is None else sold.sale.energy_wh,
        sold,
        seen=seen,
    )


def _so_far(story: Sequence[TransactionEvent], agreement: Any, time_zone: str) -> Sold | None:
    """None where the readings cannot be priced: somebody has to look at them."""
    offer = story[0].offer
    assert offer is not None
    samples = samples_of(story)
    try:
        amount = price_of_part(offer, samples_before(story), samples)
        return sold_of(story, samples, amount, agreement, time_zone)
    except ValueError:
        return None
