"""Less is taken for a use that stays as it was: everybody gives back their part of it.

| part | gives |
|---|---|
| VAT | in proportion, always: less was supplied for the money |
| host | in proportion, unless the decision says that the host keeps what they earned |
| charging service provider | what the money itself is taken from (system D: its account gave it) |
| operator | the rest |

The sale's own entries stay: they say what was used. A host who was paid out already owes it with the next statement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from billing.ledger.chart import Account, Kind
from billing.ledger.draft import Draft, drafted
from billing.settlement.entries import OPERATOR, Parties
from billing.settlement.sales import Sold


def allowance_entry(
    key: str,
    parties: Parties,
    sold: Sequence[Sold],
    amount_minor: int,
    given: Mapping[str, int],
    why: str,
    *,
    keeps_host: bool = False,
) -> Draft:
    """`amount_minor` less for the sales `sold`; `given`: out of whose accounts at the payment provider it came."""
    gross_minor = sum(one.allocation.gross_minor for one in sold)
    amounts: Counter[Account] = Counter({parties.owing: -amount_minor})

    def gives(account: Account, part_minor: int) -> None:
        amounts[account] += part_minor

    for one in sold:
        for rate, vat_minor in one.allocation.vat_minor.items():
            gives(parties.account(Kind.VAT_PAYABLE, rate), _share(vat_minor, amount_minor, gross_minor))
    for host_id, host_minor in ({} if keeps_host else host_gives_minor(sold, amount_minor)).items():
        gives(parties.account(Kind.HOST_PAYABLE, host_id), host_minor)
    for owner, given_minor in given.items():
        if owner != OPERATOR:
            gives(parties.account(Kind.PARTNER_PAYABLE, owner), given_minor)
    gives(parties.account(Kind.MARGIN, OPERATOR), -sum(amounts.values()))
    return drafted(key, why, amounts, parties.order_id)


def host_gives_minor(sold: Sequence[Sold], amount_minor: int) -> dict[str, int]:
    """By host: what they give back of `amount_minor` of these sales. The page that asks says what is booked later."""
    gross_minor = sum(one.allocation.gross_minor for one in sold)
    found: Counter[str] = Counter()
    for one in sold:
        if one.parties.host_id is not None:
            found[one.parties.host_id] += _share(one.allocation.host.total_minor, amount_minor, gross_minor)
    return dict(found)


def _share(part_minor: int, amount_minor: int, gross_minor: int) -> int:
    if gross_minor <= 0:
        return 0
    return int((Decimal(part_minor * amount_minor) / gross_minor).quantize(Decimal(1), ROUND_HALF_UP))
