"""The proof: what `kiosk-billing ledger check` looks at. An empty answer means the book is right."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from billing.ledger.tables import ledger_accounts, ledger_entries, ledger_hold_ends, ledger_holds, ledger_postings


def faults_of(connection: Connection) -> list[str]:
    """Each a sentence that names the row."""
    return [*_unbalanced(connection), *_empty(connection), *_bad_reversals(connection), *_bad_holds(connection)]


def _unbalanced(connection: Connection) -> list[str]:
    total = func.sum(ledger_postings.c.amount)
    query = (
        select(ledger_entries.c.key, ledger_accounts.c.unit, total.label("total"))
        .join(ledger_postings, ledger_postings.c.entry_no == ledger_entries.c.entry_no)
        .join(ledger_accounts, ledger_accounts.c.name == ledger_postings.c.account)
        .group_by(ledger_entries.c.key, ledger_accounts.c.unit)
        .having(total != 0)
    )
    return [f"entry {row.key}: {row.total} {row.unit} out of balance" for row in connection.execute(query)]


def _empty(connection: Connection) -> list[str]:
    written = select(ledger_postings.c.entry_no)
    query = select(ledger_entries.c.key).where(ledger_entries.c.entry_no.not_in(written))
    return [f"entry {key}: has no postings" for key in connection.execute(query).scalars()]


def _bad_reversals(connection: Connection) -> list[str]:
    found = []
    query = select(ledger_entries.c.key, ledger_entries.c.reverses).where(ledger_entries.c.reverses.is_not(None))
    for key, reverses in connection.execute(query).all():
        if _amounts(connection, key) != {name: -amount for name, amount in _amounts(connection, reverses).items()}:
            found.append(f"entry {key}: does not take back {reverses} exactly")
    return found


def _bad_holds(connection: Connection) -> list[str]:
    query = select(ledger_holds, ledger_hold_ends.c.how, ledger_hold_ends.c.taken, ledger_hold_ends.c.entry_key).join(
        ledger_hold_ends, ledger_hold_ends.c.hold_id == ledger_holds.c.hold_id
    )
    found = []
    for row in connection.execute(query).all():
        if row.taken > row.amount:
            found.append(f"hold {row.hold_id}: {row.taken} taken of {row.amount}")
        if (row.how == "captured") != (row.entry_key is not None):
            found.append(f"hold {row.hold_id}: {row.how} with entry {row.entry_key}")
        elif row.entry_key is not None:
            moved = abs(_amounts(connection, row.entry_key).get(row.account, 0))
            if moved != row.taken:
                found.append(f"hold {row.hold_id}: {row.taken} taken, entry {row.entry_key} moves {moved}")
    return found


def _amounts(connection: Connection, key: str) -> dict[str, int]:
    query = (
        select(ledger_postings.c.account, func.sum(ledger_postings.c.amount))
        .join(ledger_entries, ledger_entries.c.entry_no == ledger_postings.c.entry_no)
        .where(ledger_entries.c.key == key)
        .group_by(ledger_postings.c.account)
    )
    return {name: int(amount) for name, amount in connection.execute(query)}
