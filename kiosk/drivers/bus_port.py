"""The serial port of a bus: which one it is, opening it again and again, and why it would not open.

Law:
- A port may be named by patterns (`/dev/serial/by-id/*FTDI*`, `/dev/ttyUSB*`): an adapter that was pulled may come back
  under another name. The first name that is there counts; a pattern that fits two ports is refused, because the
  wrong bus has meters too.
- The port is locked (flock), so the technician's command and the controller never talk at once.
- A port that would not open is tried again after a growing pause, at most `reopen_most_s`.
"""

from __future__ import annotations

import fcntl
import glob
import os
import termios
from collections.abc import Callable
from dataclasses import dataclass

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient

from kiosk.drivers.block_reads import REQUEST_CHARACTERS
from kiosk.drivers.bus_wire import Wire
from kiosk.drivers.modbus_errors import PortBusy, PortUnavailable, seconds
from kiosk.drivers.register_map import SerialLine

NEVER_S = 3600.0  # pymodbus' own patience: ours always ends first
PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class BusSettings:
    """`port`: a path or a pattern; `other_ports`: where else it may be, in this order. `timeout_s`: patience for an
    answer beside its time on the wire. `lateness_s`: the latest a late answer comes after that."""

    name: str
    port: str
    line: SerialLine
    timeout_s: float = 0.5
    lateness_s: float = 1.0
    reopen_least_s: float = 0.2
    reopen_most_s: float = 5.0
    other_ports: tuple[str, ...] = ()

    def patience_s(self, answer_characters: int) -> float:
        return self.timeout_s + self.line.wire_time_s(REQUEST_CHARACTERS + answer_characters)

    def __str__(self) -> str:
        return f"bus '{self.name}' ({', '.join((self.port, *self.other_ports))})"


class BusPort:
    """One port, open or not. `clock` gives the kiosk's monotonic seconds, for messages."""

    def __init__(self, settings: BusSettings, wire: Wire, clock: Callable[[], float]) -> None:
        self.opened = 0  # times
        self._settings = settings
        self._wire = wire
        self._clock = clock
        self._client: AsyncModbusSerialClient | None = None
        self._trouble: PortUnavailable | None = None
        self._trouble_since_s = 0.0
        self._reopen_after_s = 0.0  # event loop seconds
        self._reopen_pause_s = settings.reopen_least_s

    @property
    def trouble(self) -> PortUnavailable | None:
        """Why it is not open, and for how long it was not."""
        if self._trouble is None:
            return None
        what, _, fix = str(self._trouble).partition(". ")
        return type(self._trouble)(f"{what}, for {seconds(self._clock() - self._trouble_since_s)}. {fix}")

    async def client(self, now_s: float) -> AsyncModbusSerialClient:
        """The open port; PortUnavailable while it is not and its next try (`now_s`: event loop) is not due."""
        if self._client is not None and self._client.connected:
            return self._client
        if self._client is not None:
            self.lose()
        if (trouble := self.trouble) is not None and now_s < self._reopen_after_s:
            raise trouble
        try:
            client = self._new_client(find_port(self._settings))
            is_open = await client.connect()
        except PortUnavailable as error:
            self._note(error)
        except (OSError, ValueError, termios.error):
            self._note(why_not_open(self._settings))
        else:
            if is_open:
                self._client, self._trouble = client, None
                self._reopen_pause_s = self._settings.reopen_least_s
                self.opened += 1
                return client
            self._note(why_not_open(self._settings))
        self._reopen_after_s = now_s + self._reopen_pause_s
        self._reopen_pause_s = min(2 * self._reopen_pause_s, self._settings.reopen_most_s)
        assert self.trouble is not None
        raise self.trouble

    def lose(self) -> PortUnavailable:
        """The port broke in the middle of something."""
        self.close()
        self._note(
            PortUnavailable(
                f"{self._settings}: the port was lost. "
                "Check the USB adapter and its cable; it is opened again by itself."
            )
        )
        assert self.trouble is not None
        return self.trouble

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _note(self, trouble: PortUnavailable) -> None:
        if self._trouble is None:
            self._trouble_since_s = self._clock()
        self._trouble = trouble

    def _new_client(self, port: str) -> AsyncModbusSerialClient:
        line = self._settings.line
        return AsyncModbusSerialClient(
            port,
            framer=FramerType.RTU,
            baudrate=line.baud,
            parity="N" if _is_pseudo_terminal(port) else line.parity,
            stopbits=line.stopbits,
            timeout=NEVER_S,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._wire.packet,
            trace_pdu=self._wire.pdu,
        )


def find_port(settings: BusSettings) -> str:
    """The first of the ports named that is there. Raises PortUnavailable where none is, or a pattern fits several."""
    for named in (settings.port, *settings.other_ports):
        paths = [named] if os.path.exists(named) else sorted(glob.glob(named)) if PATTERN & set(named) else []
        if len({os.path.realpath(path) for path in paths}) > 1:
            raise PortUnavailable(
                f"{settings}: '{named}' fits {' and '.join(paths)}, and the wrong one has meters too. "
                "Name one of /dev/serial/by-id/."
            )
        if paths:
            return paths[0]
    raise PortUnavailable(f"{settings}: there is no such port. Check that the USB adapter is plugged in.")


def why_not_open(settings: BusSettings) -> PortUnavailable:
    """The likely reason why a port would not open."""
    try:
        descriptor = os.open(find_port(settings), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except PortUnavailable as error:
        return error
    except OSError as error:
        return PortUnavailable(
            f"{settings}: cannot be opened ({error.strerror}). Check that this user is in the group dialout."
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return PortBusy(f"{settings}: another program holds the port, likely the controller. Stop it first, or ask it.")
    finally:
        os.close(descriptor)
    return PortUnavailable(
        f"{settings}: does not take {settings.line}. Check baud, parity and that it is a serial port."
    )


def _is_pseudo_terminal(port: str) -> bool:
    """Whether a port carries bytes and no bits, as those of socat and ser2net do: the wire and its parity are at the
    far end. The kernel drops parity there, and asking for it a second time is an error (EINVAL)."""
    return os.path.realpath(port).startswith("/dev/pts/")
