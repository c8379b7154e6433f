"""Closing a month: the installation fee per month is booked, then the VAT of the month's sum, and the sums are kept.

Law:
- A month is closed when it is over at the host's place, in order, and once: closing again changes nothing.
- A host's first month is that of their first agreement, or of an entry before it; earlier there is nothing to close.
- After it no entry can fall into the month (billing.hosts.movements), so its statement is frozen by itself; the sums
  kept here are the proof.
- What is paid out is what stood at the end of the last closed month (billing.payouts).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import Connection, func, select

from billing.hosts.fees import fees_of
from billing.hosts.movements import (
    PAYOUTS,
    Movement,
    MovementKind,
    begin_of,
    month_after,
    month_at,
    month_named,
    movements_of,
)
from billing.hosts.party import Host, all_hosts
from billing.hosts.tables import host_months
from billing.ledger import book
from billing.ledger.chart import Account
from billing.moments import from_ms, to_ms
from billing.settlement.entries import host_vat_entry, monthly_fee_entry
from billing.settlement.tables import agreements
from contract.codec import from_bytes, to_bytes

CLOSES_AFTER = timedelta(minutes=5)  # uploads that were under way at midnight are in the book by then


class NotOver(ValueError):
    """The month has not ended yet at the host's place."""


@dataclass(frozen=True, slots=True)
class Sums:
    """A month in five numbers, minor units: what was owed before, what came in, its VAT, what was paid, what stands."""

    opening_minor: int
    net_minor: int
    vat_minor: int
    paid_minor: int  # negative where money went out

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.net_minor + self.vat_minor + self.paid_minor


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed month; `host` as it was then."""

    host: Host
    month: str
    sums: Sums
    closed_at: datetime
    closed_by: str


def sums_of(movements: Iterable[Movement], month: str, time_zone: str) -> Sums:
    opening = net = vat = paid = 0
    for movement in movements:
        of_month = movement.month(time_zone)
        if of_month < month:
            opening += movement.amount_minor
        elif of_month == month:
            if movement.kind in PAYOUTS:
                paid += movement.amount_minor
            elif movement.kind is MovementKind.VAT:
                vat += movement.amount_minor
            else:
                net += movement.amount_minor
    return Sums(opening, net, vat, paid)


def vat_on(net_minor: int, rate: Decimal | None) -> int:
    """VAT paid on top of a month's sum, half up; negative where more was taken back than came in."""
    if rate is None:
        return 0
    return int((net_minor * rate / 100).quantize(Decimal(1), ROUND_HALF_UP))


def close_month(connection: Connection, month: str, by: str, now: datetime) -> list[Closed]:
    """Close it for every host, with whatever month before it stands open. What was closed now; twice is once.

    Raises NotOver, and ValueError for a text that is no month.
    """
    hosts = all_hosts(connection)
    for host in hosts:
        ends = begin_of(month_after(month_named(month)), host.time_zone)
        if now < ends + CLOSES_AFTER:
            may = f"{ends + CLOSES_AFTER:%Y-%m-%d %H:%M} {host.time_zone}"
            raise NotOver(f"{month} may be closed for host {host.host_id} from {may} on")
    return [closed for host in hosts for closed in _close_up_to(connection, host, month, by, now)]


def closed_months(connection: Connection, host_id: str) -> list[Closed]:
    """Oldest first."""
    m = host_months.c
    rows = connection.execute(select(host_months).where(m.host_id == host_id).order_by(m.month)).all()
    return [
        Closed(
            from_bytes(Host, row.body),
            row.month,
            Sums(row.opening_minor, row.net_minor, row.vat_minor, row.paid_minor),
            from_ms(row.closed_ms),
            row.closed_by,
        )
        for row in rows
    ]


def last_closed(connection: Connection, host_id: str) -> str | None:
    m = host_months.c
    query = select(m.month).where(m.host_id == host_id).order_by(m.month.desc()).limit(1)
    return connection.execute(query).scalar()


def first_month(connection: Connection, host: Host) -> str | None:
    """The month of their first agreement, or of an entry before it; None where nothing was agreed or booked yet."""
    a = agreements.c
    begins_ms = connection.execute(select(func.min(a.from_ms)).where(a.host_id == host.host_id)).scalar()
    agreed = [] if begins_ms is None else [month_at(from_ms(begins_ms), host.time_zone)]
    booked = [movement.month(host.time_zone) for movement in movements_of(connection, host)[:1]]
    return min([*agreed, *booked], default=None)


def may_close(connection: Connection, host: Host, month: str) -> bool:
    """Whether this month, or one before it, is still to be closed for them."""
    first, last = first_month(connection, host), last_closed(connection, host.host_id)
    return first is not None and first <= month and (last is None or last < month)


def faults_of(connection: Connection) -> list[str]:
    """Closed months that the ledger does not bear out, each a sentence."""
    found = []
    for host in all_hosts(connection):
        movements = movements_of(connection, host)
        for closed in closed_months(connection, host.host_id):
            now = sums_of(movements, closed.month, host.time_zone)
            if now != closed.sums:
                found.append(
                    f"statement {host.host_id} {closed.month}: closed with {closed.sums}, the ledger has {now}"
                )
    return found


def _close_up_to(connection: Connection, host: Host, month: str, by: str, now: datetime) -> list[Closed]:
    last = last_closed(connection, host.host_id)
    at = first_month(connection, host) if last is None else month_after(last)
    done = []
    while at is not None and at <= month:
        done.append(_close(connection, host, at, by, now))
        at = month_after(at)
    return done


def _close(connection: Connection, host: Host, month: str, by: str, now: datetime) -> Closed:
    borne: Counter[Account] = Counter()
    for fee in fees_of(connection, host.host_id, month):
        borne[fee.bearer] += fee.fee_minor
    fee_entry = monthly_fee_entry(host.host_id, host.currency, month, borne)
    if fee_entry is not None:
        book.post(connection, fee_entry, now)
    net = sums_of(movements_of(connection, host), month, host.time_zone).net_minor
    if host.vat_rate is not None:
        rate = format(host.vat_rate, "f")
        vat_entry = host_vat_entry(host.host_id, host.currency, month, rate, vat_on(net, host.vat_rate))
        if vat_entry is not None:
            book.post(connection, vat_entry, now)
    sums = sums_of(movements_of(connection, host), month, host.time_zone)
    values = {
        "host_id": host.host_id,
        "month": month,
        "opening_minor": sums.opening_minor,
        "net_minor": sums.net_minor,
        "vat_minor": sums.vat_minor,
        "paid_minor": sums.paid_minor,
        "closing_minor": sums.closing_minor,
        "body": to_bytes(host).decode(),
        "closed_ms": to_ms(now),
        "closed_by": by,
    }
    connection.execute(host_months.insert(), values)
    return Closed(host, month, sums, now, by)
