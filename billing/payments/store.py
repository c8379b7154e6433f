"""Payments in the database. Every change is one transaction: the new state, what happened, what is due next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import Connection, bindparam, func, select, update

from billing.database import insert_if_absent
from billing.moments import to_ms
from billing.payments.payment import Payment, next_request
from billing.payments.provider import HoldState
from billing.payments.tables import payment_steps, payments
from billing.prepared import Prepared
from contract.codec import from_bytes, to_bytes
from contract.currency import from_minor


class NoSuchPayment(LookupError):
    """No payment has that id; the message names it."""


class Stage(StrEnum):
    """Where a payment stands, in one word, for pages and lists."""

    ASKING = "asking"  # the hold is not known yet
    REFUSED = "refused"
    AUTHORISED = "authorised"
    ENDING = "ending"  # capture, release or refund is under way
    PAID = "paid"
    RELEASED = "released"
    OWED = "owed"  # the bill is not, or not all, paid: a receivable
    NOTHING = "nothing"  # given up before the provider ever heard of it


def stage_of(payment: Payment) -> Stage:
    if payment.owed_minor > 0:
        return Stage.OWED
    if payment.refused is not None:
        return Stage.REFUSED
    if payment.is_surely_nothing:
        return Stage.NOTHING
    if payment.sight is None:
        return Stage.ASKING
    if next_request(payment) is not None:
        return Stage.ENDING
    match payment.sight.state:
        case HoldState.AUTHORISED:
            return Stage.AUTHORISED
        case HoldState.CAPTURED:
            return Stage.PAID
        case HoldState.RELEASED | HoldState.EXPIRED:
            return Stage.RELEASED


def shown(amount_minor: int, currency: str) -> str:
    """An amount in a payment's story: 40.00 EUR."""
    return f"{from_minor(amount_minor, currency):f} {currency}"


def shown_of(connection: Connection, payment_id: str, amount_minor: int) -> str:
    """An amount of that payment, as `shown`. Raises NoSuchPayment."""
    return shown(amount_minor, load(connection, payment_id).currency)


def create(
    connection: Connection, payment: Payment, provider: str, now: datetime, wait: timedelta = timedelta(0)
) -> bool:
    """Take a payment on; False where it is known. It is due after `wait`: before, whoever took it on asks himself."""
    values = {
        "payment_id": payment.payment_id,
        "provider": provider,
        "order_id": payment.order_id,
        "stage": stage_of(payment).value,
        "body": to_bytes(payment).decode(),
        "due_ms": to_ms(now + wait),
        "created_ms": to_ms(now),
    }
    is_new = connection.execute(insert_if_absent(connection, payments), values).rowcount > 0
    if is_new:
        _tell(connection, payment.payment_id, now, "begun", f"{shown(payment.hold_minor, payment.currency)} to be held")
    return is_new


_LOAD = Prepared(select(payments.c.body).where(payments.c.payment_id == bindparam("of_id")))
_SAVE = Prepared(
    update(payments)
    .where(payments.c.payment_id == bindparam("of_id"), payments.c.body == bindparam("known"))
    .values({name: bindparam(name) for name in ("body", "order_id", "stage", "due_ms")})
)


def load(connection: Connection, payment_id: str) -> Payment:
    """Raises NoSuchPayment."""
    body = _LOAD.value(connection, {"of_id": payment_id})
    if body is None:
        raise NoSuchPayment(f"no payment {payment_id}")
    return _read(body)


def name_order(connection: Connection, payment_id: str, order_id: str, now: datetime) -> None:
    """A payment that came before its order learns which one it is for."""
    payment = load(connection, payment_id)
    if payment.order_id != order_id:
        save(connection, payment, replace(payment, order_id=order_id), now, "for order", order_id)


_OF_ORDER = Prepared(
    select(payments.c.body).where(payments.c.order_id == bindparam("of_order")).order_by(payments.c.created_ms)
)
_PROVIDER = Prepared(select(payments.c.provider).where(payments.c.payment_id == bindparam("of_id")))


def of_order(connection: Connection, order_id: str) -> list[Payment]:
    """Oldest first."""
    return [_read(body) for (body,) in _OF_ORDER.rows(connection, {"of_order": order_id})]


def provider_of(connection: Connection, payment_id: str) -> str:
    """The name of the provider. Raises NoSuchPayment."""
    found = _PROVIDER.value(connection, {"of_id": payment_id})
    if found is None:
        raise NoSuchPayment(f"no payment {payment_id}")
    return str(found)


def save(connection: Connection, before: Payment, after: Payment, now: datetime, what: str, detail: str) -> None:
    """Keep what a payment became. Raises RuntimeError where somebody else changed it since `before` was loaded."""
    request = next_request(after)
    due_ms = None if request is None else max(to_ms(now), round(after.pause_until_s * 1000))
    known = {"of_id": before.payment_id, "known": to_bytes(before).decode()}
    new = {"body": to_bytes(after).decode(), "order_id": after.order_id, "stage": stage_of(after).value}
    if _SAVE.do(connection, known | new | {"due_ms": due_ms}) != 1:
        raise RuntimeError(f"payment {before.payment_id} was changed by somebody else")
    _tell(connection, before.payment_id, now, what, detail)


_DUE = Prepared(
    select(payments.c.payment_id, payments.c.provider)
    .where(payments.c.due_ms <= bindparam("now_ms"))
    .order_by(payments.c.due_ms)
    .limit(bindparam("most"))
)
_NEXT_DUE = Prepared(select(func.min(payments.c.due_ms)))


def due(connection: Connection, now: datetime, most: int = 20) -> Sequence[tuple[str, str]]:
    """Payments that have something to ask, the longest waiting first: id and provider."""
    found = _DUE.rows(connection, {"now_ms": to_ms(now), "most": most})
    return [(payment_id, provider) for payment_id, provider in found]


def next_due_ms(connection: Connection) -> int | None:
    """When the next payment has something to ask, UTC milliseconds; None: never."""
    found = _NEXT_DUE.value(connection, {})
    return None if found is None else int(found)


def story(connection: Connection, payment_id: str) -> list[tuple[int, str, str]]:
    """What happened to a payment: UTC milliseconds, what, detail; oldest first."""
    s = payment_steps.c
    query = select(s.at_ms, s.what, s.detail).where(s.payment_id == payment_id).order_by(s.step_no)
    return [(row.at_ms, row.what, row.detail) for row in connection.execute(query)]


def _tell(connection: Connection, payment_id: str, now: datetime, what: str, detail: str) -> None:
    number = int(_STEPS.value(connection, {"of_id": payment_id})) + 1
    row = {"payment_id": payment_id, "step_no": number, "at_ms": to_ms(now), "what": what, "detail": detail[:500]}
    _WRITE_STEP.do(connection, row)


_STEPS = Prepared(
    select(func.coalesce(func.max(payment_steps.c.step_no), 0)).where(payment_steps.c.payment_id == bindparam("of_id"))
)
_WRITE_STEP = Prepared(payment_steps.insert(), [column.name for column in payment_steps.columns])


@lru_cache(maxsize=500)
def _read(body: str) -> Payment:
    """A payment is read more often than it changes; as a value it may be handed out again."""
    return from_bytes(Payment, body)
