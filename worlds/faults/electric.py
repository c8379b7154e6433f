"""Faults of what carries the current: RCD, contactor, auxiliary contact, mains, and what a vehicle takes."""

from __future__ import annotations

from sim.vehicle import NEVER_S, Mood
from worlds.faults.kind import Kind, Mend, NotNow, Where

GREED = 1.2  # of the offer
GREEDY_W = 30_000.0
SAG_MV = 180_000


def trip_rcd(at: Where) -> Mend:
    line = at.world.cabinet.rcds[at.evse_id]
    line.active = True
    at.world.stir_safety()

    def mend() -> None:
        line.active = False
        at.world.stir_safety()

    return mend


def weld(at: Where) -> Mend:
    """Seen when it is told to open. Nothing but a new contactor helps."""
    contactor = at.world.outlets[at.evse_id].contactor
    if not contactor.is_closed:
        raise NotNow
    contactor.is_welded = True
    return lambda: contactor.mend(at.world.agenda.now_s)


def jam(at: Where) -> Mend:
    """Seen when it is told to close."""
    contactor = at.world.outlets[at.evse_id].contactor
    contactor.is_jammed = True
    return lambda: contactor.mend(at.world.agenda.now_s)


def contradict(at: Where) -> Mend:
    """The auxiliary contact, or its wire, shows one level whatever happens."""
    contactor = at.world.outlets[at.evse_id].contactor
    contactor.stuck_feedback = at.rng.random() < 0.5
    at.world.cabinet.look_soon(at.evse_id)

    def mend() -> None:
        contactor.mend(at.world.agenda.now_s)
        at.world.cabinet.look_soon(at.evse_id)

    return mend


def lose_feedback(at: Where) -> Mend:
    wires = at.world.cabinet.wires[at.evse_id]
    wires.feedback_is_cut = True
    at.world.cabinet.look_soon(at.evse_id)

    def mend() -> None:
        wires.feedback_is_cut = False
        at.world.cabinet.look_soon(at.evse_id)

    return mend


def take_too_much(at: Where) -> Mend:
    """The vehicle draws more than it is offered."""
    outlet, wires = at.world.outlets[at.evse_id], at.world.cabinet.wires[at.evse_id]
    vehicle = outlet.vehicle
    if vehicle is None or not outlet.contactor.is_closed:
        raise NotNow
    outlet.advance(at.world.agenda.now_s)
    wires.greed, charger_w, vehicle.charger_w = GREED, vehicle.charger_w, GREEDY_W
    at.world.cabinet.rewire(at.evse_id)

    def mend() -> None:
        outlet.advance(at.world.agenda.now_s)
        wires.greed, vehicle.charger_w = 1.0, charger_w
        at.world.cabinet.rewire(at.evse_id)

    return mend


def ignore_offers(at: Where) -> Mend:
    """The vehicle follows no lower offer, until it leaves."""
    vehicle = at.world.outlets[at.evse_id].vehicle
    if vehicle is None:
        raise NotNow
    vehicle.mood = Mood(vehicle.mood.pauses, vehicle.mood.refuses, reaction_s=NEVER_S)
    return lambda: None


def sag(at: Where) -> Mend:
    wires = at.world.cabinet.wires[at.evse_id]
    healthy = wires.voltage_mv
    wires.voltage_mv = (SAG_MV,) * 3 if at.rng.random() < 0.5 else (SAG_MV, *healthy[1:])
    at.world.cabinet.look_soon(at.evse_id)

    def mend() -> None:
        wires.voltage_mv = healthy
        at.world.cabinet.look_soon(at.evse_id)

    return mend


KINDS = (
    Kind("rcd_tripped", "rcd", trip_rcd, (30, 300), while_charging=True),
    Kind("contactor_welded", "contactor", weld, (600, 4_000), every_h=36, while_charging=True),
    Kind("contactor_stuck_open", "contactor", jam, (600, 3_600)),
    Kind("feedback_contradicts", "contactor", contradict, (30, 900), while_charging=True),
    Kind("feedback_lost", "contactor", lose_feedback, (5, 300), while_charging=True),
    Kind("over_current", "vehicle", take_too_much, (20, 300), while_charging=True),
    Kind("offer_ignored", "vehicle", ignore_offers, (1, 2), while_charging=True),
    Kind("under_voltage", "mains", sag, (5, 300), while_charging=True),
)
