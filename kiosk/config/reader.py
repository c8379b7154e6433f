"""From parsed TOML to dataclasses, strictly, collecting every error instead of stopping at the first.

A field's metadata may hold `key` (its name in the file), `least` and `most` (inclusive), `choices`, `length` (most
characters) and `check` (a function that returns what is wrong, or None).
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

LONGEST_TEXT = 300
MOST_ENTRIES = 64  # of one [[section]]
WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class ConfigError(ValueError):
    """A configuration that cannot be used; `problems` are whole sentences that name file and key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(slots=True)
class Complaints:
    """The problems of one file, in the order they were found."""

    file: str
    problems: list[str] = field(default_factory=list)

    def add(self, key: str, what: str) -> None:
        self.problems.append(f"{self.file}: {key}: {what}")


class _Wrong(Exception):
    """A value that was complained about already."""


def limits(
    default: Any = MISSING,
    *,
    key: str | None = None,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[Any, ...] = (),
    length: int = LONGEST_TEXT,
    check: Callable[[str], str | None] | None = None,
) -> Any:
    """A dataclass field with what is allowed in it."""
    metadata = {"key": key, "least": least, "most": most, "choices": choices, "length": length, "check": check}
    return field(default=default, metadata=metadata)


def read(cls: type[T], table: Mapping[str, Any], path: str, complaints: Complaints) -> T | None:
    """A dataclass from a TOML table; None if anything in it was complained about."""
    known = _rows(cls)
    prefix = f"{path}." if path else ""
    found: dict[str, Any] = {}
    is_good = True
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            complaints.add(f"{prefix}{key}", "unknown key" + (f"; did you mean '{near[0]}'?" if near else ""))
            is_good = False
    for key, (row, hint) in known.items():
        if key not in table:
            if row.default is MISSING and row.default_factory is MISSING:
                complaints.add(f"{prefix}{key}", "missing")
                is_good = False
            continue
        try:
            found[row.name] = _value(hint, table[key], f"{prefix}{key}", row.metadata, complaints)
        except _Wrong:
            is_good = False
    if not is_good:
        return None
    try:
        return cls(**found)
    except ValueError as error:
        complaints.add(path, str(error))
        return None


def _rows(cls: Any) -> dict[str, tuple[Field[Any], Any]]:
    """By name in the file: the dataclass field and its type."""
    hints = get_type_hints(cls)
    return {row.metadata.get("key") or row.name: (row, hints[row.name]) for row in fields(cls)}


def _value(hint: Any, data: Any, path: str, metadata: Mapping[str, Any], complaints: Complaints) -> Any:
    """Raises _Wrong after complaining."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(_member(args, data), data, path, metadata, complaints)
    if origin is tuple:
        return _entries(args[0], data, path, metadata, complaints)
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(data, dict):
            complaints.add(path, f"want a table, got {data!r}")
            raise _Wrong
        made: Any = read(hint, data, path, complaints)
        if made is None:
            raise _Wrong
        return made
    return _plain(hint, data, path, metadata, complaints)


def _member(args: tuple[Any, ...], data: Any) -> Any:
    """Which type of a union the data means: a table is the dataclass, anything else the plain one."""
    kinds = [arg for arg in args if arg is not type(None)]
    wanted = [kind for kind in kinds if is_dataclass(kind) == isinstance(data, dict)]
    return (wanted or kinds)[0]


def _entries(hint: Any, data: Any, path: str, metadata: Mapping[str, Any], complaints: Complaints) -> tuple[Any, ...]:
    if not isinstance(data, list) or len(data) > MOST_ENTRIES:
        section = path if "." not in path and is_dataclass(hint) else None
        wanted = f"a list of at most {MOST_ENTRIES}" + (f", written [[{section}]]" if section else "")
        complaints.add(path, f"want {wanted}")
        raise _Wrong
    made, is_good = [], True
    for index, item in enumerate(data):
        try:
            made.append(_value(hint, item, f"{path}[{index}]", metadata, complaints))
        except _Wrong:
            is_good = False
    if not is_good:
        raise _Wrong
    return tuple(made)


def _plain(hint: Any, data: Any, path: str, metadata: Mapping[str, Any], complaints: Complaints) -> Any:
    if hint is float and type(data) is int:
        data = float(data)
    if type(data) is not hint:
        complaints.add(path, f"want {WORDS[hint]}, got {data!r}")
        raise _Wrong
    problem = _out_of_limits(data, metadata)
    if problem is not None:
        complaints.add(path, problem)
        raise _Wrong
    return data


def _out_of_limits(data: Any, metadata: Mapping[str, Any]) -> str | None:
    choices, least, most = metadata.get("choices", ()), metadata.get("least"), metadata.get("most")
    if choices and data not in choices:
        near = difflib.get_close_matches(str(data), [str(choice) for choice in choices], 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"want one of {', '.join(map(str, choices))}, got {data!r}{hint}"
    if isinstance(data, str):
        longest = metadata.get("length", LONGEST_TEXT)
        if len(data) > longest or (data and not data.isprintable()):
            return f"want at most {longest} printable characters"
        check = metadata.get("check")
        return check(data) if check else None
    is_within = (least is None or data >= least) and (most is None or data <= most)  # False for a NaN
    return None if is_within else f"want {least:g} to {most:g}, got {data!r}"
