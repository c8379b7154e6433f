"""Values to JSON and back, checked once at the edge.

Law: a value that arrives is either exactly what its dataclass says or a `WireError` that names the key. A class that
is read often gets a faster reader (contract.straight), which knows when to leave it to the careful one here.
An unknown key is an error; a field that is None is left out. Decimal travels as a string, datetime as RFC 3339 in
UTC with Z, an enum as its value.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from contract.straight import LARGEST_INT, LONGEST_LIST, Read, is_text, straight_reader

T = TypeVar("T")
Write = Callable[[Any], Any]

OFTEN = 200  # readings by which a reader in straight lines has paid for being made
# Plain digits, at most as many as to_wire writes; "1e999999999" is a short text that would be a gigabyte written out.
PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,39}(\.[0-9]{1,38})?")
LONGEST_DECIMAL = 40
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_DECODER = json.JSONDecoder()


class WireError(ValueError):
    """A value does not have the agreed shape; the message names the key and what was wanted."""


def to_wire(value: Any) -> Any:
    """A JSON-ready copy of a dataclass value. Fields that are None are left out."""
    kind: Any = type(value)
    return _writer(kind)(value)


def from_wire(cls: type[T], data: Any, where: str = "") -> T:
    """Read a dataclass from parsed JSON. Raises WireError."""
    kind: Any = cls
    straight = _STRAIGHT.get(kind) or _straight_when_often(kind)
    if straight is not None:
        try:
            found: T = straight(data)
        except (ValueError, KeyError, TypeError, _Unfit):
            pass  # most likely it is wrong: who reads with care knows and says why
        else:
            return found
    return cast(T, _with_care(kind, data, where))


_STRAIGHT: dict[Any, Read] = {}
_READ_SO_FAR: Counter[Any] = Counter()


def _straight_when_often(cls: Any) -> Read | None:
    """A program that reads one answer and ends does not pay for what only pays off after hundreds."""
    _READ_SO_FAR[cls] += 1
    if _READ_SO_FAR[cls] >= OFTEN:
        _STRAIGHT[cls] = straight_reader(cls, _reader)
    return _STRAIGHT.get(cls)


def _with_care(cls: Any, data: Any, where: str) -> Any:
    try:
        return _dataclass_reader(cls)(data)
    except _Unfit as unfit:
        raise WireError(f"{where or cls.__name__}{unfit}") from unfit.__cause__


def to_bytes(value: Any) -> bytes:
    """The canonical bytes: sorted keys, no spaces, UTF-8. What is hashed, signed and stored."""
    return _CANONICAL.encode(to_wire(value)).encode()


def from_bytes(cls: type[T], data: bytes | str) -> T:
    """Parse and check. Raises WireError, also for text that is no JSON."""
    return from_wire(cls, _parsed(cls, data))


def _parsed(cls: type[Any], data: bytes | str) -> Any:
    try:
        if type(data) is str:
            parsed, end = _DECODER.raw_decode(data)  # without looking for white space around it, which we never write
            if end == len(data):
                return parsed
    except (ValueError, RecursionError):
        pass  # json.loads says what is wrong, or finds that only white space is
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:  # the latter: brackets nested beyond reason
        raise WireError(f"{cls.__name__}: not JSON: {error}") from error


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC, milliseconds, Z. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_from_text(text: str) -> datetime:
    """Read RFC 3339 in UTC; local offsets are refused, peers lost sessions over them."""
    if not text.endswith("Z"):
        raise WireError(f"time {text!r}: want UTC with Z")
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00")
    except ValueError as error:
        raise WireError(f"time {text!r}: {error}") from error
    if moment.tzinfo is None:  # "2026-01-01Z": Python takes the zone of a bare date for nothing
        raise WireError(f"time {text!r}: want a date and a time")
    return moment


# ---- writing: one function per class, found once ---------------------------------------------------------------------


@cache
def _writer(kind: Any) -> Write:
    if kind is type(None) or issubclass(kind, (bool, int, float)):
        return _as_it_is
    if issubclass(kind, Enum):
        return _value_of
    if issubclass(kind, str):
        return _as_it_is
    if issubclass(kind, Decimal):
        return _plain_digits
    if issubclass(kind, datetime):
        return utc_text
    if issubclass(kind, (tuple, list)):
        return _write_list
    if issubclass(kind, dict):
        return _write_object
    if is_dataclass(kind):
        return _dataclass_writer(kind)
    raise TypeError(f"no wire form for {kind.__name__}")


_PLAIN = frozenset((bool, int, float, str))  # themselves, no enum of theirs: most of what is written


def _dataclass_writer(cls: Any) -> Write:
    names = tuple(field.name for field in fields(cls))

    def write(value: Any) -> Any:
        return {
            name: item if type(item) in _PLAIN else to_wire(item)
            for name in names
            if (item := getattr(value, name)) is not None
        }

    return write


def _as_it_is(value: Any) -> Any:
    return value


def _value_of(member: Enum) -> Any:
    return member.value


def _plain_digits(number: Decimal) -> str:
    return format(number, "f")


def _write_list(items: Iterable[Any]) -> list[Any]:
    return [to_wire(item) for item in items]


def _write_object(items: dict[str, Any]) -> dict[str, Any]:
    return {key: to_wire(item) for key, item in items.items()}


# ---- reading with care: one function per type, built once ------------------------------------------------------------


class _Unfit(Exception):
    """What is wrong, and in which place below the value that is being read; `from_wire` turns it into a WireError."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(what, place)
        self.what, self.place = what, place

    def below(self, place: str) -> _Unfit:
        return _Unfit(self.what, place + self.place)

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@cache
def _dataclass_reader(cls: Any) -> Read:
    hints = get_type_hints(cls)
    readers = {field.name: _reader(hints[field.name]) for field in fields(cls)}
    bare = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    # to_wire leaves None out, so a field that may be None and is not there is None.
    absent: dict[str, Any] = {name: None for name in bare if type(None) in get_args(hints[name])}
    required = frozenset(name for name in bare if name not in absent)

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise _Unfit("want an object")
        if not data.keys() <= readers.keys():
            key = next(key for key in data if key not in readers)
            raise _Unfit("unknown key", f".{key if key.isidentifier() else _shown(key)}")
        if not required <= data.keys():
            raise _Unfit("missing", f".{next(name for name in bare if name in required and name not in data)}")
        found, key = absent.copy(), ""
        try:
            for key, item in data.items():
                found[key] = readers[key](item)
        except _Unfit as unfit:
            raise unfit.below(f".{key}") from unfit.__cause__
        try:
            return cls(**found)
        except ValueError as error:
            raise _Unfit(str(error)) from error

    return read


