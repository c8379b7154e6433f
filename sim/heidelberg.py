"""A Heidelberg Energy Control: pilot, contactor and a watchdog that bites (Walther basicEVO PRO manual, p. 17).

The street sets `vehicle_state` (A no car, B connected, C asks for energy) and `current_a`, and reads `offered_a` and
`is_closed`. When no request came for the watchdog's time, the board falls back to its fail-safe current by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LAYOUT, STATE, CURRENT, TEMPERATURE, VOLTAGE, LOCK, POWER = 4, 5, 6, 9, 10, 13, 14
WATCHDOG, STANDBY, REMOTE_LOCK, MAX_CURRENT, FAIL_SAFE = 257, 258, 259, 261, 262
READ_HOLDING, READ_INPUT = 3, 4
LEAST_TENTHS, MOST_TENTHS = 60, 160
CODES = {("A", False): 2, ("A", True): 3, ("B", False): 4, ("B", True): 5, ("C", False): 6, ("C", True): 7}
STATE_E, STATE_F = 9, 10
DERATING = 8


@dataclass(slots=True)
class HeidelbergBoard:
    """A sim.modbus_slave.RegisterSource. `clock` gives the board's own seconds, which drive its watchdog."""

    clock: Callable[[], float]
    vehicle_state: str = "A"
    current_a: tuple[float, float, float] = (0.0, 0.0, 0.0)
    is_welded: bool = False
    temperature_c: float = 25.1
    shown_state: int | None = None  # a state of its own, 8 derating to 11 error, in place of the car's
    bites: int = 0  # times the watchdog fell back
    held: dict[int, int] = field(default_factory=dict)
    _heard_s: float = 0.0
    _has_bitten: bool = False

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The board's supply went and came back, with the maker's defaults."""
        self.held = {WATCHDOG: 15_000, STANDBY: 0, REMOTE_LOCK: 1, MAX_CURRENT: 160, FAIL_SAFE: 0}
        self._heard_s = self.clock()
        self._has_bitten = False

    @property
    def offered_a(self) -> float:
        """Current the pilot offers per phase now, after watchdog and lock; 0 or 6 to 16 A."""
        self._watch()
        if not self.held[REMOTE_LOCK]:
            return 0.0
        tenths = self.held[FAIL_SAFE if self._has_bitten else MAX_CURRENT]
        return tenths / 10 if LEAST_TENTHS <= tenths <= MOST_TENTHS else 0.0

    @property
    def is_closed(self) -> bool:
        """Whether the board's contactor joins grid and vehicle."""
        has_failed = self.shown_state is not None and self.shown_state > DERATING
        return self.is_welded or (self.vehicle_state == "C" and self.offered_a > 0 and not has_failed)

    def read(self, function_code: int, address: int, count: int) -> Sequence[int] | None:
        self._hear()
        held = self.held if function_code == READ_HOLDING else self._inputs() if function_code == READ_INPUT else {}
        wanted = range(address, address + count)
        return [held[place] for place in wanted] if all(place in held for place in wanted) else None

    def write(self, address: int, values: Sequence[int]) -> bool:
        self._hear()
        places = range(address, address + len(values))
        if any(place not in self.held for place in places):
            return False
        if any(place == MAX_CURRENT and 0 < value < LEAST_TENTHS for place, value in zip(places, values, strict=True)):
            return True  # taken without effect
        self.held.update(zip(places, values, strict=True))
        return True

    def _inputs(self) -> dict[int, int]:
        state = {"E": STATE_E, "F": STATE_F}.get(self.vehicle_state)
        flowing = self.current_a if self.is_closed else (0.0, 0.0, 0.0)
        held = {LAYOUT: 0x0108, TEMPERATURE: round(self.temperature_c * 10) & 0xFFFF, LOCK: 1}
        held[STATE] = self.shown_state or state or CODES[(self.vehicle_state, self.offered_a > 0)]
        held[POWER] = round(sum(230 * amps for amps in flowing))
        for phase, amps in enumerate(flowing):
            held[CURRENT + phase] = round(amps * 10)
            held[VOLTAGE + phase] = 230
        return held

    def _hear(self) -> None:
        self._watch()
        self._heard_s = self.clock()
        self._has_bitten = False

    def _watch(self) -> None:
        """The watchdog's own timer: bites once per silence."""
        patience_s = self.held[WATCHDOG] / 1000
        if patience_s and not self._has_bitten and self.clock() - self._heard_s > patience_s:
            self._has_bitten = True
            self.bites += 1
