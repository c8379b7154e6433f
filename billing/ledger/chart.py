"""The chart of accounts: every kind of account there is, and what it means when it holds something.

| kind | owner | debit balance means | credit balance means |
|---|---|---|---|
| provider_clearing | payment provider | captured, not yet on a bank account | – |
| receivable | account or order | the driver owes us | – |
| host_payable | host | – | we owe the host |
| partner_payable | charging service provider or operator | – | we owe them their share |
| vat_payable | rate in per cent | – | VAT of supplies, less that paid to hosts, owed to the state |
| margin | operator | – | what is left to the operator |
| payment_cost | payment provider | what providers keep | – |
| in_transit | payout run | – | ordered to be paid, not yet confirmed by the bank |
| bank | account name | money there | – |
| wallet | driver account | – | points or seconds the driver may still use |
| issued | programme | points or seconds given out, less those that came back | – |
| exchange | programme | one side of a conversion between two units | the other side |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    PROVIDER_CLEARING = "provider_clearing"
    RECEIVABLE = "receivable"
    HOST_PAYABLE = "host_payable"
    PARTNER_PAYABLE = "partner_payable"
    VAT_PAYABLE = "vat_payable"
    MARGIN = "margin"
    PAYMENT_COST = "payment_cost"
    IN_TRANSIT = "in_transit"
    BANK = "bank"
    WALLET = "wallet"
    ISSUED = "issued"
    EXCHANGE = "exchange"


POINT, SECOND = "point", "second"  # units beside the ISO 4217 codes of currencies
HAS_FLOOR = frozenset({Kind.WALLET})  # a hold may not exceed what stands there; what was delivered always posts


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account. `unit` is an ISO 4217 code (amounts in its minor unit), `point` or `second`."""

    kind: Kind
    owner: str
    unit: str

    def __post_init__(self) -> None:
        if not self.owner or "/" in self.owner:
            raise ValueError(f"owner {self.owner!r}: want a name without a slash")
        if self.unit not in (POINT, SECOND) and not (len(self.unit) == 3 and self.unit.isupper()):
            raise ValueError(f"unit {self.unit!r}: want a currency's three letters, {POINT!r} or {SECOND!r}")

    @property
    def name(self) -> str:
        """`kind/owner/unit`: the account's key in the database and its name in every report."""
        return f"{self.kind.value}/{self.owner}/{self.unit}"


def account_of(name: str) -> Account:
    """The account with that name. Raises ValueError for a text that is none."""
    kind, _, rest = name.partition("/")
    owner, _, unit = rest.partition("/")
    return Account(Kind(kind), owner, unit)
