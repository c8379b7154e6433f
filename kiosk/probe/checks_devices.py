"""Checks of the devices themselves, where no controller holds them: buses, meters, boards, lines, readers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from contract.iec61851 import PilotState
from kiosk.config import Board, Bus, Config, ContactorPins, Meter, Reader
from kiosk.drivers.gpio import GpioContactor, GpioInput, GpioLines
from kiosk.drivers.modbus_bus import BusSettings, ModbusBus
from kiosk.drivers.modbus_errors import BusError, PortUnavailable
from kiosk.drivers.quantity_reads import QuantityReads
from kiosk.drivers.register_map import MapError, SerialLine, load_map
from kiosk.probe.boards import read_pilot
from kiosk.probe.claims import lines_claimed
from kiosk.probe.ends import Trouble
from kiosk.probe.findings import Finding, fail, from_driver, ok
from kiosk.probe.request import Request

Check = Callable[[], list[Finding]]
SHOWN = ("energy_import", "energy_sum", "voltage_l1", "power_total")
SCANNER_PATIENCE_S = 1.0
WIRING = "no supply, a wire, or another address"


def plan(request: Request, config: Config) -> list[tuple[str, Check]]:
    """One check per bus, one for the lines, one per reader: what shares a wire is asked in turn."""
    checks: list[tuple[str, Check]] = []
    for bus in config.buses:
        checks.append((f"bus '{bus.name}'", lambda bus=bus: asyncio.run(_bus(config, bus))))  # type: ignore[misc]
    if _has_lines(config):
        checks.append(("lines", lambda: lines(request, config)))
    for reader in config.readers:
        look = card_reader if reader.kind == "pn532" else scanner
        checks.append((f"reader '{reader.name}'", lambda reader=reader, look=look: look(reader)))  # type: ignore[misc]
    return checks


async def _bus(config: Config, bus: Bus) -> list[Finding]:
    settings = BusSettings(
        bus.name,
        bus.device,
        SerialLine(bus.baud, bus.parity, bus.stopbits),
        bus.timeout_s,
        other_ports=bus.other_devices,
    )
    line = ModbusBus(settings, time.monotonic)
    serving = asyncio.create_task(line.run())
    findings: list[Finding] = []
    devices: list[Meter | Board] = [meter for meter in config.meters if meter.bus == bus.name]
    devices += [board for board in config.boards if board.bus == bus.name]
    try:
        for device in devices:
            findings.append(await (_meter(line, device) if isinstance(device, Meter) else _board(line, device)))
    except PortUnavailable as error:
        return [
            from_driver("bus", f"'{bus.name}' {bus.device}", str(error), "the port itself", "then again: kiosk doctor")
        ]
    finally:
        serving.cancel()
        await asyncio.wait({serving})
    says = f"{settings.line}, {len(devices)} device{'' if len(devices) == 1 else 's'} on it"
    return [ok("bus", f"'{bus.name}' {bus.device}", says), *findings]


async def _meter(line: ModbusBus, meter: Meter) -> Finding:
    where = f"'{meter.name}' {meter.map}, address {meter.address}"
    try:
        register_map = load_map(meter.map)
        seat = line.seat("meter", meter.name, meter.map, meter.address, register_map.min_gap_s)
        samples = await QuantityReads(seat, register_map, register_map.named(SHOWN)).read()
    except MapError as error:
        return fail("meter", where, str(error), "a wrong map", "kiosk meter scan finds the model")
    except PortUnavailable:
        raise
    except BusError as error:
        return from_driver("meter", where, str(error), WIRING, f"kiosk meter scan --bus {meter.bus}")
    shown = [f"{name} {s.value} {s.quantity.unit}" for name, s in samples.items() if s.value is not None]
    if not shown:
        return fail("meter", where, "answers without values", "another model", f"kiosk meter scan --bus {meter.bus}")
    return ok("meter", where, ", ".join(shown))


async def _board(line: ModbusBus, board: Board) -> Finding:
    where = f"'{board.name}' {board.kind}, address {board.address}"
    try:
        pilot = await read_pilot(line, board)
    except PortUnavailable:
        raise
    except BusError as error:
        return from_driver("pilot board", where, str(error), WIRING)
    if pilot in (PilotState.E, PilotState.F, None):
        says = f"answers, pilot {pilot or 'unknown'}"
        return fail(
            "pilot board",
            where,
            says,
            "the pilot wire is shorted, or the board is ill",
            "unplug the vehicle, look again",
        )
    return ok("pilot board", where, f"answers, pilot {pilot}")


def _has_lines(config: Config) -> bool:
    pins = [config.gpio.emergency_stop_pin, config.gpio.heartbeat_pin, *(evse.rcd_pin for evse in config.evses)]
    return any(pin is not None for pin in pins) or any(
        isinstance(evse.contactor, ContactorPins) for evse in config.evses
    )


def lines(request: Request, config: Config) -> list[Finding]:
    """Contactor feedback, emergency stop and RCD as they are. Contactors are told to be open, as they should be."""
    try:
        with lines_claimed(request, config):
            gpio = GpioLines(time.monotonic)
            try:
                return _look_at_lines(gpio, config)
            finally:
                gpio.close()
    except Trouble as trouble:
        return [fail("lines", "GPIO", str(trouble), "see there", "see there")]


def _look_at_lines(gpio: GpioLines, config: Config) -> list[Finding]:
    findings: list[Finding] = []
    if config.gpio.emergency_stop_pin is not None:
        high = config.gpio.emergency_stop_active_high
        stop = GpioInput(gpio, "emergency stop", pin=config.gpio.emergency_stop_pin, active_high=high)
        where = f"GPIO {config.gpio.emergency_stop_pin}"
        findings.append(
            _input(stop, "emergency stop", where, "pressed, or a broken wire", "release it; check the loop")
        )
    for evse in config.evses:
        if evse.rcd_pin is not None:
            rcd = GpioInput(gpio, f"RCD {evse.evse_id}", pin=evse.rcd_pin, active_high=evse.rcd_active_high)
            where = f"EVSE {evse.evse_id}, GPIO {evse.rcd_pin}"
            findings.append(
                _input(rcd, "RCD", where, "it tripped, or a broken wire", "find the earth fault, switch it on")
            )
        if isinstance(evse.contactor, ContactorPins):
            findings.append(_contactor(gpio, evse.evse_id, evse.contactor))
    if config.gpio.heartbeat_pin is not None:
        says = "silent while no controller runs, so the safety relay is open; kiosk relay EVSE test proves it"
        findings.append(ok("heartbeat", f"GPIO {config.gpio.heartbeat_pin}", says))
    return findings


def _input(line: GpioInput, what: str, where: str, cause: str, fix: str) -> Finding:
    is_active, health = line.is_active(), line.health()
    if not health.is_good:
        return fail(what, where, health.message, "GPIO not there or held by another program", "gpioinfo")
    return fail(what, where, "active: nothing may deliver", cause, fix) if is_active else ok(what, where, "healthy")


def _contactor(gpio: GpioLines, evse_id: int, pins: ContactorPins) -> Finding:
    where = f"EVSE {evse_id}, GPIO {pins.pin} and {pins.feedback_pin}"
    contactor = GpioContactor(
        gpio,
        f"contactor {evse_id}",
        command_pin=pins.pin,
        feedback_pin=pins.feedback_pin,
        command_active_high=pins.active_high,
        feedback_active_high=pins.feedback_active_high,
    )
    seen, health = contactor.feedback(), contactor.health()
    if seen is None or not health.is_good:
        return fail("relay, feedback", where, health.message, "GPIO not there or held by another program", "gpioinfo")
    if seen.value:
        isolate = "isolate at the breaker first; then measure across the contactor"
        return fail(
            "relay, feedback", where, "closed, though nothing closes it", "welded, or the auxiliary contact", isolate
        )
    return ok("relay, feedback", where, "open")


def card_reader(reader: Reader) -> list[Finding]:
    from kiosk.drivers.pn532 import ReaderError, read_once

    try:
        card = read_once(reader.device, 0)
    except (ReaderError, ValueError) as error:
        return [from_driver("NFC reader", f"'{reader.name}'", str(error), "power, switches or wires of the reader")]
    says = f"answers; a card lies on it: {card.kind}" if card else "answers, no card on it"
    return [ok("NFC reader", f"'{reader.name}' {reader.device}", says)]


def scanner(reader: Reader) -> list[Finding]:
    """A scanner says nothing by itself: all that can be seen is whether its port opens."""
    from kiosk.drivers.qr_scanner import QrScanner

    driver = QrScanner(reader.name, reader.device, baud=reader.baud)
    end_s = time.monotonic() + SCANNER_PATIENCE_S
    try:
        while not (health := driver.health()).is_good and time.monotonic() < end_s:
            time.sleep(0.02)
    finally:
        driver.close()
    if not health.is_good:
        return [from_driver("scanner", f"'{reader.name}'", health.message, "unplugged, or in keyboard mode")]
    says = "its port opens; scan a code at the screen to prove it"
    return [ok("scanner", f"'{reader.name}' {reader.device}", says)]
