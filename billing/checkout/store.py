"""Checkouts in the database: the document, and when it is to be looked at next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from billing.checkout.checkout import Checkout, Stage
from billing.checkout.tables import checkouts
from billing.moments import to_ms
from billing.prepared import Prepared
from contract.codec import from_bytes, to_bytes

SOON, LATER = timedelta(seconds=1), timedelta(seconds=30)
YOUNG = timedelta(minutes=5)


class NoCheckout(LookupError):
    """No checkout has that link."""


def _by(column: ColumnElement[str]) -> Prepared:
    return Prepared(select(checkouts.c.body).where(column == bindparam("name")).order_by(checkouts.c.begun_ms))


def _due_by(column: ColumnElement[str]) -> Prepared:
    return Prepared(update(checkouts).where(column == bindparam("name")).values(due_ms=bindparam("at_ms")))


_OF_LINK, _OF_PAYMENT, _OF_ORDER = _by(checkouts.c.link_id), _by(checkouts.c.payment_id), _by(checkouts.c.order_id)
_IS_KNOWN = Prepared(select(checkouts.c.link_id).where(checkouts.c.link_id == bindparam("name")))
_WAKE_OF_PAYMENT, _WAKE_OF_START = _due_by(checkouts.c.payment_id), _due_by(checkouts.c.start_id)
_WAKE_OF_ORDER, _LOOK_LATER = _due_by(checkouts.c.order_id), _due_by(checkouts.c.link_id)
_SAVE = Prepared(
    update(checkouts)
    .where(checkouts.c.link_id == bindparam("of_link"), checkouts.c.body == bindparam("known"))
    .values({name: bindparam(name) for name in ("order_id", "stage", "body", "due_ms")})
)


def create(connection: Connection, checkout: Checkout, now: datetime) -> None:
    values = _values(checkout, now) | {
        "link_id": checkout.link_id,
        "kiosk_id": checkout.kiosk_id,
        "payment_id": checkout.payment_id,
        "start_id": checkout.start_id,
        "begun_ms": to_ms(checkout.begun),
    }
    connection.execute(checkouts.insert(), values)


def load(connection: Connection, link_id: str) -> Checkout:
    """Raises NoCheckout."""
    found = _read(connection, _OF_LINK, link_id)
    if not found:
        raise NoCheckout("no checkout has this link")
    return found[0]


def is_known(connection: Connection, link_id: str) -> bool:
    return _IS_KNOWN.value(connection, {"name": link_id}) is not None


def of_payment(connection: Connection, payment_id: str) -> Checkout | None:
    return next(iter(_read(connection, _OF_PAYMENT, payment_id)), None)


def of_order(connection: Connection, order_id: str) -> list[Checkout]:
    return _read(connection, _OF_ORDER, order_id) if order_id else []


def save(connection: Connection, before: Checkout, after: Checkout, now: datetime) -> None:
    """Raises RuntimeError where somebody else changed it since `before` was loaded."""
    known = {"of_link": before.link_id, "known": to_bytes(before).decode()}
    if _SAVE.do(connection, known | _values(after, now)) != 1:
        raise RuntimeError("the checkout was changed by somebody else")


def look_later(connection: Connection, checkout: Checkout, now: datetime) -> None:
    """It was looked at and is as it stands in the database: note when to look again."""
    _LOOK_LATER.do(connection, {"name": checkout.link_id, "at_ms": _due_ms(checkout, now)})


_DUE = Prepared(
    select(checkouts.c.link_id)
    .where(checkouts.c.due_ms <= bindparam("now_ms"))
    .order_by(checkouts.c.due_ms)
    .limit(bindparam("most"))
)


def due(connection: Connection, now: datetime, most: int = 50) -> Sequence[str]:
    return [link_id for (link_id,) in _DUE.rows(connection, {"now_ms": to_ms(now), "most": most})]


def wake(
    connection: Connection,
    now: datetime,
    *,
    payments: Iterable[str] = (),
    starts: Iterable[str] = (),
    orders: Iterable[str] = (),
) -> None:
    """Something happened to these: they are to be looked at now."""
    for waking, names in ((_WAKE_OF_PAYMENT, payments), (_WAKE_OF_START, starts), (_WAKE_OF_ORDER, orders)):
        for name in sorted({name for name in names if name}):
            waking.do(connection, {"name": name, "at_ms": to_ms(now)})


def next_look(checkout: Checkout, now: datetime) -> datetime | None:
    """None: something will wake it."""
    if checkout.stage in (Stage.FAILED, Stage.SETTLED):
        return None
    if checkout.stage is Stage.RUNNING and checkout.order_id and not checkout.wants_stop:
        return None
    return now + (SOON if now - checkout.begun < YOUNG else LATER)


def _read(connection: Connection, query: Prepared, name: str) -> list[Checkout]:
    return [_read_body(body) for (body,) in query.rows(connection, {"name": name})]


@lru_cache(maxsize=500)
def _read_body(body: str) -> Checkout:
    """A checkout is read more often than it changes; as a value it may be handed out again."""
    return from_bytes(Checkout, body)


def _values(checkout: Checkout, now: datetime) -> dict[str, object]:
    return {
        "order_id": checkout.order_id,
        "stage": checkout.stage.value,
        "body": to_bytes(checkout).decode(),
        "due_ms": _due_ms(checkout, now),
    }


def _due_ms(checkout: Checkout, now: datetime) -> int | None:
    look = next_look(checkout, now)
    return None if look is None else to_ms(look)
