"""Faults inside the cabinet: the Pi's lines, the reader, the screen, the mains of all of it."""

from __future__ import annotations

from worlds.faults.kind import Kind, Mend, Where


def lose_gpio(at: Where) -> Mend:
    """No line can be read or written: levels stay, safety inputs count as active, the safety relay is not fed."""
    at.world.cabinet.set_gpio(False)
    return lambda: at.world.cabinet.set_gpio(True)


def kill_reader(at: Where) -> Mend:
    at.world.cabinet.set_reader(False)
    return lambda: at.world.cabinet.set_reader(True)


def kill_screen(at: Where) -> Mend:
    at.world.cabinet.screen_is_dead = True

    def mend() -> None:
        at.world.cabinet.screen_is_dead = False

    return mend


KINDS = (
    Kind("gpio_gone", "contactor", lose_gpio, (2, 300), every_h=36, of_evse=False, while_charging=True),
    Kind("reader_dead", "reader", kill_reader, (60, 1_800), of_evse=False),
    Kind("screen_dead", "screen", kill_screen, (2, 900), of_evse=False),
)
