"""Faults of a meter, and of the line it is read on."""

from __future__ import annotations

from worlds.faults.kind import Kind, Mend, Where


def fall_silent(at: Where) -> Mend:
    wires = at.world.cabinet.wires[at.evse_id]
    wires.meter_is_cut = True
    at.world.cabinet.look_soon(at.evse_id)

    def mend() -> None:
        wires.meter_is_cut = False
        at.world.cabinet.look_soon(at.evse_id)

    return mend


def answer_late(at: Where) -> Mend:
    """Answers that come after the driver's patience are thrown away; the others are old."""
    wires = at.world.cabinet.wires[at.evse_id]
    wires.meter_late_s, wires.noise = at.rng.uniform(0.2, 0.5), at.rng.uniform(0.2, 0.6)
    at.world.cabinet.look_often(at.evse_id)

    def mend() -> None:
        wires.meter_late_s = wires.noise = 0.0
        at.world.cabinet.look_soon(at.evse_id)

    return mend


def run_backwards(at: Where) -> Mend:
    return _lie(at, -round(at.rng.choice([at.rng.uniform(2, 50), at.rng.uniform(1_000, 200_000)])))


def jump(at: Where) -> Mend:
    return _lie(at, round(at.rng.uniform(2_000, 1_000_000)))


def _lie(at: Where, off_wh: int) -> Mend:
    """A register that shows something else: for a while, or until the technician believes it as it stands."""
    wires, meter = at.world.cabinet.wires[at.evse_id], at.world.outlets[at.evse_id].meter
    off_wh = round(off_wh / meter.step_wh) * round(meter.step_wh) or round(-meter.step_wh)
    off_wh = max(off_wh, -(meter.register_wh + wires.register_off_wh))  # no register shows less than nothing
    wires.register_off_wh += off_wh
    comes_back = at.rng.random() < 0.5
    at.world.cabinet.look_soon(at.evse_id)

    def mend() -> None:
        if comes_back:
            wires.register_off_wh -= off_wh
        at.world.cabinet.look_soon(at.evse_id)

    return mend


def swap(at: Where) -> Mend:
    """Another meter answers: another number, another register."""
    wires, meter = at.world.cabinet.wires[at.evse_id], at.world.outlets[at.evse_id].meter
    wires.serial = f"NEW{at.rng.randrange(10**6):06}"
    step_wh = round(max(1.0, meter.step_wh))
    wires.register_off_wh = (round(at.rng.uniform(0, 9e6)) - meter.register_wh) // step_wh * step_wh
    at.world.cabinet.look_soon(at.evse_id)
    return lambda: None


KINDS = (
    Kind("meter_silent", "meter", fall_silent, (4, 600), while_charging=True),
    Kind("meter_late", "bus", answer_late, (30, 200), while_charging=True),
    Kind("register_backwards", "meter", run_backwards, (10, 600), while_charging=True),
    Kind("register_jumps", "meter", jump, (10, 600), while_charging=True),
    Kind("meter_swapped", "meter", swap, (30, 60), every_h=30, while_charging=True),
)
