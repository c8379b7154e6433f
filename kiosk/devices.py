"""What the controller needs of a device: Protocols of one to three methods.

Law:
- No method blocks and none raises. Outputs are levels: a command says what should be, the driver makes it so
  and repeats it until it is. "Less" (open, 0 A) overtakes whatever else the driver has to do.
- A sensor method returns the newest value together with when it was sensed (kiosk monotonic seconds), or None
  if it never was. The driver never returns a value it doubts; it lets the old one grow old instead.
- What went wrong is told by `health()`, in one sentence a technician can act on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar, runtime_checkable

from contract.identity import IdToken
from contract.iec61851 import PilotState
from contract.metering import MeterReading
from contract.values import value

T = TypeVar("T")


@value
class Observation(Generic[T]):
    """A value and the monotonic second at which it was sensed."""

    value: T
    at_s: float


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a device answers, and if not: what, where, likely cause, fix."""

    is_good: bool
    message: str = ""


class Device(Protocol):
    """Everything below also has a name for messages ("meter 'main'") and tells its health."""

    name: str

    def health(self) -> Health: ...


class Contactor(Device, Protocol):
    """The switch between grid and vehicle. Safe value: open."""

    def command(self, closed: bool) -> None: ...

    def feedback(self) -> Observation[bool] | None:
        """Auxiliary contact: True where the power contacts are closed."""


class Pilot(Device, Protocol):
    """The IEC 61851 pilot of one EVSE. Safe value of the offer: 0 A."""

    def state(self) -> Observation[PilotState] | None: ...

    def offer(self, amps: int) -> None:
        """Offered current per phase: 0, or 6 to 80 A."""


class Alarm(StrEnum):
    """What a board says is wrong, mildest first."""

    DERATING = "derating"  # it lowers the current by itself and goes on
    OVER_TEMPERATURE = "over_temperature"  # hotter than its parts stand; nothing may flow
    PILOT_FAILURE = "pilot_failure"  # the pilot is at E or F
    DIODE_FAILURE = "diode_failure"  # its check of the pilot failed: the vehicle's diode, or a short (IEC 61851-1, A.2)
    BOARD_ERROR = "board_error"  # an error that it does not name more closely


@value
class BoardReport:
    """What a board says of itself, read together with its pilot state. `temperature_dc` in 0.1 °C, None where the
    board has no sensor."""

    alarms: frozenset[Alarm] = frozenset()
    temperature_dc: int | None = None


@runtime_checkable
class Reporting(Protocol):
    """A Pilot may have this too."""

    def report(self) -> Observation[BoardReport] | None:
        """The newest report, or None if there never was one."""


class Meter(Device, Protocol):
    """The energy meter of one EVSE (or of the site)."""

    def reading(self) -> MeterReading | None: ...


@dataclass(frozen=True, slots=True)
class MeterChange:
    """Another meter answers at the same place: the serial number was `before` and is `after`. Its registers have
    nothing to do with those of the former."""

    before: str
    after: str


@runtime_checkable
class Exchangeable(Protocol):
    """A Meter may have this too, where its model tells a serial number."""

    def change(self) -> Observation[MeterChange] | None:
        """The last time another meter was found, or None if it was always the same one."""


@runtime_checkable
class Doubting(Protocol):
    """A Meter may have this too: it sets readings aside that cannot be true, and lets the last good one grow old."""

    def doubted(self) -> Observation[str] | None:
        """Why the newest answer is no reading, in a few words; None where it is one."""

    def start_anew(self) -> None:
        """Somebody says by name that the register is right as it stands: the next reading is believed."""


class Lock(Device, Protocol):
    """The cable lock of a socket outlet."""

    def command(self, locked: bool) -> None: ...


class DigitalInput(Device, Protocol):
    """A safety line (RCD tripped, emergency stop pressed). A line that cannot be read counts as active, and its health
    is bad."""

    def is_active(self) -> bool: ...


class Heartbeat(Device, Protocol):
    """Feeds the external safety relay, which opens all contactors ≤ 1 s after the last beat."""

    def beat(self) -> None: ...


class IdReader(Device, Protocol):
    """NFC reader or QR scanner. A card left on the reader is reported once."""

    def take(self) -> list[IdToken]:
        """Tokens that arrived since the last call, oldest first, at most 8."""
