"""What the tests of the bus stand on: a line in a temporary directory, a clock, and bounded waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kiosk.drivers.modbus_bus import BusSettings, ModbusBus
from kiosk.drivers.register_map import SerialLine
from sim.pty_line import PtyLine

PATIENCE_S = 10.0  # how long a test waits for a real device; never asserted


def bus_on(line: PtyLine, timeout_s: float = 0.05, lateness_s: float = 0.15, baud: int = 9600) -> ModbusBus:
    settings = BusSettings("rs485", str(line.link), SerialLine(baud, "N"), timeout_s, lateness_s, reopen_least_s=0.05)
    return ModbusBus(settings, time.monotonic)


@asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[None]:
    """Run the parts' `run()` beside the block; an error in one fails the test."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def until(is_so: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {PATIENCE_S} s: {what}")
        await asyncio.sleep(0.005)


class Counting:
    """Registers that all show how often the device was asked, so that an old answer can be told from a new one."""

    def __init__(self) -> None:
        self.asked = 0
        self.writes: list[tuple[int, tuple[int, ...]]] = []

    def read(self, function_code: int, address: int, count: int) -> Sequence[int] | None:
        self.asked += 1
        return [self.asked % 65536] * count

    def write(self, address: int, values: Sequence[int]) -> bool:
        self.writes.append((address, tuple(values)))
        return True


def line_in(directory: Path, **words: Any) -> PtyLine:
    return PtyLine(directory / "ttyRS485", **words)
