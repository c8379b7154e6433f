"""One read of a meter for the technician, when no controller holds the bus."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from contract.metering import Quality
from kiosk.drivers.modbus_bus import BusSettings, ModbusBus
from kiosk.drivers.quantity_reads import QuantityReads
from kiosk.drivers.register_map import METERS, MapError, SerialLine, load_map


async def read_once(
    port: str,
    baud: int,
    parity: str,
    address: int,
    map_name: str,
    *,
    name: str = "",
    bus_name: str = "",
    stopbits: int = 1,
    timeout_s: float = 0.5,
    quantities: Sequence[str] = (),
    clock: Callable[[], float] = time.monotonic,
    maps: Path = METERS,
) -> dict[str, Any]:
    """Every quantity of the map (or those named), read once:
    {"meter": name, "readings": {quantity: {"value": Decimal or None, "unit", "age_s", "quality"}}}.

    A value the meter marks as not available, or a register it has not, is None and "missing". `exact_json` writes
    the result. Raises MapError for an unknown map or quantity, BusError where the meter cannot be read.
    """
    register_map = load_map(map_name, maps)
    wanted = [quantity for quantity in register_map.quantities if not quantities or quantity.name in quantities]
    for asked in quantities:
        if asked not in {quantity.name for quantity in wanted}:
            known = ", ".join(quantity.name for quantity in register_map.quantities)
            raise MapError(f"map '{map_name}': no quantity '{asked}'; there are: {known}")
    bus = ModbusBus(BusSettings(bus_name or port, port, SerialLine(baud, parity, stopbits), timeout_s), clock)
    seat = bus.seat("meter", name or map_name, map_name, address, register_map.min_gap_s)
    serving = asyncio.create_task(bus.run())
    try:
        samples = await QuantityReads(seat, register_map, wanted).read()
    finally:
        serving.cancel()
        await asyncio.wait({serving})
    readings: dict[str, Any] = {}
    for quantity in wanted:
        sample = samples[quantity.name]
        readings[quantity.name] = {
            "value": sample.value,
            "unit": quantity.unit,
            "age_s": round(max(clock() - sample.asked_s, 0.0), 3),
            "quality": str(Quality.GOOD if sample.value is not None else Quality.MISSING),
        }
    return {"meter": name or map_name, "readings": readings}


def exact_json(document: Any) -> str:
    """JSON text in which a Decimal is a number with all its digits, which `json.dumps` cannot write."""
    if isinstance(document, Decimal):
        return format(document.normalize() + 0, "f")
    if isinstance(document, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {exact_json(row)}" for key, row in document.items()) + "}"
    if isinstance(document, list | tuple):
        return "[" + ", ".join(exact_json(row) for row in document) + "]"
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
