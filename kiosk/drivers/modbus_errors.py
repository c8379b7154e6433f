"""What goes wrong on a Modbus bus, in sentences a technician can act on.

BusError
├── PortUnavailable    the port is not there, not permitted, or lost in the middle of something
│   └── PortBusy       another program holds it: the controller, or a second probe
└── DeviceError        the port works, this device does not
    ├── NoAnswer       silence, or bytes that are no frame
    ├── DoubtfulAnswer a frame that cannot be the answer to this request
    └── Refused        the device said no (Modbus exception, `code`)
"""

from __future__ import annotations

from dataclasses import dataclass

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3  # Modbus Application Protocol V1.1b3, section 7


class BusError(Exception):
    """Something about a bus or a device on it; str() is the whole sentence."""


class PortUnavailable(BusError):
    """The serial port cannot be used now."""


class PortBusy(PortUnavailable):
    """The serial port is held by another program."""


class DeviceError(BusError):
    """One device on a working port."""


class NoAnswer(DeviceError):
    """Nothing that could be understood came back in time."""


class DoubtfulAnswer(DeviceError):
    """What came back is not the answer to what was asked; it was thrown away."""


class Refused(DeviceError):
    """The device answered with a Modbus exception."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_about_the_block(self) -> bool:
        """Whether a smaller block may be granted: an address it has not, or more registers than it gives at once."""
        return self.code in (ILLEGAL_ADDRESS, ILLEGAL_VALUE)


@dataclass(frozen=True, slots=True)
class Place:
    """Which device, for messages: meter 'main' (sdm630, /dev/ttyRS485, address 1)."""

    kind: str
    name: str
    model: str
    port: str
    address: int

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}' ({self.model}, {self.port}, address {self.address})"

    def silent(self, waited_s: float, last_good_s: float | None) -> str:
        """No answer for `waited_s`; the last good reading is `last_good_s` old, None if there never was one."""
        return (
            f"{self}: no answer for {seconds(waited_s)}; {_last(last_good_s)}. "
            f"Check A/B wiring and that {self.address_plate} is {self.address}."
        )

    def too_late(self, lateness_s: float, patience_s: float, waited_s: float, last_good_s: float | None) -> str:
        """Whole answers come, but after the patience was over."""
        return (
            f"{self}: answers come after {seconds(lateness_s)}, too late for a patience of {seconds(patience_s)}, "
            f"for {seconds(waited_s)} now; {_last(last_good_s)}. "
            f"Raise timeout_s of the bus, or look for a second master on {self.port}."
        )

    def garbled(self, waited_s: float, last_good_s: float | None, others_are_heard: bool) -> str:
        """Bytes come that are no frame. Where the other devices of the bus are heard well, it is not the wire."""
        cause = (
            f"The others on {self.port} are heard well, so likely two devices have address {self.address}: "
            "switch one off and look again."
            if others_are_heard
            else f"Check the shield and the 120 Ω terminators of {self.port}, its baud and parity, "
            f"and that no second device has address {self.address}."
        )
        return f"{self}: only garbled answers for {seconds(waited_s)}; {_last(last_good_s)}. {cause}"

    def stranger(self, other: int, waited_s: float, last_good_s: float | None) -> str:
        """Device `other` answers in place of this one."""
        return (
            f"{self}: device {other} answers in its place for {seconds(waited_s)}; {_last(last_good_s)}. "
            f"Check {self.address_plate}, and look for a gateway or a second master on {self.port}."
        )

    def doubled(self, waited_s: float, last_good_s: float | None) -> str:
        """More answers come than were asked for."""
        return (
            f"{self}: more than one answer comes to one question for {seconds(waited_s)}; {_last(last_good_s)}. "
            f"Likely two devices have address {self.address}: switch one off and look again."
        )

    def drowned(self, held_s: float, last_good_s: float | None) -> str:
        """Something on the bus talks without being asked."""
        return (
            f"{self}: cannot be heard, as something on {self.port} talks without pause, for {seconds(held_s)} now; "
            f"{_last(last_good_s)}. Likely a device that hangs in mid-sending, a second master or swapped A and B: "
            "unplug one device after the other until the bus is quiet."
        )

    def unfitting(self, what: str) -> str:
        return (
            f"{self}: {what}; thrown away. Check the shield and the 120 Ω terminators of {self.port}, "
            f"and that no second device has address {self.address}."
        )

    @property
    def address_plate(self) -> str:
        """Where a person reads the address."""
        return "the address on the meter's display" if self.kind == "meter" else "the address set on the board"

    def refused(self, what: str, code: int) -> str:
        reason = {
            1: "it does not know the function",
            2: "it has no such register",
            3: "it takes no such value or length",
        }
        return (
            f"{self}: refused {what}: {reason.get(code, 'it failed or is busy')} (exception {code}). "
            f"Check that the model is really {self.model}."
        )


def seconds(duration_s: float) -> str:
    """A duration as a person says it: 0.3 s, 5 s, 90 s."""
    return f"{duration_s:.1f} s" if duration_s < 2 and round(duration_s, 1) % 1 else f"{duration_s:.0f} s"


def _last(age_s: float | None) -> str:
    return "never read" if age_s is None else f"last good reading {seconds(age_s)} ago"
