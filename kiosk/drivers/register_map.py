"""What stands where in a Modbus device: one TOML file per model under config/meters/ and config/boards/.

Law:
- A file says everything about a model's registers; no driver repeats an address of it.
- An unknown key, a missing key or a wrong type is an error that names file and key (register_toml).
- What a register means is in register_types.

Addresses count from zero, as on the wire (Modbus Application Protocol V1.1b3, section 4.4).
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from kiosk.drivers.register_toml import MapError, Table
from kiosk.drivers.register_types import (
    LONGEST_BLOCK,
    DataType,
    Quantity,
    RegisterMap,
    SerialLine,
    WordOrder,
    raw_number,
    shortest_decimal,
)

__all__ = [
    "BOARDS",
    "LONGEST_BLOCK",
    "METERS",
    "DataType",
    "MapError",
    "Quantity",
    "RegisterMap",
    "SerialLine",
    "WordOrder",
    "load_all",
    "load_map",
    "parse_map",
    "raw_number",
    "shortest_decimal",
]

CONFIG = Path(__file__).resolve().parents[2] / "config"
METERS = CONFIG / "meters"
BOARDS = CONFIG / "boards"
READS = (3, 4)


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
        top = Table(tomllib.loads(text), where, "")
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


def _quantity(table: Table) -> Quantity:
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


def _serial_number(table: Table) -> Quantity:
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
