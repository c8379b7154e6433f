"""Faults of a pilot board, and of the bus it is on."""

from __future__ import annotations

from collections.abc import Callable

from contract.iec61851 import PilotState
from kiosk.devices import Alarm
from worlds.faults.kind import Kind, Mend, Where

WATCHDOG_S = 5.0  # a switching board that hears nothing opens by itself, and offers nothing
HOT_DC, MILD_DC = 920, 310
DERATED_A = 8


def shows(state: PilotState) -> Callable[[Where], Mend]:
    """The pilot is shorted or without power (E), or the board is not available (F): the vehicle is offered nothing."""

    def begin(at: Where) -> Mend:
        wires = at.world.cabinet.wires[at.evse_id]
        wires.pilot_shows = state
        at.world.cabinet.rewire(at.evse_id)

        def mend() -> None:
            wires.pilot_shows = None
            at.world.cabinet.rewire(at.evse_id)

        return mend

    return begin


def fall_silent(at: Where) -> Mend:
    """The board no longer answers nor follows. One that switches by itself has its own watchdog."""
    wires, times, outlet = at.world.cabinet.wires[at.evse_id], at.world.times[at.evse_id], at.world.outlets[at.evse_id]
    wires.pilot_is_cut = wires.offers_are_cut = True
    at.world.cabinet.look_soon(at.evse_id)
    if times.has_switching_board:
        wires.feedback_is_cut = wires.commands_are_cut = True
    is_mended = False

    def watchdog() -> None:
        if not is_mended and times.has_switching_board:
            outlet.advance(at.world.agenda.now_s)
            outlet.contactor.command(False, at.world.agenda.now_s)
            outlet.offer(0, at.world.agenda.now_s)

    def mend() -> None:
        nonlocal is_mended
        is_mended = True
        wires.pilot_is_cut = wires.offers_are_cut = False
        if times.has_switching_board:
            wires.feedback_is_cut = wires.commands_are_cut = False
        at.world.cabinet.rewire(at.evse_id)

    at.world.agenda.after(WATCHDOG_S, watchdog)
    return mend


def alarms(alarm: Alarm) -> Callable[[Where], Mend]:
    """Only what the board says; whether anything follows from it is the kiosk's matter."""

    def begin(at: Where) -> Mend:
        wires = at.world.cabinet.wires[at.evse_id]
        wires.alarms = frozenset({alarm})
        wires.temperature_dc = HOT_DC if alarm is Alarm.OVER_TEMPERATURE else MILD_DC
        wires.most_a = DERATED_A if alarm is Alarm.DERATING else None
        at.world.cabinet.rewire(at.evse_id)

        def mend() -> None:
            wires.alarms, wires.temperature_dc, wires.most_a = frozenset(), MILD_DC, None
            at.world.cabinet.rewire(at.evse_id)

        return mend

    return begin


def warm_up(at: Where) -> Mend:
    """The cabinet stands in the sun: less current, in steps, and in the end none."""
    wires = at.world.cabinet.wires[at.evse_id]
    wires.temperature_dc = at.rng.randrange(720, 840)
    at.world.cabinet.look_soon(at.evse_id)

    def mend() -> None:
        wires.temperature_dc = MILD_DC
        at.world.cabinet.look_soon(at.evse_id)

    return mend


def make_noise(at: Where) -> Mend:
    """Some questions on the bus are in vain."""
    wires = at.world.cabinet.wires[at.evse_id]
    wires.noise = at.rng.uniform(0.1, 0.7)
    at.world.cabinet.look_often(at.evse_id)

    def mend() -> None:
        wires.noise = 0.0
        at.world.cabinet.look_soon(at.evse_id)

    return mend


KINDS = (
    Kind("pilot_e", "board", shows(PilotState.E), (2, 120), while_charging=True),
    Kind("pilot_f", "board", shows(PilotState.F), (2, 120), while_charging=True),
    Kind("board_silent", "contactor", fall_silent, (3, 300), while_charging=True),
    Kind("board_diode_failure", "board", alarms(Alarm.DIODE_FAILURE), (5, 300), while_charging=True),
    Kind("board_derating", "board", alarms(Alarm.DERATING), (30, 900), while_charging=True),
    Kind("board_over_temperature", "board", alarms(Alarm.OVER_TEMPERATURE), (30, 900), while_charging=True),
    Kind("board_error", "board", alarms(Alarm.BOARD_ERROR), (5, 300), while_charging=True),
    Kind("cabinet_hot", "board", warm_up, (120, 1_800), while_charging=True),
    Kind("bus_noise", "bus", make_noise, (30, 200), while_charging=True),
)
