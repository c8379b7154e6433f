"""What a kind of fault is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worlds.world import World

Mend = Callable[[], None]


class NotNow(Exception):
    """There is nothing here that could break this way at the moment."""


@dataclass(frozen=True, slots=True)
class Where:
    """One place of a world, and the chance of this fault: it draws nothing from any other."""

    world: World
    evse_id: int
    rng: random.Random


@dataclass(frozen=True, slots=True)
class Kind:
    """`begin` breaks something and returns what mends it after `lasts_s` (least, most); it raises NotNow.

    `part`: faults of one part are never there together, as the answer to one would hide the other. `of_evse`: each
    EVSE has that part; otherwise the kiosk has one. `while_charging`: preferably where current flows.
    """

    name: str
    part: str
    begin: Callable[[Where], Mend]
    lasts_s: tuple[float, float]
    every_h: float = 24.0  # mean, per world
    of_evse: bool = True
    while_charging: bool = False
