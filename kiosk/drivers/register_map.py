"""What stands where in a Modbus device: one TOML file per model under config/meters/ and config/boards/.

Law:
- A file says everything about a model's registers; no driver repeats an address of it.
- An unknown key, a missing key or a wrong type is an error that names file and key.
- Decoding is exact: integers times a decimal scale; a float32 is the shortest decimal that stands for it.
- What the device marks as "not available" is None, and so are infinities and "not a number". Never 0.

Addresses count from zero, as on the wire (Modbus Application Protocol V1.1b3, section 4.4).
"""

from __future__ import annotations

import math
import struct
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).resolve().parents[2] / "config"
METERS = CONFIG / "meters"
BOARDS = CONFIG / "boards"
LONGEST_BLOCK = 125  # registers in one read (Modbus Application Protocol V1.1b3, 6.3 and 6.4)
READS = (3, 4)


class MapError(ValueError):
    """A register file is wrong, or there is none of that name. Says which file and which key."""


class DataType(StrEnum):
    """How the bits of consecutive registers are read."""

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"

    @property
    def registers(self) -> int:
        return int(self.value[-2:]) // 16


_FORMAT = {
    DataType.INT16: ">h",
    DataType.UINT16: ">H",
    DataType.INT32: ">i",
    DataType.UINT32: ">I",
    DataType.INT64: ">q",
    DataType.UINT64: ">Q",
    DataType.FLOAT32: ">f",
}


class WordOrder(StrEnum):
    """Which register of a longer number comes first."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a device. value = raw x `scale`, in `unit`."""

    name: str
    unit: str
    address: int
    function_code: int
    data_type: DataType
    word_order: WordOrder = WordOrder.HIGH_FIRST
    scale: Decimal = Decimal(1)
    not_available: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """Registers it takes."""
        return self.data_type.registers

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.address + self.count

    def decode(self, registers: Sequence[int]) -> Decimal | None:
        """The exact value of its registers (each 0 to 65535); None where the device has none to give."""
        raw = raw_number(registers, self.data_type, self.word_order)
        if raw is None or (isinstance(raw, int) and raw in self.not_available):
            return None
        return Decimal(raw) * self.scale


@dataclass(frozen=True, slots=True)
class SerialLine:
    """How a bus talks: baud, parity N, E or O, 1 or 2 stop bits; always 8 data bits."""

    baud: int
    parity: str
    stopbits: int = 1

    @property
    def bits_per_character(self) -> int:
        return 1 + 8 + (self.parity != "N") + self.stopbits

    def wire_time_s(self, characters: float) -> float:
        return characters * self.bits_per_character / self.baud

    @property
    def silence_s(self) -> float:
        """Between two frames: 3.5 characters, at least 1.75 ms (Modbus over Serial Line V1.02, 2.5.1.1)."""
        return max(0.00175, self.wire_time_s(1) * 3.5)

    def __str__(self) -> str:
        return f"{self.baud} 8{self.parity}{self.stopbits}"


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """One model. `roles` renames: {"energy_import": "energy_sum"} says where the import stands.

    `min_gap_s` is the pause the device wants between two requests; `gap_limit` how many registers a block may
    span that no quantity names; `is_verified` whether somebody checked the file against the maker's manual.
    """

    kind: str
    name: str
    slug: str
    quantities: tuple[Quantity, ...]
    serial: SerialLine
    serial_is_verified: bool
    is_verified: bool
    source: str
    phases: int = 3
    longest_block: int = LONGEST_BLOCK
    gap_limit: int = 0
    min_gap_s: float = 0.0
    serial_number: Quantity | None = None
    roles: Mapping[str, str] | None = None

    def quantity(self, role: str) -> Quantity | None:
        """The quantity that plays this role, or None where the model has none."""
        name = (self.roles or {}).get(role, role)
        return next((quantity for quantity in self.quantities if quantity.name == name), None)

    def named(self, names: Iterable[str]) -> tuple[Quantity, ...]:
        """The quantities of these roles that the model has, each once, in the order asked."""
        found = (self.quantity(name) for name in names)
        return tuple(dict.fromkeys(quantity for quantity in found if quantity is not None))

    @property
    def energy_step_wh(self) -> int:
        """The step in which the import register moves, in Wh, at least 1."""
        energy = self.quantity("energy_import")
        if energy is None or energy.data_type is DataType.FLOAT32:
            return 1
        return max(1, math.ceil(energy.scale * 1000))


def raw_number(registers: Sequence[int], data_type: DataType, order: WordOrder) -> int | Decimal | None:
    """The number as it stands in the registers, before scaling; None for infinities and "not a number"."""
    if len(registers) != data_type.registers:
        raise ValueError(f"{data_type} takes {data_type.registers} registers, got {len(registers)}")
    words = registers if order is WordOrder.HIGH_FIRST else tuple(reversed(registers))
    (raw,) = struct.unpack(_FORMAT[data_type], struct.pack(f">{len(words)}H", *words))
    return shortest_decimal(raw) if data_type is DataType.FLOAT32 else int(raw)


