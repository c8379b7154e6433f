"""`kiosk meter read`: every quantity of one meter, once, straight from the bus."""

from __future__ import annotations

import asyncio
from typing import Any

from kiosk.config import Bus, Config, Meter
from kiosk.drivers.meter_read import exact_json, read_once
from kiosk.drivers.modbus_errors import BusError, PortBusy
from kiosk.drivers.register_map import MapError
from kiosk.probe.claims import refuse_beside_controller
from kiosk.probe.ends import FINDING, OK, REFUSED, UNREACHABLE, USAGE, Trouble
from kiosk.probe.request import Request


def read(request: Request) -> int:
    """1 where the meter answers but marks every value as not available."""
    config = request.load()
    meter = chosen(config, request.name)
    refuse_beside_controller(request, config, f"bus '{meter.bus}' ({bus_of(config, meter.bus).device})")
    found = read_meter(config, meter)
    readings = found["readings"]
    print(exact_json(found) if request.json else "\n".join(told(found)))
    return OK if any(row["value"] is not None for row in readings.values()) else FINDING


def chosen(config: Config, name: str | None) -> Meter:
    """The meter of this name, or the only one. Raises Trouble."""
    names = ", ".join(meter.name for meter in config.meters)
    if not config.meters:
        raise Trouble(USAGE, "the configuration has no [[meter]]; find one with: kiosk meter scan --device PATH")
    if name is None and len(config.meters) > 1:
        raise Trouble(USAGE, f"which meter? The configuration has: {names}")
    for meter in config.meters:
        if name in (None, meter.name):
            return meter
    raise Trouble(USAGE, f"meter '{name}': the configuration has no such meter; it has: {names}")


def bus_of(config: Config, name: str) -> Bus:
    return next(bus for bus in config.buses if bus.name == name)


def read_meter(config: Config, meter: Meter) -> dict[str, Any]:
    """What `read_once` gives. Raises Trouble."""
    bus = bus_of(config, meter.bus)
    try:
        return asyncio.run(
            read_once(
                bus.device,
                bus.baud,
                bus.parity,
                meter.address,
                meter.map,
                name=meter.name,
                bus_name=bus.name,
                stopbits=bus.stopbits,
                timeout_s=bus.timeout_s,
            )
        )
    except MapError as error:
        raise Trouble(USAGE, str(error)) from error
    except PortBusy as error:
        raise Trouble(REFUSED, f"{error} With the controller running: kiosk status shows the meter.") from error
    except BusError as error:
        raise Trouble(UNREACHABLE, str(error)) from error


def told(found: dict[str, Any]) -> list[str]:
    """A line per quantity: name, value, unit, age, quality."""
    width = max(len(name) for name in found["readings"])
    lines = [f"meter {found['meter']}"]
    for name, row in found["readings"].items():
        value = "–" if row["value"] is None else exact_json(row["value"])
        unit = "" if row["unit"] == "1" else row["unit"]
        lines.append(f"  {name:<{width}}  {value:>14} {unit:<4} {row['age_s']:.1f} s  {row['quality']}")
    return lines
