"""From the configuration to devices. Nothing here fails for hardware that is absent: such a device says so in its
health, its facts are stale, and it is tried again by its driver."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from kiosk.config import Board, Config, Meter
from kiosk.config import Evse as EvseConfig
from kiosk.devices import Contactor, Pilot
from kiosk.drivers import evse_din, heidelberg
from kiosk.drivers.gpio import GpioContactor, GpioHeartbeat, GpioInput, GpioLines, GpioLock, GpioReset
from kiosk.drivers.meter import ModbusMeter
from kiosk.drivers.modbus_bus import BusSettings, ModbusBus
from kiosk.drivers.pn532 import Pn532Reader
from kiosk.drivers.qr_scanner import QrScanner
from kiosk.drivers.register_map import MapError, SerialLine, load_map
from kiosk.sensing import EvseParts, Parts

MOST_OVER_RATED = 1.25  # of an EVSE's rated power: what a meter's register may move and be believed
MOST_AT_THE_SITE_W_PER_A = 2_000  # twice the limit on three phases: what its register may move and be believed
READER_KINDS = {"pn532": "nfc", "qr_scanner": "qr"}


class Offering(Protocol):
    """A board, as the end of the program waits for it."""

    @property
    def holds_zero(self) -> bool: ...

    @property
    def less_within_s(self) -> float: ...


class Closable(Protocol):
    def close(self) -> None: ...


@dataclass(slots=True)
class Hardware:
    """What was built: the controller's parts, the tasks that serve them, what to close at the end, and
    which boards shall hold 0 A before that."""

    parts: Parts
    tasks: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    closables: list[Closable] = field(default_factory=list)
    boards: list[Offering] = field(default_factory=list)


def build(config: Config, clock: Callable[[], float]) -> Hardware:
    """Construct every device of the configuration. Raises MapError or ValueError for one that cannot be right."""
    return _Builder(config, clock).build()


class _Builder:
    def __init__(self, config: Config, clock: Callable[[], float]) -> None:
        self._config, self._clock = config, clock
        self._lines = GpioLines(clock)
        self._buses: dict[str, ModbusBus] = {}
        self._boards: dict[str, evse_din.EvseDin | heidelberg.Heidelberg] = {}
        self._tasks: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def build(self) -> Hardware:
        # Contactors first: an output that can do harm gets its safe level before anything else is looked at.
        contactors = {evse.evse_id: self._gpio_contactor(evse) for evse in self._config.evses}
        gpio = self._config.gpio
        heartbeat = stop = None
        if gpio.heartbeat_pin is not None:
            heartbeat = GpioHeartbeat(self._lines, "heartbeat", pin=gpio.heartbeat_pin)
        if gpio.emergency_stop_pin is not None:
            stop = GpioInput(
                self._lines,
                "emergency stop",
                pin=gpio.emergency_stop_pin,
                active_high=gpio.emergency_stop_active_high,
            )
        for bus in self._config.buses:
            line = SerialLine(bus.baud, bus.parity, bus.stopbits)
            settings = BusSettings(bus.name, bus.device, line, bus.timeout_s, other_ports=bus.other_devices)
            made = ModbusBus(settings, self._clock)
            self._buses[bus.name] = made
            self._tasks.append(made.run)
        evses = {evse.evse_id: self._evse(evse, contactors[evse.evse_id]) for evse in self._config.evses}
        readers = [self._reader(index) for index in range(len(self._config.readers))]
        parts = Parts(evses, tuple((kind, reader) for kind, reader in readers), stop, heartbeat, self._site_meter())
        closables: list[Closable] = [*(reader for _, reader in readers), self._lines]
        return Hardware(parts, self._tasks, closables, list(self._boards.values()))

    def _evse(self, evse: EvseConfig, contactor: Contactor | None) -> EvseParts:
        pilot: Pilot = self._board(evse.pilot)
        if contactor is None:
            assert isinstance(evse.contactor, str)
            board = self._board(evse.contactor)
            assert isinstance(board, heidelberg.Heidelberg), "the configuration was checked"
            contactor = board
        meter = next(meter for meter in self._config.meters if meter.name == evse.meter)
        rcd = lock = None
        if evse.rcd_pin is not None:
            name = f"rcd {evse.evse_id}"
            rcd = GpioInput(self._lines, name, pin=evse.rcd_pin, active_high=evse.rcd_active_high)
        if evse.lock_pin is not None:
            name = f"lock {evse.evse_id}"
            lock = GpioLock(self._lines, name, pin=evse.lock_pin, active_high=evse.lock_active_high)
        return EvseParts(contactor, pilot, self._meter(meter, evse), rcd, lock)

    def _gpio_contactor(self, evse: EvseConfig) -> Contactor | None:
        pins = evse.contactor
        if isinstance(pins, str):
            return None
        return GpioContactor(
            self._lines,
            f"contactor {evse.evse_id}",
            command_pin=pins.pin,
            feedback_pin=pins.feedback_pin,
            command_active_high=pins.active_high,
            feedback_active_high=pins.feedback_active_high,
        )

    def _board(self, name: str) -> evse_din.EvseDin | heidelberg.Heidelberg:
        if name not in self._boards:
            board = next(board for board in self._config.boards if board.name == name)
            self._boards[name] = made = self._new_board(board)
            self._tasks.append(made.run)
        return self._boards[name]

    def _new_board(self, board: Board) -> evse_din.EvseDin | heidelberg.Heidelberg:
        driver = evse_din if board.kind == "evse_din" else heidelberg
        board_map = driver.board_map()
        seat = self._buses[board.bus].seat("board", board.name, board.kind, board.address, board_map.min_gap_s)
        stale_s = self._config.patience.pilot_stale_s
        if board.kind == "evse_din":
            return evse_din.EvseDin(seat, board_map, self._clock, board.poll_s, stale_s)
        rest_s = self._config.patience.off_s
        return heidelberg.Heidelberg(seat, board_map, self._clock, board.poll_s, stale_s, rest_s=rest_s)

    def _meter(self, meter: Meter, evse: EvseConfig) -> ModbusMeter:
        register_map = load_map(meter.map)
        seat = self._buses[meter.bus].seat("meter", meter.name, meter.map, meter.address, register_map.min_gap_s)
        most_w = round(evse.max_a * evse.phases * evse.nominal_v * MOST_OVER_RATED)
        stale_s = self._config.patience.meter_stale_s
        made = ModbusMeter(seat, register_map, self._clock, meter.poll_s, stale_s, most_w)
        self._tasks.append(made.run)
        return made

    def _site_meter(self) -> ModbusMeter | None:
        """The meter at the site's connection. Raises MapError for a model without currents."""
        if self._config.site is None:
            return None
        of_evses = {evse.meter for evse in self._config.evses}
        found = None
        for meter in self._config.meters:
            if meter.name not in of_evses | {self._config.site.meter}:
                continue
            register_map = load_map(meter.map)
            if register_map.quantity("current_l1") is None:
                raise MapError(f"meter '{meter.name}' ({meter.map}) shows no currents; it cannot measure for [site]")
            if meter.name == self._config.site.meter:
                seat = self._buses[meter.bus].seat(
                    "meter", meter.name, meter.map, meter.address, register_map.min_gap_s
                )
                stale_s = self._config.patience.meter_stale_s
                most_w = self._config.site.limit_a * MOST_AT_THE_SITE_W_PER_A
                found = ModbusMeter(seat, register_map, self._clock, meter.poll_s, stale_s, most_w)
                self._tasks.append(found.run)
        return found

    def _reader(self, index: int) -> tuple[str, Pn532Reader | QrScanner]:
        reader = self._config.readers[index]
        made: Pn532Reader | QrScanner
        if reader.kind == "pn532":
            reset = None
            if reader.reset_pin is not None:
                reset = GpioReset(self._lines, f"reset of {reader.name}", pin=reader.reset_pin).pulse
            made = Pn532Reader(reader.name, reader.device, reset=reset)
        else:
            made = QrScanner(reader.name, reader.device, baud=reader.baud)
        return READER_KINDS[reader.kind], made
