"""Payments for the operator: the list, and one payment with its story, its money and what may be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing.checkout import desk, refunds, store
from billing.checkout.bills import bill_of
from billing.checkout.checkout import Checkout, Stage
from billing.checkout.facts import gather
from billing.checkout.view import money_of
from billing.checkout.write_off import owed_minor
from billing.moments import from_ms
from billing.pages.operator_view import local_time
from billing.pages.render import ago, money
from billing.payments import store as payment_store
from billing.payments.payment import Payment
from billing.payments.provider import HoldState
from billing.payments.tables import payments as table
from billing.tables import kiosks, transactions
from contract.codec import from_bytes

_STATES = {  # chip and words
    payment_store.Stage.ASKING: ("warn", "hold asked for"),
    payment_store.Stage.REFUSED: ("off", "refused"),
    payment_store.Stage.AUTHORISED: ("flow", "held"),
    payment_store.Stage.ENDING: ("warn", "on its way"),
    payment_store.Stage.PAID: ("ok", "paid"),
    payment_store.Stage.RELEASED: ("off", "released"),
    payment_store.Stage.OWED: ("bad", "owed"),
    payment_store.Stage.NOTHING: ("off", "never held"),
}
_RULES = {
    refunds.Rule.SHARED: (
        "Everybody gives their part",
        "Each account in proportion to what it has of this payment; the host's payment goes down too, by the next "
        "statement if this one is paid out.",
    ),
    refunds.Rule.OPERATOR: ("We give it alone", "The partner and the host keep what they earned."),
}


@dataclass(frozen=True, slots=True)
class PaymentLine:
    payment_id: str
    chip: str
    state: str
    amount: str
    kiosk: str
    evse: str
    age: str


def payments(connection: Connection, now: datetime, most: int = 200) -> list[PaymentLine]:
    """The newest first."""
    names = {row.kiosk_id: row.name for row in connection.execute(select(kiosks.c.kiosk_id, kiosks.c.name))}
    query = select(table.c.body, table.c.created_ms).order_by(table.c.created_ms.desc()).limit(most)
    found = []
    for row in connection.execute(query).all():
        payment = from_bytes(Payment, row.body)
        checkout = store.of_payment(connection, payment.payment_id)
        chip, state = _state(payment, owed_minor(connection, payment.payment_id))
        sums = money_of(payment)
        amount = sums.taken_minor or sums.held_minor or payment.hold_minor
        found.append(
            PaymentLine(
                payment.payment_id,
                chip,
                state,
                money(amount, payment.currency, "en"),
                "" if checkout is None else names[checkout.kiosk_id],
                "" if checkout is None else str(checkout.evse_id),
                ago(from_ms(row.created_ms), now),
            )
        )
    return found


def payment_detail(connection: Connection, payment_id: str, now: datetime) -> dict[str, Any] | None:
    """None where there is no such payment."""
    try:
        payment = payment_store.load(connection, payment_id)
    except LookupError:
        return None
    checkout = store.of_payment(connection, payment_id)
    bill = bill_of(connection, payment.order_id)
    sums, owed = money_of(payment), owed_minor(connection, payment_id)
    chip, state = _state(payment, owed)
    zone = _zone(connection, checkout)
    left_minor = refunds.refundable_minor(connection, payment)

    def shown(minor: int) -> str:
        return money(minor, payment.currency, "en")

    return {
        "payment_id": payment_id,
        "order_id": payment.order_id if payment.order_id != payment_id else "",
        "heading": _heading(payment, owed, shown),
        "chip": chip,
        "state": state,
        "error": payment.last_error,
        "stage": "" if checkout is None else checkout.stage.value,
        "why": "" if checkout is None or checkout.reason is None else checkout.reason.value.replace("_", " "),
        "detail": "" if checkout is None else checkout.detail,
        "kiosk_id": "" if checkout is None else checkout.kiosk_id,
        "evse": "" if checkout is None else checkout.evse_id,
        "sums": [
            ("Held now", shown(sums.held_minor)),
            ("Billed", "not yet" if bill is None else shown(bill.standing_minor)),
            ("Taken", shown(sums.taken_minor)),
            ("Given back", shown(sums.given_back_minor)),
            ("Released", shown(sums.released_minor)),
            ("Owed", shown(owed)),
        ],
        "remitted": [] if payment.sight is None else [(k, shown(v)) for k, v in sorted(payment.sight.split.items())],
        "fee": "" if payment.sight is None else shown(payment.sight.fee_minor),
        "sessions": _sessions(connection, payment.order_id),
        "story": [
            (local_time(at_ms, zone), what, detail)
            for at_ms, what, detail in payment_store.story(connection, payment_id)
        ],
        "refunds": [_refund(refund, shown) for refund in refunds.of_payment(connection, payment_id)],
        "left_minor": left_minor,
        "left": shown(left_minor),
        "currency": payment.currency,
        "rules": [(rule.value, *words) for rule, words in _RULES.items()],
        "is_lost": checkout is not None and _is_lost(connection, checkout, now),
        "hold": shown(payment.hold_minor),
        "owed": shown(owed) if owed else "",
    }


def refund_plan(
    connection: Connection, payment_id: str, amount_minor: int, rule: refunds.Rule, second_above_minor: int
) -> dict[str, Any]:
    """What the confirming page says. Raises NotRefundable, LookupError."""
    payment = payment_store.load(connection, payment_id)
    planned = refunds.plan(connection, payment_id, amount_minor, rule, second_above_minor)

    def shown(minor: int) -> str:
        return money(minor, payment.currency, "en")

    return {
        "amount": shown(amount_minor),
        "amount_minor": amount_minor,
        "parts": [(name, shown(part)) for name, part in planned.parts.items() if part],
        "host": shown(planned.host_minor) if planned.host_minor else "",
        "left": shown(planned.left_minor),
        "needs_second": planned.needs_second,
        "second_above": shown(second_above_minor),
        "rule": rule.value,
        "rule_words": _RULES[rule][0],
    }


def _heading(payment: Payment, owed: int, shown: Any) -> str:
    sight = payment.sight
    if payment.refused is not None:
        return f"Refused: {payment.refused.code.replace('_', ' ')}. Nothing was taken"
    if sight is None:
        return "Nothing was held" if payment.is_surely_nothing else "The provider has not answered yet"
    if sight.state is HoldState.CAPTURED:
        back_minor = sight.refunded_minor + sight.charged_back_minor
        given = f", {shown(back_minor)} came back" if back_minor else ""
        return f"{shown(sight.captured_minor)} of {shown(sight.held_minor)} held was taken{given}"
    if sight.state is HoldState.AUTHORISED:
        return f"{shown(sight.held_minor)} is held, nothing is taken yet"
    if payment.owed_minor > 0:
        how = "had expired" if sight.state is HoldState.EXPIRED else "had been released"
        if not owed:
            return f"{shown(payment.owed_minor)} was written off: the hold {how} before it could be taken"
        return f"{shown(owed)} is owed: the hold {how} before it could be taken"
    return f"{shown(sight.held_minor)} was held and {sight.state.value}"


def _state(payment: Payment, owed: int) -> tuple[str, str]:
    stage = payment_store.stage_of(payment)
    if owed:
        return _STATES[payment_store.Stage.OWED]
    if (
        stage is payment_store.Stage.OWED
        and payment.sight is not None
        and payment.sight.state is not HoldState.CAPTURED
    ):
        return "off", "written off"
    if payment.sight is not None and payment.sight.state is HoldState.CAPTURED and payment.is_at_rest:
        stage = payment_store.Stage.PAID  # beyond the hold nothing is owed
    return _STATES[stage]


def _zone(connection: Connection, checkout: Checkout | None) -> str:
    if checkout is None:
        return "UTC"
    return str(connection.execute(select(kiosks.c.time_zone).where(kiosks.c.kiosk_id == checkout.kiosk_id)).scalar())


def _sessions(connection: Connection, order_id: str) -> list[tuple[str, str]]:
    t = transactions.c
    query = select(t.kiosk_id, t.transaction_id).where(t.order_id == order_id).order_by(t.started_ms)
    return [(row.kiosk_id, row.transaction_id) for row in connection.execute(query)]


def _refund(refund: refunds.Refund, shown: Any) -> dict[str, Any]:
    chip, state = {None: ("warn", "waits for a second person"), True: ("ok", "granted"), False: ("off", "refused")}[
        refund.is_granted
    ]
    return {
        "refund_id": refund.refund_id,
        "amount": shown(refund.amount_minor),
        "rule": _RULES[refund.rule][0],
        "why": refund.why,
        "asked_by": refund.asked_by,
        "decided_by": refund.decided_by or "",
        "chip": chip,
        "state": state,
        "waits": refund.is_granted is None,
    }


def _is_lost(connection: Connection, checkout: Checkout, now: datetime) -> bool:
    """Begun and never heard of again: then, and only then, a person may give it up."""
    if checkout.stage not in (Stage.STARTING, Stage.RUNNING) or now - checkout.begun < desk.LOST_AFTER:
        return False
    return not gather(connection, checkout, now).order_id
