"""The agenda of a world: what happens when, in virtual time. One thread, no waiting."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Act = Callable[[], None]


class Agenda:
    """`now_s` only moves forward; acts due at the same moment happen in the order they were planned."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list[tuple[float, int, Act]] = []
        self._order = itertools.count()

    def at(self, at_s: float, act: Act) -> None:
        heapq.heappush(self._due, (max(at_s, self.now_s), next(self._order), act))

    def after(self, delay_s: float, act: Act) -> None:
        self.at(self.now_s + delay_s, act)

    def next_s(self) -> float:
        return self._due[0][0] if self._due else float("inf")

    def run_due(self) -> None:
        """Everything due at `now_s`."""
        while self._due and self._due[0][0] <= self.now_s:
            heapq.heappop(self._due)[2]()
