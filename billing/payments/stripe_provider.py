"""Stripe as a payment provider, through its own library; the operator's partners are connected accounts there.

Law:
- A hold is a PaymentIntent with capture_method=manual. Our payment's id and the request's key stand in its metadata,
  so whatever Stripe did under a key can be found again; it has no look-up by idempotency key.
- Charges and transfers are separate. A capture is seen as captured only when its fee is known and every partner has
  their transfer, a refund only when every partner's part has been reversed. Until then the same request is asked again,
  and does what is missing: what is there already is found by its metadata first, as Stripe forgets keys after a day.
- Stripe also keeps a refusal under its key. So the second half of a request, a transfer or its reversal, counts in the
  PaymentIntent's metadata how often it was surely refused, and asks under a new key then, and only then.
- An outage, a time-out, our own bad key or a partner without a Stripe account is Unknown, never Refused.
- The operator's own part stays where the charge arrived, and a dispute that is lost is paid from there alone.

| ours | Stripe's |
|---|---|
| AUTHORISED | requires_capture; succeeded, while a fee or a transfer is missing |
| CAPTURED | succeeded |
| RELEASED | canceled |
| EXPIRED | canceled by Stripe: cancellation_reason expired (automatic before 2025) |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any, cast

import stripe

from billing.payments.provider import (
    Capture,
    Hold,
    HoldState,
    Look,
    LookByKey,
    Nothing,
    Outcome,
    Refund,
    Refused,
    Release,
    Request,
    Sight,
    Unknown,
)
from billing.payments.stripe_access import StripeAccess

PATIENCE_S = (3.0, 10.0)  # to connect, to answer
LONGEST_WEBHOOK = 256_000  # an event carries the whole object
REPLAY_WINDOW_S = 300
MOST_PAGES, PAGE = 20, 100  # of a list that is read through for a key
_EXPAND = ["latest_charge.balance_transaction"]
_THREE_DECIMALS = frozenset({"KWD"})  # Stripe takes them to the hundredth only
_DECLINES = {
    "insufficient_funds": "insufficient_funds",
    "withdrawal_count_limit_exceeded": "insufficient_funds",
    "expired_card": "expired_token",
    "invalid_account": "unknown_token",
}  # every other decline reads "blocked": the bank does not say more


class BadStripeWebhook(ValueError):
    """Not signed by Stripe, too old, or no event."""


class _NotNow(Exception):
    """Nothing is known for certain; asked again it may be."""


class StripeProvider:
    """`api` and what is below "what is there" is read by billing.checkout.reconcile_stripe, too.

    Used by one thread at a time. The library's own retries are off: the cashier has its own, with longer breath."""

    name = "stripe"

    def __init__(self, access: StripeAccess, patience_s: tuple[float, float] = PATIENCE_S) -> None:
        self.access = access
        client = stripe.StripeClient(
            access.secret_key,
            base_addresses={"api": access.url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=patience_s),
        )
        self.api = client.v1

    def ask(self, request: Request) -> Outcome:
        try:
            return self._ask(request)
        except _NotNow as error:
            return Unknown(f"stripe: {error}")
        except stripe.StripeError as error:
            return _told(error)

    def _ask(self, request: Request) -> Outcome:
        match request:
            case Hold():
                return self._hold(request)
            case Capture():
                return self._capture(request)
            case Release():
                return self._release(request)
            case Refund():
                return self._refund(request)
            case Look(hold_ref):
                return self._look(self.intent(hold_ref))
            case LookByKey(key):
                found = self._by_key(key)
                return Nothing() if found is None else self._look(found)

    # ---- requests ----------------------------------------------------------------------------------------------------

    def _hold(self, request: Hold) -> Outcome:
        if request.currency in _THREE_DECIMALS and request.amount_minor % 10:
            return Refused("bad_request", f"{request.amount_minor} {request.currency}: Stripe takes tens only")
        words: dict[str, Any] = {
            "amount": request.amount_minor,
            "currency": request.currency.lower(),
            "payment_method": request.token,
            "payment_method_types": ["card"],
            "capture_method": "manual",
            "confirm": True,
            "off_session": True,  # a bank that wants to ask the payer declines instead of waiting
            "metadata": {"reference": request.reference, "key": request.key},
            "expand": _EXPAND,
        }
        if self.access.accounts:
            words["transfer_group"] = request.reference
        made = self.api.payment_intents.create(
            cast("stripe.params.PaymentIntentCreateParams", words), {"idempotency_key": request.key}
        )
        if made.status == "requires_action":
            self.api.payment_intents.cancel(made.id, options={"idempotency_key": f"{request.key}/cancel"})
            return Refused("blocked", "the bank wants to ask the payer, who is not at its page")
        return self._look(made)

    def _capture(self, request: Capture) -> Outcome:
        self._check_known(request.split)
        intent = self.intent(request.hold_ref)
        if intent.status == "canceled":
            return Refused("hold_ended", f"{intent.id} is canceled")
        if intent.status == "requires_capture":
            # Written before the money moves: whoever finds the capture finds whose it is.
            about = {"split": json.dumps(request.split, sort_keys=True), "text": request.text[:500]}
            self.api.payment_intents.update(intent.id, {"metadata": about})
            self.api.payment_intents.capture(
                intent.id, {"amount_to_capture": request.amount_minor}, {"idempotency_key": request.key}
            )
            intent = self.intent(request.hold_ref)
        self._remit(intent, request)
        sight = self._sight(intent)
        if sight.state is not HoldState.CAPTURED:
            raise _NotNow(f"{intent.id} is captured; its fee is not told yet")
        return sight

    def _remit(self, intent: stripe.PaymentIntent, request: Capture) -> None:
        """Each partner's part by a transfer out of this charge; what went before is left alone."""
        charge = charge_of(intent)
        done = {noted(transfer, "account") for transfer in self.transfers(intent)}
        for account, part_minor in sorted(request.split.items()):
            if account in done or account == self.access.own_account or part_minor == 0:
                continue
            words = {
                "amount": part_minor,
                "currency": intent.currency,
                "destination": self.access.accounts[account],
                "source_transaction": charge.id,
                "metadata": {"reference": noted(intent, "reference"), "account": account},
            }
            act = partial(self.api.transfers.create, cast("stripe.params.TransferCreateParams", words))
            self._partly(intent, f"{request.key}/{account}", act)

    def _release(self, request: Release) -> Outcome:
        intent = self.intent(request.hold_ref)
        if intent.status == "succeeded":
            return Refused("hold_ended", f"{intent.id} is captured")
        if intent.status != "canceled":
            self.api.payment_intents.cancel(intent.id, options={"idempotency_key": request.key})
            intent = self.intent(request.hold_ref)
        return self._look(intent)

    def _refund(self, request: Refund) -> Outcome:
        self._check_known(request.split)
        intent = self.intent(request.hold_ref)
        if intent.status != "succeeded":
            return Refused("bad_request", f"{intent.id} is {intent.status}: nothing to give back")
        if not any(noted(refund, "key") == request.key for refund in self.refunds(intent)):
            split = json.dumps(request.split, sort_keys=True)
            self.api.refunds.create(
                {
                    "payment_intent": intent.id,
                    "amount": request.amount_minor,
                    "metadata": {"key": request.key, "split": split, "why": request.why[:500]},
                },
                {"idempotency_key": request.key},
            )
        for transfer in self.transfers(intent):
            account = noted(transfer, "account")
            part_minor = request.split.get(account, 0)
            if part_minor and not any(noted(one, "key") == request.key for one in transfer.reversals.data):
                about = {"key": request.key}
                act = partial(
                    self.api.transfers.reversals.create, transfer.id, {"amount": part_minor, "metadata": about}
                )
                self._partly(intent, f"{request.key}/{account}", act)
        return self._sight(intent)

    def _check_known(self, split: Mapping[str, int]) -> None:
        """A partner nobody has entered is our own gap: nothing is taken before it is filled."""
        own = self.access.own_account
        for account, part_minor in split.items():
            if part_minor and account != own and account not in self.access.accounts:
                raise _NotNow(f"no connected account for {account!r} in the settings (stripe.accounts)")

    def _partly(self, intent: stripe.PaymentIntent, key: str, act: Callable[..., object]) -> None:
        """The second half of a request, whose first has acted: a refusal now is trouble, and no answer to the payer."""
        counter = "refused_" + hashlib.sha256(key.encode()).hexdigest()[:12]
        times = int(noted(intent, counter) or 0)
        try:
            act(options={"idempotency_key": f"{key}/{times}"})
        except stripe.InvalidRequestError as error:
            if error.http_status != 409:
                self.api.payment_intents.update(intent.id, {"metadata": {counter: str(times + 1)}})
            raise _NotNow(f"remittance: {error.user_message or error}") from error

    # ---- what is there -----------------------------------------------------------------------------------------------

    def intent(self, hold_ref: str) -> stripe.PaymentIntent:
        return self.api.payment_intents.retrieve(hold_ref, {"expand": _EXPAND})

    def _by_key(self, key: str) -> stripe.PaymentIntent | None:
        """The PaymentIntent with that key in its metadata. Search has all but those of the last minutes; the list has
        those too, newest first. Raises _NotNow where there is no search and the list is longer than is read."""
        if self.access.has_search:
            text = key.replace("\\", "\\\\").replace("'", "\\'")
            found = self.api.payment_intents.search(
                {"query": f"metadata['key']:'{text}'", "expand": [f"data.{name}" for name in _EXPAND]}
            )
            if found.data:
                return found.data[0]
        words: dict[str, Any] = {"limit": PAGE}
        for _ in range(MOST_PAGES):
            page = self.api.payment_intents.list(cast("stripe.params.PaymentIntentListParams", words))
            for intent in page.data:
                if noted(intent, "key") == key:
                    return self.intent(intent.id)
            if not page.has_more:
                return None
            words["starting_after"] = page.data[-1].id
        if self.access.has_search:
            return None  # older than the pages that were read, so search would have had it
        raise _NotNow(f"no hold of key {key} among the newest {MOST_PAGES * PAGE}")

    def transfers(self, intent: stripe.PaymentIntent) -> list[stripe.Transfer]:
        if not self.access.accounts:
            return []
        found = self.api.transfers.list({"transfer_group": noted(intent, "reference"), "limit": PAGE}).data
        return [transfer for transfer in found if transfer.source_transaction == charge_of(intent).id]

    def refunds(self, intent: stripe.PaymentIntent) -> list[stripe.Refund]:
        found = self.api.refunds.list({"payment_intent": intent.id, "limit": PAGE}).data
        return [refund for refund in found if refund.status not in ("failed", "canceled")]

    def split_noted(self, intent: stripe.PaymentIntent) -> dict[str, int]:
        """Whose a capture is, as we wrote it there before the money moved."""
        return _split(noted(intent, "split"))

    def _look(self, intent: stripe.PaymentIntent) -> Outcome:
        if intent.status in ("requires_capture", "succeeded", "canceled"):
            return self._sight(intent)
        if intent.status == "requires_payment_method" and intent.last_payment_error is not None:
            return _declined(intent.last_payment_error)
        raise _NotNow(f"{intent.id} is {intent.status}")

    def _sight(self, intent: stripe.PaymentIntent) -> Sight:
        """What is done and finished; see the law."""
        if intent.status == "canceled":
            is_ours = getattr(intent, "cancellation_reason", None) not in ("expired", "automatic")
            return Sight(intent.id, HoldState.RELEASED if is_ours else HoldState.EXPIRED, intent.amount)
        authorised = Sight(intent.id, HoldState.AUTHORISED, intent.amount)
        if intent.status != "succeeded":
            return authorised
        split = _split(noted(intent, "split"))
        balance = charge_of(intent).balance_transaction
        transfers = self.transfers(intent)
        remitted = {noted(transfer, "account") for transfer in transfers}
        if not isinstance(balance, stripe.BalanceTransaction) or not self._partners(split) <= remitted:
            return authorised
        reversed_keys = {
            noted(transfer, "account"): {noted(one, "key") for one in transfer.reversals.data} for transfer in transfers
        }
        refunded_minor = 0
        for refund in self.refunds(intent):
            key = noted(refund, "key")
            partners = self._partners(_split(noted(refund, "split")))
            if key and all(key in reversed_keys.get(account, ()) for account in partners):
                refunded_minor += refund.amount
        lost_minor = self.lost_minor(intent)
        return Sight(
            intent.id,
            HoldState.CAPTURED,
            intent.amount,
            sum(split.values()),
            fee_minor(balance, intent.currency),
            refunded_minor,
            lost_minor,
            split,
            {self.access.own_account: lost_minor} if lost_minor else {},
        )

    def _partners(self, split: Mapping[str, int]) -> set[str]:
        return {account for account, part_minor in split.items() if part_minor and account != self.access.own_account}

    def lost_minor(self, intent: stripe.PaymentIntent) -> int:
        """Disputes count when they are lost; until then the money may come back."""
        if not getattr(charge_of(intent), "disputed", False):
            return 0
        disputes = self.api.disputes.list({"payment_intent": intent.id, "limit": PAGE})
        return sum(dispute.amount for dispute in disputes.data if dispute.status == "lost")

    # ---- webhooks ----------------------------------------------------------------------------------------------------

    def read_webhook(self, body: bytes, header: str) -> tuple[str, str, Outcome] | None:
        """Event id, our payment's id, and what Stripe shows of it now; None for an event about none of our payments.

        An event is taken as a hint: what became of the payment is looked up, so its age and order do not matter. Raises
        BadStripeWebhook; Stripe will send it again, so nothing is lost.
        """
        event_id, hold_ref = read_event(body, header, self.access.webhook_secret)
        if hold_ref is None:
            return None
        try:
            intent = self.intent(hold_ref)
            payment_id = noted(intent, "reference")
            return None if not payment_id else (event_id, payment_id, self._look(intent))
        except (_NotNow, stripe.StripeError):
            return None  # the cashier asks by itself


