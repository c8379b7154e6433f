"""`kiosk meter read` and `kiosk meter scan`, the real command, against devices on pseudo-terminals."""

from __future__ import annotations

import asyncio
import json
import random
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice
from serial import Serial

from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave
from sim.pty_line import PtyLine
from sim.pty_pair import PtyPair
from tests.cli.conftest import Run
from tests.drivers.test_read_once import SENTINEL, SLUGS, any_raw, registers_of, rows_of

pytestmark = pytest.mark.bytes


@contextmanager
def served(simdata: list[SimData], port: str) -> Iterator[None]:
    """pymodbus's own simulator on a port, in a thread with its own loop."""
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        device = SimDevice(7, simdata=sorted(simdata, key=lambda row: row.address))
        server = ModbusSerialServer(device, framer=FramerType.RTU, port=port, baudrate=19200)
        await server.serve_forever(background=True)
        ready.set()
        await over.wait()
        await server.shutdown()  # type: ignore[no-untyped-call]

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def config(path: Path, device: str, meters: str, parity: str = "N") -> str:
    bus = f'[[bus]]\nname = "b"\ndevice = "{device}"\nbaud = 19200\nparity = "{parity}"\n'
    path.write_text(bus + meters, encoding="utf-8")
    return str(path)


def meter(name: str, slug: str, address: int = 7) -> str:
    return f'[[meter]]\nname = "{name}"\nbus = "b"\naddress = {address}\nmap = "{slug}"\n'


@pytest.mark.parametrize("model", SLUGS)
def test_the_command_reads_any_value_of_any_model_exactly(tmp_path: Path, kiosk: Run, model: str) -> None:
    draw = random.Random(f"command {model}")
    simdata: list[SimData] = []
    wanted: dict[str, tuple[str, str, int | float | None, str]] = {}
    for row in rows_of(model):
        kind = row["data_type"].split(" ")[0]
        raw = any_raw(kind, draw)
        if is_missing := "n/a" in row["data_type"] and draw.random() < 0.2:
            raw = SENTINEL[kind]
        words = registers_of(raw, kind, row["word_order"].startswith("low"))
        simdata.append(SimData(int(row["address_dec"]), values=words, datatype=DataType.REGISTERS))
        wanted[row["quantity"].split(" ")[0]] = (row["unit"], kind, None if is_missing else raw, row["multiply_raw_by"])

    with PtyPair() as wire, served(simdata, wire.far):
        parity = draw.choice("NEO")  # a pseudo-terminal has none; asking for one must not hinder
        file = config(tmp_path / "meter.toml", wire.near, meter("main", SLUGS[model]), parity)
        done = kiosk("meter", "read", "--config", file, "--json")

    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout, parse_float=Decimal, parse_int=Decimal)
    assert set(document) == {"meter", "readings"}
    assert document["meter"] == "main"
    assert set(document["readings"]) == set(wanted)
    for name, (unit, kind, sent, scale) in wanted.items():
        reading = document["readings"][name]
        assert set(reading) == {"value", "unit", "age_s", "quality"}
        assert (reading["unit"], reading["quality"]) == (unit, "missing" if sent is None else "good")
        if sent is None:
            assert reading["value"] is None
        elif kind == "float32":
            unscaled = float(reading["value"] / Decimal(scale))
            assert struct.pack(">f", unscaled) == struct.pack(">f", sent) or unscaled == sent == 0
        else:
            assert reading["value"] == Decimal(sent) * Decimal(scale)


def state() -> MeterState:
    return MeterState(import_wh=Fraction(12_345_678), current_a=(16.0, 0.0, 0.0), power_w=(3680.0, 0.0, 0.0))


def test_the_named_one_of_several_meters_is_read_as_a_table(tmp_path: Path, kiosk: Run) -> None:
    with PtyLine(tmp_path / "rs485") as line:
        line.attach(ModbusSlave(1, MeterRegisters("sdm120", state)))
        line.attach(ModbusSlave(2, MeterRegisters("sdm630", state)))
        both = meter("left", "sdm120", 1) + meter("right", "sdm630", 2)
        file = config(tmp_path / "meter.toml", str(line.link), both)
        which = kiosk("meter", "read", "--config", file)
        right = kiosk("meter", "read", "--config", file, "right")

    assert (which.returncode, which.stderr) == (2, "kiosk: which meter? The configuration has: left, right\n")
    assert right.returncode == 0
    assert right.stdout.startswith("meter right\n")
    power = next(line for line in right.stdout.splitlines() if "power_total" in line)
    assert power.split()[:3] == ["power_total", "3680", "W"] and power.endswith("good")


def test_a_silent_meter_ends_with_3_and_names_place_and_cause(tmp_path: Path, kiosk: Run) -> None:
    with PtyPair() as wire:
        file = config(tmp_path / "meter.toml", wire.near, meter("main", "sdm630"))
        done = kiosk("meter", "read", "--config", file, "--json")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"kiosk: meter 'main' (sdm630, {wire.near}, address 7): no answer for")
    assert "Check A/B wiring" in done.stderr


def test_a_bus_the_controller_holds_is_refused_with_4(tmp_path: Path, kiosk: Run) -> None:
    with PtyPair() as wire, Serial(wire.near, exclusive=True):
        file = config(tmp_path / "meter.toml", wire.near, meter("main", "sdm630"))
        done = kiosk("meter", "read", "--config", file)

    assert (done.returncode, done.stdout) == (4, "")
    assert "another program holds the port" in done.stderr and "kiosk status" in done.stderr


def test_a_wrong_configuration_ends_with_2_and_names_file_and_key(tmp_path: Path, kiosk: Run) -> None:
    file = config(tmp_path / "meter.toml", "/dev/null", meter("main", "sdm630").replace("address", "adress"))
    done = kiosk("meter", "read", "--config", file)

    assert done.returncode == 2
    assert f"kiosk: {file}: meter[0].adress: unknown key; did you mean 'address'?" in done.stderr


def test_scan_finds_speed_address_and_model_and_prints_the_lines_for_the_configuration(
    tmp_path: Path, kiosk: Run
) -> None:
    with PtyLine(tmp_path / "rs485", baud=19200) as line:
        line.attach(ModbusSlave(3, MeterRegisters("sdm630", state)))
        words = kiosk("meter", "scan", "--device", str(line.link), "--addresses", "2-3")
        as_json = kiosk("meter", "scan", "--device", str(line.link), "--addresses", "3", "--json")

    assert words.returncode == 0
    assert f"{line.link}: address 3 at 19200" in words.stdout
    assert 'address = 3  map = "sdm630"' in words.stdout
    assert "step" in words.stderr
    (found,) = json.loads(as_json.stdout)["found"]
    assert (found["line"]["baud"], found["address"], found["models"]) == (19200, 3, ["sdm630"])


def test_a_scan_that_finds_nothing_ends_with_1_and_a_wrong_range_with_2(tmp_path: Path, kiosk: Run) -> None:
    with PtyLine(tmp_path / "rs485") as line:
        nothing = kiosk("meter", "scan", "--device", str(line.link), "--addresses", "1", "--json")
        wrong = kiosk("meter", "scan", "--device", str(line.link), "--addresses", "0-300")

    assert (nothing.returncode, json.loads(nothing.stdout)["found"]) == (1, [])
    assert wrong.returncode == 2
