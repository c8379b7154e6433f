"""One Modbus RTU bus shared by several devices, over pymodbus.

Law:
- One request at a time. Who is next: kiosk.drivers.fair_queue. Less (0 A, open) takes the next gap.
- RTU has no transaction number, so a late answer looks like the answer to the next request. After a time-out the
  bus keeps quiet for `lateness_s`. Until three times that has passed, every answer of that device is held back for
  another time-out and thrown away if anything follows it: behind a late answer comes the right one.
- An answer counts only if device, function, length and, for a write, what was written are as asked.
- pymodbus never retries (`retries=0`) and never reopens: both happen here, in the open and bounded.
- The port is locked (flock), so the technician's command and the controller never talk at once.
- Only the task in `run` touches the port. Nothing here decides what a value means.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import termios
from collections.abc import Callable
from dataclasses import dataclass

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from kiosk.drivers.block_reads import ANSWER_OVERHEAD_CHARACTERS, REQUEST_CHARACTERS
from kiosk.drivers.fair_queue import FairQueue
from kiosk.drivers.modbus_errors import (
    BusError,
    DeviceError,
    DoubtfulAnswer,
    NoAnswer,
    Place,
    PortBusy,
    PortUnavailable,
    Refused,
)
from kiosk.drivers.register_map import LONGEST_BLOCK, SerialLine

# What goes wrong is told once, by the errors here, with the device's name; pymodbus would tell it without.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_SEVERAL = 3, 4, 6, 16
WRITE_ANSWER_CHARACTERS = 8
EXCEPTION_CHARACTERS = 5
ALIVE_AFTER_SILENCES = 3  # a device silent more often than this is not waited for by the others
LONGEST_SEAT_PAUSE_S = 5.0
NEVER_S = 3600.0  # pymodbus' own patience: ours always ends first


@dataclass(frozen=True, slots=True)
class BusSettings:
    """`timeout_s`: patience for an answer beside its time on the wire. `lateness_s`: the latest a late answer comes
    after that."""

    name: str
    port: str
    line: SerialLine
    timeout_s: float = 0.5
    lateness_s: float = 1.0
    reopen_least_s: float = 0.2
    reopen_most_s: float = 5.0

    def patience_s(self, answer_characters: int) -> float:
        return self.timeout_s + self.line.wire_time_s(REQUEST_CHARACTERS + answer_characters)


@dataclass(frozen=True, slots=True)
class Answer:
    """Registers, and the kiosk second the request went out: the device sampled them then or later."""

    registers: tuple[int, ...]
    asked_s: float


@dataclass(slots=True)
class Counters:
    """What happened since the start; for `health` and the benchmarks."""

    requests: int = 0
    silences: int = 0
    late: int = 0
    thrown_away: int = 0
    opened: int = 0


@dataclass(slots=True, eq=False)
class _Request:
    seat: Seat
    function_code: int
    address: int
    count: int
    values: tuple[int, ...]
    done: asyncio.Future[Answer]

    @property
    def answer_characters(self) -> int:
        return ANSWER_OVERHEAD_CHARACTERS + 2 * self.count if not self.values else WRITE_ANSWER_CHARACTERS

    def __str__(self) -> str:
        if self.values:
            return f"the write of {', '.join(map(str, self.values))} to register {self.address}"
        return f"the read of {self.count} registers from {self.address} (function {self.function_code})"


class Seat:
    """A device's place on the bus: what its driver reads and writes through."""

    def __init__(self, bus: ModbusBus, place: Place, number: int, min_gap_s: float) -> None:
        self.place = place
        self.min_gap_s = min_gap_s
        self.last_good_s: float | None = None
        self._bus = bus
        self._number = number
        self._silent_since_s: float | None = None
        self._silences = 0
        self._owed = 0  # requests whose answer may still come
        self._doubt_until_s = 0.0  # event loop seconds
        self._lateness_s: float | None = None
        self._sent_s = 0.0

    async def read(self, function_code: int, address: int, count: int, attempts: int = 2) -> Answer:
        """`count` registers from `address` by function 3 or 4. A device that was heard lately is asked `attempts`
        times. Raises BusError."""
        if not 1 <= count <= LONGEST_BLOCK:
            raise ValueError(f"{self.place}: want 1 to {LONGEST_BLOCK} registers, got {count}")
        for _ in range(attempts - 1):
            try:
                return await self._bus.ask(self, function_code, address, count, (), False)
            except (NoAnswer, DoubtfulAnswer):
                if self._silences >= ALIVE_AFTER_SILENCES:
                    raise
        return await self._bus.ask(self, function_code, address, count, (), False)

    async def write(self, address: int, values: tuple[int, ...], less: bool = False) -> Answer:
        """Write consecutive holding registers, one with function 6, several with 16; once. Raises BusError."""
        function_code = WRITE_ONE if len(values) == 1 else WRITE_SEVERAL
        return await self._bus.ask(self, function_code, address, len(values), values, less)

    @property
    def less_within_s(self) -> float:
        """The longest a write of less takes to reach the device while the port works: the longest exchange under
        way, the device's own pause, and its own time-out."""
        settings = self._bus.settings
        longest = settings.patience_s(ANSWER_OVERHEAD_CHARACTERS + 2 * LONGEST_BLOCK)
        return longest + self.min_gap_s + settings.line.silence_s + settings.patience_s(WRITE_ANSWER_CHARACTERS)

    def silence(self, now_s: float) -> str:
        """What to say of a device that does not answer."""
        since_s = self._silent_since_s if self._silent_since_s is not None else now_s
        if self._lateness_s is not None:
            return self.place.too_late(self._lateness_s, self._bus.settings.timeout_s)
        return self.place.silent(now_s - since_s, None if self.last_good_s is None else now_s - self.last_good_s)


