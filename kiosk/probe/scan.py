"""`kiosk meter scan`: which meters are on a bus, with the lines for the configuration."""

from __future__ import annotations

import asyncio
import glob
import json
import os
import sys
from dataclasses import asdict, dataclass

from kiosk.config import Bus
from kiosk.drivers.meter_scan import Found, GaveUp, Trying, likely_lines
from kiosk.drivers.meter_scan import scan as scan_bus
from kiosk.drivers.modbus_errors import BusError, PortBusy
from kiosk.drivers.register_map import SerialLine, load_all
from kiosk.probe.claims import refuse_beside_controller
from kiosk.probe.ends import FINDING, OK, REFUSED, UNREACHABLE, USAGE, Trouble
from kiosk.probe.request import Request

LIMIT_S = 300.0
HIGHEST_ADDRESS = 247


@dataclass(slots=True)
class Scanned:
    """What a scan brought; `is_complete` False where the time was over first."""

    found: list[Found]
    is_complete: bool = True


def scan(request: Request) -> int:
    """1 where nothing was found."""
    addresses = addresses_of(request.addresses)
    port, lines = _where(request)
    try:
        result = asyncio.run(_scan(port, addresses, lines, stays=request.thorough))
    except PortBusy as error:
        raise Trouble(REFUSED, str(error)) from error
    except BusError as error:
        raise Trouble(UNREACHABLE, str(error)) from error
    if request.json:
        found = [asdict(one) | {"models": list(one.models), "is_certain": one.is_certain} for one in result.found]
        print(json.dumps({"device": port, "found": found, "is_complete": result.is_complete}))
    else:
        for one in result.found:
            print("\n".join(told(one, port)))
        if not result.found:
            print(f"{port}: nothing answered. Check A/B wiring, supply and 120 Ω terminators; try --addresses 1-247")
    return OK if result.found else FINDING


def addresses_of(text: str) -> range:
    """1-16 or 7. Raises Trouble."""
    first, _, last = text.partition("-")
    if first.isdigit() and (last or first).isdigit():
        found = range(int(first), int(last or first) + 1)
        if len(found) and 1 <= found[0] and found[-1] <= HIGHEST_ADDRESS:
            return found
    raise Trouble(USAGE, f"--addresses {text}: want A-B with 1 to {HIGHEST_ADDRESS}")


def told(found: Found, port: str) -> list[str]:
    """What was found, and the lines of the configuration for it."""
    names = " or ".join(found.models) or "unknown model"
    lines = [f"{port}: address {found.address} at {found.line}: {names} ({found.evidence})"]
    if found.models:
        lines += [
            f'  [[bus]]   device = "{port}"  baud = {found.line.baud}  parity = "{found.line.parity}"  '
            f"stopbits = {found.line.stopbits}",
            f'  [[meter]] address = {found.address}  map = "{found.models[0]}"',
        ]
    return lines


def _where(request: Request) -> tuple[str, tuple[SerialLine, ...]]:
    maps = load_all()
    own = tuple(dict.fromkeys(register_map.serial for register_map in maps))
    lines = tuple(line for line in likely_lines(maps) if request.thorough or line in own)
    if request.device is not None:
        _refuse_a_held_port(request, request.device)
        return request.device, lines
    config = request.load()
    buses: dict[str, Bus] = {bus.name: bus for bus in config.buses}
    bus = buses.get(request.bus or "")
    if bus is None:
        raise Trouble(USAGE, f"bus '{request.bus}': the configuration has: {', '.join(buses) or 'none'}")
    refuse_beside_controller(request, config, f"bus '{bus.name}' ({bus.device})")
    configured = SerialLine(bus.baud, bus.parity, bus.stopbits)
    return bus.device, tuple(dict.fromkeys([configured, *lines]))


def _refuse_a_held_port(request: Request, device: str) -> None:
    """A port that no configuration names may be scanned beside the controller: it is another adapter."""
    if not os.path.exists(request.config):
        return
    config = request.load()
    for bus in config.buses:
        named = [path for name in (bus.device, *bus.other_devices) for path in (glob.glob(name) or [name])]
        if os.path.realpath(device) in map(os.path.realpath, named):
            refuse_beside_controller(request, config, f"bus '{bus.name}' ({device})")


async def _scan(port: str, addresses: range, lines: tuple[SerialLine, ...], stays: bool) -> Scanned:
    """All meters of a bus speak at one speed: where one answered, no other speed is tried unless `stays`."""
    result = Scanned([])
    line: SerialLine | None = None
    steps = scan_bus(port, addresses, lines, LIMIT_S)
    async for step in steps:
        match step:
            case Trying():
                if step.line != line:
                    if result.found and not stays:
                        break
                    line = step.line
                    print(
                        f"{port}: {line}, addresses {addresses[0]}-{addresses[-1]} (step {step.step} of {step.steps})",
                        file=sys.stderr,
                    )
            case Found():
                result.found.append(step)
                print(f"{port}: address {step.address} answers", file=sys.stderr)
            case GaveUp():
                result.is_complete = False
                print(f"{port}: gave up after {LIMIT_S:g} s, {step.tried} of {step.steps} steps", file=sys.stderr)
    await steps.aclose()  # type: ignore[attr-defined]
    return result
