"""One register of a board held at a level: written until it reads back.

Law:
- Less overtakes: a wish for less takes back a write of more that still waits, and goes out in the next gap.
- Less is always written, also where the board seems to hold it already: with two devices on one address the answer may
  have been the other one's, while what is written reaches both.
- Only what the board reads back counts. What it says later is watched too: a board that forgot is told again.
- A board that is dead does not hold up the bus: after `URGENT_WRITES` in vain, less waits its turn like the rest,
  and the pause between two writes grows to `LONGEST_PAUSE_S`. It is urgent again once the board was heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kiosk.drivers.modbus_bus import READ_HOLDING, Seat
from kiosk.drivers.modbus_errors import BusError

URGENT_WRITES = 5
LEAST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


class KeptRegister:
    """Holding register `address` at the raw level last wished for; 0 until one is."""

    def __init__(self, seat: Seat, address: int, clock: Callable[[], float]) -> None:
        self.trouble = ""
        self._seat = seat
        self._address = address
        self._clock = clock
        self._wanted = 0
        self._seen: int | None = None  # what the board said it holds, asked after the last write
        self._most = 0  # the highest level it can hold, as far as we wrote it
        self._is_known = False  # it was heard at least once: before, it may hold anything
        self._is_writing = False
        self._written_s = clock()
        self._failures = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self.was_tried = asyncio.Event()  # the first write came to its end, good or bad
        self.less_was_wished = asyncio.Event()  # and is not known to stand yet

    def want(self, raw: int) -> None:
        """Say what should be. May be called from any thread, any number of times."""
        if raw == self._wanted:
            return
        if raw < self._wanted:
            self._seen = None
        self._wanted = raw
        self._nudge()

    def saw(self, raw: int, asked_s: float) -> None:
        """The board was heard, and this is what it held when asked (kiosk seconds)."""
        if self._is_writing or asked_s < self._written_s:
            return  # asked before the last write: says nothing about it
        self._heard(raw)
        self._failures = 0
        if raw != self._wanted:
            self._nudge()

    @property
    def owes_less(self) -> bool:
        """Whether the board may hold more than is wanted."""
        return not self._is_known or self._most > self._wanted

    @property
    def is_settled(self) -> bool:
        """Whether the board holds what is wanted."""
        return self._seen == self._wanted

    async def run(self) -> None:
        """Keep it until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            if self.is_settled:
                await self._wake.wait()
                continue
            try:
                await self._write()
            except BusError as error:
                self._is_writing, self._written_s = False, self._clock()
                self._failures += 1
                self.trouble = str(error)
            self.was_tried.set()
            if not self.is_settled:
                await self._pause()

    def _heard(self, raw: int) -> None:
        self._seen = self._most = raw
        self._is_known = True
        if not self.owes_less:
            self.less_was_wished.clear()

    def _nudge(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wish_changed)

    def _wish_changed(self) -> None:
        self._wake.set()
        if self.owes_less:
            self.less_was_wished.set()
        else:
            self.less_was_wished.clear()

    async def _write(self) -> None:
        """Write and read back, unless a wish for less comes in between."""
        raw = self._wanted
        is_less = raw == 0 or raw < self._most
        self._seen, self._most, self._is_writing = None, max(self._most, raw), True
        write = asyncio.ensure_future(
            self._seat.write(self._address, (raw,), less=is_less and self._failures < URGENT_WRITES)
        )
        try:
            while not write.done():
                wake = asyncio.ensure_future(self._wake.wait())
                await asyncio.wait({write, wake}, return_when=asyncio.FIRST_COMPLETED)
                wake.cancel()
                self._wake.clear()
                if not write.done() and self._wanted < raw:
                    return  # it may be under way all the same: the write of less follows it on the bus
            write.result()
        finally:
            write.cancel()
        self._is_writing, self._written_s = False, self._clock()
        answer = await self._seat.read(READ_HOLDING, self._address, 1, attempts=1)
        held = answer.registers[0]
        self._heard(held)
        if held == raw:
            self._failures, self.trouble = 0, ""
        else:
            self._failures += 1
            self.trouble = (
                f"{self._seat.place}: register {self._address} was set to {raw} and reads back {held}. "
                "Check the board's own limit (jumpers, DIP switches) and that nothing else writes to it."
            )

    async def _pause(self) -> None:
        if not self._failures:
            return
        try:
            async with asyncio.timeout(min(LEAST_PAUSE_S * 2.0**self._failures, LONGEST_PAUSE_S)):
                await self._wake.wait()
        except TimeoutError:
            return