def _reader(hint: Any) -> Read:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = [arg for arg in args if arg is not type(None)]
        read_inner = _reader(inner)
        return lambda data: None if data is None else read_inner(data)
    if origin is tuple:
        return _sequence(_reader(args[0]))
    if origin is dict:
        return _mapping(_reader(args[1]))
    if is_dataclass(hint) and isinstance(hint, type):
        return lambda data: _dataclass_reader(hint)(data)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum(hint)
    if hint in _READ:
        return _READ[hint]
    raise TypeError(f"no wire form for {hint!r}")


def _sequence(read_item: Read) -> Read:
    def read(data: Any) -> Any:
        if not isinstance(data, list) or len(data) > LONGEST_LIST:
            raise _Unfit(f"want a list of at most {LONGEST_LIST}")
        found: list[Any] = []
        try:
            for item in data:
                found.append(read_item(item))
        except _Unfit as unfit:
            raise unfit.below(f"[{len(found)}]") from unfit.__cause__
        return tuple(found)

    return read


def _mapping(read_item: Read) -> Read:
    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise _Unfit("want an object")
        found, key = {}, ""
        try:
            for key, item in data.items():
                found[key] = read_item(item)
        except _Unfit as unfit:
            raise unfit.below(f".{key}") from unfit.__cause__
        return found

    return read


def _enum(kind: type[Enum]) -> Read:
    members: dict[Any, Enum] = {member.value: member for member in kind}

    def read(data: Any) -> Any:
        member = members.get(data) if isinstance(data, (str, int)) else None
        if member is None:
            raise _Unfit(f"{_shown(data)} is none of {', '.join(str(value) for value in members)}")
        return member

    return read


def _bool(data: Any) -> bool:
    if type(data) is not bool:
        raise _Unfit(f"want bool, got {_shown(data)}")
    return data


def _int(data: Any) -> int:
    if type(data) is not int:
        raise _Unfit(f"want int, got {_shown(data)}")
    if not -LARGEST_INT <= data <= LARGEST_INT:
        raise _Unfit("want at most 2^63 - 1")
    return data


def _float(data: Any) -> float:
    number = float(data) if type(data) is int else data
    if type(number) is not float:
        raise _Unfit(f"want float, got {_shown(data)}")
    if not math.isfinite(number):
        raise _Unfit("want a finite number")
    return number


def _str(data: Any) -> str:
    if type(data) is not str:
        raise _Unfit(f"want str, got {_shown(data)}")
    if not is_text(data):
        raise _Unfit("want text that can be written as UTF-8")
    return data


def _decimal(data: Any) -> Decimal:
    if not isinstance(data, str) or len(data) > LONGEST_DECIMAL or not PLAIN_DECIMAL.fullmatch(data):
        raise _Unfit(f"want a decimal number as a string of at most {LONGEST_DECIMAL} plain digits")
    return Decimal(data)


def _datetime(data: Any) -> datetime:
    if not isinstance(data, str):
        raise _Unfit("want a time")
    try:
        return utc_from_text(data)
    except WireError as error:
        raise _Unfit(str(error)) from error


_READ: dict[Any, Read] = {bool: _bool, int: _int, float: _float, str: _str, Decimal: _decimal, datetime: _datetime}


def _shown(data: Any) -> str:
    """A wrong value in a message, shortened: a message is no place for a megabyte."""
    text = (
        ascii(data) if isinstance(data, str) else type(data).__name__ if isinstance(data, (dict, list)) else repr(data)
    )
    return text if len(text) <= 60 else text[:60] + "…"
