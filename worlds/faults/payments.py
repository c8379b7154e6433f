"""Faults of the payment app's server: away for hours, or answering as a bad network does."""

from __future__ import annotations

from sim.social.trouble import Trouble
from worlds.faults.kind import Kind, Mend, NotNow, Where


def _trouble(at: Where) -> Trouble:
    """Only a third of the worlds have one."""
    if at.world.purse is None:
        raise NotNow
    return at.world.purse.trouble


def be_away(at: Where) -> Mend:
    trouble = _trouble(at)
    trouble.is_down = True

    def mend() -> None:
        trouble.is_down = False

    return mend


def misbehave(at: Where) -> Mend:
    """Refuses, acts and loses the answer, tells twice, late, and in any order."""
    trouble = _trouble(at)
    trouble.refuses, trouble.loses_answer = at.rng.uniform(0, 0.5), at.rng.uniform(0, 0.6)
    trouble.repeats_webhook, trouble.loses_webhook = at.rng.uniform(0, 0.5), at.rng.uniform(0, 0.9)
    trouble.shuffles_webhooks = True

    def mend() -> None:
        trouble.refuses = trouble.loses_answer = trouble.repeats_webhook = trouble.loses_webhook = 0.0
        trouble.shuffles_webhooks = False

    return mend


KINDS = (
    Kind("provider_away", "provider's line", be_away, (300, 5 * 3_600), every_h=14, of_evse=False),
    Kind("provider_misbehaves", "provider's answers", misbehave, (1_800, 8 * 3_600), every_h=10, of_evse=False),
)
