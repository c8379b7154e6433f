"""The facts of a checkout, as the tables tell them now."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from billing.checkout.checkout import Checkout, Origin, Stage
from billing.checkout.step import Facts, Fate
from billing.checkout.tables import bills
from billing.corrections import is_current
from billing.moments import to_ms
from billing.payments import store as payments
from billing.tables import asks, cdrs, commands, kiosks, transactions
from contract.api import AuthorizeStatus, CommandStatus
from contract.identity import TokenKind
from contract.transaction import token_hash

ANSWERED_WITHIN = timedelta(minutes=2)  # an Ask; the kiosk itself waits 15 s
BEGUN_WITHIN = timedelta(minutes=10)  # after an accepted Ask the kiosk begins at once, and its rows come in order


def gather(connection: Connection, checkout: Checkout, now: datetime) -> Facts:
    is_held, refusal = _payment(connection, checkout)
    start = fate_of(connection, checkout.start_id, now)
    began_as, order_id = _begun(connection, checkout)
    if not began_as and start.status is CommandStatus.ACCEPTED:
        query = select(commands.c.transaction_id).where(commands.c.command_id == checkout.start_id)
        began_as = str(connection.execute(query).scalar() or "")
    is_billed, has_delivered = _billed(connection, order_id)
    return Facts(
        now,
        fate_of(connection, checkout.reserve_id, now),
        start,
        is_held,
        refusal,
        began_as,
        order_id,
        _running_as(connection, order_id),
        _is_disproved(connection, checkout, now),
        is_billed,
        has_delivered,
    )


_FATE = select(commands.c.status, commands.c.reason, commands.c.sent_ms, commands.c.expires_ms).where(
    commands.c.command_id == bindparam("of_id")
)


def fate_of(connection: Connection, command_id: str, now: datetime) -> Fate:
    row = connection.execute(_FATE, {"of_id": command_id}).one_or_none() if command_id else None
    if row is None:
        return Fate()
    is_lost = row.status is None and row.sent_ms is None and row.expires_ms <= to_ms(now)
    return Fate(None if row.status is None else CommandStatus(row.status), row.reason or "", is_lost)


def _payment(connection: Connection, checkout: Checkout) -> tuple[bool, str | None]:
    if checkout.stage is Stage.RESERVED or not checkout.provider:  # nobody has paid
        return False, None
    payment = payments.load(connection, checkout.payment_id)
    refusal = "nothing_held" if payment.is_surely_nothing else None
    if payment.sight is not None and not payment.is_authorised:
        refusal = "hold_ended"
    return payment.is_authorised, payment.refused.code if payment.refused is not None else refusal


def _begun(connection: Connection, checkout: Checkout) -> tuple[str, str]:
    """The transaction whose Started is here, and its order."""
    t = transactions.c
    query = select(t.transaction_id, t.order_id).where(t.kiosk_id == checkout.kiosk_id, t.started_ms.is_not(None))
    if checkout.origin is Origin.PHONE:
        query = query.where(t.token_hash == token_hash(TokenKind.CENTRAL, checkout.start_id))
    else:
        query = query.where(t.order_id == checkout.order_id)
    row = connection.execute(query.order_by(t.started_ms, t.transaction_id).limit(1)).one_or_none()
    return ("", "") if row is None else (row.transaction_id, row.order_id)


def _is_disproved(connection: Connection, checkout: Checkout, now: datetime) -> bool:
    """Of a payment code's Ask: nobody answered it, or rows have come that Started would have come before."""
    if checkout.origin is not Origin.KIOSK or now < checkout.begun + ANSWERED_WITHIN:
        return False
    a = asks.c
    query = select(a.status).where(a.kiosk_id == checkout.kiosk_id, a.transaction_id == checkout.transaction_id)
    if connection.execute(query).scalar() != AuthorizeStatus.ACCEPTED.value:
        return True
    heard_ms = connection.execute(select(kiosks.c.last_rows_ms).where(kiosks.c.kiosk_id == checkout.kiosk_id)).scalar()
    return heard_ms is not None and heard_ms > to_ms(checkout.begun + BEGUN_WITHIN)


def _running_as(connection: Connection, order_id: str) -> str:
    t = transactions.c
    query = select(t.transaction_id).where(t.order_id == order_id, t.started_ms.is_not(None), t.ended_seq.is_(None))
    found = connection.execute(query.order_by(t.started_ms.desc()).limit(1)).scalar() if order_id else None
    return str(found or "")


def _billed(connection: Connection, order_id: str) -> tuple[bool, bool]:
    if not order_id:
        return False, False
    query = select(bills.c.settled_ms, bills.c.total_minor).where(bills.c.order_id == order_id)
    row = connection.execute(query).one_or_none()
    if row is None or row.settled_ms is None:
        return False, False
    t = transactions.c
    joined = cdrs.join(transactions, (t.kiosk_id == cdrs.c.kiosk_id) & (t.transaction_id == cdrs.c.transaction_id))
    query_wh = select(cdrs.c.energy_wh).select_from(joined).where(t.order_id == order_id, is_current())
    return True, bool(row.total_minor) or any(wh > 0 for wh in connection.execute(query_wh).scalars())
