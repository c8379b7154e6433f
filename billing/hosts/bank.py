"""Where a host is paid. A changed account waits, and while it waits nobody is paid.

Law:
- An account that replaces another one waits WAITS after it was entered, so that its host can see it and object.
- It counts once somebody with the finance role agreed who is not the person who entered it.
- Until then the host's payouts are held: neither the old account nor the new one is paid.
- The host may withdraw it while it waits; the account before it counts again. An account that counts is only replaced.
- A payout that is on its way keeps the account it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, func, select

from billing.directory import NotKnown
from billing.hosts.iban import bic_of, ending, iban_of
from billing.hosts.tables import bank_account_ends, bank_accounts
from billing.moments import from_ms, to_ms
from billing.people.audit import COMMAND_LINE

WAITS = timedelta(days=3)
CONSOLE = COMMAND_LINE  # whoever runs kiosk-billing has the database in their hands: no second person could bind them


class AccountState(StrEnum):
    WAITING = "waiting"
    IN_USE = "in use"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


class NotAllowed(ValueError):
    """The step is not open now, or not to this person."""


@dataclass(frozen=True, slots=True)
class BankAccount:
    account_no: int
    host_id: str
    holder: str
    iban: str
    bic: str | None
    entered_at: datetime
    entered_by: str
    waits_until: datetime
    state: AccountState
    ended_by: str | None = None  # who agreed or withdrew

    @property
    def ending(self) -> str:
        return ending(self.iban)


@dataclass(frozen=True, slots=True)
class PaidTo:
    """`account` is paid; or `waiting` holds it up; or neither: no account was ever entered."""

    account: BankAccount | None = None
    waiting: BankAccount | None = None


def enter_account(
    connection: Connection, host_id: str, holder: str, iban: str, bic: str, by: str, now: datetime
) -> BankAccount:
    """Raises BadIban, ValueError; NotAllowed where it is the account that counts anyway."""
    holder = holder.strip()
    if not 1 <= len(holder) <= 70 or not holder.isprintable() or not any("A" <= sign <= "z" for sign in holder):
        raise ValueError("holder: want 1 to 70 characters in Latin letters, as the bank knows them")
    known = accounts_of(connection, host_id)
    wanted = iban_of(iban)
    paid = paid_to(known)
    if paid.account is not None and (paid.account.iban, paid.account.holder) == (wanted, holder):
        raise NotAllowed(f"the account ending {paid.account.ending} is in use already")
    is_change = any(account.state in (AccountState.IN_USE, AccountState.REPLACED) for account in known)
    values = {
        "host_id": host_id,
        "holder": holder,
        "iban": wanted,
        "bic": bic_of(bic),
        "entered_ms": to_ms(now),
        "entered_by": by,
        "waits_until_ms": to_ms(now + WAITS if is_change else now),
    }
    connection.execute(bank_accounts.insert(), values)
    return accounts_of(connection, host_id)[-1]


def approve_account(connection: Connection, host_id: str, account_no: int, by: str, now: datetime) -> BankAccount:
    """Raises NotKnown, NotAllowed."""
    account = _waiting(connection, host_id, account_no)
    if now < account.waits_until:
        raise NotAllowed(f"the host may object until {account.waits_until:%Y-%m-%d %H:%M} UTC")
    if by == account.entered_by and by != CONSOLE:
        raise NotAllowed("whoever entered an account cannot agree to it; somebody else has to")
    return _end(connection, account, "approved", by, now)


def withdraw_account(connection: Connection, host_id: str, account_no: int, by: str, now: datetime) -> BankAccount:
    """Raises NotKnown, NotAllowed."""
    return _end(connection, _waiting(connection, host_id, account_no), "withdrawn", by, now)


def accounts_of(connection: Connection, host_id: str) -> list[BankAccount]:
    """Every account there was, oldest first, each with what became of it."""
    b, e = bank_accounts.c, bank_account_ends.c
    query = (
        select(bank_accounts, e.how, e.by_whom)
        .outerjoin(bank_account_ends, e.account_no == b.account_no)
        .where(b.host_id == host_id)
        .order_by(b.account_no)
    )
    rows = connection.execute(query).all()
    newest = max((row.account_no for row in rows if row.how != "withdrawn"), default=0)
    approved = max((row.account_no for row in rows if row.how == "approved"), default=0)
    found = []
    for row in rows:
        if row.how == "withdrawn":
            state = AccountState.WITHDRAWN
        elif row.how == "approved":
            state = AccountState.IN_USE if row.account_no == approved else AccountState.REPLACED
        else:
            state = AccountState.WAITING if row.account_no == newest else AccountState.REPLACED
        found.append(
            BankAccount(
                row.account_no,
                host_id,
                row.holder,
                row.iban,
                row.bic,
                from_ms(row.entered_ms),
                row.entered_by,
                from_ms(row.waits_until_ms),
                state,
                row.by_whom,
            )
        )
    return found


def waiting_count(connection: Connection) -> int:
    """How many hosts have an account that somebody has to look at."""
    b, e = bank_accounts.c, bank_account_ends.c
    withdrawn = select(e.account_no).where(e.how == "withdrawn")
    newest = select(func.max(b.account_no)).where(b.account_no.not_in(withdrawn)).group_by(b.host_id)
    ended = select(e.account_no)
    query = select(func.count()).select_from(bank_accounts).where(b.account_no.in_(newest), b.account_no.not_in(ended))
    return int(connection.execute(query).scalar_one())


def paid_to(accounts: list[BankAccount]) -> PaidTo:
    """Who is paid now, from the host's accounts."""
    waiting = next((account for account in accounts if account.state is AccountState.WAITING), None)
    in_use = next((account for account in accounts if account.state is AccountState.IN_USE), None)
    return PaidTo(None if waiting is not None else in_use, waiting)


def _waiting(connection: Connection, host_id: str, account_no: int) -> BankAccount:
    for account in accounts_of(connection, host_id):
        if account.account_no == account_no:
            if account.state is not AccountState.WAITING:
                raise NotAllowed(f"the account ending {account.ending} does not wait: it is {account.state.value}")
            return account
    raise NotKnown(f"host {host_id} has no account {account_no}")


def _end(connection: Connection, account: BankAccount, how: str, by: str, now: datetime) -> BankAccount:
    values = {"account_no": account.account_no, "how": how, "by_whom": by, "at_ms": to_ms(now)}
    connection.execute(bank_account_ends.insert(), values)
    found = accounts_of(connection, account.host_id)
    return next(one for one in found if one.account_no == account.account_no)
