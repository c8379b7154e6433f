"""What crosses a wire comes back as it was, or is refused by a message that names the key."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import codec
from contract.api import RowKind
from contract.codec import WireError, from_bytes, from_wire, to_bytes, to_wire, utc_from_text, utc_text
from contract.straight import straight_reader
from tests.contract.values import WIRE_TYPES, any_wire_value, required_fields

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Inner:
    count: int


@dataclass(frozen=True, slots=True)
class Often:
    """Read in one test only, which counts."""

    of: tuple[Inner, ...]


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    inner: Inner
    many: tuple[Inner, ...] = ()
    kind: RowKind | None = None
    price: Decimal | None = None
    at: datetime | None = None
    by_name: dict[str, Inner] | None = None
    share: float | None = None
    is_on: bool | None = None


GOOD: dict[str, Any] = {"name": "n", "inner": {"count": 1}}


@settings(max_examples=250)
@given(any_wire_value())
def test_every_wire_value_comes_back_as_it_was(value: Any) -> None:
    data = to_bytes(value)

    assert from_bytes(type(value), data) == value
    assert to_bytes(from_bytes(type(value), data)) == data


@settings(max_examples=80)
@given(any_wire_value(), st.data())
def test_an_unknown_key_is_named(value: Any, data: st.DataObject) -> None:
    wire = to_wire(value) | {"colour": data.draw(st.none() | st.integers() | st.text())}

    with pytest.raises(WireError, match=rf"{type(value).__name__}\.colour: unknown key"):
        from_wire(type(value), wire)


STRANGE: list[Any] = [
    None,
    True,
    1,
    -1,
    1.0,
    2**63,
    "",
    "x",
    "\ud800",
    "1",
    "2026-11-21Z",
    "2026-11-21T00:00:00Z",
    [],
    {},
]
STRANGE += ["20261121T00Z", "2026-11-21T00:00:00+01:00Z", "2026-11-21T00:00:00z", "1e9", [None], {"x": 1}, float("nan")]


def _places(wire: Any) -> list[tuple[Any, Any]]:
    """Everything below that can be changed: the object or list, and its key."""
    items = list(wire.items() if isinstance(wire, dict) else enumerate(wire) if isinstance(wire, list) else ())
    return [(wire, key) for key, _ in items] + [place for _, item in items for place in _places(item)]


@settings(max_examples=300)
@given(any_wire_value(), st.data())
def test_the_straight_reader_takes_nothing_that_the_careful_one_reads_otherwise(
    value: Any, data: st.DataObject
) -> None:
    wire = to_wire(value)
    for _ in range(data.draw(st.integers(0, 2))):
        if places := _places(wire):
            holder, key = data.draw(st.sampled_from(places))
            if data.draw(st.booleans()):
                del holder[key]
            else:
                holder[key] = deepcopy(data.draw(st.sampled_from(STRANGE)))
    try:
        found = straight_reader(type(value), codec._reader)(wire)
    except (ValueError, KeyError, TypeError, codec._Unfit):
        return

    assert codec._with_care(type(value), wire, "") == found


def test_a_class_that_is_read_often_is_read_as_at_first() -> None:
    for _ in range(codec.OFTEN + 2):
        assert from_wire(Often, {"of": [{"count": 1}]}) == Often((Inner(1),))
        with pytest.raises(WireError, match=r"^Often\.of\[1\]\.count: want int, got True$"):
            from_wire(Often, {"of": [{"count": 1}, {"count": True}]})


@settings(max_examples=60)
@given(any_wire_value())
def test_the_straight_reader_has_no_doubt_about_what_we_wrote(value: Any) -> None:
    assert straight_reader(type(value), codec._reader)(to_wire(value)) == value


@pytest.mark.parametrize("cls", [cls for cls in WIRE_TYPES if required_fields(cls)], ids=lambda cls: cls.__name__)
def test_a_missing_key_is_named(cls: type) -> None:
    with pytest.raises(WireError, match=rf"{cls.__name__}\.{required_fields(cls)[0]}: missing"):
        from_wire(cls, {})


@settings(max_examples=120)
@given(any_wire_value(), st.data())
def test_a_wrong_type_is_named_and_never_converted(value: Any, data: st.DataObject) -> None:
    wire = to_wire(value)
    if not wire:
        return
    key = data.draw(st.sampled_from(sorted(wire)))
    wrong: Any = 7 if isinstance(wire[key], (str, bool, list, dict)) else "seven"

    with pytest.raises(WireError, match=rf"{type(value).__name__}\.{key}"):
        from_wire(type(value), wire | {key: wrong})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": {"count": True}}, r"Outer\.inner\.count: want int, got True"),
        ({"inner": {"count": 1.0}}, r"Outer\.inner\.count: want int, got 1\.0"),
        ({"inner": {"count": 2**63}}, r"Outer\.inner\.count: want at most"),
        ({"inner": None}, r"Outer\.inner: want an object"),
        ({"many": [{"count": 1}, {"count": "x"}]}, r"Outer\.many\[1\]\.count: want int, got 'x'"),
        ({"many": {"count": 1}}, r"Outer\.many: want a list"),
        ({"kind": "rumour"}, r"Outer\.kind: 'rumour' is none of transaction, item"),
        ({"kind": ["transaction"]}, r"Outer\.kind: list is none of"),
        ({"price": 1.5}, r"Outer\.price: want a decimal number as a string"),
        ({"price": "1e999999999"}, r"Outer\.price"),
        ({"price": "NaN"}, r"Outer\.price"),
        ({"price": "1_000"}, r"Outer\.price"),
        ({"price": "٣"}, r"Outer\.price"),
        ({"price": "1" * 41}, r"Outer\.price"),
        ({"at": "2026-11-21T00:00:00+01:00"}, r"Outer\.at: .*want UTC with Z"),
        ({"at": "2026-11-21Z"}, r"Outer\.at: .*want a date and a time"),
        ({"at": "noonZ"}, r"Outer\.at: "),
        ({"at": 1_700_000_000}, r"Outer\.at: want a time"),
        ({"by_name": {"a": {"count": None}}}, r"Outer\.by_name\.a\.count: want int"),
        ({"share": float("inf")}, r"Outer\.share: want a finite number"),
        ({"share": float("nan")}, r"Outer\.share: want a finite number"),
        ({"is_on": 1}, r"Outer\.is_on: want bool, got 1"),
        ({"name": "\ud800"}, r"Outer\.name: want text that can be written as UTF-8"),
    ],
)
def test_a_message_names_where_and_what(change: dict[str, Any], message: str) -> None:
    with pytest.raises(WireError, match=message):
        from_wire(Outer, GOOD | change)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"name"', "[" * 200_000, '{"name": "n", "inner"', "\x00"])
def test_what_is_no_object_of_json_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="Outer"):
        from_bytes(Outer, text)


def test_a_message_stays_short_and_printable_whatever_arrived() -> None:
    for data in ({"name": ["x" * 100_000] * 100}, {"\ud800" * 100_000: 1}, {"kind": "ü" * 100_000, **GOOD}):
        with pytest.raises(WireError) as caught:
            from_wire(Outer, data)

        assert len(str(caught.value).encode()) < 300


def test_a_list_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(WireError, match="at most"):
        from_wire(Outer, GOOD | {"many": [{"count": 1}] * 100_001})


def test_a_field_that_is_none_is_left_out() -> None:
    assert to_wire(Outer("n", Inner(1))) == {"name": "n", "inner": {"count": 1}, "many": []}


def test_the_canonical_bytes_are_sorted_tight_and_utf_8() -> None:
    assert to_bytes(Outer("ü", Inner(1))) == '{"inner":{"count":1},"many":[],"name":"ü"}'.encode()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6))
def test_a_decimal_travels_as_plain_digits(number: Decimal) -> None:
    wire = to_wire(Outer("n", Inner(1), price=number))

    assert "E" not in wire["price"]
    assert from_wire(Outer, wire).price == number


@given(st.datetimes(datetime(1970, 1, 2), datetime(2190, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_a_time_travels_in_utc_from_any_zone(local: datetime, offset_min: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=offset_min)))

    text = utc_text(moment)

    assert text.endswith("Z")
    assert timedelta(0) <= moment - utc_from_text(text) < timedelta(milliseconds=1)


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        utc_text(MIDNIGHT.replace(tzinfo=None))


def test_a_float_that_is_no_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        to_bytes(Outer("n", Inner(1), share=float("nan")))


def test_a_whole_number_may_stand_for_a_float() -> None:
    assert from_wire(Outer, json.loads('{"name": "n", "inner": {"count": 1}, "share": 2}')).share == 2.0
