"""`kiosk relay`: a contactor closed by hand, with feedback, for the one who repairs it.

Law:
- Safety inputs are obeyed: while an emergency stop or an RCD says no, nothing closes, and what is closed opens at once.
- A vehicle, or a pilot that cannot be read, is a reason to refuse; `--force` is the technician's word against it.
- The audit row is on disk before the line moves. However this ends, the contactor is told to open.
"""

from __future__ import annotations

import asyncio
import json
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from contract.iec61851 import PilotState
from kiosk.config import Config, ContactorPins, Evse
from kiosk.drivers.gpio import GpioContactor, GpioHeartbeat, GpioInput, GpioLines
from kiosk.drivers.modbus_bus import BusSettings, ModbusBus
from kiosk.drivers.modbus_errors import BusError
from kiosk.drivers.register_map import SerialLine
from kiosk.probe import audit
from kiosk.probe.boards import read_pilot
from kiosk.probe.claims import lines_claimed
from kiosk.probe.ends import FINDING, OK, REFUSED, UNREACHABLE, USAGE, Trouble
from kiosk.probe.meter import bus_of
from kiosk.probe.request import Request

LOOK_S = 0.005  # safety inputs are polled at least this often
BEAT_S = 0.1
PULL_IN_S = 1.0  # the safety relay closes only after some beats
TEST_S = 1.0
LONGEST_ON_S = 600.0


@dataclass(slots=True)
class Result:
    """Times from the command to the feedback; None where it never came."""

    evse_id: int
    action: str
    closed_after_s: float | None = None
    opened_after_s: float | None = None
    trouble: str = ""


class Lines:
    """The lines of one EVSE, and the heartbeat that holds the safety relay."""

    def __init__(self, config: Config, evse: Evse, pins: ContactorPins) -> None:
        self.gpio = GpioLines(time.monotonic)
        self.contactor = GpioContactor(
            self.gpio,
            f"contactor of EVSE {evse.evse_id}",
            command_pin=pins.pin,
            feedback_pin=pins.feedback_pin,
            command_active_high=pins.active_high,
            feedback_active_high=pins.feedback_active_high,
        )
        self._inputs: list[GpioInput] = []
        gpio = config.gpio
        if gpio.emergency_stop_pin is not None:
            high = gpio.emergency_stop_active_high
            self._inputs.append(GpioInput(self.gpio, "emergency stop", pin=gpio.emergency_stop_pin, active_high=high))
        if evse.rcd_pin is not None:
            rcd = GpioInput(
                self.gpio, f"RCD of EVSE {evse.evse_id}", pin=evse.rcd_pin, active_high=evse.rcd_active_high
            )
            self._inputs.append(rcd)
        pin = gpio.heartbeat_pin
        self._heartbeat = GpioHeartbeat(self.gpio, "heartbeat", pin=pin) if pin is not None else None
        self._next_beat_s = 0.0

    def objection(self) -> str:
        """Which safety input says no, or nothing."""
        for line in self._inputs:
            if line.is_active():
                health = line.health()
                return f"{line.name}: " + ("says no, or its wire is broken" if health.is_good else health.message)
        return ""

    def hold(self, until_s: float, is_done: Callable[[], bool], must_be_safe: bool = True) -> bool:
        """Beat and look until `is_done` or the time is over. Raises Trouble when a safety input says no."""
        while not (done := is_done()) and time.monotonic() < until_s:
            if must_be_safe and (objection := self.objection()):
                self.contactor.command(False)
                raise Trouble(REFUSED, f"{objection}; the contactor was told to open")
            if self._heartbeat is not None and time.monotonic() >= self._next_beat_s:
                self._heartbeat.beat()
                self._next_beat_s = time.monotonic() + BEAT_S
            time.sleep(LOOK_S)
        return done

    def is_closed(self) -> bool:
        seen = self.contactor.feedback()
        return seen is not None and seen.value

    def is_open(self) -> bool:
        seen = self.contactor.feedback()
        return seen is not None and not seen.value


def relay(request: Request) -> int:
    """0 as it should be, 1 where the feedback says otherwise."""
    config = request.load()
    evse, pins = _evse(config, request.evse)
    if not 1 <= request.for_s <= LONGEST_ON_S:
        raise Trouble(USAGE, f"--for-s {request.for_s:g}: want 1 to {LONGEST_ON_S:g}")
    with lines_claimed(request, config):
        if request.action != "off":
            _refuse_a_vehicle(request, config, evse)
            _ask(request, evse)
        with _ends_open(Lines(config, evse, pins)) as lines:
            health = lines.contactor.health()
            if not health.is_good:
                raise Trouble(UNREACHABLE, health.message)
            if request.action != "off" and (objection := lines.objection()):
                raise Trouble(REFUSED, f"{objection}. The probe obeys it: mend that first")
            audit.write(config, request.by or "unknown", f"relay {request.action}", evse.evse_id)
            result = _work(request, config, lines)
    print(json.dumps(_as_json(result)) if request.json else told(result))
    return FINDING if result.trouble else OK


