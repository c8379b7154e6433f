"""How long the kiosk takes from a fault on a line to its open command, measured at the lines of the board.

A sample begins as the line goes active. It ends with the first open command on the contactor's line that was given
after the kiosk read the active line: a command it gives anyway, not knowing of the fault yet, does not count.
"""

from __future__ import annotations

import random
import threading
import time

from sim.gpio_board import GpioBoard

PATIENCE_S = 5.0
LEAST_PAUSE_S, MOST_PAUSE_S = 0.02, 0.09  # between two samples, so that no two of the kiosk's own rhythms are met


class Stopwatch:
    """For one fault line (normally closed to ground) and one contactor line (active high). Use one at a time."""

    def __init__(self, board: GpioBoard, fault_pin: int, command_pin: int, seed: int = 1) -> None:
        self._board, self._fault_pin, self._command_pin = board, fault_pin, command_pin
        self._chance = random.Random(seed)
        self._is_armed = self._was_seen = False
        self._opened_s = 0.0
        self._opened = threading.Event()

    def samples(self, rounds: int) -> list[float]:
        """Seconds, one per round, in order. Raises TimeoutError for a kiosk that never opens."""
        self._board.listen(self._hear)
        taken_s = []
        try:
            for _ in range(rounds):
                time.sleep(self._chance.uniform(LEAST_PAUSE_S, MOST_PAUSE_S))
                self._opened.clear()
                self._was_seen, self._is_armed = False, True
                began_s = time.monotonic()
                self._board.drive(self._fault_pin, None)
                if not self._opened.wait(PATIENCE_S):
                    raise TimeoutError(f"no open command within {PATIENCE_S:g} s")
                taken_s.append(self._opened_s - began_s)
                self._board.drive(self._fault_pin, False)
        finally:
            self._is_armed = False
            self._board.listen(None)
            self._board.drive(self._fault_pin, False)
        return taken_s

    def _hear(self, is_write: bool, pin: int, level: bool, at_s: float) -> None:
        """Called under the board's lock for every access of the kiosk."""
        if not self._is_armed:
            return
        if not is_write and pin == self._fault_pin and level:
            self._was_seen = True
        elif is_write and pin == self._command_pin and not level and self._was_seen:
            self._is_armed, self._opened_s = False, at_s
            self._opened.set()
