"""Faults of the system's clock. Monotonic time goes on whatever it shows."""

from __future__ import annotations

from worlds.faults.kind import Kind, Mend, NotNow, Where


def lose_time(at: Where) -> Mend:
    """The mains fail, and the clock has no battery: it begins at 1970 until a time server was heard."""
    world = at.world
    if world.kiosk is None:
        raise NotNow
    world.cut_power()
    world.clock.lose()
    world.agenda.after(at.rng.uniform(8, 60), world.boot_again)
    return world.clock.mend


def step(at: Where) -> Mend:
    """Somebody, or a wrong time server, sets it by minutes to days."""
    clock = at.world.clock
    span_s = at.rng.choice([at.rng.uniform(60, 3_600), at.rng.uniform(3_600, 3 * 86_400)])
    clock.set_by(at.rng.choice([-1, 1]) * span_s, is_believed=at.rng.random() < 0.3)
    return clock.mend


KINDS = (
    Kind("clock_at_1970", "clock", lose_time, (60, 3_600), of_evse=False),
    Kind("clock_stepped", "clock", step, (60, 3_600), of_evse=False),
)
