"""The ledger entries of a payout: owed to the host → in transit → bank. Taking back reverses them."""

from __future__ import annotations

from billing.ledger.chart import Account, Kind
from billing.ledger.draft import Draft, drafted


def payout_key(payout_id: str) -> str:
    return f"payout/{payout_id}"


def paid_key(payout_id: str) -> str:
    return f"paid-out/{payout_id}"


def batched_entry(payout_id: str, payable: Account, run: str, ending: str, amount_minor: int) -> Draft:
    """Ordered to be paid to the account that ends in `ending`."""
    amounts = {payable: amount_minor, Account(Kind.IN_TRANSIT, run, payable.unit): -amount_minor}
    return drafted(payout_key(payout_id), f"payout {payout_id} to account ending {ending}", amounts)


def paid_entry(payout_id: str, run: str, bank: str, currency: str, amount_minor: int) -> Draft:
    """The bank says that it left our account."""
    amounts = {
        Account(Kind.IN_TRANSIT, run, currency): amount_minor,
        Account(Kind.BANK, bank, currency): -amount_minor,
    }
    return drafted(paid_key(payout_id), f"payout {payout_id} paid by the bank", amounts)
