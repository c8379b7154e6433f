"""The facts of a checkout, as the tables tell them now."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, select

from billing.checkout.checkout import Checkout, Origin, Stage
from billing.checkout.step import Facts, Fate
from billing.checkout.tables import bills
from billing.corrections import is_current
from billing.moments import to_ms
from billing.payments import store as payments
from billing.prepared import Prepared
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
        began_as = str(_ANSWERED_AS.value(connection, {"of_id": checkout.start_id}) or "")
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


_ANSWERED_AS = Prepared(select(commands.c.transaction_id).where(commands.c.command_id == bindparam("of_id")))
_FATE = Prepared(
    select(commands.c.status, commands.c.reason, commands.c.sent_ms, commands.c.expires_ms).where(
        commands.c.command_id == bindparam("of_id")
    )
)


def fate_of(connection: Connection, command_id: str, now: datetime) -> Fate:
    row = _FATE.row(connection, {"of_id": command_id}) if command_id else None
    if row is None:
        return Fate()
    status, reason, sent_ms, expires_ms = row
    is_lost = status is None and sent_ms is None and expires_ms <= to_ms(now)
    return Fate(None if status is None else CommandStatus(status), reason or "", is_lost)


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
    if checkout.origin is Origin.PHONE:
        query, name = _BEGUN_BY_START, token_hash(TokenKind.CENTRAL, checkout.start_id)
    else:
        query, name = _BEGUN_BY_ORDER, checkout.order_id
    row = query.row(connection, {"of_kiosk": checkout.kiosk_id, "name": name})
    return ("", "") if row is None else (row[0], row[1])


def _begun_by(column: ColumnElement[str | None]) -> Prepared:
    t = transactions.c
    query = select(t.transaction_id, t.order_id).where(t.kiosk_id == bindparam("of_kiosk"), t.started_ms.is_not(None))
    return Prepared(query.where(column == bindparam("name")).order_by(t.started_ms, t.transaction_id).limit(1))


_BEGUN_BY_START, _BEGUN_BY_ORDER = _begun_by(transactions.c.token_hash), _begun_by(transactions.c.order_id)


def _is_disproved(connection: Connection, checkout: Checkout, now: datetime) -> bool:
    """Of a payment code's Ask: nobody answered it, or rows have come that Started would have come before."""
    if checkout.origin is not Origin.KIOSK or now < checkout.begun + ANSWERED_WITHIN:
        return False
    asked = {"of_kiosk": checkout.kiosk_id, "of_id": checkout.transaction_id}
    if _ANSWER.value(connection, asked) != AuthorizeStatus.ACCEPTED.value:
        return True
    heard_ms = _HEARD.value(connection, {"of_kiosk": checkout.kiosk_id})
    return heard_ms is not None and heard_ms > to_ms(checkout.begun + BEGUN_WITHIN)


_ANSWER = Prepared(
    select(asks.c.status).where(asks.c.kiosk_id == bindparam("of_kiosk"), asks.c.transaction_id == bindparam("of_id"))
)
_HEARD = Prepared(select(kiosks.c.last_rows_ms).where(kiosks.c.kiosk_id == bindparam("of_kiosk")))


def _running_as(connection: Connection, order_id: str) -> str:
    return str(_RUNNING_AS.value(connection, {"of_order": order_id}) or "") if order_id else ""


_RUNNING_AS = Prepared(
    select(transactions.c.transaction_id)
    .where(transactions.c.order_id == bindparam("of_order"))
    .where(transactions.c.started_ms.is_not(None), transactions.c.ended_seq.is_(None))
    .order_by(transactions.c.started_ms.desc())
    .limit(1)
)


def _billed(connection: Connection, order_id: str) -> tuple[bool, bool]:
    if not order_id:
        return False, False
    total_minor = _BILLED_MINOR.value(connection, {"of_order": order_id})
    if total_minor is None:
        return False, False
    return True, bool(total_minor) or any(wh > 0 for (wh,) in _DELIVERED.rows(connection, {"of_order": order_id}))


_BILLED_MINOR = Prepared(
    select(bills.c.total_minor).where(bills.c.order_id == bindparam("of_order"), bills.c.settled_ms.is_not(None))
)
_DELIVERED = Prepared(
    select(cdrs.c.energy_wh)
    .join(
        transactions,
        (transactions.c.kiosk_id == cdrs.c.kiosk_id) & (transactions.c.transaction_id == cdrs.c.transaction_id),
    )
    .where(transactions.c.order_id == bindparam("of_order"), is_current())
)