def shortest_decimal(number: float) -> Decimal | None:
    """The shortest decimal whose nearest float32 is `number`: 230.1 for the float32 230.1000061…"""
    if not math.isfinite(number):
        return None
    if number == 0:
        return Decimal(0)
    wanted = struct.pack(">f", number)
    fewest = 6 if abs(number) >= 1.2e-38 else 1  # six digits always survive a normal float32
    for digits in range(fewest, 9):
        text = f"{number:.{digits}g}"
        try:
            if struct.pack(">f", float(text)) == wanted:
                return Decimal(text)
        except OverflowError:  # rounded up beyond the largest float32: one digit more will do
            continue
    return Decimal(f"{number:.9g}")


def load_map(slug: str, directory: Path = METERS) -> RegisterMap:
    """The map of this slug ("sdm630"). MapError if there is none; it then lists those there are."""
    path = directory / f"{slug}.toml"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in directory.glob("*.toml"))) or "none"
        raise MapError(f"{directory}: no map '{slug}'; there are: {known}")
    return parse_map(path.read_text(encoding="utf-8"), str(path))


def load_all(directory: Path = METERS) -> tuple[RegisterMap, ...]:
    """Every map of a directory, by slug."""
    return tuple(load_map(path.stem, directory) for path in sorted(directory.glob("*.toml")))


def parse_map(text: str, where: str) -> RegisterMap:
    """A checked map from TOML text; `where` names the file in errors."""
    try:
        top = _Table(tomllib.loads(text), where, "")
    except tomllib.TOMLDecodeError as error:
        raise MapError(f"{where}: {error}") from error
    slug = top.text("slug")
    serial = top.table("serial")
    line = SerialLine(
        serial.number("baud", 1200, 230_400), serial.choice("parity", ("N", "E", "O")), serial.number("stopbits", 1, 2)
    )
    serial_is_verified = serial.flag("verified")
    serial.text("source", "")
    serial.done()
    number = top.table("serial_number", {})
    quantities = tuple(_quantity(table) for table in top.tables("quantity"))
    roles = top.table("roles", {})
    found = RegisterMap(
        kind=top.choice("kind", ("meter", "board")),
        name=top.text("name"),
        slug=slug,
        quantities=quantities,
        serial=line,
        serial_is_verified=serial_is_verified,
        is_verified=top.flag("verified"),
        source=top.text("source"),
        phases=top.number("phases", 1, 3, default=3),
        longest_block=top.number("longest_block", 1, LONGEST_BLOCK, default=LONGEST_BLOCK),
        gap_limit=top.number("gap_limit", 0, LONGEST_BLOCK, default=0),
        min_gap_s=float(top.decimal("min_gap_s", Decimal(0))),
        serial_number=_serial_number(number) if number.rest else None,
        roles={key: roles.text(key) for key in tuple(roles.rest)},
    )
    top.done()
    _check(found, where)
    return found


def _quantity(table: _Table) -> Quantity:
    data_type = DataType(table.choice("data_type", tuple(DataType)))
    order = table.choice("word_order", tuple(WordOrder), default="high_first" if data_type.registers == 1 else None)
    found = Quantity(
        name=table.text("name"),
        unit=table.text("unit"),
        address=table.number("address", 0, 65536 - data_type.registers),
        function_code=table.number("function_code", READS[0], READS[-1]),
        data_type=data_type,
        word_order=WordOrder(order),
        scale=table.decimal("scale", Decimal(1)),
        not_available=table.integers("not_available"),
    )
    table.done()
    return found


def _serial_number(table: _Table) -> Quantity:
    table.flag("verified")
    table.text("source")
    table.rest.update(name="serial_number", unit="1")
    return _quantity(table)


def _check(found: RegisterMap, where: str) -> None:
    names = [quantity.name for quantity in found.quantities]
    for name in names:
        if names.count(name) > 1:
            raise MapError(f"{where}: quantity '{name}' is there twice")
    for role, name in (found.roles or {}).items():
        if name not in names:
            raise MapError(f"{where}: roles.{role}: there is no quantity '{name}'")
    if not found.quantities:
        raise MapError(f"{where}: no quantity")
    rows = sorted(found.quantities, key=lambda quantity: (quantity.function_code, quantity.address))
    for before, after in pairwise(rows):
        if before.function_code == after.function_code and before.end > after.address:
            raise MapError(f"{where}: quantities '{before.name}' and '{after.name}' overlap")
    if any(quantity.count > found.longest_block for quantity in found.quantities):
        raise MapError(f"{where}: longest_block: a quantity is longer")


@dataclass(slots=True)
class _Table:
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

    def table(self, key: str, default: dict[str, Any] | None = None) -> _Table:
        return _Table(dict(self._take(key, (dict,), default)), self.where, f"{self.path}{key}.")

    def tables(self, key: str) -> list[_Table]:
        rows = self._take(key, (list,), [])
        return [_Table(dict(row), self.where, f"{self.path}{key}[{index}].") for index, row in enumerate(rows)]

    def done(self) -> None:
        for key in self.rest:
            raise MapError(f"{self.where}: {self.path}{key}: unknown key")
