"""The GPIO lines of a simulated Raspberry Pi: electronics, not calls.

Law:
- The board knows levels, pulls and who drives a line; it never knows what a line is for. A simulated part drives
  input lines with `drive`, and sees outputs with `watch`.
- An output keeps its level when the process that set it dies, as the registers of a Pi do: this is the reason for
  the heartbeat relay. Only `power_cycle` brings the lines back to their power-on state.

The numbers are those of lgpio (mode bits, flags, error codes), so the client in `lgpio_client/` passes them through.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

LINES = 54  # BCM 0 to 53

FLAG_PULL_UP = 0x20
FLAG_PULL_DOWN = 0x40
FLAG_PULL_NONE = 0x80
PULLS = FLAG_PULL_UP | FLAG_PULL_DOWN | FLAG_PULL_NONE

BAD_GPIO_NUMBER = -73
BAD_READ = -76
BAD_WRITE = -77
GPIO_BUSY = -79
GPIO_NOT_ALLOCATED = -80

Watcher = Callable[[bool, float], None]
Listener = Callable[[bool, int, bool, float], None]  # is a write, pin, level, second


def power_on_pull(pin: int) -> int:
    """BCM2711 datasheet, GPIO alternative functions table: GPIO 0 to 8 are pulled up at reset, the others down."""
    return FLAG_PULL_UP if pin <= 8 else FLAG_PULL_DOWN


@dataclass(slots=True)
class _Line:
    pull: int
    owner: int | None = None  # the client that claimed it; None: nobody
    is_output: bool = False
    latch: bool = False  # the output register
    driven: bool | None = None  # what the street connects to it; None: nothing
    external_pull: bool | None = None  # a resistor on the carrier board, stronger than the one in the chip
    level: bool = False
    fault: int = 0  # < 0: every access ends with this lgpio error
    watchers: list[Watcher] = field(default_factory=list)

    def resolve(self) -> bool:
        """The level on the pin: output, then the street, then resistors; a floating line stays as it was."""
        if self.is_output:
            return self.latch
        for level in (self.driven, self.external_pull):
            if level is not None:
                return level
        return self.level if self.pull == FLAG_PULL_NONE else self.pull == FLAG_PULL_UP


class GpioBoard:
    """54 lines. Thread-safe. Watchers run in the thread that caused the change, after it became true."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._lines = [_Line(power_on_pull(pin)) for pin in range(LINES)]
        self._listener: Listener | None = None
        self.history: deque[tuple[float, int, bool]] = deque(maxlen=10_000)  # (second, pin, level), every change
        for line in self._lines:
            line.level = line.resolve()

    # What the street does.

    def level(self, pin: int) -> bool:
        """What a voltmeter on the pin would show: True is 3.3 V."""
        with self._lock:
            return self._lines[pin].level

    def drive(self, pin: int, level: bool | None) -> None:
        """Connect the pin to a level, or to nothing (None): a cut wire. An output wins over it."""
        with self._lock:
            self._lines[pin].driven = level
            self._settle(pin)

    def pull_externally(self, pin: int, level: bool | None) -> None:
        """Fit or remove a resistor, such as the one that keeps a relay board off while the Pi boots."""
        with self._lock:
            self._lines[pin].external_pull = level
            self._settle(pin)

    def watch(self, pin: int, watcher: Watcher) -> None:
        """Call `watcher(level, at_s)` at every change, and once now with the level that is."""
        with self._lock:
            self._lines[pin].watchers.append(watcher)
            watcher(self._lines[pin].level, self._clock())

    def listen(self, listener: Listener | None) -> None:
        """Call `listener` at every read and write of a program on the Pi, also those that change nothing."""
        with self._lock:
            self._listener = listener

    def break_line(self, pin: int, error: int = BAD_READ) -> None:
        """Every access to the pin fails with this lgpio error until `mend_line`."""
        if error >= 0:
            raise ValueError(f"an lgpio error is negative, not {error}")
        with self._lock:
            self._lines[pin].fault = error

    def mend_line(self, pin: int) -> None:
        with self._lock:
            self._lines[pin].fault = 0

    def power_cycle(self) -> None:
        """The Pi lost power and has it again: all lines are inputs with their power-on pulls, nobody owns one."""
        with self._lock:
            for pin, line in enumerate(self._lines):
                line.owner, line.is_output, line.latch, line.pull = None, False, False, power_on_pull(pin)
                self._settle(pin)

    # What a program on the Pi does. The results are lgpio's: 0 or a level, or a negative error.

    def claim_input(self, client: int, pin: int, pull: int) -> int:
        with self._lock:
            line = self._claimable(client, pin)
            if isinstance(line, int):
                return line
            line.owner, line.is_output = client, False
            line.pull = pull & PULLS or line.pull
            self._settle(pin)
            return 0

    def claim_output(self, client: int, pin: int, level: bool) -> int:
        with self._lock:
            line = self._claimable(client, pin)
            if isinstance(line, int):
                return line
            line.owner, line.is_output, line.latch = client, True, level
            self._settle(pin)
            return 0

    def free(self, client: int, pin: int) -> int:
        with self._lock:
            line = self._owned(client, pin)
            if isinstance(line, int):
                return line
            line.owner = None
            return 0

    def read(self, client: int, pin: int) -> int:
        with self._lock:
            if not 0 <= pin < LINES:
                return BAD_GPIO_NUMBER
            # lgpio reads a line nobody claimed by claiming it for the moment.
            line = self._claimable(client, pin) if self._lines[pin].owner is None else self._owned(client, pin)
            if isinstance(line, int):
                return line
            if self._listener is not None:
                self._listener(False, pin, line.level, self._clock())
            return int(line.level)

    def write(self, client: int, pin: int, level: bool) -> int:
        with self._lock:
            line = self._owned(client, pin)
            if isinstance(line, int):
                return line
            if not line.is_output:
                return BAD_WRITE
            line.latch = level
            self._settle(pin)
            if self._listener is not None:
                self._listener(True, pin, level, self._clock())
            return 0

    def forget(self, client: int) -> None:
        """The client is gone. Its lines can be claimed by another; their levels stay."""
        with self._lock:
            for line in self._lines:
                if line.owner == client:
                    line.owner = None

    def _claimable(self, client: int, pin: int) -> _Line | int:
        if not 0 <= pin < LINES:
            return BAD_GPIO_NUMBER
        line = self._lines[pin]
        if line.fault:
            return line.fault
        return line if line.owner in (None, client) else GPIO_BUSY

    def _owned(self, client: int, pin: int) -> _Line | int:
        line = self._claimable(client, pin)
        if isinstance(line, int):
            return line
        return line if line.owner == client else GPIO_NOT_ALLOCATED

    def _settle(self, pin: int) -> None:
        line = self._lines[pin]
        level = line.resolve()
        if level == line.level:
            return
        line.level = level
        at_s = self._clock()
        self.history.append((at_s, pin, level))
        for watcher in line.watchers:
            watcher(level, at_s)
