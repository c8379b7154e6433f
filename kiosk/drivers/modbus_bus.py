"""One Modbus RTU bus shared by several devices, over pymodbus.

Law:
- One request at a time. Who is next: kiosk.drivers.fair_queue. Less (0 A, open) takes the next gap.
- RTU has no transaction number, so a late answer looks like the answer to the next request. After a time-out the
  bus keeps quiet for `lateness_s`. Until three times that has passed, every answer of that device is held back for
  another time-out and thrown away if anything follows it: behind a late answer comes the right one.
- A device that was doubted is asked something of another length first: an answer of that length can only be the
  answer to it, so none from before is still to come (a device answers in turn). This also finds out one that always
  answers one request late.
- An answer counts only if device, function, length and, for a write, what was written are as asked.
- pymodbus never retries (`retries=0`) and never reopens: both happen here, in the open and bounded.
- Only the task in `run` touches the port. Nothing here decides what a value means.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pymodbus import ModbusException
from pymodbus.client import AsyncModbusSerialClient

from kiosk.drivers.block_reads import ANSWER_OVERHEAD_CHARACTERS
from kiosk.drivers.bus_port import BusPort, BusSettings, why_not_open
from kiosk.drivers.bus_request import (
    READ_HOLDING,
    READ_INPUT,
    WRITE_ANSWER_CHARACTERS,
    WRITE_ONE,
    WRITE_SEVERAL,
    Answer,
    Request,
)
from kiosk.drivers.bus_wire import Wire
from kiosk.drivers.fair_queue import FairQueue
from kiosk.drivers.modbus_errors import (
    BusError,
    DeviceError,
    DoubtfulAnswer,
    NoAnswer,
    Place,
    PortUnavailable,
    Refused,
)
from kiosk.drivers.register_map import LONGEST_BLOCK

__all__ = [
    "READ_HOLDING",
    "READ_INPUT",
    "WRITE_ONE",
    "WRITE_SEVERAL",
    "Answer",
    "BusSettings",
    "Counters",
    "ModbusBus",
    "Seat",
    "why_not_open",
]

# What goes wrong is told once, by the errors here, with the device's name; pymodbus would tell it without.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

ALIVE_AFTER_SILENCES = 3  # a device silent more often than this is not waited for by the others
LONGEST_SEAT_PAUSE_S = 5.0
MOST_UNPROVEN = 8  # lengths avoided; a late answer is of one of the last requests
Symptom = Callable[[float, float | None], str]  # a sentence from: seconds it has lasted, age of the last good answer
HEARD_LATELY_S = 30.0  # another device that answered so long ago shows that wire and speed are right


@dataclass(slots=True)
class Counters:
    """What happened since the start; for `health` and the benchmarks."""

    requests: int = 0
    silences: int = 0
    late: int = 0
    thrown_away: int = 0
    opened: int = 0


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
        # Function and count of requests that failed: a late answer may still look like theirs.
        self._unproven: deque[tuple[int, int]] = deque(maxlen=MOST_UNPROVEN)
        self._owed = 0  # requests whose answer may still come
        self._doubt_until_s = 0.0  # event loop seconds
        self._sent_s = 0.0
        self._came_late = False  # a whole answer after its time-out, since the last request
        self._symptom: Symptom = place.silent  # what its errors say

    async def read(self, function_code: int, address: int, count: int, attempts: int = 2) -> Answer:
        """`count` registers from `address` by function 3 or 4. A device that was heard lately is asked `attempts`
        times. Raises BusError."""
        if not 1 <= count <= LONGEST_BLOCK:
            raise ValueError(f"{self.place}: want 1 to {LONGEST_BLOCK} registers, got {count}")
        for _ in range(attempts - 1):
            try:
                return await self._read_once(function_code, address, count)
            except (NoAnswer, DoubtfulAnswer):
                if self._silences >= ALIVE_AFTER_SILENCES:
                    raise
        return await self._read_once(function_code, address, count)

    async def _read_once(self, function_code: int, address: int, count: int) -> Answer:
        if self._unproven:
            await self._prove(function_code, address, count)
        return await self._bus.ask(self, function_code, address, count, (), False)

    async def _prove(self, function_code: int, address: int, count: int) -> None:
        """Show that the device answers what it is asked now. A refusal shows it as well."""
        smaller = (*range(count - count % 2, 0, -2), *range(count - 1 + count % 2, 0, -2))  # some take even counts only
        for other in (*smaller, *range(count + 1, LONGEST_BLOCK + 1)):
            if other != count and (function_code, other) not in self._unproven:
                break
        try:
            await self._bus.ask(self, function_code, address, other, (), False)
        except Refused:
            pass
        self._unproven.clear()
        self._owed = 0

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
        """What to say of a device that does not answer, or not as it should (`now_s`: kiosk seconds)."""
        since_s = self._silent_since_s if self._silent_since_s is not None else now_s
        last_good_s = None if self.last_good_s is None else now_s - self.last_good_s
        held_s = self._bus.held_for_s
        if held_s is not None:
            return self.place.drowned(held_s, last_good_s)
        return self._symptom(now_s - since_s, last_good_s)


class ModbusBus:
    """`clock` gives the kiosk's monotonic seconds, for the times in answers and messages."""

    def __init__(self, settings: BusSettings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.counters = Counters()
        self._clock = clock
        self._queue: FairQueue[Request] = FairQueue()
        self._seats: dict[int, Seat] = {}
        self._changed = asyncio.Event()
        self._wire = Wire(self._changed)
        self._port = BusPort(settings, self._wire, clock)
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
        trouble = self._port.trouble
        return str(trouble) if trouble else ""

    @property
    def held_for_s(self) -> float | None:
        """Seconds for which something has talked without being asked; None where nothing does."""
        return self._wire.babble.held_for_s(asyncio.get_running_loop().time())

    async def ask(
        self, seat: Seat, function_code: int, address: int, count: int, values: tuple[int, ...], less: bool
    ) -> Answer:
        """Queue one request and wait for its end. Cancelling takes it back unless it is under way."""
        if self._closed:
            raise self._is_closed()
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.put(seat._number, Request(seat.place, function_code, address, count, values, done), less)
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
            self._port.close()
            for request in self._queue.take_all():
                request.fail(self._is_closed())

    async def _wait_for_change(self, at_most_s: float | None) -> None:
        try:
            async with asyncio.timeout(at_most_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _serve(self, request: Request) -> None:
        try:
            client = await self._port.client(asyncio.get_running_loop().time())
            self.counters.opened = self._port.opened
            answer = await self._exchange(client, request)
        except BusError as error:
            request.fail(error)
        except asyncio.CancelledError:
            request.fail(self._is_closed())
            raise
        else:
            if not request.done.done():
                request.done.set_result(answer)

    async def _exchange(self, client: AsyncModbusSerialClient, request: Request) -> Answer:
        """One request and its answer, or the error that says why there is none."""
        loop = asyncio.get_running_loop()
        seat = self._seats[request.place.address]
        self.counters.requests += 1
        self._settle_debt(seat, loop.time())
        patience_s = self.settings.patience_s(request.answer_characters)
        asked_s = self._clock()
        seat._sent_s = loop.time()
        came_late, seat._came_late = seat._came_late, False
        self._wire.expect(request.answer_characters)
        try:
            async with asyncio.timeout(patience_s):
                reply = await request.send(client)
            if seat._owed and not await self._stays_quiet(patience_s):
                raise DoubtfulAnswer(self._explained(seat, asked_s, seat.place.doubled))
            request.check(reply, self._wire.excess, bool(seat._owed))
        except Refused:
            self._heard(seat)
            raise
        except DeviceError:
            self.counters.thrown_away += 1
            self._doubt(seat, request, loop.time(), asked_s)
            raise
        except (TimeoutError, ModbusException) as error:
            if not client.connected:
                raise self._port.lose() from error
            self.counters.silences += 1
            symptom = self._symptom(seat) or (seat._symptom if came_late else seat.place.silent)
            self._doubt(seat, request, loop.time(), asked_s)
            raise NoAnswer(self._explained(seat, asked_s, symptom)) from error
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
        seat._symptom = seat.place.silent

    def _symptom(self, seat: Seat) -> Symptom | None:
        """What came in place of an answer; None: nothing did."""
        stranger = self._wire.stranger(seat.place.address)
        if stranger is not None:
            return partial(seat.place.stranger, stranger)
        if self._wire.heard:
            now_s = self._clock()
            others = (other.last_good_s for other in self._seats.values() if other is not seat)
            is_heard = any(good_s is not None and now_s - good_s < HEARD_LATELY_S for good_s in others)
            return partial(seat.place.garbled, others_are_heard=is_heard)
        return None

    def _explained(self, seat: Seat, asked_s: float, symptom: Symptom) -> str:
        seat._symptom = symptom
        if seat._silent_since_s is None:
            seat._silent_since_s = asked_s
        return seat.silence(self._clock())

    def _doubt(self, seat: Seat, request: Request, now_s: float, asked_s: float) -> None:
        """An answer may still be on its way: be quiet, then believe this device only after a second look."""
        seat._silences += 1
        seat._owed += 1
        seat._unproven.append((request.function_code, request.count))
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
            last._came_late = True
            if last._owed:
                last._owed -= 1
                last._symptom = partial(last.place.too_late, self._wire.stray_s - last._sent_s, self.settings.timeout_s)
            else:  # nobody owed one: there may be more of them
                last._owed, last._doubt_until_s = 1, now_s + 3 * self.settings.lateness_s
                last._symptom = last.place.doubled
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

    def _is_closed(self) -> PortUnavailable:
        return PortUnavailable(f"{self.settings}: closed")


def _obey_cancellation() -> None:
    """Up to Python 3.11, `asyncio.wait_for` inside pymodbus swallows a cancellation that meets an answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
