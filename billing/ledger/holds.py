"""Holds: what may be taken for an order, until when, and how that ended.

A hold ends once: captured (what was taken is an entry), released, or expired. Where the account has a floor (a
wallet), a hold may not promise more than is there and not promised already; that is checked in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from billing.database import insert_if_absent
from billing.ledger import book
from billing.ledger.chart import HAS_FLOOR, Account, account_of
from billing.ledger.draft import Draft
from billing.ledger.tables import ledger_hold_ends, ledger_holds
from billing.moments import from_ms, to_ms
from billing.prepared import Prepared


class End(StrEnum):
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


class NotEnough(ValueError):
    """The account has less than the hold asks for."""


class HoldEnded(ValueError):
    """The hold has ended another way already."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A promise over `amount` of the account's unit. `end` is None while it stands."""

    hold_id: str
    subject: str
    account: Account
    amount: int
    expires: datetime
    end: End | None = None
    taken: int = 0


def place(
    connection: Connection, hold_id: str, subject: str, account: Account, amount: int, expires: datetime, now: datetime
) -> bool:
    """Place a hold; False where it stands already. Raises NotEnough, and ValueError for an amount of 0 or less."""
    if amount <= 0:
        raise ValueError(f"hold {hold_id}: amount {amount}, want more than 0")
    if find(connection, hold_id) is not None:
        return False
    if account.kind in HAS_FLOOR and (there := available(connection, account)) < amount:
        raise NotEnough(f"{account.name}: {there} there, {amount} asked for")
    book.open_accounts(connection, [account])
    values = {
        "hold_id": hold_id,
        "subject": subject,
        "account": account.name,
        "amount": amount,
        "placed_ms": to_ms(now),
        "expires_ms": to_ms(expires),
    }
    connection.execute(ledger_holds.insert(), values)
    return True


def capture(connection: Connection, hold_id: str, taken: int, draft: Draft, now: datetime) -> bool:
    """Take `taken` of the hold, by the entry that says so; False where that was done before.

    Raises NotEnough for more than was held, HoldEnded where it was released or has expired, LookupError.
    """
    hold = _known(connection, hold_id)
    if not 0 < taken <= hold.amount:
        raise NotEnough(f"hold {hold_id} is over {hold.amount}, not {taken}")
    if not _end(connection, hold, End.CAPTURED, taken, now, draft):
        return False
    return True


def release(connection: Connection, hold_id: str, now: datetime) -> bool:
    """Give the hold up; False where it was given up before. Raises HoldEnded where it was captured."""
    return _end(connection, _known(connection, hold_id), End.RELEASED, 0, now, None)


def end(connection: Connection, hold_id: str, how: End, now: datetime) -> bool:
    """It ended as somebody else says, who gave it: a payment provider. Raises HoldEnded where it ended otherwise."""
    return _end(connection, _known(connection, hold_id), how, 0, now, None)


def expire(connection: Connection, now: datetime) -> list[str]:
    """End every hold whose time is over, and name them."""
    ended = select(ledger_hold_ends.c.hold_id)
    query = select(ledger_holds.c.hold_id).where(
        ledger_holds.c.expires_ms <= to_ms(now), ledger_holds.c.hold_id.not_in(ended)
    )
    over = [str(hold_id) for hold_id in connection.execute(query).scalars()]
    for hold_id in over:
        _end(connection, _known(connection, hold_id), End.EXPIRED, 0, now, None)
    return over


def available(connection: Connection, account: Account) -> int:
    """What a wallet still has to promise: its credit balance less what is held."""
    return -book.balance(connection, account) - held(connection, account)


def held(connection: Connection, account: Account) -> int:
    ended = select(ledger_hold_ends.c.hold_id)
    query = select(func.coalesce(func.sum(ledger_holds.c.amount), 0)).where(
        ledger_holds.c.account == account.name, ledger_holds.c.hold_id.not_in(ended)
    )
    return int(connection.execute(query).scalar_one())


def find(connection: Connection, hold_id: str) -> Hold | None:
    row = _FIND.row(connection, {"name": hold_id})
    return None if row is None else _read(row)


def about(connection: Connection, subject: str) -> list[Hold]:
    return [_read(row) for row in _ABOUT.rows(connection, {"name": subject})]


def _by(column: ColumnElement[str]) -> Prepared:
    held, ends = ledger_holds.c, ledger_hold_ends.c
    query = (
        select(held.hold_id, held.subject, held.account, held.amount, held.expires_ms, ends.how, ends.taken)
        .join(ledger_hold_ends, ends.hold_id == held.hold_id, isouter=True)
        .where(column == bindparam("name"))
    )
    return Prepared(query.order_by(held.placed_ms, held.hold_id))


_FIND, _ABOUT = _by(ledger_holds.c.hold_id), _by(ledger_holds.c.subject)


def _read(row: tuple[Any, ...]) -> Hold:
    hold_id, subject, account, amount, expires_ms, how, taken = row
    end = None if how is None else End(how)
    return Hold(hold_id, subject, account_of(account), amount, from_ms(expires_ms), end, taken or 0)


def _known(connection: Connection, hold_id: str) -> Hold:
    hold = find(connection, hold_id)
    if hold is None:
        raise LookupError(f"no hold {hold_id}")
    return hold


def _end(connection: Connection, hold: Hold, how: End, taken: int, now: datetime, draft: Draft | None) -> bool:
    if hold.end is not None:
        if (hold.end, hold.taken) != (how, taken):
            raise HoldEnded(f"hold {hold.hold_id} has {hold.end.value} {hold.taken}, cannot be {how.value} {taken}")
        return False
    if draft is not None:
        book.post(connection, draft, now)
    values = {
        "hold_id": hold.hold_id,
        "how": how.value,
        "taken": taken,
        "entry_key": None if draft is None else draft.key,
        "at_ms": to_ms(now),
    }
    connection.execute(insert_if_absent(connection, ledger_hold_ends), values)
    return True
