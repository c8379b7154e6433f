"""A JSON object read field by field: what is missing or wrong is a `WireError` that names the field's whole path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from contract.codec import WireError

T = TypeVar("T")
K = TypeVar("K", bound=Enum)
LONGEST_FILE = 20_000_000  # bytes
MOST_DECIMALS = 40  # a program that divides writes seventeen
LARGEST_NUMBER = Decimal(10**12)
YEARS = range(1970, 2200)


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object. A field that is null counts as absent."""

    data: dict[str, Any]
    where: str = ""

    def path(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def has(self, name: str) -> bool:
        return self.data.get(name) is not None

    def wrong(self, name: str, why: str) -> NoReturn:
        raise WireError(f"{self.path(name)}: {why}")

    def only(self, known: Collection[str]) -> None:
        for name in self.data:
            if name not in known:
                self.wrong(name, "unknown key")

    def one(self, name: str) -> Any:
        if not self.has(name):
            self.wrong(name, "missing")
        return self.data[name]

    def text(self, name: str) -> str:
        value = self.one(name)
        if not isinstance(value, str):
            self.wrong(name, f"want text, got {_shown(value)}")
        return value

    def number(self, name: str) -> Decimal:
        value = self.one(name)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            self.wrong(name, f"want a number, got {_shown(value)}")
        if not 0 <= value <= LARGEST_NUMBER:
            self.wrong(name, f"want 0 to {LARGEST_NUMBER}, got {value}")
        number = Decimal(value)
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -MOST_DECIMALS:
            self.wrong(name, f"want at most {MOST_DECIMALS} decimals")
        return number

    def whole(self, name: str) -> int:
        value = self.number(name)
        if value != value.to_integral_value():
            self.wrong(name, f"want a whole number, got {value}")
        return int(value)

    def flag(self, name: str) -> bool:
        value = self.data.get(name)
        if value is not None and not isinstance(value, bool):
            self.wrong(name, f"want true or false, got {_shown(value)}")
        return bool(value)

    def moment(self, name: str) -> datetime:
        """RFC 3339 in UTC, with Z or without a zone, as OCPI writes it."""
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text.removesuffix("Z"))
        except ValueError:
            self.wrong(name, f"{text!a} is no time; want one as 2026-11-21T13:30:00Z")
        if moment.tzinfo is not None or not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text):
            self.wrong(name, f"{text!a}: want date and time in UTC, as 2026-11-21T13:30:00Z")
        if moment.year not in YEARS:
            self.wrong(name, f"{text!a}: want a year from {YEARS.start} to {YEARS.stop - 1}")
        return moment.replace(tzinfo=UTC)

    def choice(self, name: str, kind: type[K]) -> K:
        value = self.one(name)
        try:
            return kind(value)
        except ValueError:
            self.wrong(name, f"{_shown(value)} is none of {', '.join(str(m.value) for m in kind)}")

    def object(self, name: str) -> Fields:
        value = self.one(name)
        if not isinstance(value, dict):
            self.wrong(name, f"want an object, got {_shown(value)}")
        return Fields(value, self.path(name))

    def objects(self, name: str) -> Iterator[Fields]:
        value = self.one(name)
        if not isinstance(value, list) or not value:
            self.wrong(name, "want a list of at least one object")
        for number, item in enumerate(value):
            if not isinstance(item, dict):
                self.wrong(f"{name}[{number}]", f"want an object, got {_shown(item)}")
            yield Fields(item, self.path(f"{name}[{number}]"))

    def checked(self, make: Callable[[], T]) -> T:
        """A value object, whose own complaint gets this object's path before it."""
        try:
            return make()
        except WireError:
            raise
        except ValueError as error:
            raise WireError(f"{self.where}: {error}" if self.where else str(error)) from error


def read_file(path: Path) -> Fields:
    """Raises WireError that names the file, OSError."""
    if path.stat().st_size > LONGEST_FILE:
        raise WireError(f"{path}: longer than {LONGEST_FILE} bytes")
    try:
        return read_text(path.read_text(encoding="utf-8"))
    except ValueError as error:  # WireError is one
        raise WireError(f"{path}: {error}") from error


def read_text(text: str) -> Fields:
    """Raises WireError."""
    if len(text) > LONGEST_FILE:
        raise WireError(f"longer than {LONGEST_FILE} characters")
    try:
        data = json.loads(text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_object)
    except WireError:
        raise
    except (ValueError, RecursionError) as error:  # the latter: brackets nested beyond reason
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise WireError("want one JSON object")
    return Fields(data)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise WireError(f"{next(name for name in names if names.count(name) > 1)}: stands twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:60] + "…"
