"""The ledger entries of a use's life: sold, paid, refunded, taken back. Keys name the fact, so each is posted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from billing.ledger.chart import Account, Kind
from billing.ledger.draft import Draft, drafted
from billing.settlement.allocation import Allocation

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose accounts an order touches. `payer` owes until it is paid: the driver's account, or the order of a guest."""

    order_id: str
    payer: str
    currency: str
    host_id: str | None = None
    provider_id: str | None = None

    def account(self, kind: Kind, owner: str) -> Account:
        return Account(kind, owner, self.currency)

    @property
    def owing(self) -> Account:
        return self.account(Kind.RECEIVABLE, self.payer)


def sale_key(cdr_id: str) -> str:
    return f"sale/{cdr_id}"


def sale_entry(cdr_id: str, parties: Parties, allocation: Allocation) -> Draft | None:
    """What a CDR means in money: the payer owes it, everybody has a claim to their part. None where nobody has any."""
    amounts = {
        parties.owing: allocation.gross_minor,
        parties.account(Kind.MARGIN, OPERATOR): -allocation.operator_minor,
    }
    for rate, vat_minor in allocation.vat_minor.items():
        amounts[parties.account(Kind.VAT_PAYABLE, rate)] = -vat_minor
    if parties.host_id is not None:
        amounts[parties.account(Kind.HOST_PAYABLE, parties.host_id)] = -allocation.host.total_minor
    if parties.provider_id is not None:
        amounts[parties.account(Kind.PARTNER_PAYABLE, parties.provider_id)] = -allocation.provider_minor
    if not any(amounts.values()):
        return None
    return drafted(sale_key(cdr_id), f"charge detail record {cdr_id}", amounts, parties.order_id)


def remitted_to(owner: str, parties: Parties, social: str) -> Account:
    """Where a part of a payment stands: the operator's with the provider of payments, a partner's with the partner.

    By its name alone: parts of one order may have been sold under different agreements.
    """
    if owner == OPERATOR:
        return parties.account(Kind.PROVIDER_CLEARING, social)
    return parties.account(Kind.PARTNER_PAYABLE, owner)


def capture_entry(
    payment_id: str, parties: Parties, social: str, taken_minor: int, remitted: Mapping[str, int], fee_minor: int
) -> Draft:
    """The payer paid: the provider of payments remitted `remitted` by account and kept its fee of the operator's part.

    A partner's part never passes through the operator's hands, so it settles the claim at once.
    """
    if sum(remitted.values()) != taken_minor:
        raise ValueError(f"payment {payment_id}: {dict(remitted)} is not {taken_minor}")
    amounts = Counter({parties.owing: -taken_minor, parties.account(Kind.PAYMENT_COST, social): fee_minor})
    for owner, part_minor in remitted.items():
        amounts[remitted_to(owner, parties, social)] += part_minor
    amounts[remitted_to(OPERATOR, parties, social)] -= fee_minor
    return drafted(f"capture/{payment_id}", f"paid through {social}", amounts, parties.order_id)


def refund_entry(
    payment_id: str, number: int, parties: Parties, social: str, given: Mapping[str, int], why: str
) -> Draft:
    """Money given back: the payer's account shows it as paid less, the givers have it no more."""
    amounts = Counter({parties.owing: sum(given.values())})
    for owner, part_minor in given.items():
        amounts[remitted_to(owner, parties, social)] -= part_minor
    return drafted(f"refund/{payment_id}/{number}", why, amounts, parties.order_id)


def chargeback_entry(key: str, parties: Parties, social: str, given: Mapping[str, int]) -> Draft:
    """The payer's bank took money back: the payer owes it again, the givers have it no more."""
    amounts = Counter({parties.owing: sum(given.values())})
    for owner, part_minor in given.items():
        amounts[remitted_to(owner, parties, social)] -= part_minor
    return drafted(key, "charged back by the payer's bank", amounts, parties.order_id)


def monthly_fee_entry(host_id: str, currency: str, month: str, borne: Mapping[Account, int]) -> Draft | None:
    """An installation fee per month, `month` as 2026-11: outside any sale, out of the share of whoever bears it.

    `borne` is in minor units by account: the operator's margin, a partner's claim. None where nothing is owed.
    """
    amounts = {**borne, Account(Kind.HOST_PAYABLE, host_id, currency): -sum(borne.values())}
    if not any(amounts.values()):
        return None
    return drafted(monthly_key(host_id, month), f"installation fee for {month}", amounts)


def monthly_key(host_id: str, month: str) -> str:
    return f"monthly/{host_id}/{month}"


def vat_key(host_id: str, month: str) -> str:
    return f"host-vat/{host_id}/{month}"


def host_vat_entry(host_id: str, currency: str, month: str, rate: str, vat_minor: int) -> Draft | None:
    """VAT of what a host supplied in a month: paid to the host on top, and owed to the state no more."""
    if vat_minor == 0:
        return None
    amounts = {
        Account(Kind.VAT_PAYABLE, rate, currency): vat_minor,
        Account(Kind.HOST_PAYABLE, host_id, currency): -vat_minor,
    }
    return drafted(vat_key(host_id, month), f"VAT {rate} % of {month}", amounts)
