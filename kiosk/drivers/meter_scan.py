"""Which meters are on a bus: speed, parity, address and model, found by asking.

Law:
- Likely first: the speeds the models leave the factory with, address 1 before the others.
- Bounded: at most `limit_s`, and every step is told while it runs.
- Honest: a model is named because a plausible voltage and frequency stand at its addresses. Models whose registers
  cannot be told apart are all named. What answers and fits no model is told too.
- It only reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from kiosk.drivers.modbus_bus import READ_HOLDING, READ_INPUT, BusSettings, ModbusBus, Seat
from kiosk.drivers.modbus_errors import DeviceError, Refused
from kiosk.drivers.quantity_reads import QuantityReads
from kiosk.drivers.register_map import METERS, RegisterMap, SerialLine, load_all

BAUDS = (9600, 19200, 2400, 38400, 115200, 4800, 57600)
PARITIES = ("N", "E", "O")
PROBE_TIMEOUT_S = 0.15
LATENESS_S = 0.05
PLAUSIBLE = {
    "voltage_l1": (Decimal(80), Decimal(300)),
    "voltage_l2": (Decimal(80), Decimal(300)),
    "voltage_l3": (Decimal(80), Decimal(300)),
    "frequency": (Decimal(45), Decimal(65)),
}
SIGNS_OF_LIFE = (1, 2, 3)  # exceptions only the device itself gives; 4 and above a gateway may invent


@dataclass(frozen=True, slots=True)
class Trying:
    """Progress: this speed, this address, the `step`-th of `steps`."""

    line: SerialLine
    address: int
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class Found:
    """Something answers here. `models` are the slugs that fit, best first; more than one cannot be told apart;
    none is a device that is no meter we know, or a meter without voltage on it."""

    line: SerialLine
    address: int
    models: tuple[str, ...]
    evidence: str

    @property
    def is_certain(self) -> bool:
        return len(self.models) == 1


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The time was over before everything was tried."""

    tried: int
    steps: int


def likely_lines(maps: Sequence[RegisterMap]) -> tuple[SerialLine, ...]:
    """Every speed and parity worth trying, the models' own first, the one of most models at the front."""
    own = [register_map.serial for register_map in maps]
    ranked = sorted(dict.fromkeys(own), key=lambda line: -own.count(line))
    rest = [SerialLine(baud, parity) for baud in BAUDS for parity in PARITIES]
    return tuple(dict.fromkeys([*ranked, *rest]))


async def scan(
    port: str,
    addresses: Sequence[int] = tuple(range(1, 11)),
    lines: Sequence[SerialLine] = (),
    limit_s: float = 300.0,
    stops_after: int = 0,
    clock: Callable[[], float] = time.monotonic,
    maps_directory: Path = METERS,
) -> AsyncIterator[Trying | Found | GaveUp]:
    """Try every line and address in turn. `stops_after` n found devices (0: never). PortUnavailable ends it."""
    maps = load_all(maps_directory)
    lines = lines or likely_lines(maps)
    steps = len(lines) * len(addresses)
    end_s = clock() + limit_s
    step = found = 0
    for line in lines:
        bus = ModbusBus(BusSettings("scan", port, line, PROBE_TIMEOUT_S, LATENESS_S), clock)
        serving = asyncio.create_task(bus.run())
        try:
            for address in addresses:
                step += 1
                if clock() > end_s:
                    yield GaveUp(step - 1, steps)
                    return
                yield Trying(line, address, step, steps)
                seat = bus.seat("meter", f"at address {address}", "unknown", address)
                if await _is_alive(seat):
                    yield await _identify(seat, line, maps)
                    found += 1
                    if stops_after and found >= stops_after:
                        return
        finally:
            serving.cancel()
            await asyncio.wait({serving})


async def _is_alive(seat: Seat) -> bool:
    """Whether anything answers at this address; a refusal is an answer too."""
    for function_code in (READ_INPUT, READ_HOLDING):
        try:
            await seat.read(function_code, 0, 2, attempts=1)
        except Refused as error:
            if error.code in SIGNS_OF_LIFE:
                return True
        except DeviceError:
            continue
        else:
            return True
    return False


async def _identify(seat: Seat, line: SerialLine, maps: Sequence[RegisterMap]) -> Found:
    """The models whose addresses hold what a meter must show, those that explain most registers first."""
    scores: dict[str, int] = {}
    evidence: dict[str, str] = {}
    for register_map in maps:
        try:
            samples = await QuantityReads(seat, register_map, register_map.quantities).read()
        except DeviceError:
            continue
        values = {name: sample.value for name, sample in samples.items()}
        marks = {name: values[name] for name in PLAUSIBLE if name in values}
        if marks and all(value is not None and _is_plausible(name, value) for name, value in marks.items()):
            scores[register_map.slug] = sum(1 if value is not None else -1 for value in values.values())
            evidence[register_map.slug] = ", ".join(f"{name} {value}" for name, value in marks.items())
        elif not marks and all(value is not None for value in values.values()):
            scores[register_map.slug] = 0  # totals only: it fits, but so may anything
            evidence[register_map.slug] = "its registers answer, but it shows no voltage to go by"
    if not scores:
        return Found(line, seat.place.address, (), "it answers, and no known model's registers look right")
    best = max(scores.values())
    models = tuple(sorted(slug for slug, score in scores.items() if score == best))
    return Found(line, seat.place.address, models, evidence[models[0]])


def _is_plausible(name: str, value: Decimal) -> bool:
    least, most = PLAUSIBLE[name]
    return least <= value <= most
