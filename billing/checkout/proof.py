"""The proof over payments, bills and ledger: every hold and every payment is accounted for.

- A payment the provider has seen has its hold in the ledger, which ends as the provider says it ended.
- What was taken, came back and was charged back is booked, to the minor unit; nothing is booked that was not seen.
- Nothing is remitted without a capture; its parts are the capture.
- An order's bill is the sum of its CDRs; its payments are billed that sum together.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from billing.checkout.bills import Bill
from billing.checkout.tables import bills
from billing.corrections import is_current
from billing.ledger import book, holds
from billing.ledger.tables import ledger_holds
from billing.payments.payment import Payment
from billing.payments.provider import HoldState, Sight
from billing.payments.tables import payments
from billing.tables import cdrs, transactions
from contract.codec import from_bytes

_ENDS = {
    HoldState.AUTHORISED: None,
    HoldState.CAPTURED: holds.End.CAPTURED,
    HoldState.RELEASED: holds.End.RELEASED,
    HoldState.EXPIRED: holds.End.EXPIRED,
}


def faults_of(connection: Connection) -> list[str]:
    """Each a sentence that names the payment, hold or order."""
    known = [from_bytes(Payment, body) for body in connection.execute(select(payments.c.body)).scalars()]
    found = [fault for payment in known for fault in _payment(connection, payment)]
    return [*found, *_strange_holds(connection), *_bills(connection, {p.payment_id: p for p in known})]


def _payment(connection: Connection, payment: Payment) -> list[str]:
    name, sight, hold = payment.payment_id, payment.sight, holds.find(connection, payment.payment_id)
    if sight is None:
        return [] if hold is None else [f"payment {name}: a hold in the ledger that the provider never gave"]
    if hold is None:
        return [f"payment {name}: {sight.held_minor} held at the provider, no hold in the ledger"]
    found = []
    if hold.end is not _ENDS[sight.state]:
        end = "stands" if hold.end is None else hold.end.value
        found.append(f"payment {name}: {sight.state.value} at the provider, its hold in the ledger {end}")
    if sight.captured_minor != sum(sight.split.values()):
        found.append(f"payment {name}: {sight.captured_minor} taken, {sum(sight.split.values())} remitted")
    return found + _booked(connection, payment, sight)


def _booked(connection: Connection, payment: Payment, sight: Sight) -> list[str]:
    """Entries are about an order; those of one payment carry its id in their key."""
    wanted = {
        "capture": sight.captured_minor,
        "refund": -sight.refunded_minor,
        "chargeback": -sight.charged_back_minor,
    }
    sums = dict.fromkeys(wanted, 0)
    for entry in book.entries_about(connection, payment.order_id):
        kind, _, rest = entry.draft.key.partition("/")
        if kind in sums and rest.split("/")[0] == payment.payment_id:
            # The payer's leg: what is taken from them is a credit of what they owe.
            sums[kind] -= sum(leg.amount for leg in entry.draft.legs if leg.account.kind.value == "receivable")
    return [
        f"payment {payment.payment_id}: {kind} of {abs(amount)} seen, {abs(sums[kind])} booked"
        for kind, amount in wanted.items()
        if sums[kind] != amount
    ]


def _strange_holds(connection: Connection) -> list[str]:
    named = select(payments.c.payment_id)
    query = select(ledger_holds.c.hold_id).where(
        ledger_holds.c.account.like("receivable/%"), ledger_holds.c.hold_id.not_in(named)
    )
    return [f"hold {hold_id}: of no payment" for hold_id in connection.execute(query).scalars()]


def _bills(connection: Connection, known: dict[str, Payment]) -> list[str]:
    found = []
    query = select(bills.c.body, bills.c.due_ms).where(bills.c.settled_ms.is_not(None))
    for body, due_ms in connection.execute(query).all():
        bill = from_bytes(Bill, body)
        if due_ms is not None:
            continue  # it is to be looked at: what came since is not in it yet
        total_minor = _standing(connection, bill.order_id)
        if total_minor is not None and total_minor != bill.standing_minor:
            found.append(f"order {bill.order_id}: billed {bill.standing_minor}, its CDRs say {total_minor}")
        if bill.payment_ids:
            charged_minor = sum(known[payment_id].bill_minor or 0 for payment_id in bill.payment_ids)
            if charged_minor != bill.total_minor:
                found.append(f"order {bill.order_id}: billed {bill.total_minor}, its payments {charged_minor}")
    return found


def _standing(connection: Connection, order_id: str) -> int | None:
    """The sum of the CDRs that stand; None while a part has none, as its end has not arrived."""
    t = transactions.c
    same = (cdrs.c.kiosk_id == t.kiosk_id) & (cdrs.c.transaction_id == t.transaction_id) & is_current()
    query = (
        select(func.count(), func.count(cdrs.c.cdr_id), func.coalesce(func.sum(cdrs.c.incl_vat_minor), 0))
        .select_from(transactions.outerjoin(cdrs, same))
        .where(t.order_id == order_id)
    )
    parts, rated, total_minor = connection.execute(query).one()
    return int(total_minor) if parts == rated else None
