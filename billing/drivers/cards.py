"""Cards of a driver: linked by a code from the operator, blocked by themselves.

Law:
- A code is what the operator gives with the card, to whom they gave the card: it proves whose account it is, as the
  card's number does not. Whoever reads the number off a card, or finds it, gets neither its history nor its household.
- A driver blocks; only the operator frees again, for a card may have been blocked by whoever found it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from billing import directory
from billing.database import insert_if_absent
from billing.drivers.drivers import Driver, group_account
from billing.drivers.tables import account_claims, driver_accounts
from billing.enrolment import CODE_LETTERS
from billing.moments import to_ms
from billing.tables import tokens

CLAIM_LIVES = timedelta(days=90)
LETTERS = 12


@dataclass(frozen=True, slots=True)
class Card:
    """`label` is masked, as the operator's list shows it."""

    token_hash: str
    kind: str
    label: str
    account_id: str
    is_blocked: bool


def new_claim(connection: Connection, account_id: str, now: datetime) -> str:
    """A code by which one driver links the account, once. Earlier unused ones are void. Raises NotKnown, ValueError."""
    if not directory.account_exists(connection, account_id):
        raise directory.NotKnown(f"no account {account_id!r}")
    owner = select(driver_accounts.c.driver_id).where(driver_accounts.c.account_id == account_id)
    if connection.execute(owner).first() is not None:
        raise ValueError(f"account {account_id} is linked to a driver already")
    a = account_claims.c
    connection.execute(delete(account_claims).where(a.account_id == account_id, a.used_ms.is_(None)))
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(LETTERS))
    values = {"code_hash": _hash(code), "account_id": account_id, "expires_ms": to_ms(now + CLAIM_LIVES)}
    connection.execute(account_claims.insert().values(values))
    return "-".join(code[i : i + 4] for i in range(0, LETTERS, 4))


def claim(connection: Connection, driver: Driver, code: str, now: datetime) -> str | None:
    """The account that is theirs now; None for a code that is wrong, used, too old, or whose account is taken."""
    a = account_claims.c
    live = (a.code_hash == _hash(code), a.used_ms.is_(None), a.expires_ms > to_ms(now))
    account_id = connection.execute(select(a.account_id).where(*live)).scalar()
    if account_id is None:
        return None
    values = {"account_id": account_id, "driver_id": driver.driver_id, "claimed_ms": to_ms(now)}
    if connection.execute(insert_if_absent(connection, driver_accounts), values).rowcount == 0:
        return None
    connection.execute(update(account_claims).where(*live).values(used_ms=to_ms(now)))
    if driver.household_id is not None:
        group_account(connection, account_id, driver.household_id, now)
    return str(account_id)


def cards_of(connection: Connection, driver: Driver) -> list[Card]:
    t = tokens.c
    query = (
        select(t.token_hash, t.token_kind, t.label, t.account_id, t.is_blocked)
        .join(driver_accounts, driver_accounts.c.account_id == t.account_id)
        .where(driver_accounts.c.driver_id == driver.driver_id)
        .order_by(t.created_ms, t.token_hash)
    )
    return [Card(*row) for row in connection.execute(query).all()]


def block(connection: Connection, driver: Driver, token_hash: str, now: datetime) -> Card | None:
    """Kiosks in contact know it within a second. None where it is no card of theirs."""
    mine = next((card for card in cards_of(connection, driver) if card.token_hash == token_hash), None)
    if mine is not None and not mine.is_blocked:
        directory.set_blocked(connection, token_hash, now, blocked=True)
    return mine


def _hash(code: str) -> str:
    letters = "".join(letter for letter in code.upper()[:60] if letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
