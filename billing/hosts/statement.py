"""A month's statement: a view over the ledger up to the month's end, with every use and every other movement.

Law: opening balance + uses + other + VAT + payouts = closing balance, each of them from the ledger. What is shown of a
closed month can never change, since nothing can be booked into it any more (billing.hosts.months).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from billing.hosts.fees import MonthlyFee, fees_of
from billing.hosts.months import Closed, Sums, closed_months, sums_of
from billing.hosts.movements import PAYOUTS, Movement, MovementKind, month_at, movements_of, span_ms
from billing.hosts.party import Host
from billing.hosts.uses import Use, uses_booked
from billing.moments import from_ms
from billing.payouts.runs import Payout, payouts_of
from billing.settlement.tables import sales
from billing.tables import kiosks

_OF_USES = (MovementKind.USE, MovementKind.USE_TAKEN_BACK)


@dataclass(frozen=True, slots=True)
class Refunded:
    """The use a driver got money back for: its first part at a device of the host."""

    begins: datetime
    time_zone: str
    kiosk_name: str
    evse_id: int


@dataclass(frozen=True, slots=True)
class Statement:
    """`host` as it was when the month was closed, else as it is. `others` are movements that are neither use nor payout
    nor VAT; `refunded` says of their orders which use it was. `covering` are the payouts that stand for something of
    this month; `open_minor` is what none stands for."""

    host: Host
    month: str
    sums: Sums
    uses: tuple[Use, ...]
    fees: tuple[MonthlyFee, ...]
    others: tuple[Movement, ...]
    paid: tuple[Movement, ...]
    covering: tuple[Payout, ...]
    open_minor: int
    closed: Closed | None
    refunded: dict[str, Refunded] = field(default_factory=dict)

    @property
    def number(self) -> str:
        """Its name for letters and the bank."""
        return f"ST-{self.host.host_id}-{self.month}"

    @property
    def uses_minor(self) -> int:
        return self.sums.net_minor - sum(movement.amount_minor for movement in self.others)

    @property
    def month_minor(self) -> int:
        """What the month came to, with VAT."""
        return self.sums.net_minor + self.sums.vat_minor


def statement_of(connection: Connection, host: Host, month: str) -> Statement:
    movements = movements_of(connection, host)
    closed = {one.month: one for one in closed_months(connection, host.host_id)}.get(month)
    of_month = [one for one in movements if one.month(host.time_zone) == month]
    standing = [payout for payout in payouts_of(connection, host.host_id) if payout.stands]
    covering, open_minor = _covered(of_month, standing)
    return Statement(
        host if closed is None else closed.host,
        month,
        sums_of(movements, month, host.time_zone),
        tuple(uses_booked(connection, host.host_id, *span_ms(month, host.time_zone))),
        tuple(fees_of(connection, host.host_id, month)),
        tuple(one for one in of_month if one.kind not in (*_OF_USES, *PAYOUTS, MovementKind.VAT)),
        tuple(one for one in of_month if one.kind in PAYOUTS),
        covering,
        open_minor,
        closed,
        _refunded(connection, host.host_id, of_month),
    )


def refunds_booked(
    connection: Connection, host: Host, begins: datetime, beyond: datetime
) -> list[tuple[Movement, Refunded]]:
    """What was given back of uses between two moments, with the use it was; the oldest first."""
    found = [
        one
        for one in movements_of(connection, host)
        if one.kind is MovementKind.REFUND and begins <= one.at < beyond and one.amount_minor
    ]
    of = _refunded(connection, host.host_id, found)
    return [(one, of[one.order_id]) for one in found if one.order_id is not None and one.order_id in of]


def months_of(connection: Connection, host: Host, now: datetime) -> list[str]:
    """Every month there is a statement for, the newest first; this month, too."""
    months = {one.month(host.time_zone) for one in movements_of(connection, host)}
    months |= {one.month for one in closed_months(connection, host.host_id)}
    return sorted({*months, month_at(now, host.time_zone)}, reverse=True)


def _refunded(connection: Connection, host_id: str, movements: Sequence[Movement]) -> dict[str, Refunded]:
    """By order."""
    s, k = sales.c, kiosks.c
    orders = [one.order_id for one in movements if one.kind is MovementKind.REFUND]
    if not orders:
        return {}
    query = (
        select(s.order_id, s.started_ms, s.evse_id, k.name, k.time_zone)
        .join_from(sales, kiosks, k.kiosk_id == s.kiosk_id)
        .where(s.host_id == host_id, s.order_id.in_(orders))
        .order_by(s.started_ms.desc(), s.cdr_id.desc())  # of an order's parts the first is written last
    )
    return {
        row.order_id: Refunded(from_ms(row.started_ms), row.time_zone, row.name, row.evse_id)
        for row in connection.execute(query)
    }


def _covered(of_month: Sequence[Movement], standing: Sequence[Payout]) -> tuple[tuple[Payout, ...], int]:
    ours = {one.entry_no: one.amount_minor for one in of_month if one.kind not in PAYOUTS}
    covering = tuple(payout for payout in standing if not ours.keys().isdisjoint(payout.entry_nos))
    covered = {entry_no for payout in covering for entry_no in payout.entry_nos}
    return covering, sum(amount for entry_no, amount in ours.items() if entry_no not in covered)
