"""A guest's debt that nobody will pay is written off: our loss, by decision of a person, with a reason.

What is left of the sale goes down by it as in a refund: VAT in proportion, and the charging service provider has no
claim to what was never remitted (system D pays out of what was taken). The host is paid: the power was used.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from billing.checkout import store
from billing.checkout.bills import bill_of, sold_of_order
from billing.checkout.refunds import LONGEST_WHY, NotRefundable
from billing.ledger import book
from billing.ledger.chart import Account, Kind
from billing.payments import store as payments
from billing.settlement.allowance import allowance_entry


def owed_minor(connection: Connection, payment_id: str) -> int:
    """What the guest of this payment owes by the ledger, once nothing is under way any more; 0: nothing."""
    checkout = store.of_payment(connection, payment_id)
    if checkout is None or not payments.load(connection, payment_id).is_at_rest:
        return 0
    return max(0, book.balance(connection, Account(Kind.RECEIVABLE, checkout.payer, checkout.currency)))


def write_off(connection: Connection, payment_id: str, why: str, now: datetime) -> int:
    """Write all of it off; how much that was.

    Raises NotRefundable where nothing is owed or no reason is given, NoSuchPayment.
    """
    why = " ".join(why.split())
    order_id = payments.load(connection, payment_id).order_id
    amount_minor = owed_minor(connection, payment_id)
    if not amount_minor:
        raise NotRefundable("nothing is owed that could be written off")
    if not 3 <= len(why) <= LONGEST_WHY:
        raise NotRefundable(f"reason: want 3 to {LONGEST_WHY} characters; the auditor reads it")
    bill = bill_of(connection, order_id)
    assert bill is not None, "a guest owes by a bill"
    parties = bill.parties
    entries = book.entries_about(connection, order_id)
    sold = sold_of_order(connection, order_id)
    given = {}
    for partner in {one.parties.provider_id for one in sold if one.parties.provider_id is not None}:
        claim = parties.account(Kind.PARTNER_PAYABLE, partner)
        ours = sum(leg.amount for entry in entries for leg in entry.draft.legs if leg.account == claim)
        given[partner] = max(0, -ours)
    number = sum(entry.draft.key.startswith(f"written-off/{payment_id}/") for entry in entries) + 1
    key = f"written-off/{payment_id}/{number}"
    book.post(connection, allowance_entry(key, parties, sold, amount_minor, given, why, keeps_host=True), now)
    return amount_minor
