"""Whether somebody set the computer's clock: wall time that moves otherwise than monotonic time."""

from __future__ import annotations

import logging

from kiosk.session.snapshot import DeviceView

log = logging.getLogger("kiosk.clock")

STEP_S = 2.0  # NTP slews what is less than 0.128 s, and a slow look may take a second
TOLD_S = 3600.0  # how long the snapshot tells of it


class ClockSteps:
    """Real seconds: monotonic, and since the epoch."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._step_s, self._at_s = 0.0, float("-inf")

    def look(self, monotonic_s: float, epoch_s: float) -> DeviceView | None:
        """A view of the clock within an hour after a step; None otherwise."""
        offset_s = epoch_s - monotonic_s
        step_s = 0.0 if self._offset_s is None else offset_s - self._offset_s
        if abs(step_s) >= STEP_S:
            self._step_s, self._at_s = step_s, monotonic_s
            log.warning("the clock was set %s by %.0f s", "forward" if step_s > 0 else "back", abs(step_s))
        self._offset_s = offset_s
        ago_s = monotonic_s - self._at_s
        if ago_s >= TOLD_S:
            return None
        way = "forward" if self._step_s > 0 else "back"
        said = f"clock: was set {way} by {abs(self._step_s):.0f} s, {ago_s:.0f} s ago"
        return DeviceView("clock", True, said)
