"""The Pi's own lines through `import RPi.GPIO`: contactors with feedback, safety inputs, cable locks, the heartbeat.

Law:
- The same code runs on RPi.GPIO (Pi up to 4) and on rpi-lgpio (Pi 4 and 5); nothing else of either is used.
- An output that can do harm has its safe level from the first instant: it is set up with it, not corrected to it.
- No method blocks for anything but the line itself, and none raises. A line that fails is set up again at its next
  use, so every beat is one more try to open; what cannot be read grows old, and a safety input counts as active.
- Inputs are polled by whoever asks (every ≤ 5 ms); edge detection is not used, as an edge can be missed.

Pins are BCM numbers. On/closed/active is a meaning; which level carries it is wiring, told by `..._active_high`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from kiosk.devices import Health, Observation

Pull = Literal["up", "down", "off"]
REOPEN_AFTER_S = 1.0  # between two tries to get at the GPIO at all

_ADVICE = "Check that no other program holds the line (gpioinfo) and that the service's user is in the group gpio."


@dataclass(slots=True)
class _Line:
    """One pin as it should be set up, and whether it is. `first_level` None: keep the level that is found."""

    pin: int
    is_output: bool
    first_level: bool | None = None
    pull: Pull = "off"
    is_set_up: bool = False
    problem: str = ""
    since_s: float = 0.0  # of the problem: when the line was last good
    age_s: Callable[[], float] = lambda: 0.0  # how long that is ago


class GpioLines:
    """The one owner of the GPIO in a process. The devices below are made with it and use nothing else.

    GPIO that cannot be opened is not fatal: every device then tells so in its health, and it is tried again.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._gpio: Any = None
        self._errors: tuple[type[Exception], ...] = ()
        self._problem = ""
        self._not_before_s = float("-inf")
        self._lines: dict[int, _Line] = {}
        self._is_closed = False

    def add_output(self, pin: int, safe_level: bool | None) -> _Line:
        """Claim an output. Its level is `safe_level` at once; None keeps the level found. Raises ValueError."""
        return self._add(_Line(pin, is_output=True, first_level=safe_level))

    def add_input(self, pin: int, pull: Pull) -> _Line:
        """Claim an input. Raises ValueError if the pin is taken or none of BCM 0 to 27."""
        return self._add(_Line(pin, is_output=False, pull=pull))

    def read(self, line: _Line) -> bool | None:
        """The level of an input, or None: then `line.problem` says why."""
        if not self._ready(line):
            return None
        try:
            level = bool(self._gpio.input(line.pin))
        except self._errors as error:
            self._lost(line, "read", error)
            return None
        line.problem, line.since_s = "", self.clock()
        return level

    def write(self, line: _Line, level: bool) -> bool:
        """Set the level of an output; False if that failed: then `line.problem` says why."""
        if not self._ready(line):
            return False
        try:
            self._gpio.output(line.pin, level)
        except self._errors as error:
            self._lost(line, "write", error)
            return False
        line.problem, line.since_s = "", self.clock()
        return True

    def close(self) -> None:
        """Put outputs on their safe level, then give all pins back as inputs. Nothing works afterwards."""
        if self._is_closed:
            return
        for line in self._lines.values():
            if line.is_output and line.first_level is not None:
                self.write(line, line.first_level)
        self._is_closed = True
        self._problem = "GPIO is closed."
        # One by one and then the rest: rpi-lgpio gives up at the first pin that fails.
        for pins in ([line.pin] for line in self._lines.values()):
            self._give_back(pins)
        self._give_back(None)
        self._gpio = None
        for line in self._lines.values():
            line.is_set_up, line.problem = False, self._problem

    def _give_back(self, pins: list[int] | None) -> None:
        if self._gpio is None:
            return
        try:
            self._gpio.cleanup(pins) if pins else self._gpio.cleanup()
        except self._errors as error:
            self._problem = f"GPIO is closed; giving the pins back failed: {error}."

    def _add(self, line: _Line) -> _Line:
        if not 0 <= line.pin <= 27:
            raise ValueError(f"GPIO {line.pin}: want a BCM number on the header, 0 to 27")
        if line.pin in self._lines:
            raise ValueError(f"GPIO {line.pin} is used twice")
        self._lines[line.pin] = line
        line.since_s = self.clock()
        line.age_s = lambda: self.clock() - line.since_s
        self._ready(line)
        return line

    def _ready(self, line: _Line) -> bool:
        if self._gpio is None and not self._open():
            line.problem = self._problem
            return False
        if line.is_set_up:
            return True
        gpio = self._gpio
        pulls = {"up": gpio.PUD_UP, "down": gpio.PUD_DOWN, "off": gpio.PUD_OFF}
        try:
            if not line.is_output:
                gpio.setup(line.pin, gpio.IN, pull_up_down=pulls[line.pull])
            elif line.first_level is None:
                gpio.setup(line.pin, gpio.OUT)
            else:
                gpio.setup(line.pin, gpio.OUT, initial=gpio.HIGH if line.first_level else gpio.LOW)
        except self._errors as error:
            self._lost(line, "set up", error)
            return False
        line.is_set_up = True
        return True

    def _open(self) -> bool:
        now_s = self.clock()
        if self._is_closed or now_s < self._not_before_s:
            return False
        self._not_before_s = now_s + REOPEN_AFTER_S
        try:
            # Here and not above: where there is no GPIO the import itself fails, and that is a fault like any other.
            import RPi.GPIO as GPIO
        except (ImportError, RuntimeError, OSError) as error:
            self._problem = (
                f"RPi.GPIO cannot be loaded: {error}. "
                "Install exactly one of RPi.GPIO (Pi up to 4) and rpi-lgpio (Pi 4 and 5)."
            )
            return False
        # rpi-lgpio lets errors of its own library through; RPi.GPIO has none.
        own_error = getattr(getattr(GPIO, "lgpio", None), "error", RuntimeError)
        self._errors = (RuntimeError, ValueError, OSError, own_error)
        try:
            GPIO.setwarnings(False)  # "already in use" is what a restart after a crash always finds
            GPIO.setmode(GPIO.BCM)
        except self._errors as error:
            self._problem = f"the GPIO chip cannot be opened: {error}. {_ADVICE}"
            return False
        self._gpio = GPIO
        return True

    def _lost(self, line: _Line, verb: str, error: Exception) -> None:
        line.is_set_up = False
        line.problem = f"cannot {verb} GPIO {line.pin}: {error}. {_ADVICE}"


