"""Refunds by decision: somebody gives part of a payment back, with a reason, and above an amount a second one agrees.

| rule | the money comes from | the host's payment |
|---|---|---|
| shared | every account in proportion to what it has of the capture | goes down in proportion |
| operator | the operator's account alone | stays |

Law:
- A refund is at most what was captured and is not given, promised or charged back yet; decided ones count at once.
- Who asked does not approve. Small ones are granted as they are asked.
- Granted is a wish of the payment: it goes out, is repeated until it is known, and is booked when it is seen.
- What was refunded after the host was paid out stands on the host's next statement as a debit: the entry is the same.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, select, update

from billing.checkout.bills import sold_of_order
from billing.checkout.parts import left_of, refund_parts
from billing.checkout.tables import refunds
from billing.moments import from_ms, to_ms
from billing.payments import store as payments
from billing.payments.payment import Payment, RefundWish, refunded
from billing.payments.provider import HoldState
from billing.settlement.allowance import host_gives_minor
from billing.settlement.entries import OPERATOR

SECOND_ABOVE_MINOR = 5_000  # unless the settings say otherwise
LONGEST_WHY = 200


class Rule(StrEnum):
    SHARED = "shared"
    OPERATOR = "operator"


class NotRefundable(ValueError):
    """The refund cannot be: too much, nothing captured, no reason, or already decided."""


class NoSuchRefund(LookupError):
    """No refund has that id; the message names it."""


@dataclass(frozen=True, slots=True)
class Refund:
    """One decision. `is_granted` is None while a second person is waited for."""

    refund_id: str
    payment_id: str
    order_id: str
    amount_minor: int
    rule: Rule
    why: str
    asked_by: str
    asked_at: datetime
    needs_second: bool
    decided_by: str | None
    decided_at: datetime | None
    is_granted: bool | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a refund will do, to be said before it is made. Amounts in minor units."""

    amount_minor: int
    parts: dict[str, int]  # by account at the payment provider
    host_minor: int  # by which the host's payment goes down
    left_minor: int  # what could still be refunded afterwards
    needs_second: bool


def plan(
    connection: Connection,
    payment_id: str,
    amount_minor: int,
    rule: Rule,
    second_above_minor: int = SECOND_ABOVE_MINOR,
) -> Plan:
    """Raises NotRefundable, LookupError."""
    payment = payments.load(connection, payment_id)
    left_minor = refundable_minor(connection, payment)
    if not 0 < amount_minor <= left_minor:
        raise NotRefundable(f"refund {amount_minor}: want 1 to {left_minor}, what is left of the capture")
    sold = sold_of_order(connection, payment.order_id)
    parts = _parts(payment, amount_minor, rule)
    host_minor = 0 if rule is Rule.OPERATOR else sum(host_gives_minor(sold, amount_minor).values())
    return Plan(amount_minor, parts, host_minor, left_minor - amount_minor, amount_minor > second_above_minor)


def ask(
    connection: Connection,
    payment_id: str,
    amount_minor: int,
    rule: Rule,
    why: str,
    by: str,
    now: datetime,
    second_above_minor: int = SECOND_ABOVE_MINOR,
    refund_id: str | None = None,
) -> Refund:
    """Decide on a refund; above `second_above_minor` it waits for another person. Raises NotRefundable, LookupError.

    The same `refund_id` asks once, so a form that is sent twice refunds once.
    """
    if refund_id is not None and (known := _find(connection, refunds.c.refund_id == refund_id)):
        return known[0]
    why = " ".join(why.split())
    if not 3 <= len(why) <= LONGEST_WHY:
        raise NotRefundable(f"reason: want 3 to {LONGEST_WHY} characters; the payer and the auditor read it")
    planned = plan(connection, payment_id, amount_minor, rule, second_above_minor)
    refund_id = refund_id or uuid.uuid4().hex
    values = {
        "refund_id": refund_id,
        "payment_id": payment_id,
        "order_id": payments.load(connection, payment_id).order_id,
        "amount_minor": amount_minor,
        "rule": rule.value,
        "why": why,
        "asked_by": by[:80],
        "asked_ms": to_ms(now),
        "needs_second": int(planned.needs_second),
    }
    connection.execute(refunds.insert(), values)
    if not planned.needs_second:
        _decide(connection, refund_id, by, True, now)
    return load(connection, refund_id)


