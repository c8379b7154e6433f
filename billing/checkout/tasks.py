"""Money that needs a person: what is owed and nobody can take, what began and was never heard of, who must agree.

Lines have the shape of the operator's list of unfinished things.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from billing.checkout import refunds, store
from billing.checkout.bills import Bill, bill_of
from billing.checkout.books import HOLD_LIVES
from billing.checkout.checkout import Checkout, Stage
from billing.checkout.facts import gather
from billing.checkout.tables import checkouts
from billing.ledger.chart import Kind
from billing.ledger.tables import ledger_accounts, ledger_postings
from billing.moments import to_ms
from billing.pages.render import ago, money
from billing.payments import store as payments
from billing.payments.payment import Payment
from billing.payments.provider import HoldState
from billing.tables import kiosks
from contract.codec import from_bytes

SILENT_AFTER = timedelta(days=1)
UNBILLED_AFTER = timedelta(days=2)
MOST_SHOWN = 200

Line = dict[str, str]


def money_tasks(connection: Connection, now: datetime) -> list[Line]:
    return [
        *_owed(connection, now),
        *_never_heard(connection, now),
        *_not_billed(connection, now),
        *_waiting(connection, now),
    ]


def _owed(connection: Connection, now: datetime) -> list[Line]:
    """What guests owe and no hold covers any more. A capture that is still under way owes nothing yet."""
    total = func.sum(ledger_postings.c.amount)
    a = ledger_accounts.c
    query = (
        select(a.owner, total.label("owed"))
        .join(ledger_postings, ledger_postings.c.account == a.name)
        .where(a.kind == Kind.RECEIVABLE.value, a.owner.like("checkout:%"))
        .group_by(a.owner)
        .having(total > 0)
        .limit(MOST_SHOWN)
    )
    found = []
    for row in connection.execute(query).all():
        checkout = store.load(connection, row.owner.removeprefix("checkout:"))
        payment = payments.load(connection, checkout.payment_id)
        if payment.is_at_rest:
            what = _why_owed(payment, bill_of(connection, checkout.order_id))
            do = f"{money(row.owed, checkout.currency, 'en')} cannot be taken any more: ask the payer, or write it off."
            found.append(_line(connection, checkout, "bad", what, do, now))
    return found


def _why_owed(payment: Payment, bill: Bill | None) -> str:
    sight = payment.sight
    if sight is None:
        return "Owed: it was never held"
    if sight.charged_back_minor:
        return "Owed: charged back"
    if sight.state is HoldState.EXPIRED:
        return "Owed: the hold had expired"
    if sight.state is HoldState.RELEASED:
        return "Owed: the hold had been released"
    return "Owed: corrected after it was paid" if bill is not None and bill.corrections else "Owed"


def _never_heard(connection: Connection, now: datetime) -> list[Line]:
    c = checkouts.c
    waits = (Stage.STARTING.value, Stage.RUNNING.value)
    query = select(c.body).where(c.stage.in_(waits), c.begun_ms < to_ms(now - SILENT_AFTER)).order_by(c.begun_ms)
    found = []
    for body in connection.execute(query.limit(MOST_SHOWN)).scalars().all():
        checkout = from_bytes(Checkout, body)
        if gather(connection, checkout, now).order_id:
            continue  # its events tell what is missing
        held = money(checkout.hold_minor, checkout.currency, "en")
        do = f"{held} may be held until the provider lets go. Look at the kiosk; is it gone for good, release by hand."
        found.append(_line(connection, checkout, "warn", "Begun and never heard of again", do, now))
    return found


def _not_billed(connection: Connection, now: datetime) -> list[Line]:
    """Held, begun, and for some reason without a bill: after the hold nobody can take it."""
    c = checkouts.c
    query = select(c.body).where(c.stage == Stage.RUNNING.value, c.begun_ms < to_ms(now - UNBILLED_AFTER))
    found = []
    for body in connection.execute(query.order_by(c.begun_ms).limit(MOST_SHOWN)).scalars().all():
        checkout = from_bytes(Checkout, body)
        if not gather(connection, checkout, now).order_id:
            continue  # never heard of, see above
        ends = checkout.begun + HOLD_LIVES
        do = f"The hold ends about {ends:%d %B %Y, %H:%M} UTC. Its sessions say what is missing or in doubt."
        found.append(_line(connection, checkout, "warn", "Held and not billed yet", do, now))
    return found


def _waiting(connection: Connection, now: datetime) -> list[Line]:
    found = []
    for refund in refunds.waiting(connection)[:MOST_SHOWN]:
        checkout = store.of_payment(connection, refund.payment_id)
        if checkout is None:
            continue
        amount = money(refund.amount_minor, checkout.currency, "en")
        do = f"{amount}, asked by {refund.asked_by}: “{refund.why}”. Another person of finance approves or refuses it."
        found.append(_line(connection, checkout, "warn", "Refund waits for a second person", do, now))
    return found


def _line(connection: Connection, checkout: Checkout, chip: str, what: str, do: str, now: datetime) -> Line:
    name = connection.execute(select(kiosks.c.name).where(kiosks.c.kiosk_id == checkout.kiosk_id)).scalar_one()
    subject = checkout.order_id or checkout.payment_id
    return {
        "chip": chip,
        "what": what,
        "do": do,
        "kiosk": str(name),
        "kiosk_id": checkout.kiosk_id,
        "evse": str(checkout.evse_id),
        "transaction_id": subject,
        "href": f"/operator/payments/{checkout.payment_id}",
        "energy": "",
        "seen": ago(checkout.begun, now),
    }
