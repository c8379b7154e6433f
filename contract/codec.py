"""Values to JSON and back, checked once at the edge.

Law: a value that arrives is either exactly what its dataclass says or a `WireError` that names the key.
An unknown key is an error; a field that is None is left out. Decimal travels as a string, datetime as RFC 3339 in
UTC with Z, an enum as its value.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Read = Callable[[Any, str], Any]

LONGEST_LIST = 100_000
LARGEST_INT = 2**63 - 1  # what a database column holds
# Plain digits, at most as many as to_wire writes; "1e999999999" is a short text that would be a gigabyte written out.
PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,39}(\.[0-9]{1,38})?")
LONGEST_DECIMAL = 40


class WireError(ValueError):
    """A value does not have the agreed shape; the message names the key and what was wanted."""


def to_wire(value: Any) -> Any:
    """A JSON-ready copy of a dataclass value. Fields that are None are left out."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, (tuple, list)):
        return [to_wire(item) for item in value]
    if isinstance(value, dict):
        return {key: to_wire(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = _names(type(value))
        return {name: to_wire(item) for name in names if (item := getattr(value, name)) is not None}
    raise TypeError(f"no wire form for {type(value).__name__}")


def from_wire(cls: type[T], data: Any, where: str = "") -> T:
    """Read a dataclass from parsed JSON. Raises WireError."""
    kind: Any = cls
    value: T = _dataclass_reader(kind)(data, where or cls.__name__)
    return value


def to_bytes(value: Any) -> bytes:
    """The canonical bytes: sorted keys, no spaces, UTF-8. What is hashed, signed and stored."""
    wire = to_wire(value)
    return json.dumps(wire, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def from_bytes(cls: type[T], data: bytes | str) -> T:
    """Parse and check. Raises WireError, also for text that is no JSON."""
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:  # the latter: brackets nested beyond reason
        raise WireError(f"{cls.__name__}: not JSON: {error}") from error
    return from_wire(cls, parsed)


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC, milliseconds, Z. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


@cache
def _dataclass_reader(cls: Any) -> Read:
    hints = get_type_hints(cls)
    readers = {field.name: _reader(hints[field.name]) for field in fields(cls)}
    bare = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    # to_wire leaves None out, so a field that may be None and is not there is None.
    absent: dict[str, Any] = {name: None for name in bare if type(None) in get_args(hints[name])}
    required = [name for name in bare if name not in absent]

    def read(data: Any, where: str) -> Any:
        if not isinstance(data, dict):
            raise WireError(f"{where}: want an object")
        for key in data:
            if key not in readers:
                raise WireError(f"{where}.{key if key.isidentifier() else _shown(key)}: unknown key")
        for name in required:
            if name not in data:
                raise WireError(f"{where}.{name}: missing")
        try:
            return cls(**(absent | {key: readers[key](item, f"{where}.{key}") for key, item in data.items()}))
        except WireError:
            raise
        except ValueError as error:
            raise WireError(f"{where}: {error}") from error

    return read


def _reader(hint: Any) -> Read:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = [arg for arg in args if arg is not type(None)]
        read_inner = _reader(inner)
        return lambda data, where: None if data is None else read_inner(data, where)
    if origin is tuple:
        return _sequence(_reader(args[0]))
    if origin is dict:
        return _mapping(_reader(args[1]))
    if is_dataclass(hint) and isinstance(hint, type):
        return lambda data, where: _dataclass_reader(hint)(data, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum(hint)
    if hint is Decimal:
        return _decimal
    if hint is datetime:
        return _datetime
    if hint in (bool, int, str, float):
        return _plain(hint)
    raise TypeError(f"no wire form for {hint!r}")


def _sequence(read_item: Read) -> Read:
    def read(data: Any, where: str) -> Any:
        if not isinstance(data, list) or len(data) > LONGEST_LIST:
            raise WireError(f"{where}: want a list of at most {LONGEST_LIST}")
        return tuple(read_item(item, f"{where}[{i}]") for i, item in enumerate(data))

    return read


def _mapping(read_item: Read) -> Read:
    def read(data: Any, where: str) -> Any:
        if not isinstance(data, dict):
            raise WireError(f"{where}: want an object")
        return {key: read_item(item, f"{where}.{key}") for key, item in data.items()}

    return read


def _enum(kind: type[Enum]) -> Read:
    def read(data: Any, where: str) -> Any:
        try:
            return kind(data)
        except ValueError as error:
            raise WireError(f"{where}: {_shown(data)} is none of {', '.join(str(m.value) for m in kind)}") from error

    return read


def _plain(kind: type) -> Read:
    def read(data: Any, where: str) -> Any:
        if kind is float and type(data) is int:
            return float(data)
        if type(data) is not kind:
            raise WireError(f"{where}: want {kind.__name__}, got {_shown(data)}")
        if isinstance(data, int) and abs(data) > LARGEST_INT:
            raise WireError(f"{where}: want at most 2^63 - 1")
        if isinstance(data, float) and not math.isfinite(data):
            raise WireError(f"{where}: want a finite number")
        if isinstance(data, str) and not _is_text(data):
            raise WireError(f"{where}: want text that can be written as UTF-8")
        return data

    return read


def _decimal(data: Any, where: str) -> Decimal:
    if not isinstance(data, str) or len(data) > LONGEST_DECIMAL or not PLAIN_DECIMAL.fullmatch(data):
        raise WireError(f"{where}: want a decimal number as a string of at most {LONGEST_DECIMAL} plain digits")
    return Decimal(data)


def _datetime(data: Any, where: str) -> datetime:
    if not isinstance(data, str):
        raise WireError(f"{where}: want a time")
    try:
        return utc_from_text(data)
    except WireError as error:
        raise WireError(f"{where}: {error}") from error


def _is_text(text: str) -> bool:
    """JSON can spell half a surrogate pair; no file and no database takes it."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _shown(data: Any) -> str:
    """A wrong value in a message, shortened: a message is no place for a megabyte."""
    text = (
        ascii(data) if isinstance(data, str) else type(data).__name__ if isinstance(data, (dict, list)) else repr(data)
    )
    return text if len(text) <= 60 else text[:60] + "…"
