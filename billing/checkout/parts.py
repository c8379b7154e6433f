"""Out of whose account a capture goes and a refund comes, by the order's allocations. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from billing.ledger.draft import split
from billing.payments.payment import Payment
from billing.settlement.entries import OPERATOR
from billing.settlement.sales import Sold


def capture_parts(taken_minor: int, sold: Sequence[Sold]) -> dict[str, int]:
    """A capture by the accounts it is remitted to: the provider's share of the net, the rest to the operator.

    VAT and host are paid out of the operator's. Where less than the charge is taken, the parts are in proportion.
    """
    gross_minor = sum(one.allocation.gross_minor for one in sold)
    weights = {OPERATOR: 0}
    for one in sold:
        if one.parties.provider_id is not None:
            known = weights.get(one.parties.provider_id, 0)
            weights[one.parties.provider_id] = known + one.allocation.provider_minor
    for name in weights:
        weights[name] = max(0, weights[name])
    weights[OPERATOR] = max(0, gross_minor - sum(weights.values()))
    if not any(weights.values()):
        weights[OPERATOR] = 1
    # Where the net leaves a provider more than the charge, the charge is all there is to share.
    return split(taken_minor, weights)


def refund_parts(payment: Payment, amount_minor: int, only: str | None = None) -> dict[str, int]:
    """Who gives `amount_minor` back: all in proportion to what they have left of the capture, or `only` one.

    Raises ValueError where those who are to give have less left.
    """
    left = left_of(payment)
    givers = left if only is None else {only: left.get(only, 0)}
    if sum(givers.values()) < amount_minor:
        raise ValueError(f"refund {amount_minor}: {sum(givers.values())} left with {', '.join(givers)}")
    return {name: part for name, part in split(amount_minor, givers).items() if part or name == OPERATOR}


def left_of(payment: Payment) -> dict[str, int]:
    """What each account has left of the capture: less the refunds that were decided and what was charged back."""
    if payment.sight is None:
        return {}
    left = dict(payment.sight.split)
    gone = [*(wish.split for wish in payment.refunds), payment.sight.charged_back_split]
    for parts in gone:
        for name, part in parts.items():
            left[name] = left.get(name, 0) - part
    return {name: max(0, part) for name, part in left.items()}
