"""What can break in a street: one table, kind → how. The parts know how to be broken; this only says which and where.

A kind that the street or the EVSE cannot have (a sensor it lacks, a car that is not there) is a Mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.contactor import Contactor
from sim.control import Mistake
from sim.evse_din import EvseDinBoard
from sim.heidelberg import HeidelbergBoard
from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave
from sim.pty_line import PtyLine
from sim.street import Street
from sim.street_evse import MeterTrouble, StreetEvse, Unpluggable
from sim.vehicle import Vehicle

LATE_S = 0.8  # "meter-late": beyond the usual patience of 0.5 s
OFF_WH = 500_000  # "meter-jump", and back: more than any EVSE moves between two readings
STRANGER = 99  # the address that answers instead, for "meter-wrong-device"
OVER_A, UNDER_V = 6.0, 180.0
HOT_C, WARM_C, USUAL_C = 92.0, 75.0, 25.1
BUSY = -79  # lgpio: GPIO busy
SECOND_NAME = "-again"  # behind a terminal's name, for "bus-renamed"
NOISE = 0.2  # chance per answer of each kind of damage, for "bus-noise"

Break = Callable[[Street, StreetEvse], Any]


class Twin(Unpluggable):
    """A second device under an address that is taken."""


def _set(**what: Any) -> Callable[[Any], None]:
    def act(part: Any) -> None:
        for name, value in what.items():
            setattr(part, name, value)

    return act


def _contactor(street: Street, place: StreetEvse) -> Contactor:
    contactor = street.cabinet.contactors.get(place.name)
    if contactor is None:
        raise Mistake(f"EVSE {place.name}: its contactor is inside the board")
    return contactor


def _on_contactor(**what: Any) -> Break:
    def act(street: Street, place: StreetEvse) -> None:
        _set(**what)(_contactor(street, place))
        street.cabinet.touch()

    return act


def _cut_coil(street: Street, place: StreetEvse) -> None:
    _contactor(street, place)
    street.cabinet.cut_coil(place.name)


def _on_meter(**what: Any) -> Break:
    return lambda street, place: _set(**what)(place.meter_slave)


def _on_reading(**what: Any) -> Break:
    return lambda street, place: _set(**what)(place.meter_trouble)


def _on_line(**what: Any) -> Break:
    return lambda street, place: _set(**what)(_meter_line(street, place).faults)


def _on_pilot(state: str) -> Break:
    return lambda street, place: _set(pilot_fault=state)(place)


def _on_car(**what: Any) -> Break:
    return lambda street, place: _set(**what)(_car(place))


def _shows(evse_din: int | None, heidelberg: int | None) -> Break:
    """A state code of the board's own; None where that board has no such thing."""

    def act(street: Street, place: StreetEvse) -> None:
        code = evse_din if isinstance(place.board, EvseDinBoard) else heidelberg
        if code is None:
            raise Mistake(f"EVSE {place.name}: its board does not tell that")
        place.board.shown_state = code

    return act


def _at_temperature(temperature_c: float) -> Break:
    def act(street: Street, place: StreetEvse) -> None:
        if not isinstance(place.board, HeidelbergBoard):
            raise Mistake(f"EVSE {place.name}: its board has no temperature sensor")
        place.board.temperature_c = temperature_c

    return act


def _meter_line(street: Street, place: StreetEvse) -> PtyLine:
    return street.lines[place.plan.meter.bus]


def _car(place: StreetEvse) -> Vehicle:
    if place.outlet.vehicle is None:
        raise Mistake(f"EVSE {place.name}: no car is plugged in")
    return place.outlet.vehicle


def _double_meter(street: Street, place: StreetEvse) -> None:
    """One of the same model, fresh from its box."""
    registers = MeterRegisters(place.plan.meter.map, lambda: MeterState(voltage_v=(229.0,) * 3, serial=7))
    _meter_line(street, place).attach(Twin(ModbusSlave(place.plan.meter.address, registers)))


def _double_board(street: Street, place: StreetEvse) -> None:
    """One of the same model, with no vehicle."""
    twin = (
        EvseDinBoard(firmware=place.plan.board.firmware)
        if isinstance(place.board, EvseDinBoard)
        else HeidelbergBoard(place.board_clock_s)
    )
    street.lines[place.plan.board.bus].attach(Twin(ModbusSlave(place.plan.board.address, twin)))


def _rename_adapter(street: Street, place: StreetEvse) -> None:
    """Pulled and plugged in again: the system gave it another name, which it keeps when the street is mended."""
    line = _meter_line(street, place)
    if line.is_plugged:
        line.unplug()
    name = line.link.name
    line.link = line.link.with_name(name if name.endswith(SECOND_NAME) else name + SECOND_NAME)
    line.plug()


