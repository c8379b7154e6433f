"""What a payment's sight means in the ledger. Called with every change of a payment, in the same transaction.

| seen | entry | key |
|---|---|---|
| authorised | a hold is placed (no money) | hold `payment_id` |
| captured | the payer paid; the parts are where they were remitted; the fee is a cost | capture/P |
| captured less than billed | a guest owes at most the hold: the rest is the operator's loss | waived/P |
| released, expired | the hold ends; what is billed stays owed | – |
| refund n | the money is back with the payer | refund/P/n |
| refund n by decision | everybody takes back their part of the sale, by the refund's rule | allowance/P/n |
| charged back | the payer's bank took it; the payer owes again | chargeback/P/amount |

A refund that follows a Credit CDR has no allowance: the CDR's own entries took the parts back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from billing.checkout import store
from billing.checkout.bills import bill_of, sold_of_order
from billing.ledger import book, holds
from billing.ledger.chart import Account, Kind
from billing.ledger.draft import Draft
from billing.payments.payment import Payment
from billing.payments.provider import HoldState, Sight
from billing.payments.store import provider_of
from billing.settlement.allowance import allowance_entry
from billing.settlement.entries import Parties, capture_entry, chargeback_entry, refund_entry, remitted_to
from billing.settlement.sales import Sold

HOLD_LIVES = timedelta(days=7)  # as payment providers have it; the end that counts is the one they tell
_ENDS = {HoldState.RELEASED: holds.End.RELEASED, HoldState.EXPIRED: holds.End.EXPIRED}


def write(connection: Connection, payment: Payment, now: datetime) -> None:
    """Book all of the payment's sight that is not booked yet, and wake its checkout."""
    store.wake(connection, now, payments=[payment.payment_id])
    if payment.sight is None:
        return
    sold = sold_of_order(connection, payment.order_id)
    parties = _parties(connection, payment, sold)
    social = provider_of(connection, payment.payment_id)
    sight = payment.sight
    owner = Account(Kind.RECEIVABLE, parties.payer, payment.currency)
    holds.place(connection, payment.payment_id, payment.order_id, owner, sight.held_minor, now + HOLD_LIVES, now)
    if sight.state in _ENDS:
        holds.end(connection, payment.payment_id, _ENDS[sight.state], now)
    if sight.state is not HoldState.CAPTURED:
        return
    taken = capture_entry(payment.payment_id, parties, social, sight.captured_minor, sight.split, sight.fee_minor)
    holds.capture(connection, payment.payment_id, sight.captured_minor, taken, now)
    for draft in (*_waived(payment, sight, parties, sold), *_given(payment, sight, parties, social, sold)):
        book.post(connection, draft, now)
    _charged_back(connection, payment, sight, parties, social, now)


def _parties(connection: Connection, payment: Payment, sold: Sequence[Sold]) -> Parties:
    """Of the bill, which stays as it was settled; before there is one, only the payer is known."""
    bill = bill_of(connection, payment.order_id)
    if bill is not None:
        return bill.parties
    if sold:
        return sold[0].parties
    checkout = store.of_payment(connection, payment.payment_id)
    return Parties(payment.order_id, payment.order_id if checkout is None else checkout.payer, payment.currency)


def _waived(payment: Payment, sight: Sight, parties: Parties, sold: Sequence[Sold]) -> list[Draft]:
    beyond_minor = (payment.bill_minor or 0) - sight.captured_minor
    if beyond_minor <= 0:
        return []
    why = f"beyond the {sight.held_minor} held: a guest owes at most the hold"
    return [allowance_entry(f"waived/{payment.payment_id}", parties, sold, beyond_minor, {}, why, keeps_host=True)]


def _given(payment: Payment, sight: Sight, parties: Parties, social: str, sold: Sequence[Sold]) -> list[Draft]:
    found, given_minor = list[Draft](), 0
    for number, wish in enumerate(payment.refunds, start=1):
        given_minor += wish.amount_minor
        if given_minor > sight.refunded_minor:
            break
        found.append(refund_entry(payment.payment_id, number, parties, social, wish.split, wish.why))
        if wish.is_allowance:
            key = f"allowance/{payment.payment_id}/{number}"
            found.append(
                allowance_entry(key, parties, sold, wish.amount_minor, wish.split, wish.why, keeps_host=wish.keeps_host)
            )
    return found


def _charged_back(
    connection: Connection, payment: Payment, sight: Sight, parties: Parties, social: str, now: datetime
) -> None:
    if not sight.charged_back_minor:
        return
    key = f"chargeback/{payment.payment_id}/{sight.charged_back_minor}"
    if book.entry(connection, key) is not None:
        return
    before = [
        e for e in book.entries_about(connection, parties.order_id) if e.draft.key.startswith(key.rpartition("/")[0])
    ]
    known = dict.fromkeys(sight.charged_back_split, 0)
    for entry in before:
        for name in known:
            account = remitted_to(name, parties, social)
            known[name] += sum(-leg.amount for leg in entry.draft.legs if leg.account == account)
    parts = {name: part - known[name] for name, part in sight.charged_back_split.items()}
    book.post(connection, chargeback_entry(key, parties, social, parts), now)
