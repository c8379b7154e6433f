"""What can be asked of a street: one function per command, and the table of their names.

Every command is `{"do": NAME, …}`; an unknown name or field is a Mistake that says what there is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from sim.control import Mistake
from sim.evse_din import EvseDinBoard
from sim.gate import Gate
from sim.heidelberg import HeidelbergBoard
from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave
from sim.stopwatch import Stopwatch
from sim.street import Street
from sim.street_evse import MeterTrouble, StreetEvse, Unpluggable

FAULTS = (
    "weld", "jam", "feedback-open", "feedback-closed", "meter-silent", "board-silent", "bus-noise",
    "nfc-mute", "nfc-unplugged", "scanner-unplugged", "pilot-e", "pilot-f",
    "meter-late", "meter-lags", "meter-wrong-device", "meter-doubled", "meter-backwards", "meter-jump", "meter-swapped",
    "over-current", "under-voltage", "board-hot", "board-derating", "board-error", "board-diode",
    "bus-babble", "bus-unplugged", "gpio-gone", "rcd-line-busy",
)  # fmt: skip
ONLY_HEIDELBERG = ("board-hot", "board-derating")  # an EVSE-DIN has no sensor of heat
LATE_S = 0.8  # "meter-late": beyond the usual patience of 0.5 s
OFF_WH = 500_000  # "meter-jump", and back: more than any EVSE moves between two readings
STRANGER = 99  # the address that answers instead, for "meter-wrong-device"
OVER_A, UNDER_V, HOT_C = 25.0, 180.0, 92.0
BUSY = -79  # lgpio: GPIO busy
NOISE = 0.2  # chance per answer of each kind of damage, for "bus-noise"
LONGEST_TEXT = 1_000
MOST_ROUNDS = 300


class Commands:
    """The commands of one street; `gate` is the cable to the server where the street has one."""

    def __init__(self, street: Street, gate: Gate | None = None) -> None:
        self._street, self._gate = street, gate
        self._cars = {car.name: car.vehicle() for car in street.plan.car}
        self._cards = {card.name: card.uid for card in street.plan.card}
        self._table: dict[str, Callable[..., dict[str, Any] | None]] = {
            "plug": self.plug,
            "unplug": self.unplug,
            "tap": self.tap,
            "remove": self.remove,
            "scan": self.scan,
            "time_opening": self.time_opening,
            "press-estop": self.press_estop,
            "release-estop": self.release_estop,
            "trip-rcd": self.trip_rcd,
            "reset-rcd": self.reset_rcd,
            "fault": self.fault,
            "mend": self.mend,
            "mains": self.mains,
            "net": self.net,
            "physics": self.physics,
            "state": self.state,
        }

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        act = self._table.get(request["do"])
        if act is None:
            raise Mistake(f"unknown command {request['do']!r}; known: {', '.join(self._table)}")
        fields = {key: value for key, value in request.items() if key != "do"}
        try:
            inspect.signature(act).bind(**fields)
        except TypeError as error:
            raise Mistake(f"{request['do']}: {error}") from error
        return act(**fields) or {}

    def plug(self, evse: int, car: str | None = None, charged_wh: float | None = None) -> dict[str, Any]:
        """A car comes to the EVSE, with so much in its battery; without a name the first one that is free."""
        place = self._evse(evse)
        if place.outlet.vehicle is not None:
            raise Mistake(f"EVSE {evse}: {place.outlet.vehicle.name} is plugged in already")
        here = {other.outlet.vehicle.name for other in self._street.evses.values() if other.outlet.vehicle is not None}
        name = car or next((known for known in self._cars if known not in here), None)
        if name is None or name not in self._cars:
            raise Mistake(f"no such car is free: {car or 'any'}; cars: {', '.join(self._cars) or 'none'}")
        if name in here:
            raise Mistake(f"{name} is plugged in elsewhere")
        if charged_wh is not None:
            self._cars[name].charged_wh = float(charged_wh)
        with self._street.settled():
            place.outlet.plug_in(self._cars[name], self._street.now_s())
        return {"car": name}

    def unplug(self, evse: int, force: bool = False) -> dict[str, Any]:
        place = self._evse(evse)
        if place.is_locked and not force:
            raise Mistake(f"EVSE {evse}: the cable is locked")
        with self._street.settled():
            vehicle = place.outlet.unplug(self._street.now_s())
        if vehicle is None:
            raise Mistake(f"EVSE {evse}: no car is plugged in")
        return {"car": vehicle.name}

    def tap(self, card: str, hold_s: float = 1.0) -> dict[str, Any]:
        """Hold a card to the reader: a name of the street file, or a UID in hex. `hold_s` 0: until `remove`."""
        uid = self._cards.get(card, card)
        try:
            data = bytes.fromhex(uid)
        except ValueError as error:
            raise Mistake(f"no card {card!r}; cards: {', '.join(self._cards) or 'none'}, or a UID in hex") from error
        self._street.tap(data, float(hold_s))
        return {"uid": uid}

    def remove(self) -> None:
        self._street.remove()

    def scan(self, text: str) -> None:
        if not 1 <= len(text) <= LONGEST_TEXT:
            raise Mistake(f"scan: want 1 to {LONGEST_TEXT} characters")
        self._street.scanner.scan(text)

    def press_estop(self) -> None:
        self._street.press(None, True)

    def release_estop(self) -> None:
        self._street.press(None, False)

    def time_opening(self, evse: int, rounds: int) -> dict[str, Any]:
        """Seconds from the EVSE's RCD line to the open command on its contactor's line, so many times."""
        plan = self._evse(evse).plan
        if plan.rcd_pin is None or plan.contactor is None or not 1 <= rounds <= MOST_ROUNDS:
            raise Mistake(f"EVSE {evse}: want an RCD line, a contactor line and 1 to {MOST_ROUNDS} rounds")
        watch = Stopwatch(self._street.board, plan.rcd_pin, plan.contactor.pin)
        return {"seconds": watch.samples(rounds)}

    def trip_rcd(self, evse: int) -> None:
        self._evse(evse)
        self._street.press(evse, True)

    def reset_rcd(self, evse: int) -> None:
        self._evse(evse)
        self._street.press(evse, False)

    def fault(self, kind: str, evse: int = 1) -> None:
        """Break something; `mend` repairs everything."""
        if kind not in FAULTS:
            raise Mistake(f"no fault {kind!r}; faults: {', '.join(FAULTS)}")
        street, place = self._street, self._evse(evse)
        contactor = street.cabinet.contactors.get(place.name)
        if kind in ("weld", "jam", "feedback-open", "feedback-closed"):
            if contactor is None:
                raise Mistake(f"EVSE {evse}: its contactor is inside the board")
            contactor.is_welded |= kind == "weld"
            contactor.is_jammed |= kind == "jam"
            if kind.startswith("feedback"):
                contactor.stuck_feedback = kind == "feedback-closed"
            street.cabinet.touch()
        elif kind == "meter-silent":
            place.meter_slave.is_silent = True
        elif kind == "board-silent":
            place.board_slave.is_silent = True
        elif kind == "bus-noise":
            faults = street.lines[place.plan.meter.bus].faults
            faults.garbled = faults.truncated = faults.lost = NOISE
        elif kind == "nfc-mute":
            street.nfc.is_mute = True
        elif kind == "nfc-unplugged":
            street.nfc.unplug()
        elif kind == "scanner-unplugged":
            street.scanner.unplug()
        elif kind.startswith("pilot"):
            place.pilot_fault = kind[-1].upper()
        else:
            self._fault_on_bus(kind, place)

    def _fault_on_bus(self, kind: str, place: StreetEvse) -> None:
        street, meter, board, trouble = self._street, place.meter_slave, place.board, place.meter_trouble
        line = street.lines[place.plan.meter.bus]
        match kind:
            case "meter-late":
                meter.lateness_s = LATE_S
            case "meter-lags":
                meter.lags = True
            case "meter-wrong-device":
                meter.speaks_as = STRANGER
            case "meter-doubled":
                line.attach(_twin(place))
            case "meter-backwards":
                trouble.offset_wh = -OFF_WH
            case "meter-jump":
                trouble.offset_wh = OFF_WH
            case "meter-swapped":
                trouble.serial, trouble.offset_wh = place.plan.meter.serial + 1, -OFF_WH
            case "over-current":
                trouble.extra_a = OVER_A
            case "under-voltage":
                trouble.voltage_v = UNDER_V
            case "bus-babble":
                line.faults.babbles = True
            case "bus-unplugged":
                line.unplug()
            case "gpio-gone":
                street.gpio_lost()
            case "rcd-line-busy":
                if place.plan.rcd_pin is None:
                    raise Mistake(f"EVSE {place.name}: has no RCD line")
                street.board.break_line(place.plan.rcd_pin, BUSY)
            case "board-diode":
                board.shown_state = 5 if isinstance(board, EvseDinBoard) else 9
            case "board-hot" | "board-derating" | "board-error":
                if isinstance(board, EvseDinBoard):
                    if kind in ONLY_HEIDELBERG:
                        raise Mistake(f"EVSE {place.name}: its board has no temperature sensor and does not derate")
                    board.shown_state = 6
                elif kind == "board-hot":
                    board.temperature_c = HOT_C
                else:
                    board.shown_state = 8 if kind == "board-derating" else 11

    def mend(self) -> None:
        """Repair every fault and release every safety line."""
        street = self._street
        street.cabinet.mend()
        for place in street.evses.values():
            place.meter_slave.mend()
            place.board_slave.mend()
            place.meter_trouble = MeterTrouble()
            place.board.shown_state = None
            if isinstance(place.board, HeidelbergBoard):
                place.board.temperature_c = 25.1
            place.pilot_fault = None
            if place.plan.rcd_pin is not None:
                street.board.mend_line(place.plan.rcd_pin)
                street.press(place.plan.evse_id, False)
        for line in street.lines.values():
            line.faults.garbled = line.faults.truncated = line.faults.lost = 0.0
            line.faults.babbles = False
            line.devices[:] = [device for device in line.devices if not isinstance(device, _Twin)]
            if not line.is_plugged:
                line.plug()
        street.gpio_found()
        street.nfc.plug()
        street.nfc.reset()
        street.scanner.plug()
        if street.plan.gpio.emergency_stop_pin is not None:
            street.press(None, False)

    def mains(self, on: bool) -> None:
        if on:
            self._street.restore_mains()
        else:
            self._street.cut_mains()

    def net(self, on: bool) -> None:
        if self._gate is None:
            raise Mistake("this street was started without --server, so it has no cable to pull")
        if on:
            self._gate.open()
        else:
            self._gate.shut()

    def physics(self) -> dict[str, Any]:
        return self._street.physics()

    def state(self) -> dict[str, Any]:
        """Where things are: sockets, terminals, the server's port, cars and cards."""
        street, gate = self._street, self._gate
        return {
            "run": str(street.run),
            "gpio_socket": street.gpio_socket,
            "rate": street.rate,
            "server_port": None if gate is None else gate.port,
            "net": gate is not None and gate.is_open,
            "cars": list(self._cars),
            "cards": dict(self._cards),
        }

    def _evse(self, evse_id: int) -> StreetEvse:
        if evse_id not in self._street.evses:
            raise Mistake(f"no EVSE {evse_id}; EVSEs: {', '.join(map(str, self._street.evses))}")
        return self._street.evses[evse_id]


class _Twin(Unpluggable):
    """A second meter under an address that is taken."""


def _twin(place: StreetEvse) -> _Twin:
    """One of the same model, fresh from its box."""
    registers = MeterRegisters(place.plan.meter.map, lambda: MeterState(voltage_v=(229.0,) * 3, serial=7))
    return _Twin(ModbusSlave(place.plan.meter.address, registers))