class ModbusBus:
    """`clock` gives the kiosk's monotonic seconds, for the times in answers and messages."""

    def __init__(self, settings: BusSettings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.counters = Counters()
        self._clock = clock
        self._queue: FairQueue[_Request] = FairQueue()
        self._seats: dict[int, Seat] = {}
        self._client: AsyncModbusSerialClient | None = None
        self._changed = asyncio.Event()
        self._wire = _Wire(self._changed)
        self._trouble: PortUnavailable | None = None
        self._reopen_after_s = 0.0
        self._reopen_pause_s = settings.reopen_least_s
        self._asked_last: Seat | None = None
        self._closed = False

    def seat(self, kind: str, name: str, model: str, address: int, min_gap_s: float = 0.0) -> Seat:
        """A place for the device with this address (1 to 247), which no other device here may have."""
        if not 1 <= address <= 247:
            raise ValueError(f"{kind} '{name}': address: want 1 to 247, got {address}")
        if address in self._seats:
            raise ValueError(f"{kind} '{name}': address {address} is taken by {self._seats[address].place}")
        place = Place(kind, name, model, self.settings.port, address)
        self._seats[address] = Seat(self, place, self._queue.add_seat(), min_gap_s)
        return self._seats[address]

    @property
    def trouble(self) -> str:
        """What is wrong with the port itself, or nothing."""
        return str(self._trouble) if self._trouble else ""

    async def ask(
        self, seat: Seat, function_code: int, address: int, count: int, values: tuple[int, ...], less: bool
    ) -> Answer:
        """Queue one request and wait for its end. Cancelling takes it back unless it is under way."""
        if self._closed:
            raise PortUnavailable(f"bus '{self.settings.name}' ({self.settings.port}): closed")
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.put(seat._number, _Request(seat, function_code, address, count, values, done), less)
        self._changed.set()
        return await done

    async def run(self) -> None:
        """Serve the bus until cancelled. One task per bus."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._changed.clear()
                request = self._queue.take(loop.time())
                if request is None:
                    next_s = self._queue.next_s()
                    await self._wait_for_change(None if next_s is None else next_s - loop.time())
                elif not request.done.done():
                    await self._serve(request)
                    _obey_cancellation()
        finally:
            self._closed = True
            self._close()
            for request in self._queue.take_all():
                _fail(request, PortUnavailable(f"bus '{self.settings.name}' ({self.settings.port}): closed"))

    async def _wait_for_change(self, at_most_s: float | None) -> None:
        try:
            async with asyncio.timeout(at_most_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _serve(self, request: _Request) -> None:
        try:
            answer = await self._exchange(await self._open_client(), request)
        except BusError as error:
            _fail(request, error)
        except asyncio.CancelledError:
            _fail(request, PortUnavailable(f"bus '{self.settings.name}' ({self.settings.port}): closed"))
            raise
        else:
            if not request.done.done():
                request.done.set_result(answer)

    async def _exchange(self, client: AsyncModbusSerialClient, request: _Request) -> Answer:
        """One request and its answer, or the error that says why there is none."""
        loop = asyncio.get_running_loop()
        seat = request.seat
        self.counters.requests += 1
        self._settle_debt(seat, loop.time())
        patience_s = self.settings.patience_s(request.answer_characters)
        asked_s = self._clock()
        seat._sent_s = loop.time()
        self._wire.expect(request.answer_characters)
        try:
            async with asyncio.timeout(patience_s):
                reply = await _send(client, request)
            if seat._owed and not await self._stays_quiet(patience_s):
                raise DoubtfulAnswer(seat.place.garbled("more than one answer came"))
            _check(request, reply, self._wire.excess, bool(seat._owed))
        except Refused:
            self._heard(seat)
            raise
        except DeviceError:
            self.counters.thrown_away += 1
            self._doubt(seat, loop.time(), asked_s)
            raise
        except (TimeoutError, ModbusException) as error:
            if not client.connected:
                self._close()
                raise self._lost() from error
            self.counters.silences += 1
            self._doubt(seat, loop.time(), asked_s)
            raise NoAnswer(seat.silence(self._clock())) from error
        finally:
            self._wire.expect_nothing()
            self._queue.rest(seat._number, loop.time() + seat.min_gap_s)
            for other in self._seats.values():
                self._queue.rest(other._number, loop.time() + self.settings.line.silence_s)
        self._heard(seat)
        return Answer(tuple(reply.registers), asked_s)

    def _heard(self, seat: Seat) -> None:
        seat.last_good_s = self._clock()
        seat._silent_since_s = None
        seat._silences = 0
        seat._lateness_s = None

    def _doubt(self, seat: Seat, now_s: float, asked_s: float) -> None:
        """An answer may still be on its way: be quiet, then believe this device only after a second look."""
        seat._silences += 1
        seat._owed += 1
        seat._doubt_until_s = now_s + 3 * self.settings.lateness_s
        if seat._silent_since_s is None:
            seat._silent_since_s = asked_s
        if seat._silences <= ALIVE_AFTER_SILENCES:
            self._queue.keep_quiet(now_s + self.settings.lateness_s)
        else:
            pause_s = self.settings.lateness_s * 2.0 ** min(seat._silences - ALIVE_AFTER_SILENCES, 8)
            self._queue.keep_quiet(
                now_s + min(pause_s, max(LONGEST_SEAT_PAUSE_S, self.settings.lateness_s)), seat._number
            )

    def _settle_debt(self, seat: Seat, now_s: float) -> None:
        """A frame that came while nobody was asked was the late answer of the device asked last; what has not come
        by the end of the doubt will not come."""
        last, self._asked_last = self._asked_last, seat
        if last is not None and self._wire.stray_frames:
            self.counters.late += 1
            last._lateness_s = self._wire.stray_s - last._sent_s
            if last._owed:
                last._owed -= 1
            else:  # nobody owed one: there may be more of them
                last._owed, last._doubt_until_s = 1, now_s + 3 * self.settings.lateness_s
        if now_s >= seat._doubt_until_s:
            seat._owed = 0

    async def _stays_quiet(self, for_s: float) -> bool:
        """Whether nothing follows. A write of less cuts the look short, and then nothing is believed."""
        end_s = asyncio.get_running_loop().time() + for_s
        while not self._wire.strays and not self._queue.less_waits:
            left_s = end_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                return True
            self._changed.clear()
            await self._wait_for_change(left_s)
        return False

    async def _open_client(self) -> AsyncModbusSerialClient:
        """The open port; PortUnavailable while it is not and its next try is not due."""
        if self._client is not None and self._client.connected:
            return self._client
        loop = asyncio.get_running_loop()
        if self._client is not None:
            self._close()
            self._trouble = self._lost()
        if self._trouble is not None and loop.time() < self._reopen_after_s:
            raise self._trouble
        client = self._new_client()
        try:
            is_open = await client.connect()
        except (OSError, ValueError, termios.error):
            is_open = False
        if is_open:
            self._client, self._trouble = client, None
            self._reopen_pause_s = self.settings.reopen_least_s
            self.counters.opened += 1
            return client
        self._trouble = why_not_open(self.settings)
        self._reopen_after_s = loop.time() + self._reopen_pause_s
        self._reopen_pause_s = min(2 * self._reopen_pause_s, self.settings.reopen_most_s)
        raise self._trouble

    def _new_client(self) -> AsyncModbusSerialClient:
        line = self.settings.line
        return AsyncModbusSerialClient(
            self.settings.port,
            framer=FramerType.RTU,
            baudrate=line.baud,
            parity="N" if _is_pseudo_terminal(self.settings.port) else line.parity,
            stopbits=line.stopbits,
            timeout=NEVER_S,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._wire.packet,
            trace_pdu=self._wire.pdu,
        )

    def _lost(self) -> PortUnavailable:
        return PortUnavailable(
            f"bus '{self.settings.name}' ({self.settings.port}): the port was lost. "
            "Check the USB adapter and its cable; it is opened again by itself."
        )

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


@dataclass(slots=True)
class _Wire:
    """Watches every byte pymodbus receives, also those it drops."""

    changed: asyncio.Event
    expected: int = 0  # characters of the answer waited for; 0 while nothing is
    excess: int = 0  # characters beyond it
    strays: int = 0  # times something came while nothing was waited for
    stray_frames: int = 0  # whole frames among it, of the device asked last
    stray_s: float = 0.0  # event loop second of the last of them

    def expect(self, characters: int) -> None:
        self.expected, self.excess, self.strays, self.stray_frames = characters, 0, 0, 0

    def expect_nothing(self) -> None:
        self.expected = 0

    def packet(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            if self.expected:
                is_exception = len(data) > 1 and data[1] & 0x80
                self.excess = max(0, len(data) - (EXCEPTION_CHARACTERS if is_exception else self.expected))
            else:
                self.strays += 1
                self.changed.set()
        return data

    def pdu(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        if not sending:
            if not self.expected:
                self.stray_frames += 1
                self.stray_s = asyncio.get_running_loop().time()
            self.expected = 0
        return pdu


async def _send(client: AsyncModbusSerialClient, request: _Request) -> ModbusPDU:
    unit = request.seat.place.address
    if request.function_code == READ_HOLDING:
        return await client.read_holding_registers(request.address, count=request.count, device_id=unit)
    if request.function_code == READ_INPUT:
        return await client.read_input_registers(request.address, count=request.count, device_id=unit)
    if request.function_code == WRITE_ONE:
        return await client.write_register(request.address, request.values[0], device_id=unit)
    return await client.write_registers(request.address, list(request.values), device_id=unit)


def _check(request: _Request, reply: ModbusPDU, excess: int, is_owed: bool) -> None:
    """Raises unless `reply` can only be the answer to `request`."""
    place = request.seat.place
    if reply.dev_id != place.address or reply.function_code & 0x7F != request.function_code:
        raise DoubtfulAnswer(place.garbled(f"the answer is not one to {request}"))
    if excess and (is_owed or excess >= EXCEPTION_CHARACTERS):
        raise DoubtfulAnswer(place.garbled(f"{excess} bytes came beyond the answer"))
    if isinstance(reply, ExceptionResponse):
        raise Refused(place.refused(str(request), reply.exception_code), reply.exception_code)
    if request.function_code in (READ_HOLDING, READ_INPUT):
        is_right = len(reply.registers) == request.count
    elif request.function_code == WRITE_ONE:
        is_right = reply.address == request.address and tuple(reply.registers) == request.values
    else:
        is_right = reply.address == request.address and reply.count == request.count
    if not is_right:
        raise DoubtfulAnswer(place.garbled(f"the answer does not fit {request}"))


def _fail(request: _Request, error: BusError) -> None:
    if not request.done.done():
        request.done.set_exception(error)


def _obey_cancellation() -> None:
    """Up to Python 3.11, `asyncio.wait_for` inside pymodbus swallows a cancellation that meets an answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _is_pseudo_terminal(port: str) -> bool:
    """Whether a port carries bytes and no bits, as those of socat and ser2net do: the wire and its parity are at the
    far end. The kernel drops parity there, and asking for it a second time is an error (EINVAL)."""
    return os.path.realpath(port).startswith("/dev/pts/")


def why_not_open(settings: BusSettings) -> PortUnavailable:
    """The likely reason why a port would not open."""
    where = f"bus '{settings.name}' ({settings.port})"
    if not os.path.exists(settings.port):
        return PortUnavailable(f"{where}: there is no such port. Check that the USB adapter is plugged in.")
    try:
        descriptor = os.open(settings.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        return PortUnavailable(
            f"{where}: cannot be opened ({error.strerror}). Check that this user is in the group dialout."
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return PortBusy(f"{where}: another program holds the port, likely the controller. Stop it first, or ask it.")
    finally:
        os.close(descriptor)
    return PortUnavailable(f"{where}: does not take {settings.line}. Check baud, parity and that it is a serial port.")
