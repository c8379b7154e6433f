"""How a social server misbehaves: it is slow, it refuses, it acts and loses the answer, it is away, it repeats itself.

Each trouble is drawn per request from a seed, so a failing run can be run again.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from sim.social.bank import Event


@dataclass(slots=True)
class Trouble:
    """Chances from 0 to 1. `is_down` refuses everything at the door."""

    is_down: bool = False
    slow_s: float = 0.0
    refuses: float = 0.0  # 503 before anything was done
    loses_answer: float = 0.0  # acts, then breaks the connection
    repeats_webhook: float = 0.0
    loses_webhook: float = 0.0  # until it is sent again
    shuffles_webhooks: bool = False


class Mood:
    """Draws what happens to one request or delivery."""

    def __init__(self, trouble: Trouble, seed: int) -> None:
        self.trouble = trouble
        self._rng = random.Random(f"social-{seed}")

    def refuses(self) -> bool:
        return self.trouble.is_down or self._rng.random() < self.trouble.refuses

    def loses_answer(self) -> bool:
        return self._rng.random() < self.trouble.loses_answer

    def loses_webhook(self) -> bool:
        return self.trouble.is_down or self._rng.random() < self.trouble.loses_webhook

    def delivery(self, events: Iterable[Event]) -> list[Event]:
        """The order and number in which these events go out."""
        out = [
            twin for event in events for twin in ([event] * (1 + (self._rng.random() < self.trouble.repeats_webhook)))
        ]
        if self.trouble.shuffles_webhooks:
            self._rng.shuffle(out)
        return out