def _work(request: Request, config: Config, lines: Lines) -> Result:
    result = Result(request.evse, request.action)
    patience = config.patience
    if request.action != "off":
        if lines.is_closed():
            result.trouble = "feedback says closed before anything was told: welded, or the auxiliary contact's wiring"
            return result
        lines.hold(time.monotonic() + PULL_IN_S, lambda: False)
        told_s = time.monotonic()
        lines.contactor.command(True)
        if lines.hold(told_s + patience.close_s, lines.is_closed):
            result.closed_after_s = round(time.monotonic() - told_s, 3)
            for_s = TEST_S if request.action == "test" else request.for_s
            if request.action == "on":
                print(f"EVSE {request.evse}: closed; Enter opens it, at the latest in {for_s:g} s", file=sys.stderr)
            ends = _entered if request.action == "on" else lambda: False
            lines.hold(told_s + for_s, ends)
        else:
            result.trouble = (
                f"told to close, feedback still open after {patience.close_s:g} s: see safety relay (heartbeat), "
                "coil supply and fuse, auxiliary contact"
            )
    told_s = time.monotonic()
    lines.contactor.command(False)
    if lines.hold(told_s + patience.open_s, lines.is_open, must_be_safe=False):
        result.opened_after_s = round(time.monotonic() - told_s, 3)
    else:
        result.trouble = (
            f"told to open, feedback still closed after {patience.open_s:g} s: welded, or the auxiliary contact's "
            "wiring. Isolate the supply at the breaker before you touch anything"
        )
    return result


def told(result: Result) -> str:
    parts = []
    if result.closed_after_s is not None:
        parts.append(f"closed after {result.closed_after_s * 1000:.0f} ms")
    if result.opened_after_s is not None:
        parts.append("open" if result.action == "off" else f"open after {result.opened_after_s * 1000:.0f} ms")
    if result.trouble:
        parts.append(f"FAIL {result.trouble}")
    return f"EVSE {result.evse_id}: relay {result.action}: {', '.join(parts)}"


def _as_json(result: Result) -> dict[str, object]:
    return {
        "evse_id": result.evse_id,
        "action": result.action,
        "is_good": not result.trouble,
        "closed_after_s": result.closed_after_s,
        "opened_after_s": result.opened_after_s,
        "trouble": result.trouble,
    }


def _evse(config: Config, evse_id: int) -> tuple[Evse, ContactorPins]:
    for evse in config.evses:
        if evse.evse_id == evse_id:
            if isinstance(evse.contactor, ContactorPins):
                return evse, evse.contactor
            raise Trouble(
                USAGE, f"EVSE {evse_id}: its contactor is switched by board '{evse.contactor}', not by a line"
            )
    known = ", ".join(str(evse.evse_id) for evse in config.evses) or "none"
    raise Trouble(USAGE, f"EVSE {evse_id}: the configuration has: {known}")


def _refuse_a_vehicle(request: Request, config: Config, evse: Evse) -> None:
    if request.force:
        return
    board = next(board for board in config.boards if board.name == evse.pilot)
    bus = bus_of(config, board.bus)

    async def ask() -> PilotState | None:
        line = ModbusBus(
            BusSettings(
                bus.name,
                bus.device,
                SerialLine(bus.baud, bus.parity, bus.stopbits),
                bus.timeout_s,
                other_ports=bus.other_devices,
            ),
            time.monotonic,
        )
        serving = asyncio.create_task(line.run())
        try:
            return await read_pilot(line, board)
        finally:
            serving.cancel()
            await asyncio.wait({serving})

    try:
        pilot = asyncio.run(ask())
    except BusError as error:
        raise Trouble(
            REFUSED, f"whether a vehicle is connected cannot be told: {error} --force closes it anyway"
        ) from error
    if pilot is not PilotState.A:
        raise Trouble(REFUSED, f"EVSE {evse.evse_id}: pilot {pilot or 'unknown'}: unplug the vehicle, or use --force")


def _ask(request: Request, evse: Evse) -> None:
    if request.yes:
        return
    print(
        f"This makes the outlet of EVSE {evse.evse_id} live, without session and without meter. "
        "Nobody may touch it. Type yes: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    if sys.stdin.readline().strip().lower() != "yes":
        raise Trouble(REFUSED, "not confirmed: nothing was done")


def _entered() -> bool:
    if not sys.stdin.isatty():
        return False
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable) and sys.stdin.readline() is not None


@contextmanager
def _ends_open(lines: Lines) -> Iterator[Lines]:
    """However the block ends, also by SIGTERM or a closed terminal, the contactor is told to open."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield lines
    finally:
        lines.contactor.command(False)
        lines.gpio.close()
        for number, action in before.items():
            signal.signal(number, action)
