"""What `kiosk-billing ledger check` looks at beyond the book: payouts against the entries they cover."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection

from billing.hosts.movements import movements_of
from billing.hosts.party import find_host
from billing.ledger import book
from billing.payouts.entries import paid_key, payout_key
from billing.payouts.runs import payouts_of
from billing.payouts.states import State


def faults_of(connection: Connection) -> list[str]:
    """Each a sentence that names the payout; an empty list means all is right."""
    found: list[str] = []
    covered: Counter[int] = Counter()
    amounts: dict[str, dict[int, int]] = {}  # by host and entry
    for payout in payouts_of(connection):
        if payout.host_id not in amounts:
            movements = movements_of(connection, find_host(connection, payout.host_id))
            amounts[payout.host_id] = {movement.entry_no: movement.amount_minor for movement in movements}
        worth = sum(amounts[payout.host_id].get(entry_no, 0) for entry_no in payout.entry_nos)
        if worth != payout.amount_minor:
            found.append(f"payout {payout.payout_id}: {payout.amount_minor} paid, its entries come to {worth}")
        if payout.stands:
            covered.update(payout.entry_nos)
        is_there, is_paid = (_stands(connection, key(payout.payout_id)) for key in (payout_key, paid_key))
        if is_there != payout.stands or is_paid != (payout.state is State.PAID):
            found.append(f"payout {payout.payout_id}: {payout.state.value}, which the ledger does not say")
    found += [f"entry {entry_no}: covered by {count} payouts" for entry_no, count in covered.items() if count > 1]
    return found


def _stands(connection: Connection, key: str) -> bool:
    return book.entry(connection, key) is not None and book.entry(connection, f"{key}#reversed") is None
