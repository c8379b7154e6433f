"""The data files of meters and boards, and what is made of raw registers."""

from __future__ import annotations

import csv
import math
import struct
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.drivers.register_map import (
    BOARDS,
    METERS,
    DataType,
    MapError,
    WordOrder,
    load_all,
    load_map,
    parse_map,
    raw_number,
    shortest_decimal,
)

SDM120 = (METERS / "sdm120.toml").read_text(encoding="utf-8")


def test_every_row_of_the_table_of_meters_stands_in_a_map() -> None:
    maps = {register_map.name: register_map for register_map in load_all()}
    with (Path(__file__).parent / "meters.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))

    assert {row["meter"] for row in rows} == set(maps)
    for row in rows:
        quantity = maps[row["meter"]].named([row["quantity"].split(" ")[0]])[0]
        assert quantity.address == int(row["address_dec"])
        assert quantity.function_code == int(row["function_code"])
        assert quantity.count == int(row["registers"])
        assert quantity.unit == row["unit"]
        assert quantity.scale == Decimal(row["multiply_raw_by"])
        assert quantity.data_type == row["data_type"].split(" ")[0]
        assert bool(quantity.not_available) == ("n/a" in row["data_type"])
        if quantity.count > 1:
            assert (quantity.word_order is WordOrder.LOW_FIRST) == row["word_order"].startswith("low")
        assert str(maps[row["meter"]].serial) == row["serial_default"].split(" (")[0].replace(" ", " ")
    assert sum(len(register_map.quantities) for register_map in maps.values()) == len(rows)


def test_every_board_is_a_board() -> None:
    assert {board.slug: board.kind for board in load_all(BOARDS)} == {"evse_din": "board", "heidelberg": "board"}


def test_the_meter_without_an_import_register_imports_by_its_sum() -> None:
    quantity = load_map("we_514").quantity("energy_import")

    assert quantity is not None and quantity.name == "energy_sum"


@pytest.mark.parametrize(("slug", "step_wh"), [("sdm630", 1), ("em24", 100), ("abb_b23", 10), ("iem3155", 1)])
def test_the_step_of_the_energy_register_follows_from_its_scale(slug: str, step_wh: int) -> None:
    assert load_map(slug).energy_step_wh == step_wh


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("baud = 2400", "bawd = 2400", r"my.toml: serial.baud: missing"),
        ("phases = 1", "phases = 1\nfases = 1", r"my.toml: fases: unknown key"),
        ('scale = "1"', 'scale = "one"', r"my.toml: quantity\[0\].scale: want a decimal number, got 'one'"),
        ("function_code = 4", "function_code = 5", r"my.toml: quantity\[0\].function_code: want 3 to 4, got 5"),
        ('data_type = "float32"', 'data_type = "float"', r"my.toml: quantity\[0\].data_type: want one of int16"),
        ("address = 0x0006", "address = 0x0001", r"my.toml: quantities 'voltage_l1' and 'current_l1' overlap"),
        ('name = "current_l1"', 'name = "voltage_l1"', r"my.toml: quantity 'voltage_l1' is there twice"),
        ('unit = "V"', "unit = 1", r"my.toml: quantity\[0\].unit: want str, got 1"),
        ("verified = false", "verified = 0", r"my.toml: verified: want bool, got 0"),
    ],
)
def test_a_mistake_in_a_file_is_an_error_that_names_file_and_key(old: str, new: str, complaint: str) -> None:
    assert old in SDM120

    with pytest.raises(MapError, match=complaint):
        parse_map(SDM120.replace(old, new, 1), "my.toml")


def test_an_unknown_model_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(MapError, match=r"no map 'sdm631'; there are: abb_b23, em24, .*we_516"):
        load_map("sdm631")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shortest_decimal_of_a_float_stands_for_no_other_float(number: float) -> None:
    shortest = shortest_decimal(number)

    assert shortest is not None
    assert struct.pack(">f", float(shortest)) == struct.pack(">f", number) or (number == 0 and shortest == 0)
    assert len(shortest.as_tuple().digits) <= 9


@given(st.decimals(min_value=-999999, max_value=999999, places=1))
def test_a_decimal_of_a_few_digits_survives_a_float(written: Decimal) -> None:
    if len(written.as_tuple().digits) <= 6:
        (number,) = struct.unpack(">f", struct.pack(">f", float(written)))

        assert shortest_decimal(number) == written


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_is_no_value(number: float) -> None:
    assert shortest_decimal(number) is None


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_a_number_is_the_same_in_both_word_orders(number: int) -> None:
    high, low = struct.unpack(">HH", struct.pack(">i", number))

    assert raw_number((high, low), DataType.INT32, WordOrder.HIGH_FIRST) == number
    assert raw_number((low, high), DataType.INT32, WordOrder.LOW_FIRST) == number


def test_what_a_meter_marks_as_not_available_is_no_value() -> None:
    quantity = load_map("abb_b23").named(["energy_import"])[0]

    assert quantity.decode([0xFFFF] * 4) is None
    assert quantity.decode([0, 0, 0, 12345]) == Decimal("123.45")
