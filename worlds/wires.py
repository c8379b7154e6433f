"""What is broken between a kiosk and one EVSE. It outlives the kiosk's boots, as a broken wire does.

The twins look here each time they would ask their device; what it says is the whole of a fault at the device Protocol.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from contract.iec61851 import PilotState
from kiosk.devices import Alarm

GREED_AT_LEAST_A = 2
HEALTHY_MV = (230_000, 230_000, 230_000)


@dataclass(slots=True)
class Wires:
    """Everything healthy. Seconds, Wh, mV, tenths of a degree."""

    pilot_is_cut: bool = False  # no answer of the board: its state and report grow old
    pilot_shows: PilotState | None = None  # instead of the truth
    alarms: frozenset[Alarm] = frozenset()
    temperature_dc: int | None = 310
    most_a: int | None = None  # a derating board offers no more
    greed: float = 1.0  # the vehicle takes so much of what it is offered
    feedback_is_cut: bool = False
    commands_are_cut: bool = False  # the coil's line no longer follows
    offers_are_cut: bool = False  # the board's offer no longer follows
    meter_is_cut: bool = False
    meter_late_s: float = 0.0
    register_off_wh: int = 0  # beside the truth
    serial: str | None = None  # of a meter put in place of the first
    voltage_mv: tuple[int, ...] = field(default=HEALTHY_MV)
    noise: float = 0.0  # chance that one question to a device on the bus is in vain
    rng: random.Random = field(default_factory=lambda: random.Random("wires"))

    def lateness_s(self, period_s: float, late_s: float = 0.0) -> float:
        """How long ago the newest answer was asked for, on a line that is asked every `period_s`."""
        late_s += self.rng.random() * late_s
        while self.noise > 0 and self.rng.random() < self.noise:
            late_s += period_s
        return late_s

    @property
    def is_slow(self) -> bool:
        """Answers come, but not each of them and not at once."""
        return self.noise > 0 or self.meter_late_s > 0

    def offered_a(self, amps: int) -> int:
        """What reaches the vehicle of what the kiosk offers. A pilot in E or F offers nothing."""
        if self.pilot_shows in (PilotState.E, PilotState.F):
            return 0
        offered_a = amps if self.most_a is None else min(amps, self.most_a)
        return max(int(offered_a * self.greed), offered_a + GREED_AT_LEAST_A) if self.greed > 1 and amps else offered_a
