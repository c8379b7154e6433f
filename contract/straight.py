"""Readers written out as straight-line code, one function per dataclass, as dataclasses themselves are made.

Law: such a reader makes the value or raises, and has no words of its own. What it raises at is read again by
contract.codec's careful reader, which says what is wrong; so it may refuse much, and must take nothing that the
careful one refuses or reads otherwise.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

Read = Callable[[Any], Any]

LONGEST_LIST = 100_000
LARGEST_INT = 2**63 - 1  # what a database column holds


class Doubt(ValueError):
    """Something is not as it nearly always is."""


@cache
def straight_reader(cls: Any, careful: Callable[[Any], Read]) -> Read:
    """`careful` gives the reader of a type that is not written out here."""
    hints = get_type_hints(cls)
    absent = object()
    known: dict[str, Any] = {
        "make": cls, "absent": absent, "Doubt": Doubt, "is_text": is_text, "read_moment": _moment,
        "LONGEST_LIST": LONGEST_LIST, "LARGEST_INT": LARGEST_INT,
    }  # fmt: skip
    lines = ["def read(data):", "    if type(data) is not dict:", "        raise Doubt", "    missing = 0"]
    for field in fields(cls):
        hint, of = hints[field.name], f"of_{field.name}"
        check = _check(of, hint, known, careful)
        if _must_be_there(field, hint):
            lines += [f"    {of} = data[{field.name!r}]", *_inside(4, check)]
            continue
        known[f"without_{of}"] = _default(field)
        lines += [
            f"    {of} = data.get({field.name!r}, absent)",
            f"    if {of} is absent:",
            f"        {of} = without_{of}()",
            "        missing += 1",
            "    else:",
            *_inside(8, check),
        ]
    # Every key that is there was asked for above, or it is one too many.
    lines += [f"    if len(data) + missing != {len(fields(cls))}:", "        raise Doubt"]
    lines += [f"    return make({', '.join(f'of_{field.name}' for field in fields(cls))})"]
    exec("\n".join(lines), known)  # words of this file and names of our own fields: nothing that arrived
    made: Read = known["read"]
    return made


def is_text(text: str) -> bool:
    """JSON can spell half a surrogate pair; no file and no database takes it."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _must_be_there(field: Field[Any], hint: Any) -> bool:
    """to_wire leaves None out, so a field that may be None need not be there."""
    return field.default is MISSING and field.default_factory is MISSING and not _may_be_none(hint)


def _default(field: Field[Any]) -> Callable[[], Any]:
    assert field.init and not field.kw_only, f"{field.name}: values are given by place"
    if field.default_factory is not MISSING:
        return field.default_factory
    default = None if field.default is MISSING else field.default
    return lambda: default


def _may_be_none(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _check(of: str, hint: Any, known: dict[str, Any], careful: Callable[[Any], Read]) -> list[str]:
    """The lines that look at what the variable `of` holds and put the value in its place."""
    if _may_be_none(hint):
        (inner,) = [arg for arg in get_args(hint) if arg is not type(None)]
        return [f"if {of} is not None:", *_inside(4, _check(of, inner, known, careful))]
    if hint is int:
        return [f"if type({of}) is not int or not -LARGEST_INT <= {of} <= LARGEST_INT:", "    raise Doubt"]
    if hint is str:
        return [f"if type({of}) is not str or not ({of}.isascii() or is_text({of})):", "    raise Doubt"]
    if hint is bool:
        return [f"if {of} is not True and {of} is not False:", "    raise Doubt"]
    if hint is datetime:
        return [f"{of} = read_moment({of})"]
    if isinstance(hint, type) and issubclass(hint, Enum) and all(type(member.value) is str for member in hint):
        known[f"named_{of}"] = {member.value: member for member in hint}
        return [f"{of} = named_{of}[{of}]"]
    if get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]):
        known[f"read_{of}"] = straight_reader(get_args(hint)[0], careful)
        return [
            f"if type({of}) is not list or len({of}) > LONGEST_LIST:",
            "    raise Doubt",
            f"{of} = tuple([read_{of}(item) for item in {of}])",
        ]
    is_ours = isinstance(hint, type) and is_dataclass(hint)
    known[f"read_{of}"] = straight_reader(hint, careful) if is_ours else careful(hint)
    return [f"{of} = read_{of}({of})"]


def _inside(spaces: int, lines: list[str]) -> list[str]:
    return [" " * spaces + line for line in lines]


def _moment(data: Any) -> datetime:
    if type(data) is not str or data[-1:] != "Z":
        raise Doubt
    moment = datetime.fromisoformat(data)
    if moment.tzinfo is not UTC:
        raise Doubt
    return moment
