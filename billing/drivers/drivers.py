"""Drivers: found by their mail address, made by opening a link sent there, and deleted when they wish."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from billing import directory
from billing.drivers.tables import driver_accounts, driver_orders, drivers, mail_links
from billing.moments import from_ms, to_ms
from billing.people import sessions
from billing.people.tables import passkeys
from billing.tables import accounts

MAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")
LONGEST_MAIL = 120


@dataclass(frozen=True, slots=True)
class Driver:
    driver_id: str
    mail: str
    language: str
    household_id: str | None
    created: datetime


def holder_of(driver_id: str) -> str:
    return f"driver:{driver_id}"


def mail_of(typed: str) -> str | None:
    """The address as it is kept; None for what cannot be one. ASCII only, as the whole chain of servers takes that."""
    mail = typed.strip().lower()
    return mail if len(mail) <= LONGEST_MAIL and MAIL.fullmatch(mail) else None


def masked(mail: str) -> str:
    """Enough to recognise: anna@example.org → a…@example.org."""
    return f"{mail[0]}…@{mail.partition('@')[2]}"


def find_driver(connection: Connection, driver_id: str) -> Driver | None:
    alive = select(drivers).where(drivers.c.driver_id == driver_id, drivers.c.deleted_ms.is_(None))
    return _driver(connection.execute(alive).one_or_none())


def find_by_mail(connection: Connection, mail: str) -> Driver | None:
    return _driver(connection.execute(select(drivers).where(drivers.c.mail == mail)).one_or_none())


def find_or_add(connection: Connection, mail: str, language: str, now: datetime) -> Driver:
    """Whoever reads mail at that address."""
    known = find_by_mail(connection, mail)
    if known is not None:
        return known
    driver = Driver(secrets.token_hex(8), mail, language, None, now)
    values = {"driver_id": driver.driver_id, "mail": mail, "language": language, "created_ms": to_ms(now)}
    connection.execute(drivers.insert().values(values))
    return driver


def set_language(connection: Connection, driver_id: str, language: str) -> None:
    connection.execute(update(drivers).where(drivers.c.driver_id == driver_id).values(language=language))


def accounts_of(connection: Connection, driver_id: str) -> list[str]:
    a = driver_accounts.c
    query = select(a.account_id).where(a.driver_id == driver_id).order_by(a.claimed_ms, a.account_id)
    return list(connection.execute(query).scalars())


def keep_order(connection: Connection, driver_id: str, link_id: str, now: datetime) -> bool:
    """Have an order in one's history. False where somebody has it already: the first one who paid or kept it."""
    owner = connection.execute(select(driver_orders.c.driver_id).where(driver_orders.c.link_id == link_id)).scalar()
    if owner is not None:
        return bool(owner == driver_id)
    values = {"link_id": link_id, "driver_id": driver_id, "kept_ms": to_ms(now)}
    connection.execute(driver_orders.insert().values(values))
    return True


def is_kept(connection: Connection, driver_id: str, link_id: str) -> bool:
    o = driver_orders.c
    mine = select(o.link_id).where(o.link_id == link_id, o.driver_id == driver_id)
    return connection.execute(mine).first() is not None


def delete_driver(connection: Connection, driver: Driver, now: datetime) -> None:
    """Everything that names them goes: address, keys, links, sessions, household, history.

    Bills, receipts and the books stay, as the law wants them kept; they name cards and orders, never an address. Cards
    stay with the operator's account they came from.
    """
    leave_household(connection, driver, now)
    for table in (driver_accounts, driver_orders):
        connection.execute(delete(table).where(table.c.driver_id == driver.driver_id))
    holder = holder_of(driver.driver_id)
    connection.execute(delete(passkeys).where(passkeys.c.holder == holder))
    links = (mail_links.c.mail == driver.mail) | (mail_links.c.invited_by == driver.driver_id)
    connection.execute(delete(mail_links).where(links))
    sessions.forget_all(connection, holder)
    mine = drivers.c.driver_id == driver.driver_id
    connection.execute(update(drivers).where(mine).values(mail=None, deleted_ms=to_ms(now)))


# ---- household ---------------------------------------------------------------------------------------------------


def members_of(connection: Connection, household_id: str) -> list[Driver]:
    query = select(drivers).where(drivers.c.household_id == household_id).order_by(drivers.c.created_ms)
    return [driver for row in connection.execute(query).all() if (driver := _driver(row)) is not None]


def join_household(connection: Connection, driver: Driver, household_id: str, now: datetime) -> None:
    """Their cards and those of the others are one group from now on; an earlier household is left."""
    if driver.household_id not in (None, household_id):
        leave_household(connection, driver, now)
    mine = drivers.c.driver_id == driver.driver_id
    connection.execute(update(drivers).where(mine).values(household_id=household_id))
    for account_id in accounts_of(connection, driver.driver_id):
        group_account(connection, account_id, household_id, now)


def leave_household(connection: Connection, driver: Driver, now: datetime) -> None:
    if driver.household_id is None:
        return
    connection.execute(update(drivers).where(drivers.c.driver_id == driver.driver_id).values(household_id=None))
    for account_id in accounts_of(connection, driver.driver_id):
        if _group_of(connection, account_id) == driver.household_id:
            directory.set_group(connection, account_id, None, now)


def group_account(connection: Connection, account_id: str, household_id: str, now: datetime) -> None:
    """A group that the operator made, a company's for instance, is left as it is."""
    if _group_of(connection, account_id) is None:
        directory.set_group(connection, account_id, household_id, now)


def new_household_id() -> str:
    return f"household-{secrets.token_hex(8)}"


def _group_of(connection: Connection, account_id: str) -> str | None:
    return connection.execute(select(accounts.c.group_id).where(accounts.c.account_id == account_id)).scalar()


def _driver(row: Row[Any] | None) -> Driver | None:
    if row is None or row.mail is None:
        return None
    return Driver(row.driver_id, row.mail, row.language, row.household_id, from_ms(row.created_ms))
