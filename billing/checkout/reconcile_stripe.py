"""Stripe's own book, for billing.checkout.reconcile: what stands there of our holds, read from Stripe's objects alone.

Law:
- Nothing is taken from what we noted there but whose it is: what was captured is the amount that was received, a
  partner's part is what was transferred, what was given back is every refund, also one made by hand in the dashboard.
- An account's balance is what our payments left on it: transfers less reversals for a partner; for ourselves what was
  received, less fees, transfers, refunds and lost disputes. Payouts and other business of the account are not ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import stripe

from billing.checkout.reconcile import NoStatement, Statement
from billing.payments.provider import HoldState, Sight
from billing.payments.stripe_provider import PAGE, StripeProvider, charge_of, fee_minor, noted

MOST_PAGES = 1_000  # a hundred thousand holds


@dataclass(frozen=True, slots=True)
class _Hold:
    payment_id: str
    currency: str
    sight: Sight
    left: Counter[str]  # on each account, in minor units


def fetch(provider: StripeProvider, currencies: Sequence[str]) -> list[Statement]:
    """One statement a currency: of those given, and of every other that a hold there has. Raises NoStatement."""
    try:
        holds = [_hold(provider, intent) for intent in _intents(provider)]
    except (stripe.StripeError, ValueError, KeyError, LookupError) as error:
        raise NoStatement(f"stripe: {error}") from error
    found = []
    for currency in sorted({*currencies, *(hold.currency for hold in holds)}):
        of_it = [hold for hold in holds if hold.currency == currency]
        balances = Counter[str]()
        for hold in of_it:
            balances.update(hold.left)
        fees_minor = sum(hold.sight.fee_minor for hold in of_it)
        seen = tuple((hold.payment_id, hold.sight) for hold in of_it)
        found.append(Statement(currency, seen, dict(balances), fees_minor))
    return found


def _intents(provider: StripeProvider) -> Iterator[stripe.PaymentIntent]:
    """Every hold of ours: those that were never held (declined, given up before) are none."""
    words: dict[str, Any] = {"limit": PAGE}
    for _ in range(MOST_PAGES):
        page = provider.api.payment_intents.list(cast("stripe.params.PaymentIntentListParams", words))
        for intent in page.data:
            if noted(intent, "reference") and intent.status in ("requires_capture", "succeeded", "canceled"):
                yield intent
        if not page.has_more:
            return
        words["starting_after"] = page.data[-1].id
    raise ValueError(f"more than {MOST_PAGES * PAGE} payments: too many to hold against each other in one go")


def _hold(provider: StripeProvider, intent: stripe.PaymentIntent) -> _Hold:
    currency, reference = intent.currency.upper(), noted(intent, "reference")
    if intent.status != "succeeded":
        state = HoldState.AUTHORISED
        if intent.status == "canceled":
            expired = getattr(intent, "cancellation_reason", None) in ("expired", "automatic")
            state = HoldState.EXPIRED if expired else HoldState.RELEASED
        return _Hold(reference, currency, Sight(intent.id, state, intent.amount), Counter())
    intent = provider.intent(intent.id)
    own, left, split = provider.access.own_account, Counter[str](), Counter[str]()
    for transfer in provider.transfers(intent):
        account = noted(transfer, "account")
        split[account] += transfer.amount
        left[account] += transfer.amount - sum(one.amount for one in transfer.reversals.data)
    refunds = provider.refunds(intent)
    received_minor = getattr(intent, "amount_received", None)
    if received_minor is None:  # localstripe tells the part of a hold that was not taken as a refund nobody asked for
        received_minor = intent.amount - sum(refund.amount for refund in refunds if not noted(refund, "key"))
        refunds = [refund for refund in refunds if noted(refund, "key")]
    refunded_minor = sum(refund.amount for refund in refunds)
    lost_minor = provider.lost_minor(intent)
    balance = charge_of(intent).balance_transaction
    fee = fee_minor(balance, intent.currency) if isinstance(balance, stripe.BalanceTransaction) else 0
    split[own] = received_minor - sum(split.values())
    left[own] = received_minor - refunded_minor - lost_minor - fee - sum(left.values())
    sight = Sight(
        intent.id,
        HoldState.CAPTURED,
        intent.amount,
        received_minor,
        fee,
        refunded_minor,
        lost_minor,
        {name: split[name] for name in sorted({*split, *provider.split_noted(intent)})},
        {own: lost_minor} if lost_minor else {},
    )
    return _Hold(reference, currency, sight, left)
