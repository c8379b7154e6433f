"""Installation fees per month: for each EVSE by the days its agreement was in force.

Law: a day counts for the agreement in force when it begins, at the EVSE's site. Days of one agreement are added up, the
fee is their part of the month, rounded once, half up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from billing.hosts.movements import begin_of, month_after
from billing.ledger.chart import Account, Kind
from billing.moments import from_ms
from billing.settlement.agreement import Agreement
from billing.settlement.allocation import Bearer
from billing.settlement.entries import OPERATOR
from billing.settlement.tables import agreements
from billing.tables import kiosks
from contract.codec import from_bytes


@dataclass(frozen=True, slots=True)
class MonthlyFee:
    """`days` of `of_days` at `per_month_minor`."""

    kiosk_id: str
    evse_id: int
    per_month_minor: int
    days: int
    of_days: int
    bearer: Account

    @property
    def fee_minor(self) -> int:
        exact = Decimal(self.per_month_minor * self.days) / self.of_days
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


Written = tuple[datetime, Agreement]  # in force from, what


def fees_of(connection: Connection, host_id: str, month: str) -> list[MonthlyFee]:
    """The fees of a host's EVSEs for a month, those of nothing left out."""
    found = []
    for kiosk_id, evse_id, time_zone in _evses_of(connection, host_id):
        history = _history(connection, kiosk_id, evse_id)
        found += evse_fees(kiosk_id, evse_id, history, host_id, _days_of(month, time_zone))
    return found


def evse_fees(
    kiosk_id: str, evse_id: int, history: Sequence[Written], host_id: str, days: Sequence[datetime]
) -> list[MonthlyFee]:
    """`history` as it came into force, oldest first; `days` by their beginnings."""
    counted: Counter[tuple[int, Account]] = Counter()
    for day in days:
        agreement = next((one for begins, one in reversed(history) if begins <= day), None)
        if agreement is None or agreement.host is None or agreement.host.host_id != host_id:
            continue
        if agreement.host.per_month_minor:
            counted[agreement.host.per_month_minor, bearer_of(agreement)] += 1
    return [
        MonthlyFee(kiosk_id, evse_id, per_month_minor, number, len(days), bearer)
        for (per_month_minor, bearer), number in counted.items()
    ]


def bearer_of(agreement: Agreement) -> Account:
    """Out of whose share the host's fee is paid. Raises ValueError where the agreement names no host."""
    if agreement.host is None:
        raise ValueError("an agreement without a host has no fee")
    if agreement.host.paid_by is Bearer.PROVIDER and agreement.partners is not None:
        return Account(Kind.PARTNER_PAYABLE, agreement.partners.provider_id, agreement.host.currency)
    return Account(Kind.MARGIN, OPERATOR, agreement.host.currency)


def _days_of(month: str, time_zone: str) -> list[datetime]:
    first, beyond = begin_of(month, time_zone), begin_of(month_after(month), time_zone)
    number = (beyond.date() - first.date()).days
    return [
        datetime.combine(first.date() + timedelta(days=day), datetime.min.time(), ZoneInfo(time_zone))
        for day in range(number)
    ]


def _evses_of(connection: Connection, host_id: str) -> list[tuple[str, int, str]]:
    a = agreements.c
    query = (
        select(a.kiosk_id, a.evse_id, kiosks.c.time_zone)
        .join_from(agreements, kiosks, kiosks.c.kiosk_id == a.kiosk_id)
        .where(a.host_id == host_id)
        .distinct()
        .order_by(a.kiosk_id, a.evse_id)
    )
    return [(row.kiosk_id, row.evse_id, row.time_zone) for row in connection.execute(query)]


def _history(connection: Connection, kiosk_id: str, evse_id: int) -> list[Written]:
    a = agreements.c
    query = select(a.from_ms, a.body).where(a.kiosk_id == kiosk_id, a.evse_id == evse_id)
    rows = connection.execute(query.order_by(a.from_ms, a.agreement_no))
    return [(from_ms(row.from_ms), from_bytes(Agreement, row.body)) for row in rows]
