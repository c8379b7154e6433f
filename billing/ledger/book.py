"""Writing in the book and reading from it. Everything runs inside the caller's database transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from billing.database import ACCOUNTS_LOCK, hold_until_commit, insert_if_absent
from billing.ledger.chart import Account, account_of
from billing.ledger.draft import Draft, Leg
from billing.ledger.tables import ledger_accounts, ledger_entries, ledger_postings
from billing.moments import from_ms, to_ms
from billing.prepared import Prepared, prepared_insert


class KeyReused(ValueError):
    """The key is in the book with other legs: two different facts want one name."""


class NotInTheBook(LookupError):
    """No entry has that key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands in the book."""

    entry_no: int
    draft: Draft
    at: datetime


def post(connection: Connection, draft: Draft, now: datetime) -> bool:
    """Write the entry; False where the book has it already. Raises KeyReused where it has another under that key."""
    open_accounts(connection, (leg.account for leg in draft.legs))
    values = {
        "key": draft.key,
        "what": draft.what,
        "subject": draft.subject,
        "reverses": draft.reverses,
        "at_ms": to_ms(now),
    }
    inserted = _WRITE.value(connection, values)
    if inserted is None:
        known = entry(connection, draft.key)
        if known is None or _meaning(known.draft) != _meaning(draft):
            raise KeyReused(f"entry {draft.key}: the book has {known and known.draft.legs}, not {draft.legs}")
        return False
    rows = [
        {"entry_no": inserted, "leg_no": number, "account": leg.account.name, "amount": leg.amount}
        for number, leg in enumerate(draft.legs)
    ]
    written = _WRITE_LEGS.do_all(connection, rows)
    assert written == len(rows), "an entry's number was new, so its legs are"
    return True


_WRITE = prepared_insert(
    ledger_entries, ("key", "what", "subject", "reverses", "at_ms"), returning=ledger_entries.c.entry_no
)
_WRITE_LEGS = prepared_insert(ledger_postings)


def reverse(connection: Connection, key: str, why: str, now: datetime) -> bool:
    """Take an entry back, once; False where it was taken back before. Raises NotInTheBook."""
    known = entry(connection, key)
    if known is None:
        raise NotInTheBook(f"no entry {key} to take back")
    if connection.execute(select(ledger_entries.c.key).where(ledger_entries.c.reverses == key)).first() is not None:
        return False
    legs = tuple(Leg(leg.account, -leg.amount) for leg in known.draft.legs)
    return post(connection, Draft(f"{key}#reversed", why, legs, known.draft.subject, reverses=key), now)


def entry(connection: Connection, key: str) -> Entry | None:
    row = _ENTRY.row(connection, {"name": key})
    return None if row is None else _entry(connection, row)


def entries_about(connection: Connection, subject: str) -> list[Entry]:
    """Every entry of an order or session, in the order they were written."""
    return [_entry(connection, row) for row in _ENTRIES_ABOUT.rows(connection, {"name": subject})]


_READ_ENTRY = select(
    *[ledger_entries.c[name] for name in ("entry_no", "key", "what", "subject", "reverses", "at_ms")]
).order_by(ledger_entries.c.entry_no)
_ENTRY = Prepared(_READ_ENTRY.where(ledger_entries.c.key == bindparam("name")))
_ENTRIES_ABOUT = Prepared(_READ_ENTRY.where(ledger_entries.c.subject == bindparam("name")))
_LEGS = Prepared(
    select(ledger_postings.c.account, ledger_postings.c.amount)
    .where(ledger_postings.c.entry_no == bindparam("of_entry"))
    .order_by(ledger_postings.c.leg_no)
)


def balance(connection: Connection, account: Account) -> int:
    """The sum of the account's postings, in the smallest part of its unit; positive is debit."""
    query = select(func.coalesce(func.sum(ledger_postings.c.amount), 0)).where(
        ledger_postings.c.account == account.name
    )
    return int(connection.execute(query).scalar_one())


def balances(connection: Connection) -> dict[Account, int]:
    """Every account that holds something."""
    total = func.sum(ledger_postings.c.amount)
    query = select(ledger_postings.c.account, total).group_by(ledger_postings.c.account).having(total != 0)
    return {account_of(name): int(amount) for name, amount in connection.execute(query)}


def open_accounts(connection: Connection, accounts: Iterable[Account]) -> None:
    asked = {account.name: account for account in accounts}
    known = _known_accounts(connection, list(asked))
    wanted = [account for name, account in asked.items() if name not in known]
    if not wanted:
        return
    # Two jobs that open the same accounts, in whichever order their entries come, must not wait for each other.
    hold_until_commit(connection, ACCOUNTS_LOCK)
    rows = [{"name": a.name, "kind": a.kind.value, "owner": a.owner, "unit": a.unit} for a in wanted]
    connection.execute(insert_if_absent(connection, ledger_accounts), rows)


def _known_accounts(connection: Connection, names: Sequence[str]) -> set[str]:
    """A sale has a handful: asked for together, in places of a fixed number, the last name in those left over."""
    found: set[str] = set()
    for start in range(0, len(names), len(_PLACES)):
        asked = names[start : start + len(_PLACES)]
        padded = [*asked, *[asked[-1]] * (len(_PLACES) - len(asked))]
        found.update(row[0] for row in _KNOWN_ACCOUNTS.rows(connection, dict(zip(_PLACES, padded, strict=True))))
    return found


_PLACES = ("a", "b", "c", "d", "e", "f")
_KNOWN_ACCOUNTS = Prepared(
    select(ledger_accounts.c.name).where(or_(*[ledger_accounts.c.name == bindparam(place) for place in _PLACES]))
)


def _meaning(draft: Draft) -> tuple[tuple[Leg, ...], str | None, str | None]:
    return tuple(sorted(draft.legs, key=lambda leg: (leg.account, leg.amount))), draft.subject, draft.reverses


def _entry(connection: Connection, row: tuple[Any, ...]) -> Entry:
    entry_no, key, what, subject, reverses, at_ms = row
    legs = tuple(Leg(account_of(name), amount) for name, amount in _LEGS.rows(connection, {"of_entry": entry_no}))
    return Entry(entry_no, Draft(key, what, legs, subject, reverses), from_ms(at_ms))
