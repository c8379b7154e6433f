"""The bus on real bytes: pymodbus's client on a pty, a device of our own at the other end."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from kiosk.drivers.modbus_bus import READ_INPUT, ModbusBus
from kiosk.drivers.modbus_errors import BusError, DeviceError, NoAnswer, PortBusy, PortUnavailable, Refused
from sim.modbus_slave import ModbusSlave, TableSource
from sim.pty_line import Faults
from tests.drivers.street import Counting, bus_on, line_in, running, until

pytestmark = pytest.mark.bytes


@pytest.mark.parametrize("seed", range(3))
def test_a_device_that_answers_late_never_yields_a_wrong_reading(tmp_path: Path, seed: int) -> None:
    source = Counting()
    draw = random.Random(seed)
    lateness = iter(lambda: draw.choice([0.0, 0.0, 0.0, draw.uniform(0.0, 0.19)]), None)
    line = line_in(tmp_path, seed=seed)
    line.attach(ModbusSlave(1, source, delay_s=lambda: next(lateness)))
    wrong: list[tuple[int, int]] = []
    good = 0

    async def poll() -> None:
        nonlocal good
        bus = bus_on(line, timeout_s=0.02, lateness_s=0.06)
        seat = bus.seat("meter", "main", "sdm630", 1)
        async with running(bus):
            for number in range(100):
                before = source.asked
                try:
                    answer = await seat.read(READ_INPUT, 0, (2, 10)[number % 2])
                except BusError:
                    continue
                good += 1
                if not before < answer.registers[0] <= source.asked:
                    wrong.append((before, answer.registers[0]))

    with line:
        asyncio.run(poll())

    assert wrong == [], f"seed {seed}"
    assert good >= 50


def test_one_late_answer_is_never_taken_for_the_next_one(tmp_path: Path) -> None:
    source = Counting()
    # Later than time-out and quiet pause together: it comes while the next request waits for its own answer.
    delays = iter([0.13, 0.04])
    line = line_in(tmp_path)
    line.attach(ModbusSlave(1, source, delay_s=lambda: next(delays, 0.0)))

    async def poll() -> list[bool]:
        bus = bus_on(line, timeout_s=0.05, lateness_s=0.04)
        seat = bus.seat("meter", "main", "sdm630", 1)
        seen = []
        async with running(bus):
            with pytest.raises(NoAnswer):
                await seat.read(READ_INPUT, 0, 2, attempts=1)
            for _ in range(5):
                before = source.asked
                try:
                    answer = await seat.read(READ_INPUT, 0, 2, attempts=1)
                except DeviceError:
                    continue
                seen.append(before < answer.registers[0] <= source.asked)
        return seen

    with line:
        seen = asyncio.run(poll())

    assert seen and all(seen)


@pytest.mark.parametrize("faults", [Faults(garbled=0.3), Faults(truncated=0.3), Faults(garbage=0.5), Faults(lost=0.3)])
def test_a_bad_wire_costs_readings_but_falsifies_none(tmp_path: Path, faults: Faults) -> None:
    source = Counting()
    line = line_in(tmp_path, faults=faults, seed=5)
    line.attach(ModbusSlave(1, source))

    async def poll() -> tuple[int, int]:
        bus = bus_on(line, timeout_s=0.02, lateness_s=0.02)
        seat = bus.seat("meter", "main", "sdm630", 1)
        good = wrong = 0
        async with running(bus):
            for _ in range(40):
                before = source.asked
                try:
                    answer = await seat.read(READ_INPUT, 0, 4)
                except BusError:
                    continue
                good += 1
                wrong += not (before < answer.registers[0] <= source.asked and len(set(answer.registers)) == 1)
        return good, wrong

    with line:
        good, wrong = asyncio.run(poll())

    assert wrong == 0
    assert good >= 20


def test_less_takes_the_next_gap_and_more_waits_its_turn(tmp_path: Path) -> None:
    line = line_in(tmp_path)
    board, meter = Counting(), Counting()
    slow = ModbusSlave(2, meter, delay_s=lambda: 0.01)
    line.attach(ModbusSlave(1, board))
    line.attach(slow)

    async def talk() -> list[str]:
        bus = bus_on(line)
        seat, other = bus.seat("board", "pilot", "evse_din", 1), bus.seat("meter", "main", "sdm630", 2)
        ended: list[str] = []

        async def note(name: str, work: object) -> None:
            await work  # type: ignore[misc]
            ended.append(name)

        async with running(bus), asyncio.TaskGroup() as tasks:
            for number in range(4):
                tasks.create_task(note(f"read {number}", other.read(READ_INPUT, 0, 2)))
            tasks.create_task(note("more", seat.write(1000, (16,))))
            await until(lambda: meter.asked == 1, "the first read is under way")
            tasks.create_task(note("less", seat.write(1000, (0,), less=True)))
        return ended

    with line:
        ended = asyncio.run(talk())

    assert ended[ended.index("read 0") + 1] == "less"
    assert ended.index("more") < ended.index("read 3")


def test_less_goes_out_through_the_quiet_pause_after_a_time_out(tmp_path: Path) -> None:
    line = line_in(tmp_path)
    board = Counting()
    line.attach(ModbusSlave(1, board))

    async def talk() -> bool:
        bus = bus_on(line, timeout_s=0.02, lateness_s=30.0)
        seat, dead = bus.seat("board", "pilot", "evse_din", 1), bus.seat("meter", "main", "sdm630", 9)
        async with running(bus):
            with pytest.raises(NoAnswer):
                await dead.read(READ_INPUT, 0, 2, attempts=1)
            await asyncio.wait_for(seat.write(1000, (0,), less=True), 10)
        return board.writes == [(1000, (0,))]

    with line:
        assert asyncio.run(talk())


def test_the_port_is_refused_while_another_holds_it(tmp_path: Path) -> None:
    line = line_in(tmp_path)
    line.attach(ModbusSlave(1, Counting()))

    async def talk() -> str:
        controller, probe = bus_on(line), bus_on(line)
        async with running(controller, probe):
            await controller.seat("meter", "main", "sdm630", 1).read(READ_INPUT, 0, 2)
            with pytest.raises(PortBusy) as caught:
                await probe.seat("meter", "main", "sdm630", 1).read(READ_INPUT, 0, 2)
        return str(caught.value)

    with line:
        message = asyncio.run(talk())

    assert "another program holds the port, likely the controller" in message
    assert str(line.link) in message


def test_an_adapter_that_was_pulled_is_used_again_when_it_is_back(tmp_path: Path) -> None:
    line = line_in(tmp_path)
    line.attach(ModbusSlave(1, Counting()))

    async def talk() -> ModbusBus:
        bus = bus_on(line)
        seat = bus.seat("meter", "main", "sdm630", 1)
        async with running(bus):
            await seat.read(READ_INPUT, 0, 2)
            line.unplug()
            for _ in range(3):
                with pytest.raises(PortUnavailable):
                    await seat.read(READ_INPUT, 0, 2)
            line.plug()
            back: list[int] = []

            async def again() -> None:
                while not back:
                    try:
                        back.extend((await seat.read(READ_INPUT, 0, 2)).registers)
                    except PortUnavailable:
                        await asyncio.sleep(0.01)

            await asyncio.wait_for(again(), 10)
        return bus

    with line:
        bus = asyncio.run(talk())

    assert bus.counters.opened == 2
    assert bus.trouble == ""


def test_a_dead_device_does_not_silence_the_others(tmp_path: Path) -> None:
    line = line_in(tmp_path)
    line.attach(ModbusSlave(1, Counting()))

    async def talk() -> int:
        bus = bus_on(line, timeout_s=0.02, lateness_s=0.2)
        live, dead = bus.seat("meter", "main", "sdm630", 1), bus.seat("meter", "gone", "sdm630", 2)
        async with running(bus):
            for _ in range(4):
                with pytest.raises(NoAnswer):
                    await dead.read(READ_INPUT, 0, 2, attempts=1)
            asking = asyncio.create_task(dead.read(READ_INPUT, 0, 2, attempts=1))
            answered = 0
            while not asking.done():
                await live.read(READ_INPUT, 0, 2)
                answered += 1
            asking.exception()
        return answered

    with line:
        assert asyncio.run(talk()) >= 10


def test_a_refusal_is_told_at_once_with_its_reason(tmp_path: Path) -> None:
    line = line_in(tmp_path)
    line.attach(ModbusSlave(1, TableSource({(4, 0): 1})))

    async def talk() -> Refused:
        bus = bus_on(line)
        async with running(bus):
            with pytest.raises(Refused) as caught:
                await bus.seat("meter", "main", "sdm630", 1).read(READ_INPUT, 5, 2)
        return caught.value

    with line:
        refused = asyncio.run(talk())

    assert refused.is_about_the_block
    assert "it has no such register (exception 2). Check that the model is really sdm630." in str(refused)


def test_two_devices_of_one_address_are_a_mistake(tmp_path: Path) -> None:
    async def build() -> None:
        bus = bus_on(line_in(tmp_path))
        bus.seat("meter", "main", "sdm630", 1)
        with pytest.raises(ValueError, match="address 1 is taken by meter 'main'"):
            bus.seat("meter", "site", "sdm630", 1)

    asyncio.run(build())


def test_a_bus_stops_even_where_an_answer_comes_in_the_same_moment(tmp_path: Path) -> None:
    line = line_in(tmp_path)
    line.attach(ModbusSlave(1, Counting()))
    still_there = 0

    async def stop_at(turns: int) -> bool:
        bus = bus_on(line, baud=115200)
        serving = asyncio.create_task(bus.run())
        seat = bus.seat("meter", "main", "sdm630", 1)
        await seat.read(READ_INPUT, 0, 2)
        asking = asyncio.create_task(seat.read(READ_INPUT, 0, 2))
        while bus.counters.requests < 2:
            await asyncio.sleep(0)
        answer_s = time.monotonic() + turns * 0.00002
        while time.monotonic() < answer_s:
            await asyncio.sleep(0)
        time.sleep(0.002)  # the answer waits in the terminal, so that it is read in the turn of the cancellation
        asyncio.get_running_loop().call_soon(serving.cancel)
        await asyncio.wait({serving, asking}, timeout=2)
        return serving.done()

    with line:
        for turns in range(20):
            still_there += not asyncio.run(stop_at(turns))

    assert still_there == 0