def read_event(body: bytes, header: str, secret: str) -> tuple[str, str | None]:
    """(event id, PaymentIntent it is about). The signature and its age are checked by Stripe's library."""
    if len(body) > LONGEST_WEBHOOK:
        raise BadStripeWebhook(f"{len(body)} bytes: want at most {LONGEST_WEBHOOK}")
    try:
        stripe.WebhookSignature.verify_header(body.decode(), header, secret, REPLAY_WINDOW_S)
        words = json.loads(body)
        about = words["data"]["object"]
        is_intent = about["object"] == "payment_intent"
        return str(words["id"]), about["id"] if is_intent else about.get("payment_intent")
    except stripe.SignatureVerificationError as error:
        raise BadStripeWebhook(str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadStripeWebhook(f"no event of Stripe: {error!r}") from error


def noted(thing: Any, name: str) -> str:
    """What stands in its metadata under that name; "" where nothing does."""
    return "" if thing.metadata is None else str(thing.metadata.to_dict().get(name, ""))


def charge_of(intent: stripe.PaymentIntent) -> stripe.Charge:
    charge = intent.latest_charge
    if not isinstance(charge, stripe.Charge):
        raise _NotNow(f"{intent.id} has no charge")
    return charge


def _split(text: str) -> dict[str, int]:
    return {} if not text else {str(name): int(part) for name, part in json.loads(text).items()}


def fee_minor(balance: stripe.BalanceTransaction, currency: str) -> int:
    """Stripe's fee in the currency of the charge; it is taken in that of our balance."""
    if balance.currency == currency or not balance.exchange_rate:
        return balance.fee
    fee = Decimal(balance.fee) / Decimal(str(balance.exchange_rate))
    return int(fee.quantize(Decimal(1), ROUND_HALF_UP))


def _declined(error: stripe.PaymentIntent.LastPaymentError) -> Refused:
    words = error.to_dict()
    code = words.get("decline_code") or words.get("code") or ""
    return Refused(_DECLINES.get(code, "blocked"), str(words.get("message") or code))


def _told(error: stripe.StripeError) -> Outcome:
    """The payer's card or the request is refused; anything else is an outage, or our own mistake."""
    why = error.user_message or str(error)
    if isinstance(error, stripe.CardError):
        details = error.error
        code = getattr(details, "decline_code", None) or error.code or ""
        return Refused(_DECLINES.get(code, "blocked"), why)
    if isinstance(error, stripe.InvalidRequestError) and error.http_status != 409:
        if error.code in ("payment_intent_unexpected_state", "charge_expired_for_capture"):
            return Refused("hold_ended", why)
        if error.http_status == 404 or error.param == "payment_method":
            return Refused("unknown_token", why)
        return Refused("bad_request", why)
    return Unknown(f"stripe: {type(error).__name__}: {why}")
