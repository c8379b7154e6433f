"""A simulated meter of every model, read by the one meter driver over real bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from kiosk.drivers.meter import ModbusMeter
from kiosk.drivers.plausibility import RegisterWatch
from kiosk.drivers.register_map import load_all, load_map
from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave
from tests.drivers.street import bus_on, line_in, running, until

pytestmark = pytest.mark.bytes
FLOWING = MeterState(
    import_wh=Fraction(1234567),
    export_wh=Fraction(7000),
    voltage_v=(230.0, 231.0, 229.0),
    current_a=(16.0, 15.5, 0.5),
    power_w=(3680.0, 3580.5, 114.5),
    serial=20260042,
)


class World:
    """One meter on one line, and what flows through it."""

    def __init__(self, directory: Path, slug: str, **words: Any) -> None:
        self.now = FLOWING
        self.map = load_map(slug)
        self.line = line_in(directory)
        self.slave = ModbusSlave(1, MeterRegisters(slug, lambda: self.now, **words))
        self.line.attach(self.slave)

    def run(self, scene: Callable[[ModbusMeter], Any], **words: Any) -> ModbusMeter:
        async def play() -> ModbusMeter:
            bus = bus_on(self.line)
            meter = ModbusMeter(bus.seat("meter", "main", self.map.slug, 1), self.map, time.monotonic, 0.02, **words)
            async with running(bus, meter):
                await scene(meter)
            return meter

        with self.line:
            return asyncio.run(play())


async def read_once(meter: ModbusMeter) -> None:
    await until(lambda: meter.reading() is not None, "a first reading")


@pytest.mark.parametrize("slug", [register_map.slug for register_map in load_all()])
@pytest.mark.parametrize("fills_gaps", [True, False])
def test_every_model_is_read_to_the_step_of_its_register(tmp_path: Path, slug: str, fills_gaps: bool) -> None:
    world = World(tmp_path, slug, fills_gaps=fills_gaps)

    reading = world.run(read_once).reading()

    assert reading is not None
    true_wh = 1234567 + (7000 if slug == "we_514" else 0)
    assert true_wh - world.map.energy_step_wh < reading.import_wh <= true_wh
    if world.map.quantity("energy_export"):
        assert 7000 - world.map.energy_step_wh < reading.export_wh <= 7000
    assert reading.power_w in range(3670, 7376)
    if world.map.quantity("voltage_l1"):
        assert reading.voltage_mv[0] == 230_000
        assert reading.current_ma[0] == 16_000
    assert reading.serial == (None if world.map.serial_number is None else "20260042")


def test_a_register_that_runs_backwards_is_set_aside_and_told(tmp_path: Path) -> None:
    world = World(tmp_path, "em24")  # has no serial number to explain it

    async def scene(meter: ModbusMeter) -> None:
        await read_once(meter)
        world.now = MeterState(import_wh=Fraction(100))
        await until(lambda: meter.asides > 2, "readings set aside")

    meter = world.run(scene)

    reading = meter.reading()
    assert reading is not None and reading.import_wh == 1234500
    assert "import ran backwards from 1234500 to 100 Wh" in meter.health().message
    assert not meter.health().is_good


def test_a_register_that_outruns_its_connection_is_set_aside(tmp_path: Path) -> None:
    world = World(tmp_path, "sdm630")

    async def scene(meter: ModbusMeter) -> None:
        await read_once(meter)
        world.now = MeterState(import_wh=Fraction(2_000_000), serial=20260042)
        await until(lambda: meter.asides > 0, "a reading set aside")

    meter = world.run(scene)

    assert "import jumped by 765433 Wh" in meter.health().message
    assert meter.reading() is not None and meter.reading().import_wh == 1234567  # type: ignore[union-attr]


def test_a_swapped_meter_is_known_by_its_number_and_counts_from_its_own_register(tmp_path: Path) -> None:
    world = World(tmp_path, "sdm630")

    async def scene(meter: ModbusMeter) -> None:
        await read_once(meter)
        world.line.faults.is_silent = True
        await until(lambda: not meter.health().is_good, "silence noticed")
        world.now = MeterState(import_wh=Fraction(5), serial=99)
        world.line.faults.is_silent = False
        await until(lambda: bool(meter.reading() and meter.reading().serial == "99"), "the new one")  # type: ignore[union-attr]

    meter = world.run(scene)

    assert meter.reading() is not None and meter.reading().import_wh == 5  # type: ignore[union-attr]
    assert meter.asides == 0


def test_a_silent_meter_keeps_its_last_reading_and_says_what_to_check(tmp_path: Path) -> None:
    world = World(tmp_path, "sdm630")

    async def scene(meter: ModbusMeter) -> None:
        await read_once(meter)
        world.line.faults.is_silent = True
        await until(lambda: not meter.health().is_good, "silence noticed")

    meter = world.run(scene)

    assert meter.reading() is not None
    message = meter.health().message
    assert message.startswith(f"meter 'main' (sdm630, {world.line.link}, address 1): no answer for")
    assert "last good reading" in message and "Check A/B wiring" in message


def test_a_register_may_rest_and_may_move_as_fast_as_the_connection_carries() -> None:
    watch = RegisterWatch("import", most_w=22_000, step_wh=100)
    watch.accept(1000, 0.0)

    assert watch.objection(1000, 100.0) == ""
    assert watch.objection(1000 + 22_000, 3600.0) == ""
    assert "more than 22000 W can carry" in watch.objection(1000 + 22_300, 3600.0)
    assert "ran backwards" in watch.objection(999, 100.0)
    assert "less than nothing" in watch.objection(-1, 100.0)
