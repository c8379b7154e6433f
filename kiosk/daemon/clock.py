"""The controller's clock: monotonic seconds since it started, wall time with a lower bound and a quality.

Every start of the controller is a boot of its own: monotonic seconds never compare across two of them.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

from contract.transaction import ClockQuality
from kiosk.session.events import Now
from kiosk.system_clock import is_system_clock_synchronised

LOOK_EVERY_S = 10.0


class Clock:
    """`rate` is 1 except in demos. `not_before` is the last wall time the journal knows: time was at least that."""

    def __init__(self, rate: float, is_trusted: bool, not_before: datetime | None) -> None:
        self.boot_id = uuid.uuid4().hex
        self._rate, self._is_trusted = rate, is_trusted
        self._started_s = time.monotonic()
        self._bound = not_before or datetime.fromtimestamp(0, UTC)
        self._began = max(datetime.now(UTC), self._bound)
        self._was_synchronised = False
        self._quality = ClockQuality.UNKNOWN
        self._looked_s = float("-inf")

    def s(self) -> float:
        """Kiosk monotonic seconds."""
        return (time.monotonic() - self._started_s) * self._rate

    def wall(self) -> datetime:
        """UTC. Never before the bound; with a rate, as much later than the start as kiosk time says."""
        if self._rate != 1:
            return self._began + timedelta(seconds=self.s())
        return self.shared_wall()

    def shared_wall(self) -> datetime:
        """UTC as the server has it too, whatever the rate: what the codes for phones are made from."""
        return max(datetime.now(UTC), self._bound)

    def now(self) -> Now:
        return Now(self.s(), self.wall(), self._current_quality(), self.boot_id)

    def _current_quality(self) -> ClockQuality:
        real_s = time.monotonic()
        if real_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = real_s
            is_possible = self._rate != 1 or datetime.now(UTC) >= self._bound
            if is_possible and (self._is_trusted or is_system_clock_synchronised()):
                self._was_synchronised = True
                self._quality = ClockQuality.SYNCHRONISED
            else:
                self._quality = ClockQuality.ESTIMATED if self._was_synchronised else ClockQuality.UNKNOWN
        return self._quality
