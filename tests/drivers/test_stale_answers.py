"""RTU has no transaction number: a late answer looks like the answer to the next request. Ten thousand polls say that
none is ever taken for it. Many lines at once, as each spends its time waiting."""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from kiosk.drivers.modbus_bus import READ_INPUT
from kiosk.drivers.modbus_errors import BusError
from sim.modbus_slave import Lagging, ModbusSlave
from sim.pty_line import PtyLine
from tests.drivers.street import Counting, bus_on, running

pytestmark = pytest.mark.bytes
LINES, POLLS_EACH = 125, 80
LATEST_S = 0.06  # an answer comes this long after its request at the latest: time-out and lateness below, and less
LAG_BEGINS, LAG_ENDS = 0.02, 0.3  # chances per request


class Moods:
    """One device's lateness and lagging, all of one seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.is_lagging = False

    def delay_s(self) -> float:
        return self.draw.uniform(0.0, LATEST_S) if self.draw.random() < 0.1 else 0.0

    def lags(self) -> bool:
        if self.draw.random() < (LAG_ENDS if self.is_lagging else LAG_BEGINS):
            self.is_lagging = not self.is_lagging
        return self.is_lagging


async def poll(line: PtyLine, source: Counting, lengths: tuple[int, ...]) -> tuple[int, int, list[str], int]:
    """Polls made, good readings, wrong ones, and answers that were thrown away or came late."""
    bus = bus_on(line, timeout_s=0.02, lateness_s=0.05, baud=115200)
    seat = bus.seat("meter", "main", "sdm630", 1)
    polls = good = 0
    wrong = []
    async with running(bus):
        for number in range(POLLS_EACH):
            before = source.asked
            polls += 1
            try:
                answer = await seat.read(READ_INPUT, 0, lengths[number % len(lengths)])
            except BusError:
                continue
            good += 1
            if not before < answer.registers[0] <= source.asked:
                wrong.append(f"{line.link.name} poll {number}: {answer.registers[0]} is not after {before}")
    return polls, good, wrong, bus.counters.silences + bus.counters.thrown_away + bus.counters.late


def test_a_device_that_answers_one_request_late_never_yields_a_wrong_reading_in_ten_thousand_polls(
    tmp_path: Path,
) -> None:
    lines, sources = [], []
    for seed in range(LINES):
        source, moods = Counting(), Moods(seed)
        line = PtyLine(tmp_path / f"line {seed}", seed=seed)
        slave = ModbusSlave(1, source, delay_s=moods.delay_s, keeps_requests=0)
        line.attach(Lagging(slave, moods.lags) if seed % 2 else slave)
        lines.append(line)
        sources.append(source)

    async def poll_all() -> list[tuple[int, int, list[str], int]]:
        # Blocks of one length are the hardest: nothing tells a late answer from the next by its looks.
        lengths = [(2,), (10,), (2, 10)]
        work = [poll(line, source, lengths[n % 3]) for n, (line, source) in enumerate(zip(lines, sources, strict=True))]
        return await asyncio.gather(*work)

    with ExitStack() as stack:
        for line in lines:
            stack.enter_context(line)
        results = asyncio.run(poll_all())

    assert sum(polls for polls, _, _, _ in results) == 10_000
    assert [words for _, _, wrong, _ in results for words in wrong] == []
    # Enough to judge by; how many of the others come within 20 ms is the machine's.
    assert sum(good for _, good, _, _ in results) >= 2_000
    assert sum(trouble for _, _, _, trouble in results) >= 500
