"""`kiosk-billing ledger`: the proof that the book is right, and the story of one session's money."""

from __future__ import annotations

from argparse import Namespace

from sqlalchemy import Connection, or_, select

from billing.checkout import proof as payment_proof
from billing.cli_base import Result, database_of
from billing.directory import NotKnown
from billing.hosts import months
from billing.ledger import book, holds
from billing.moments import from_ms
from billing.payments import store
from billing.payments.tables import payments
from billing.payouts import proof as payout_proof
from billing.settlement import proof
from billing.tables import cdrs, transactions
from contract.currency import MINOR_DIGITS, from_minor


def check_ledger(arguments: Namespace) -> Result:
    """Exit code 1 where anything is wrong."""
    with database_of(arguments) as connection:
        proofs = (proof, payment_proof, payout_proof, months)
        faults = [fault for one in proofs for fault in one.faults_of(connection)]
        balances = {account.name: amount for account, amount in sorted(book.balances(connection).items())}
    lines = [*faults, f"{len(faults)} faults" if faults else "the ledger is right"]
    lines += [f"  {amount:>14}  {name}" for name, amount in balances.items()]
    return Result("\n".join(lines), {"faults": faults, "balances": balances}, 1 if faults else 0)


def explain_ledger(arguments: Namespace) -> Result:
    """Everything that happened to the money of a session, by its transaction, order, receipt or CDR id."""
    with database_of(arguments) as connection:
        order_id = _order_of(connection, arguments.session)
        entries = book.entries_about(connection, order_id)
        query = select(payments.c.payment_id).where(payments.c.order_id == order_id)
        paid = {name: store.story(connection, name) for name in connection.execute(query).scalars().all()}
        # A phone's hold is older than its order: it is about the payment, which has the hold's name.
        found = {hold.hold_id: hold for hold in holds.about(connection, order_id)}
        found |= {name: hold for name in paid if (hold := holds.find(connection, name)) is not None}
        held = list(found.values())
    lines = [f"order {order_id}"]
    for entry in entries:
        lines.append(f"{entry.at:%Y-%m-%d %H:%M:%S} UTC  {entry.draft.what}  ({entry.draft.key})")
        for leg in entry.draft.legs:
            lines.append(f"  {_shown(leg.amount, leg.account.unit):>14}  {leg.account.name}")
    for hold in held:
        end = "stands" if hold.end is None else f"{hold.end.value}, {_shown(hold.taken, hold.account.unit)} taken"
        lines.append(f"hold {hold.hold_id}: {_shown(hold.amount, hold.account.unit)} of {hold.account.name}, {end}")
    for name, steps in paid.items():
        lines.append(f"payment {name}")
        lines += [f"  {from_ms(at_ms):%Y-%m-%d %H:%M:%S} UTC  {what}: {detail}" for at_ms, what, detail in steps]
    data = {
        "order_id": order_id,
        "entries": [
            {
                "key": entry.draft.key,
                "what": entry.draft.what,
                "at": entry.at.isoformat(),
                "legs": {leg.account.name: leg.amount for leg in entry.draft.legs},
            }
            for entry in entries
        ],
        "payments": {
            name: [{"at_ms": at_ms, "what": what, "detail": detail} for at_ms, what, detail in steps]
            for name, steps in paid.items()
        },
    }
    return Result("\n".join(lines), data)


def _order_of(connection: Connection, name: str) -> str:
    t, key = transactions.c, name.strip().replace("-", "").lower()
    named = or_(t.transaction_id == name, t.order_id == name, t.receipt_key == key)
    found = connection.execute(select(t.order_id).where(named).limit(1)).scalar()
    if found is None:
        joined = (cdrs.c.kiosk_id == t.kiosk_id) & (cdrs.c.transaction_id == t.transaction_id)
        query = select(t.order_id).select_from(transactions.join(cdrs, joined)).where(cdrs.c.cdr_id == name)
        found = connection.execute(query).scalar()
    if found is None:
        raise NotKnown(f"no session, order, receipt or CDR {name!r}")
    return str(found)


def _shown(amount: int, unit: str) -> str:
    """In major units, signed as the ledger signs; points and seconds as they are."""
    text = f"{from_minor(amount, unit):,f}" if unit in MINOR_DIGITS else f"{amount:,d}"
    return f"{text} {unit}"
