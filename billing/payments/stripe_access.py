"""How this server is known to Stripe. Stands apart from the adapter, whose library is a fifth of a second to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StripeAccess:
    """`accounts`: a partner's name here → their connected account, acct_…

    `own_account` is the name that means the operator itself. `url` is Stripe's API, or a process that speaks like it.
    `has_search`: whether it can be searched by metadata; otherwise lists are read through.
    """

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    own_account: str = "operator"
    accounts: Mapping[str, str] = field(default_factory=dict)
    url: str = "https://api.stripe.com"
    has_search: bool = True
