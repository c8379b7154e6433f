"""Our books against a payment provider's own: hold by hold, account by account. An empty answer: no difference.

Asked of the provider's statement, not of what its answers had said: this is the other side's book. The social server
has one to fetch; Stripe's is read from its objects (billing.checkout.reconcile_stripe).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import requests
from sqlalchemy import Connection, select

from billing.ledger.chart import Account, Kind
from billing.ledger.tables import ledger_accounts, ledger_entries, ledger_postings
from billing.payments.payment import Payment
from billing.payments.provider import HoldState, Sight
from billing.payments.social import OWN, PATIENCE_S, SocialAccess, sight_of
from billing.payments.tables import payments
from contract.codec import from_bytes

_BOOKED = ("capture/%", "refund/%", "chargeback/%")


class NoStatement(Exception):
    """The provider gave none, or none that can be read."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The provider's own book. `holds` by the payment they name; amounts in minor units of `currency`."""

    currency: str
    holds: tuple[tuple[str, Sight], ...]
    balances: dict[str, int]
    fees_minor: int


def fetch(access: SocialAccess) -> Statement:
    """Raises NoStatement."""
    try:
        headers = {"Authorization": f"Bearer {access.merchant_secret}"}
        answer = requests.get(f"{access.url}/v1/statement", headers=headers, timeout=PATIENCE_S)
        answer.raise_for_status()
        return read_statement(answer.json())
    except (requests.ConnectionError, requests.Timeout) as error:
        raise NoStatement(f"social server: no answer at {access.url}; is it running?") from error
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise NoStatement(f"{access.url}/v1/statement: {error}") from error


def read_statement(words: Mapping[str, Any]) -> Statement:
    """Raises KeyError, ValueError or TypeError for anything that is none."""
    holds = tuple((str(hold["reference"]), sight_of(hold)) for hold in words["holds"])
    balances = {str(name): int(amount) for name, amount in dict(words["balances"]).items()}
    return Statement(str(words["currency"]), holds, balances, int(words["fees_minor"]))


def currencies_of(connection: Connection, provider: str) -> list[str]:
    """Those our payments at a provider are in."""
    bodies = connection.execute(select(payments.c.body).where(payments.c.provider == provider)).scalars()
    return sorted({from_bytes(Payment, body).currency for body in bodies})


def differences(connection: Connection, provider: str, own_account: str, theirs: Statement) -> list[str]:
    """Each a sentence. `own_account` is the operator's at the provider."""
    ours = {
        payment.payment_id: payment
        for body in connection.execute(select(payments.c.body).where(payments.c.provider == provider)).scalars()
        for payment in [from_bytes(Payment, body)]
        if payment.currency == theirs.currency
    }
    found = []
    for name, sight in theirs.holds:
        found += _of_hold(ours.get(name), name, replace(sight, split=_as_ours(sight.split, own_account)))
    named = {name for name, _ in theirs.holds}
    found += [
        f"payment {name}: {payment.sight.held_minor} held here, nothing there"
        for name, payment in ours.items()
        if payment.sight is not None and name not in named
    ]
    booked = _booked(connection, provider, theirs.currency)
    wanted = Counter(_as_ours(theirs.balances, own_account))
    wanted[_FEES] = theirs.fees_minor
    for name in sorted({*booked, *wanted}):
        if booked[name] != wanted[name]:
            found.append(f"account {name}: {booked[name]} booked here, {wanted[name]} there")
    return found


_FEES = "fees"


def _as_ours(parts: Mapping[str, int], own_account: str) -> dict[str, int]:
    return {OWN if name == own_account else name: part for name, part in parts.items()}


def _of_hold(payment: Payment | None, name: str, theirs: Sight) -> list[str]:
    if payment is None:
        return [f"hold {theirs.hold_ref} for {name}: {theirs.held_minor} there, nothing known of it here"]
    ours = payment.sight
    if ours is None:
        return [f"payment {name}: {theirs.state.value} there, not known here yet"]
    if ours.state is HoldState.AUTHORISED and theirs.state is HoldState.EXPIRED:
        return []  # told by webhook, or found at the next request: nothing moved
    fields = ("state", "held_minor", "captured_minor", "fee_minor", "refunded_minor", "charged_back_minor", "split")
    return [
        f"payment {name}: {field} is {getattr(ours, field)} here, {getattr(theirs, field)} there"
        for field in fields
        if getattr(ours, field) != getattr(theirs, field)
    ]


def _booked(connection: Connection, provider: str, currency: str) -> Counter[str]:
    """What our ledger says stands on each account at the provider, and what it kept."""
    a, found = ledger_accounts.c, Counter[str]()
    clearing, cost = (Account(kind, provider, currency).name for kind in (Kind.PROVIDER_CLEARING, Kind.PAYMENT_COST))
    known = select(payments.c.payment_id).where(payments.c.provider == provider)
    ids = set(connection.execute(known).scalars())
    for like in _BOOKED:
        query = (
            select(ledger_entries.c.key, a.name, a.kind, a.owner, ledger_postings.c.amount)
            .join_from(ledger_postings, ledger_accounts)
            .join(ledger_entries, ledger_entries.c.entry_no == ledger_postings.c.entry_no)
            .where(ledger_entries.c.key.like(like), a.unit == currency)
        )
        for row in connection.execute(query):
            if row.key.split("/")[1] not in ids:
                continue
            if row.name == clearing:
                found[OWN] += row.amount
            elif row.name == cost:
                found[_FEES] += row.amount
            elif row.kind == Kind.PARTNER_PAYABLE.value:
                found[row.owner] += row.amount
    return found