def approve(connection: Connection, refund_id: str, by: str, now: datetime) -> Refund:
    """The second person agrees: it goes out. Raises NotRefundable, LookupError."""
    return _by_second(connection, refund_id, by, True, now)


def refuse(connection: Connection, refund_id: str, by: str, now: datetime) -> Refund:
    """It is not given; who asked may also take it back. Raises NotRefundable, LookupError."""
    return _by_second(connection, refund_id, by, False, now)


def refundable_minor(connection: Connection, payment: Payment) -> int:
    """What of a capture may still be given back: less what was given, is promised, waits for a second, or was charged
    back."""
    if payment.sight is None or payment.sight.state is not HoldState.CAPTURED:
        return 0
    waits = [r.amount_minor for r in of_payment(connection, payment.payment_id) if r.is_granted is None]
    return max(0, sum(left_of(payment).values()) - sum(waits))


def load(connection: Connection, refund_id: str) -> Refund:
    """Raises NoSuchRefund."""
    found = _find(connection, refunds.c.refund_id == refund_id)
    if not found:
        raise NoSuchRefund(f"no refund {refund_id}")
    return found[0]


def of_payment(connection: Connection, payment_id: str) -> list[Refund]:
    return _find(connection, refunds.c.payment_id == payment_id)


def waiting(connection: Connection) -> list[Refund]:
    """Those that wait for a second person, the oldest first."""
    return _find(connection, refunds.c.decided_ms.is_(None))


def _by_second(connection: Connection, refund_id: str, by: str, is_granted: bool, now: datetime) -> Refund:
    refund = load(connection, refund_id)
    if refund.is_granted is not None:
        if refund.is_granted == is_granted:
            return refund
        raise NotRefundable(f"refund {refund_id[:8]} was {'granted' if refund.is_granted else 'refused'} before")
    if is_granted and refund.asked_by == by[:80]:
        raise NotRefundable("who asked for a refund of this size does not approve it; another person does")
    _decide(connection, refund_id, by, is_granted, now)
    return load(connection, refund_id)


def _decide(connection: Connection, refund_id: str, by: str, is_granted: bool, now: datetime) -> None:
    values = {"decided_by": by[:80], "decided_ms": to_ms(now), "is_granted": int(is_granted)}
    connection.execute(update(refunds).where(refunds.c.refund_id == refund_id).values(**values))
    if not is_granted:
        return
    refund = load(connection, refund_id)
    payment = payments.load(connection, refund.payment_id)
    try:
        parts = _parts(payment, refund.amount_minor, refund.rule)
        wish = RefundWish(refund.amount_minor, parts, refund.why, keeps_host=refund.rule is Rule.OPERATOR)
        after = refunded(payment, wish)
    except ValueError as error:  # a chargeback came between asking and approving
        raise NotRefundable(str(error)) from error
    what = f"{payments.shown(refund.amount_minor, payment.currency)}: {refund.why}"
    payments.save(connection, payment, after, now, "refund", what)


def _parts(payment: Payment, amount_minor: int, rule: Rule) -> dict[str, int]:
    try:
        return refund_parts(payment, amount_minor, OPERATOR if rule is Rule.OPERATOR else None)
    except ValueError as error:
        raise NotRefundable(str(error)) from error


def _find(connection: Connection, condition: ColumnElement[bool]) -> list[Refund]:
    query = select(refunds).where(condition).order_by(refunds.c.asked_ms, refunds.c.refund_id)
    return [
        Refund(
            row.refund_id,
            row.payment_id,
            row.order_id,
            row.amount_minor,
            Rule(row.rule),
            row.why,
            row.asked_by,
            from_ms(row.asked_ms),
            bool(row.needs_second),
            row.decided_by,
            None if row.decided_ms is None else from_ms(row.decided_ms),
            None if row.is_granted is None else bool(row.is_granted),
        )
        for row in connection.execute(query)
    ]
