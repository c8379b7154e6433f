"""Whether a lifetime register can have come from there to here. Pure.

Law: energy never runs backwards and never faster than the connection can carry. What does not pass is kept aside:
it is neither a reading nor forgotten. A register that starts anew needs a named cause (another serial number, or
the technician's word).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RegisterWatch:
    """One register in Wh. `most_w` is the greatest power that can flow, `step_wh` the register's step."""

    what: str
    most_w: int
    step_wh: int
    last_wh: int | None = None
    last_s: float = 0.0

    def objection(self, register_wh: int, at_s: float) -> str:
        """Why this value cannot be true; empty where it can."""
        if register_wh < 0:
            return f"{self.what} reads {register_wh} Wh, less than nothing"
        if self.last_wh is None:
            return ""
        if register_wh < self.last_wh:
            return f"{self.what} ran backwards from {self.last_wh} to {register_wh} Wh"
        # A step counts whole at the moment it falls, and the meter's clock is not ours: two steps of grace.
        most_wh = self.most_w * max(at_s - self.last_s, 0.0) / 3600 + 2 * self.step_wh + 1
        if register_wh - self.last_wh > most_wh:
            return (
                f"{self.what} jumped by {register_wh - self.last_wh} Wh in {at_s - self.last_s:.0f} s, "
                f"more than {self.most_w} W can carry"
            )
        return ""

    def accept(self, register_wh: int, at_s: float) -> None:
        self.last_wh, self.last_s = register_wh, at_s

    def start_anew(self) -> None:
        """Another meter counts from here."""
        self.last_wh = None
