"""A rated use becomes a sale: everybody's part, written down with its calculation and booked in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection, bindparam, select

from billing.ledger import book
from billing.moments import from_ms, to_ms
from billing.prepared import Prepared, prepared_insert
from billing.settlement.agreement import Agreement, in_force
from billing.settlement.allocation import Allocation, Sale, allocate
from billing.settlement.electricity import dearest, electricity_cost
from billing.settlement.entries import Parties, sale_entry, sale_key
from billing.settlement.tables import sales
from billing.tables import transactions
from contract.codec import from_bytes, to_bytes
from contract.price import Line, Price, Sample
from contract.transaction import ClockQuality, TransactionEvent, began, samples_before


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale with everything that led to it; `agreement` as it was in force, `electricity` by its lines."""

    parties: Parties
    sale: Sale
    agreement: Agreement
    allocation: Allocation
    electricity: tuple[Line, ...] = ()
    electricity_at_dearest: bool = False  # the kiosk did not know the time


_WRITE = prepared_insert(sales)


def sell(
    connection: Connection,
    cdr_id: str,
    kiosk_id: str,
    time_zone: str,
    story: Sequence[TransactionEvent],
    samples: Sequence[Sample],
    amount: Price,
    now: datetime,
) -> Sold:
    """Book the sale of a rated transaction, once. `story` is its events, `samples` its own readings."""
    started, at = story[0], counted_at(connection, kiosk_id, story, now)
    agreement = in_force(connection, kiosk_id, started.evse_id, at)
    sold = sold_of(story, samples, amount, agreement, time_zone)
    values = {
        "cdr_id": cdr_id,
        "kiosk_id": kiosk_id,
        "evse_id": started.evse_id,
        "order_id": started.order_id,
        "host_id": sold.parties.host_id,
        "partner_id": sold.parties.provider_id,
        "started_ms": to_ms(at),
        "body": to_bytes(sold).decode(),
    }
    _WRITE.do(connection, values)
    draft = sale_entry(cdr_id, sold.parties, sold.allocation)
    if draft is not None:
        book.post(connection, draft, now)
    return sold


_FIRST_HEARD = Prepared(
    select(transactions.c.first_received_ms)
    .where(transactions.c.kiosk_id == bindparam("of_kiosk"))
    .where(transactions.c.transaction_id == bindparam("of_transaction"))
)


def counted_at(connection: Connection, kiosk_id: str, story: Sequence[TransactionEvent], now: datetime) -> datetime:
    """When a charge began, for its agreement, its day and its month.

    One that cannot tell counts from when it was first heard of, `now` at the latest: no agreement is missed, no month.
    """
    beginning = began(story)
    if beginning.quality is not ClockQuality.UNKNOWN:
        return beginning.wall
    asked = {"of_kiosk": kiosk_id, "of_transaction": story[0].transaction_id}
    heard_ms = _FIRST_HEARD.value(connection, asked)
    return now if heard_ms is None else from_ms(heard_ms)


def take_back(connection: Connection, cdr_id: str, why: str, now: datetime) -> None:
    """Everybody gives back their part; a sale of nothing has nothing to give back. Once, however often it is asked."""
    if book.entry(connection, sale_key(cdr_id)) is not None:
        book.reverse(connection, sale_key(cdr_id), why, now)


def sold_of(
    story: Sequence[TransactionEvent], samples: Sequence[Sample], amount: Price, agreement: Agreement, time_zone: str
) -> Sold:
    """The calculation alone."""
    started, before = story[0], samples_before(story)
    assert started.authority is not None  # the contract's own rule for Started
    cost, at_dearest = None, False
    if agreement.electricity is not None:
        clock_is_known = samples[0].at_ms is not None
        at_dearest = agreement.electricity.needs_clock and not clock_is_known
        contract = dearest(agreement.electricity) if at_dearest else agreement.electricity
        cost = electricity_cost(contract, samples, time_zone)
    account_id = started.authority.account_id
    sale = Sale(
        gross_minor=amount.incl_vat_minor,
        vat_minor={format(line.rate, "f"): line.vat_minor for line in amount.vat},
        energy_wh=samples[-1].import_wh - samples[0].import_wh,
        connected_ms=samples[-1].elapsed_ms - samples[0].elapsed_ms,
        electricity_cost_minor=0 if cost is None else cost.incl_vat_minor,
        is_own_use=agreement.host_account is not None and agreement.host_account == account_id,
        is_continued=bool(before) and before[-1].import_wh > before[0].import_wh,
    )
    parties = Parties(
        order_id=started.order_id,
        payer=account_id if started.authority.voucher_id is None else started.order_id,
        currency=amount.currency,
        host_id=None if agreement.host is None else agreement.host.host_id,
        provider_id=None if agreement.partners is None else agreement.partners.provider_id,
    )
    allocation = allocate(sale, agreement.host, agreement.partners)
    return Sold(parties, sale, agreement, allocation, () if cost is None else cost.lines, at_dearest)


_BODY = Prepared(select(sales.c.body).where(sales.c.cdr_id == bindparam("of_cdr")))


def sold_in(connection: Connection, cdr_id: str) -> Sold | None:
    body = _BODY.value(connection, {"of_cdr": cdr_id})
    return None if body is None else _read(body)


@lru_cache(maxsize=500)
def _read(body: str) -> Sold:
    """A sale never changes, and is read at every step of its payment."""
    return from_bytes(Sold, body)


def of_host(connection: Connection, host_id: str, begins: datetime, lasts: timedelta) -> list[tuple[str, Sold]]:
    """The uses a host is paid for, by the day they began: CDR id and calculation, oldest first."""
    s = sales.c
    query = (
        select(s.cdr_id, s.body)
        .where(s.host_id == host_id, s.started_ms >= to_ms(begins), s.started_ms < to_ms(begins + lasts))
        .order_by(s.started_ms, s.cdr_id)
    )
    return [(row.cdr_id, from_bytes(Sold, row.body)) for row in connection.execute(query)]
