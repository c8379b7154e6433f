"""`replace`, several times as fast: for values that are replaced at every look at the sensors, or step of a price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def replace(value: T, **changes: Any) -> T:
    """`dataclasses.replace`, for dataclasses of two fields or more that are all set by position.

    Raises KeyError for a name that is no field. `__post_init__` runs as ever.
    """
    cls: Any = type(value)
    values_of, place_of = _shape(cls)
    values = list(values_of(value))
    for name, changed in changes.items():
        values[place_of[name]] = changed
    changed_value: T = cls(*values)
    return changed_value


@cache
def _shape(cls: Any) -> tuple[Callable[[Any], tuple[Any, ...]], dict[str, int]]:
    names = [field.name for field in fields(cls)]
    assert all(field.init and not field.kw_only for field in fields(cls)), cls
    return attrgetter(*names), {name: place for place, name in enumerate(names)}
