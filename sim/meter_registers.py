"""A simulated meter's registers, laid out as the model's file under config/meters/ says.

Law: the state is exact; what a register shows is rounded down to its own step, as a counter does. The layout is
read from the same data as the kiosk reads, by code of its own, so a mistake in one is seen by the other.
"""

from __future__ import annotations

import math
import struct
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

METERS = Path(__file__).resolve().parents[1] / "config" / "meters"
FORMAT = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f"}
PER_KILO = 1000
FLOAT_STEP_WH = 1  # a meter that tells its energy as a float counts whole watt-hours inside


@dataclass(frozen=True, slots=True)
class MeterState:
    """What flows through a meter now, and what did. Per phase, L1 first; powers are positive from grid to vehicle."""

    import_wh: Fraction = Fraction(0)
    export_wh: Fraction = Fraction(0)
    voltage_v: tuple[float, ...] = (230.0, 230.0, 230.0)
    current_a: tuple[float, ...] = (0.0, 0.0, 0.0)
    power_w: tuple[float, ...] = (0.0, 0.0, 0.0)
    frequency_hz: float = 50.0
    serial: int = 0


@dataclass(slots=True)
class MeterRegisters:
    """A sim.modbus_slave.RegisterSource of the model `slug`; `state` is asked at every request.

    Registers between the named ones read 0 where `fills_gaps`, and are refused where not.
    """

    slug: str
    state: Callable[[], MeterState]
    fills_gaps: bool = True
    directory: Path = METERS
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _layout: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._layout = tomllib.loads((self.directory / f"{self.slug}.toml").read_text(encoding="utf-8"))
        self._rows = list(self._layout["quantity"])
        if "serial_number" in self._layout:
            self._rows.append({"name": "serial_number", "unit": "1", **self._layout["serial_number"]})

    def read(self, function_code: int, address: int, count: int) -> Sequence[int] | None:
        state = self.state()
        found: dict[int, int] = {}
        last = 0
        for row in self._rows:
            if row["function_code"] != function_code:
                continue
            words = words_of(row, value_of(row["name"], state, self._layout["phases"]))
            last = max(last, row["address"] + len(words)) if row["name"] != "serial_number" else last
            found.update({row["address"] + offset: word for offset, word in enumerate(words)})
        wanted = range(address, address + count)
        if not self.fills_gaps and any(place not in found for place in wanted):
            return None
        if not any(place in found for place in wanted) or (wanted[-1] >= last and wanted[-1] not in found):
            return None
        return [found.get(place, 0) for place in wanted]

    def write(self, address: int, values: Sequence[int]) -> bool:
        """No meter here takes a write."""
        return False


def value_of(name: str, state: MeterState, phases: int) -> Fraction:
    """The true value of a quantity, in its unit (V, A, W, Hz, kWh, 1)."""
    what, _, phase = name.partition("_l")
    index = int(phase) - 1 if phase.isdigit() else None
    live = range(phases)
    if what == "voltage":
        return Fraction(state.voltage_v[index or 0])
    if what == "current":
        return Fraction(state.current_a[index or 0])
    if what in ("power", "power_total"):
        return Fraction(state.power_w[index]) if index is not None else _total(state.power_w, live)
    if what in ("power_factor", "power_factor_total"):
        return Fraction(1)
    if what == "frequency":
        return Fraction(state.frequency_hz)
    if what == "serial_number":
        return Fraction(state.serial)
    share = 1 if index is None else Fraction(1, phases)
    energy_wh = {
        "energy_import": state.import_wh,
        "energy_export": state.export_wh,
        "energy_sum": state.import_wh + state.export_wh,
    }[what]
    return energy_wh * share / PER_KILO


def _total(powers_w: Sequence[float], live: range) -> Fraction:
    return sum((Fraction(powers_w[index]) for index in live if index < len(powers_w)), Fraction(0))


def words_of(row: dict[str, Any], value: Fraction) -> list[int]:
    """The registers that show `value` in this row's layout, rounded down to its step and held to its range."""
    kind = row["data_type"]
    raw = value / Fraction(row.get("scale", "1"))
    if kind == "float32":
        if row["unit"] == "kWh":
            raw = Fraction(math.floor(raw * PER_KILO / FLOAT_STEP_WH) * FLOAT_STEP_WH, PER_KILO)
        data = struct.pack(">f", float(raw))
    else:
        bits = 8 * struct.calcsize(">" + FORMAT[kind])
        least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind.startswith("i") else (0, (1 << bits) - 1)
        data = struct.pack(">" + FORMAT[kind], max(least, min(most, math.floor(raw))))
    words = list(struct.unpack(f">{len(data) // 2}H", data))
    return words[::-1] if row.get("word_order") == "low_first" else words
