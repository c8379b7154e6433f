"""An EVSE-DIN pilot board: its registers, and the pilot line it drives (evracing.cz EVSE-WB-DIN manual).

The street sets `vehicle_state` (what the car does to the pilot) and reads `offered_a` (what the duty cycle says).
The board has no watchdog: it goes on offering when nobody talks to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OFFERED, ACTUAL, STATE, CABLE, COMMAND, FIRMWARE, CONFIGURATION = 1000, 1001, 1002, 1003, 1004, 1005, 2005
IN_HUNDREDTHS = 1 << 7
LEAST_A, MOST_A = 6, 80
CODES = {"A": 1, "B": 2, "C": 3, "D": 4}
FAULT = 5
READ_HOLDING = 3


@dataclass(slots=True)
class EvseDinBoard:
    """A sim.modbus_slave.RegisterSource. `vehicle_state` is A to F; E and F are shown as a fault."""

    vehicle_state: str = "A"
    firmware: int = 17
    counts_hundredths: bool = False
    raw_offered: int = 0
    shown_state: int | None = None  # a code of its own above 4, in place of the car's

    @property
    def offered_a(self) -> float:
        """Current the pilot offers per phase, 0 or 6 to 80 A."""
        amps = self.raw_offered / (100 if self.counts_hundredths else 1)
        return amps if amps >= LEAST_A else 0.0

    def restart(self) -> None:
        """The board's supply went and came back."""
        self.raw_offered = 0

    def read(self, function_code: int, address: int, count: int) -> Sequence[int] | None:
        state = self.shown_state or CODES.get(self.vehicle_state, FAULT)
        held = {
            OFFERED: self.raw_offered,
            ACTUAL: self.raw_offered if state in (3, 4) else 0,
            STATE: state,
            CABLE: 32,
            COMMAND: 0,
            FIRMWARE: self.firmware,
            CONFIGURATION: IN_HUNDREDTHS if self.counts_hundredths else 0,
        }
        wanted = range(address, address + count)
        if function_code != READ_HOLDING or any(place not in held for place in wanted):
            return None
        return [held[place] for place in wanted]

    def write(self, address: int, values: Sequence[int]) -> bool:
        if address != OFFERED or len(values) != 1:
            return False
        if values[0] <= MOST_A * (100 if self.counts_hundredths else 1):
            self.raw_offered = values[0]
        return True
