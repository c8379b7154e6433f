"""Which payment providers this server has, by its settings. Made anew for each thread that asks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from billing.payments.provider import Provider
from billing.payments.social import SocialProvider
from billing.settings import Settings

ANSWER_PATIENCE_S = 10.0

MakeProviders = Callable[[Settings, float], Mapping[str, Provider]]


def providers_of(settings: Settings, patience_s: float = ANSWER_PATIENCE_S) -> dict[str, Provider]:
    """By name; the first one is where phones are sent. `patience_s` for one answer."""
    found: dict[str, Provider] = {}
    if settings.social is not None:
        found[SocialProvider.name] = SocialProvider(settings.social, (min(3.0, patience_s), patience_s))
    if settings.stripe is not None:
        from billing.payments.stripe_provider import StripeProvider  # its library is slow to import

        found[StripeProvider.name] = StripeProvider(settings.stripe, (min(3.0, patience_s), patience_s))
    return found