def _swap_meter(street: Street, place: StreetEvse) -> None:
    place.meter_trouble.serial = place.plan.meter.serial + 1
    place.meter_trouble.offset_wh = -OFF_WH


def _busy_rcd_line(street: Street, place: StreetEvse) -> None:
    if place.plan.rcd_pin is None:
        raise Mistake(f"EVSE {place.name}: has no RCD line")
    street.board.break_line(place.plan.rcd_pin, BUSY)


def _busy_feedback_line(street: Street, place: StreetEvse) -> None:
    _contactor(street, place)
    assert place.plan.contactor is not None
    street.board.break_line(place.plan.contactor.feedback_pin, BUSY)


def _silent_site_meter(street: Street, place: StreetEvse) -> None:
    if street.site is None:
        raise Mistake("this street has no [site]")
    street.site.slave.is_silent = True


BREAKS: dict[str, Break] = {
    "weld": _on_contactor(is_welded=True),
    "jam": _on_contactor(is_jammed=True),
    "coil-cut": _cut_coil,
    "feedback-open": _on_contactor(stuck_feedback=False),
    "feedback-closed": _on_contactor(stuck_feedback=True),
    "feedback-line-busy": _busy_feedback_line,
    "rcd-line-busy": _busy_rcd_line,
    "gpio-gone": lambda street, place: street.gpio_lost(),
    "pilot-e": _on_pilot("E"),
    "pilot-f": _on_pilot("F"),
    "board-silent": lambda street, place: _set(is_silent=True)(place.board_slave),
    "board-doubled": _double_board,
    "board-diode": _shows(5, 9),
    "board-error": _shows(6, 11),
    "board-derating": _shows(None, 8),
    "board-warm": _at_temperature(WARM_C),
    "board-hot": _at_temperature(HOT_C),
    "meter-silent": _on_meter(is_silent=True),
    "meter-late": _on_meter(lateness_s=LATE_S),
    "meter-lags": _on_meter(lags=True),
    "meter-wrong-device": _on_meter(speaks_as=STRANGER),
    "meter-doubled": _double_meter,
    "meter-backwards": _on_reading(offset_wh=-OFF_WH),
    "meter-jump": _on_reading(offset_wh=OFF_WH),
    "meter-swapped": _swap_meter,
    "under-voltage": _on_reading(voltage_v=UNDER_V),
    "over-current": lambda street, place: _car(place).draw_beyond(OVER_A),
    "car-deaf": _on_car(is_deaf_to_less=True),
    "bus-noise": _on_line(garbled=NOISE, truncated=NOISE, lost=NOISE),
    "bus-babble": _on_line(babbles=True),
    "bus-renamed": _rename_adapter,
    "bus-unplugged": lambda street, place: _meter_line(street, place).unplug(),
    "site-meter-silent": _silent_site_meter,
    "nfc-mute": lambda street, place: _set(is_mute=True)(street.nfc),
    "nfc-unplugged": lambda street, place: street.nfc.unplug(),
    "scanner-unplugged": lambda street, place: street.scanner.unplug(),
}
FAULTS = tuple(BREAKS)


def mend_evse(street: Street, place: StreetEvse) -> None:
    """All that belongs to one EVSE, its buses with it."""
    plan = place.plan
    if plan.contactor is not None:
        street.cabinet.mend(place.name)
        street.board.mend_line(plan.contactor.feedback_pin)
    place.meter_slave.mend()
    place.board_slave.mend()
    place.meter_trouble = MeterTrouble()
    place.board.shown_state = None
    if isinstance(place.board, HeidelbergBoard):
        place.board.temperature_c = USUAL_C
    place.pilot_fault = None
    if place.outlet.vehicle is not None:
        place.outlet.vehicle.is_deaf_to_less = False
        place.outlet.vehicle.draw_beyond(0.0)
    if plan.rcd_pin is not None:
        street.board.mend_line(plan.rcd_pin)
        street.press(plan.evse_id, False)
    for name in {plan.meter.bus, plan.board.bus}:
        line = street.lines[name]
        line.faults.garbled = line.faults.truncated = line.faults.lost = 0.0
        line.faults.babbles = False
        line.devices[:] = [device for device in line.devices if not isinstance(device, Twin)]
        if not line.is_plugged:
            line.plug()


def mend_kiosk(street: Street) -> None:
    """What all EVSEs share."""
    if street.site is not None:
        street.site.slave.mend()
    street.gpio_found()
    street.nfc.plug()
    street.nfc.reset()
    street.scanner.plug()
    if street.plan.gpio.emergency_stop_pin is not None:
        street.press(None, False)
