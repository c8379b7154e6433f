"""The external safety relay in series with every contactor coil: it lives on the edges of the heartbeat line.

A pure state machine advanced by time, so it runs in virtual and in real time. A line that is stuck, high or low,
does not feed it. It decides by its own timer, never by what the kiosk says.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class SafetyRelay:
    """Drops `drop_after_s` after the last edge; picks up again at the `beats_to_close`-th edge in good time.

    All times are seconds on one clock that never goes back; an earlier time counts as the latest one seen.
    """

    drop_after_s: float = 1.0
    beats_to_close: int = 3
    is_closed: bool = False
    changes: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=1000))  # (second, closed)
    now_s: float = float("-inf")
    _last_edge_s: float = float("-inf")
    _good_beats: int = 0

    def __post_init__(self) -> None:
        if self.drop_after_s <= 0 or self.beats_to_close < 1:
            raise ValueError("a safety relay drops after more than 0 s and closes after at least 1 beat")

    @property
    def deadline_s(self) -> float:
        """When it changes by itself if nothing happens; infinity: never."""
        return self._last_edge_s + self.drop_after_s if self.is_closed else float("inf")

    def advance(self, now_s: float) -> None:
        self.now_s = max(self.now_s, now_s)
        if self.now_s >= self.deadline_s:
            self._become(False, self.deadline_s)
            self._good_beats = 0

    def edge(self, at_s: float) -> None:
        """The heartbeat line changed its level."""
        self.advance(at_s)
        in_time = self.now_s - self._last_edge_s < self.drop_after_s
        self._good_beats = min(self._good_beats + 1, self.beats_to_close) if in_time else 1
        self._last_edge_s = self.now_s
        if not self.is_closed and self._good_beats >= self.beats_to_close:
            self._become(True, self.now_s)

    def lose_power(self, at_s: float) -> None:
        """The mains of the cabinet are gone: it drops at once and starts counting from nothing."""
        self.advance(at_s)
        self._good_beats, self._last_edge_s = 0, float("-inf")
        if self.is_closed:
            self._become(False, self.now_s)

    def _become(self, closed: bool, at_s: float) -> None:
        self.is_closed = closed
        self.changes.append((at_s, closed))
