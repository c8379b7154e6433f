"""`kiosk meter scan`: which meters are on a bus, with the lines for the configuration."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass

from kiosk.config import Bus
from kiosk.drivers.meter_scan import Found, GaveUp, Trying, likely_lines
from kiosk.drivers.meter_scan import scan as scan_bus
from kiosk.drivers.modbus_errors import BusError, PortBusy
from kiosk.drivers.register_map import SerialLine, load_all
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
    port, lines = _where(request)
    addresses = addresses_of(request.addresses)
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
        return request.device, lines
    buses: dict[str, Bus] = {bus.name: bus for bus in request.load().buses}
    bus = buses.get(request.bus or "")
    if bus is None:
        raise Trouble(USAGE, f"bus '{request.bus}': the configuration has: {', '.join(buses) or 'none'}")
    configured = SerialLine(bus.baud, bus.parity, bus.stopbits)
    return bus.device, tuple(dict.fromkeys([configured, *lines]))


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
