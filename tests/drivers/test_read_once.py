"""Meters served by pymodbus's own simulator, read over a pty by the kiosk's driver."""

from __future__ import annotations

import asyncio
import csv
import json
import math
import random
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from kiosk.drivers.meter_read import exact_json, read_once
from kiosk.drivers.modbus_errors import BusError
from kiosk.drivers.register_map import MapError
from sim.pty_pair import PtyPair

pytestmark = pytest.mark.bytes
SLUGS = {
    "SDM120": "sdm120",
    "SDM230": "sdm230",
    "SDM630": "sdm630",
    "SDM72D-M": "sdm72dm",
    "SDM72D-M v2": "sdm72dm_v2",
    "EM24": "em24",
    "EM340": "em340",
    "ABB B23": "abb_b23",
    "iEM3155": "iem3155",
    "WE-514": "we_514",
    "WE-516": "we_516",
}
BITS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f"}
SENTINEL = {"uint32": 0xFFFFFFFF, "int32": 0x7FFFFFFF, "int16": 0x7FFF, "uint64": 0xFFFFFFFFFFFFFFFF}


def rows_of(meter: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / "meters.csv").open(encoding="utf-8") as table:
        return [row for row in csv.DictReader(table) if row["meter"] == meter]


def any_raw(kind: str, draw: random.Random) -> int | float:
    """A raw value of this data type: small, negative, huge, zero, one off the edge."""
    if kind == "float32":
        exact = draw.choice(
            [0.0, 230.1, -11.04, 1e-9, 3.4e38, 16777216.0, draw.uniform(-1e6, 1e6), 0.1 + draw.random()]
        )
        return float(struct.unpack(">f", struct.pack(">f", exact))[0])
    bits = struct.calcsize(">" + BITS[kind]) * 8
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind.startswith("i") else (0, (1 << bits) - 1)
    return draw.choice([0, 1, least, most - 1, draw.randint(least, most), draw.randint(0, 5000)])


def registers_of(raw: int | float, kind: str, low_first: bool) -> list[int]:
    data = struct.pack(">" + BITS[kind], raw)
    words = list(struct.unpack(f">{len(data) // 2}H", data))
    return words[::-1] if low_first else words


async def read_served(slug: str, simdata: list[SimData], near: str, far: str) -> dict[str, Any]:
    server = ModbusSerialServer(
        SimDevice(7, simdata=sorted(simdata, key=lambda row: row.address)),
        framer=FramerType.RTU,
        port=far,
        baudrate=19200,
    )
    await server.serve_forever(background=True)
    try:
        document = await read_once(near, 19200, "N", 7, slug, name="main")
        parsed: dict[str, Any] = json.loads(exact_json(document), parse_float=Decimal, parse_int=Decimal)
        return parsed
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("meter", SLUGS)
@pytest.mark.parametrize("seed", range(4))
def test_any_value_of_any_meter_is_read_exactly(meter: str, seed: int) -> None:
    draw = random.Random(f"{meter} {seed}")
    rows = rows_of(meter)
    simdata, raws = [], {}
    for row in rows:
        kind = row["data_type"].split(" ")[0]
        raw = any_raw(kind, draw)
        if "n/a" in row["data_type"] and draw.random() < 0.3:
            raw = SENTINEL[kind]
        if kind == "float32" and draw.random() < 0.1:
            raw = draw.choice([math.nan, math.inf, -math.inf])
        raws[row["quantity"].split(" ")[0]] = (row, kind, raw)
        registers = registers_of(raw, kind, row["word_order"].startswith("low"))
        simdata.append(SimData(int(row["address_dec"]), values=registers, datatype=DataType.REGISTERS))

    with PtyPair() as wire:
        document = asyncio.run(read_served(SLUGS[meter], simdata, wire.near, wire.far))

    assert document["meter"] == "main"
    assert set(document["readings"]) == set(raws)
    for name, (row, kind, raw) in raws.items():
        reading = document["readings"][name]
        assert reading["unit"] == row["unit"]
        assert 0 <= reading["age_s"] < 5
        is_missing = ("n/a" in row["data_type"] and raw == SENTINEL.get(kind)) or not math.isfinite(raw)
        assert reading["quality"] == ("missing" if is_missing else "good")
        if is_missing:
            assert reading["value"] is None
        elif kind == "float32":
            unscaled = float(reading["value"] / Decimal(row["multiply_raw_by"]))
            assert struct.pack(">f", unscaled) == struct.pack(">f", raw) or (raw == 0 and unscaled == 0)
        else:
            assert reading["value"] == Decimal(raw) * Decimal(row["multiply_raw_by"])


def test_one_dense_bank_of_registers_is_read_in_whole_blocks() -> None:
    simdata = [SimData(0, values=[0x4366, 0x199A] * 200, datatype=DataType.REGISTERS)]

    with PtyPair() as wire:
        document = asyncio.run(read_served("sdm630", simdata, wire.near, wire.far))

    assert document["readings"]["energy_export_l3"]["value"] == Decimal("230.1")


def test_a_register_the_meter_has_not_is_missing_and_the_others_are_read() -> None:
    simdata = [SimData(72, values=12.5, datatype=DataType.FLOAT32)]

    with PtyPair() as wire:
        document = asyncio.run(read_served("sdm630", simdata, wire.near, wire.far))

    assert document["readings"]["energy_import"]["value"] == Decimal("12.5")
    assert document["readings"]["voltage_l1"] == {"value": None, "unit": "V", "age_s": pytest.approx(0, abs=5)} | {
        "quality": "missing"
    }


def test_a_meter_that_does_not_answer_is_an_error_that_names_port_address_and_cause() -> None:
    with PtyPair() as wire, pytest.raises(BusError) as caught:
        asyncio.run(read_once(wire.near, 9600, "N", 3, "sdm630", name="main", timeout_s=0.05))

    assert str(caught.value).startswith(f"meter 'main' (sdm630, {wire.near}, address 3): no answer for")
    assert "Check A/B wiring and that the address on the meter's display is 3." in str(caught.value)


def test_a_quantity_the_map_has_not_is_an_error_that_lists_those_it_has() -> None:
    with pytest.raises(MapError, match=r"no quantity 'enrgy'; there are: .*energy_import"):
        asyncio.run(read_once("/dev/null", 9600, "N", 1, "sdm630", quantities=["enrgy"]))
