"""A register file's TOML, read strictly: an unknown key, a missing key or a wrong type is an error that names file and
key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any


class MapError(ValueError):
    """A register file is wrong, or there is none of that name. Says which file and which key."""


@dataclass(slots=True)
class Table:
    """A TOML table being read: what is left in `rest` at the end nobody knows."""

    rest: dict[str, Any]
    where: str
    path: str

    def _take(self, key: str, kinds: tuple[type, ...], default: Any) -> Any:
        if key not in self.rest:
            if default is None:
                raise MapError(f"{self.where}: {self.path}{key}: missing")
            return default
        value = self.rest.pop(key)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise MapError(f"{self.where}: {self.path}{key}: want {kinds[0].__name__}, got {value!r}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._take(key, (str,), default))

    def flag(self, key: str) -> bool:
        return bool(self._take(key, (bool,), None))

    def number(self, key: str, least: int, most: int, default: int | None = None) -> int:
        value = int(self._take(key, (int,), default))
        if not least <= value <= most:
            raise MapError(f"{self.where}: {self.path}{key}: want {least} to {most}, got {value}")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in choices:
            raise MapError(f"{self.where}: {self.path}{key}: want one of {', '.join(choices)}, got '{value}'")
        return value

    def decimal(self, key: str, default: Decimal) -> Decimal:
        text = self.text(key, str(default))
        try:
            value = Decimal(text)
        except InvalidOperation as error:
            raise MapError(f"{self.where}: {self.path}{key}: want a decimal number, got '{text}'") from error
        if not value.is_finite() or value < 0:
            raise MapError(f"{self.where}: {self.path}{key}: want a number of 0 or more, got '{text}'")
        return value

    def integers(self, key: str) -> tuple[int, ...]:
        """Integers; as text where TOML's 64 bits are too few."""
        values = self._take(key, (list,), [])
        try:
            return tuple(int(value, 0) if isinstance(value, str) else int(value) for value in values)
        except (TypeError, ValueError) as error:
            raise MapError(f"{self.where}: {self.path}{key}: want integers, got {values!r}") from error

    def table(self, key: str, default: dict[str, Any] | None = None) -> Table:
        return Table(dict(self._take(key, (dict,), default)), self.where, f"{self.path}{key}.")

    def tables(self, key: str) -> list[Table]:
        rows = self._take(key, (list,), [])
        return [Table(dict(row), self.where, f"{self.path}{key}[{index}].") for index, row in enumerate(rows)]

    def done(self) -> None:
        for key in self.rest:
            raise MapError(f"{self.where}: {self.path}{key}: unknown key")