def _health(name: str, *lines: _Line) -> Health:
    bad = {line.problem: line for line in lines if line.problem}
    if not bad:
        return Health(True)
    age_s = max(line.age_s() for line in bad.values())
    lasted = f" Last good {age_s:.0f} s ago." if age_s >= 1 else ""
    return Health(False, f"{name}: {' '.join(bad)}{lasted}")


class GpioContactor:
    """A contactor's coil relay on one line and its auxiliary contact on another. Open from the first instant."""

    def __init__(
        self,
        lines: GpioLines,
        name: str,
        *,
        command_pin: int,
        feedback_pin: int,
        command_active_high: bool = True,
        feedback_active_high: bool = False,
        feedback_pull: Pull = "up",
    ) -> None:
        self.name = name
        self._lines = lines
        self._command_active_high = command_active_high
        self._feedback_active_high = feedback_active_high
        self._command = lines.add_output(command_pin, safe_level=not command_active_high)
        self._feedback = lines.add_input(feedback_pin, feedback_pull)
        self._is_told_closed = False
        self._seen: Observation[bool] | None = None

    def command(self, closed: bool) -> None:
        """Open is written at every call, closed once: a repeated "more" would hide that the line was lost."""
        if closed and self._is_told_closed and self._command.is_set_up:
            return
        self._is_told_closed = self._lines.write(self._command, closed == self._command_active_high) and closed

    def feedback(self) -> Observation[bool] | None:
        level = self._lines.read(self._feedback)
        if level is not None:
            self._seen = Observation(level == self._feedback_active_high, self._lines.clock())
        return self._seen

    def health(self) -> Health:
        return _health(self.name, self._command, self._feedback)


class GpioInput:
    """A safety line. The default is a normally-closed contact to ground: a cut wire reads as active."""

    def __init__(
        self, lines: GpioLines, name: str, *, pin: int, active_high: bool = True, pull: Pull | None = None
    ) -> None:
        self.name = name
        self._lines = lines
        self._active_high = active_high
        self._line = lines.add_input(pin, pull or ("up" if active_high else "down"))

    def is_active(self) -> bool:
        level = self._lines.read(self._line)
        return level is None or level == self._active_high

    def health(self) -> Health:
        return _health(self.name, self._line)


class GpioLock:
    """A cable lock. It starts as it is found: after a crash the contactor may still be closed, and a plug is never
    let go under load."""

    def __init__(self, lines: GpioLines, name: str, *, pin: int, active_high: bool = True) -> None:
        self.name = name
        self._lines = lines
        self._active_high = active_high
        self._line = lines.add_output(pin, safe_level=None)

    def command(self, locked: bool) -> None:
        self._lines.write(self._line, locked == self._active_high)

    def health(self) -> Health:
        return _health(self.name, self._line)


class GpioReset:
    """The reset line of a chip: a pulse, active low as RSTPDN of the PN532 is (datasheet PN532/C1, 8.1), and high ever
    after. `pulse` blocks for `PULSE_S` + `WAKE_S`, so it is called from a driver's own thread; it never raises."""

    PULSE_S = 0.02
    WAKE_S = 0.1

    def __init__(self, lines: GpioLines, name: str, *, pin: int, active_high: bool = False) -> None:
        self.name = name
        self._lines = lines
        self._active_high = active_high
        self._line = lines.add_output(pin, safe_level=not active_high)

    def pulse(self) -> None:
        self._lines.write(self._line, self._active_high)
        time.sleep(self.PULSE_S)
        self._lines.write(self._line, not self._active_high)
        time.sleep(self.WAKE_S)

    def health(self) -> Health:
        return _health(self.name, self._line)


class GpioHeartbeat:
    """Changes its line at each beat. A program that hangs, or a line that is stuck, makes no edges."""

    def __init__(self, lines: GpioLines, name: str, *, pin: int) -> None:
        self.name = name
        self._lines = lines
        self._line = lines.add_output(pin, safe_level=False)
        self._level = False

    def beat(self) -> None:
        if self._lines.write(self._line, not self._level):
            self._level = not self._level

    def health(self) -> Health:
        return _health(self.name, self._line)
