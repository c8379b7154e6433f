"""What a register means: its type, its unit, and the exact number in it. Pure.

Law: decoding is exact: integers times a decimal scale; a float32 is the shortest decimal that stands for it. What the
device marks as "not available" is None, and so are infinities and "not a number". Never 0.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

LONGEST_BLOCK = 125  # registers in one read (Modbus Application Protocol V1.1b3, 6.3 and 6.4)


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


FLOAT32_DIGITS = 24  # binary ones (IEEE 754)
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

    def step(self, value: Decimal) -> Decimal:
        """From `value` to the next one the registers can hold; a float32's steps grow with it."""
        if self.data_type is not DataType.FLOAT32:
            return self.scale
        _, exponent = math.frexp(float(value / self.scale))
        return Decimal(2) ** (exponent - FLOAT32_DIGITS) * self.scale


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
