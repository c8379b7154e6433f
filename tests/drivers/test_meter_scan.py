"""The technician's scan finds speed, address and model of simulated meters."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path

import pytest

from kiosk.drivers.meter_scan import Found, GaveUp, Trying, likely_lines, scan
from kiosk.drivers.modbus_errors import PortUnavailable
from kiosk.drivers.register_map import SerialLine, load_all
from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave
from sim.pty_line import PtyLine
from tests.drivers.street import line_in

pytestmark = pytest.mark.bytes
STATE = MeterState(import_wh=Fraction(1234567), current_a=(6.0, 6.0, 6.0), power_w=(1380.0, 1380.0, 1380.0), serial=7)
SAME_REGISTERS = {"sdm120": ("sdm120", "sdm230"), "sdm230": ("sdm120", "sdm230")}


def scan_all(line: PtyLine, **words: object) -> list[Trying | Found | GaveUp]:
    async def collect() -> list[Trying | Found | GaveUp]:
        return [step async for step in scan(str(line.link), **words)]  # type: ignore[arg-type]

    with line:
        return asyncio.run(collect())


@pytest.mark.parametrize("slug", sorted(register_map.slug for register_map in load_all()))
def test_every_model_is_found_or_named_among_those_that_look_alike(tmp_path: Path, slug: str) -> None:
    line = line_in(tmp_path, baud=9600)
    line.attach(ModbusSlave(2, MeterRegisters(slug, lambda: STATE, fills_gaps=False)))

    steps = scan_all(line, addresses=(1, 2), lines=(SerialLine(9600, "N"),))

    (found,) = [step for step in steps if isinstance(step, Found)]
    assert found.address == 2
    assert found.models == SAME_REGISTERS.get(slug, (slug,))
    assert found.is_certain == (slug not in SAME_REGISTERS)


def test_a_meter_of_another_speed_is_found_at_its_own(tmp_path: Path) -> None:
    line = line_in(tmp_path, baud=38400)
    line.attach(ModbusSlave(1, MeterRegisters("abb_b23", lambda: STATE)))

    steps = scan_all(
        line, addresses=(1,), lines=(SerialLine(9600, "N"), SerialLine(19200, "N"), SerialLine(38400, "N"))
    )

    assert [type(step).__name__ for step in steps] == ["Trying", "Trying", "Trying", "Found"]
    found = steps[-1]
    assert isinstance(found, Found) and found.line.baud == 38400 and found.models == ("abb_b23",)


def test_a_device_that_is_no_meter_is_told_without_a_name(tmp_path: Path) -> None:
    class Nothing:
        def read(self, function_code: int, address: int, count: int) -> None:
            return None

        def write(self, address: int, values: object) -> bool:
            return False

    line = line_in(tmp_path)
    line.attach(ModbusSlave(1, Nothing()))

    steps = scan_all(line, addresses=(1,), lines=(SerialLine(9600, "N"),))

    found = steps[-1]
    assert isinstance(found, Found) and found.models == () and not found.is_certain


def test_the_scan_ends_when_its_time_is_over(tmp_path: Path) -> None:
    ticks = iter(range(10_000))

    steps = scan_all(line_in(tmp_path), limit_s=40.0, clock=lambda: float(next(ticks)))

    assert isinstance(steps[-1], GaveUp)
    assert steps[-1].tried < steps[-1].steps


def test_a_port_that_is_not_there_ends_the_scan_with_its_reason() -> None:
    async def collect() -> None:
        async for _ in scan("/dev/ttyNowhere", addresses=(1,)):
            continue

    with pytest.raises(PortUnavailable, match="there is no such port"):
        asyncio.run(collect())


def test_the_speeds_of_the_known_models_are_tried_first() -> None:
    lines = likely_lines(load_all())

    assert lines[0] in (SerialLine(9600, "N"), SerialLine(19200, "E"))
    assert {register_map.serial for register_map in load_all()} == set(lines[:5])
    assert len(set(lines)) == len(lines) == 21
