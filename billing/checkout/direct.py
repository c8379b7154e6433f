"""System D, first direction: a kiosk read a payment code and asks. The money is held before the answer says yes.

Law:
- `begin` writes down what is going to be asked of the provider, in the transaction that took the Ask; only then is it
  asked. The same transaction_id is the same payment, so an Ask that is repeated holds once.
- `decide` gives one answer, and it stays: accepted with the hold as cap, or refused with a reason the screen can say.
  A provider that does not answer in time is a refusal, and the payment is given up: what it holds later is released.
- A disclaimed Ask gives its payment up, whatever had been answered.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from billing.checkout import store
from billing.checkout.acts import take
from billing.checkout.checkout import Checkout, Origin, Reason, Stage
from billing.checkout.holds import hold_minor_at
from billing.checkout.step import failed
from billing.directory import current_offer
from billing.payments import store as payments
from billing.payments.payment import Payment
from contract.api import AuthorizeAnswer, AuthorizeRequest, AuthorizeStatus, PaymentRefusal

ANSWER_WITHIN_S = 8.0  # the kiosk waits 15 s for an answer to its Ask

_REFUSALS = {
    "unknown_token": PaymentRefusal.UNKNOWN_CODE,
    "used_token": PaymentRefusal.USED_CODE,
    "expired_token": PaymentRefusal.EXPIRED_CODE,
    "blocked": PaymentRefusal.BLOCKED,
    "insufficient_funds": PaymentRefusal.INSUFFICIENT_FUNDS,
}
_STATUS = {
    PaymentRefusal.UNKNOWN_CODE: AuthorizeStatus.UNKNOWN,
    PaymentRefusal.USED_CODE: AuthorizeStatus.INVALID,
    PaymentRefusal.EXPIRED_CODE: AuthorizeStatus.EXPIRED,
    PaymentRefusal.BLOCKED: AuthorizeStatus.BLOCKED,
    PaymentRefusal.INSUFFICIENT_FUNDS: AuthorizeStatus.NO_CREDIT,
    PaymentRefusal.PROVIDER_SILENT: AuthorizeStatus.UNKNOWN,
    PaymentRefusal.NOT_TAKEN_HERE: AuthorizeStatus.NOT_AT_THIS_LOCATION,
    PaymentRefusal.DECLINED: AuthorizeStatus.INVALID,
}


def payment_id_of(kiosk_id: str, transaction_id: str) -> str:
    """The payment of an Ask; the same for every repetition."""
    return "P" + hashlib.sha256(f"{kiosk_id}/{transaction_id}".encode()).hexdigest()[:20]


def begin(connection: Connection, kiosk_id: str, asked: AuthorizeRequest, provider: str, now: datetime) -> str | None:
    """The payment to ask for; None where nothing is sold there. Repeated, it is the same."""
    offer = current_offer(connection, kiosk_id, asked.evse_id, now)
    if offer is None:
        return None
    payment_id = payment_id_of(kiosk_id, asked.transaction_id)
    if store.of_payment(connection, payment_id) is not None:
        return payment_id
    hold_minor = hold_minor_at(connection, kiosk_id, asked.evse_id, offer.tariff.currency)
    checkout = Checkout(
        secrets.token_hex(16),
        Origin.KIOSK,
        kiosk_id,
        asked.evse_id,
        offer,
        hold_minor,
        "en",
        now,
        now,
        payment_id,
        start_id="",
        provider=provider,
        transaction_id=asked.transaction_id,
        order_id=asked.order_id,
        stage=Stage.STARTING,
    )
    store.create(connection, checkout, now)
    wanted = Payment(payment_id, asked.order_id, asked.token, hold_minor, checkout.currency)
    # Whoever answers the kiosk asks at once; the till only if that came to nothing.
    payments.create(connection, wanted, provider, now, timedelta(seconds=ANSWER_WITHIN_S))
    return payment_id


def decide(connection: Connection, kiosk_id: str, asked: AuthorizeRequest, now: datetime) -> AuthorizeAnswer:
    """What the kiosk is told now, by what is known of the payment. The caller keeps the answer."""
    checkout = store.of_payment(connection, payment_id_of(kiosk_id, asked.transaction_id))
    if checkout is None:
        return _refused(asked, PaymentRefusal.NOT_TAKEN_HERE)
    payment = payments.load(connection, checkout.payment_id)
    if payment.is_authorised and checkout.stage is not Stage.FAILED:
        return AuthorizeAnswer(
            asked.transaction_id,
            AuthorizeStatus.ACCEPTED,
            offer=checkout.offer,
            account_id=checkout.payer,
            cap_minor=checkout.hold_minor,
        )
    if payment.refused is not None:
        refusal = _REFUSALS.get(payment.refused.code, PaymentRefusal.DECLINED)
        reason = Reason.PAYMENT_REFUSED
    else:
        refusal, reason = PaymentRefusal.PROVIDER_SILENT, Reason.PAYMENT_UNAVAILABLE
    if checkout.stage is not Stage.FAILED:
        take(connection, checkout, failed(checkout, reason, refusal.value), now)
    return _refused(asked, refusal)


def disclaimed(connection: Connection, kiosk_id: str, transaction_id: str, now: datetime) -> None:
    """The kiosk gave the Ask back: nothing began. Asks that were none of a payment code are nothing to do here."""
    checkout = store.of_payment(connection, payment_id_of(kiosk_id, transaction_id))
    if checkout is not None and checkout.stage is Stage.STARTING:
        take(connection, checkout, failed(checkout, Reason.NEVER_BEGAN), now)


def _refused(asked: AuthorizeRequest, reason: PaymentRefusal) -> AuthorizeAnswer:
    return replace(AuthorizeAnswer(asked.transaction_id, _STATUS[reason]), reason=reason)
