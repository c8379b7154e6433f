"""A contactor: a coil behind two switches in series, main contacts that take their time, an auxiliary contact.

A pure state machine advanced by time. The coil has current only where the kiosk's output AND the safety relay are on.
Typical times of an AC-3 installation contactor: 20 ms to close, 12 ms to open.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Contactor:
    """Times are seconds on one clock that never goes back; an earlier time counts as the latest one seen.

    Faults, free to set at any moment: `is_welded` (main contacts that are closed stay closed, and so does the
    mechanically linked auxiliary contact), `is_jammed` (does not close), `stuck_feedback` (the auxiliary contact
    or its wire shows this whatever happens). A coil whose wire breaks lets go at once: `cut_coil`.
    """

    close_delay_s: float = 0.020
    open_delay_s: float = 0.012
    is_closed: bool = False
    is_welded: bool = False
    is_jammed: bool = False
    stuck_feedback: bool | None = None
    changes: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=1000))  # (second, closed)
    now_s: float = -math.inf
    is_cut: bool = False
    _is_commanded: bool = False
    _is_supplied: bool = False
    _moves_at_s: float | None = None

    @property
    def has_coil_current(self) -> bool:
        return self._is_commanded and self._is_supplied and not self.is_cut

    @property
    def feedback(self) -> bool:
        """What the auxiliary contact shows."""
        return self.is_closed if self.stuck_feedback is None else self.stuck_feedback

    @property
    def deadline_s(self) -> float:
        """When it moves by itself if nothing happens; infinity: never."""
        return math.inf if self._moves_at_s is None else self._moves_at_s

    def advance(self, now_s: float) -> None:
        if now_s > self.now_s:
            self.now_s = now_s
        while self._moves_at_s is not None and self._moves_at_s <= self.now_s:
            at_s, self._moves_at_s = self._moves_at_s, None
            if self.has_coil_current and not self.is_jammed:
                self._become(True, at_s)
            elif not self.has_coil_current and not self.is_welded:
                self._become(False, at_s)

    def command(self, on: bool, at_s: float) -> None:
        """The kiosk's output."""
        self.advance(at_s)
        self._is_commanded = on
        self._coil_changed()

    def supply(self, on: bool, at_s: float) -> None:
        """The safety relay."""
        self.advance(at_s)
        self._is_supplied = on
        self._coil_changed()

    def cut_coil(self, at_s: float) -> None:
        """The wire to the coil breaks."""
        self.advance(at_s)
        self.is_cut = True
        self._coil_changed()

    def mend(self, at_s: float) -> None:
        """All faults gone; the contacts go where the coil wants them."""
        self.advance(at_s)
        self.is_welded, self.is_jammed, self.is_cut, self.stuck_feedback = False, False, False, None
        self._coil_changed()

    def _coil_changed(self) -> None:
        if self.has_coil_current == self.is_closed:
            self._moves_at_s = None
        elif self._moves_at_s is None:
            delay_s = self.close_delay_s if self.has_coil_current else self.open_delay_s
            self._moves_at_s = self.now_s + delay_s

    def _become(self, closed: bool, at_s: float) -> None:
        if closed != self.is_closed:
            self.is_closed = closed
            self.changes.append((at_s, closed))
