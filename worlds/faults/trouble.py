"""Who draws the faults of a world, mends them, counts them and tells of them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worlds.faults.kind import Kind, Mend, NotNow, Where
from worlds.faults.kinds import KINDS

if TYPE_CHECKING:
    from worlds.world import World

AGAIN_S = (60.0, 400.0)  # where there was nothing to break, or the part is broken already
TECHNICIAN_S = (30.0, 120.0)  # after a repair
ROUND_S = 900.0  # the technician looks in anyway

MeterShown = tuple[int, str | None]  # Wh beside the truth, and the serial number


@dataclass(slots=True)
class Episode:
    """One fault: `evse_id` is None where all of the kiosk has it. `to_s` is infinite as long as it lasts.

    `meter_before`: of a fault of the meter, how it was. `leaves_another_register`: mended, but the register goes on
    from where it was led, or is another meter's.
    """

    kind: Kind
    evse_id: int | None
    from_s: float
    to_s: float = float("inf")
    mend: Mend = lambda: None
    meter_before: MeterShown | None = None
    leaves_another_register: bool = False

    def touches(self, evse_id: int, from_s: float, to_s: float) -> bool:
        return self.evse_id in (None, evse_id) and self.from_s < to_s and self.to_s > from_s


class Trouble:
    """Of `names` those of KINDS are drawn here; the others the world draws by itself."""

    def __init__(self, world: World, names: Iterable[str]) -> None:
        self.world = world
        self.kinds = [KINDS[name] for name in sorted(names) if name in KINDS]
        self.rng = random.Random(f"faults-{world.seed}")
        self.episodes: list[Episode] = []
        self._open: list[Episode] = []  # of those, what is not mended yet

    def open(self) -> None:
        for kind in self.kinds:
            self._plan(kind, self.rng.expovariate(1 / (kind.every_h * 3_600)))
        if self.kinds:
            self._round()

    def close(self) -> None:
        """Everything is mended."""
        for episode in self.episodes:
            self._mend(episode)

    def begin(self, kind: Kind, evse_id: int) -> Episode:
        """Break it now. Raises NotNow."""
        where = None if not kind.of_evse else evse_id
        now_s = self.world.agenda.now_s
        if any(e.kind.part == kind.part and (where is None or e.evse_id in (None, where)) for e in self._open):
            raise NotNow
        self.world.cabinet.catch_up()
        told = len(self.world.story)
        self.world.tell(f"fault {kind.name}" + (f" at evse {where}" if where is not None else ""))
        meter = self._meter(evse_id) if kind.part == "meter" else None
        try:
            mend = kind.begin(Where(self.world, evse_id, self.rng))
        except NotNow:
            del self.world.story[told:]
            raise
        episode = Episode(kind, where, now_s, mend=mend, meter_before=meter)
        self.episodes.append(episode)
        self._open.append(episode)
        self.world.activity.faults[kind.name] += 1
        self.world.agenda.after(self.rng.uniform(*kind.lasts_s), lambda: self._mend(episode))
        return episode

    def is_broken(self, part: str, evse_id: int) -> bool:
        return any(e.kind.part == part and e.evse_id in (None, evse_id) for e in self._open)

    def _meter(self, evse_id: int) -> MeterShown:
        wires = self.world.cabinet.wires[evse_id]
        return wires.register_off_wh, wires.serial

    def _plan(self, kind: Kind, after_s: float) -> None:
        self.world.agenda.after(after_s, lambda: self._draw(kind))

    def _draw(self, kind: Kind) -> None:
        if self.world.is_calm:
            return
        outlets = self.world.outlets
        charging = [evse_id for evse_id, outlet in outlets.items() if outlet.power_w > 0]
        wants_charge = kind.while_charging and self.rng.random() < 0.8
        try:
            if wants_charge and not charging:
                raise NotNow
            self.begin(kind, self.rng.choice(charging if wants_charge else list(outlets)))
        except NotNow:
            self._plan(kind, self.rng.uniform(*AGAIN_S))
        else:
            self._plan(kind, self.rng.expovariate(1 / (kind.every_h * 3_600)))

    def _mend(self, episode: Episode) -> None:
        if episode.to_s == float("inf"):
            episode.to_s = self.world.agenda.now_s
            self._open.remove(episode)
            where = f" at evse {episode.evse_id}" if episode.evse_id is not None else ""
            self.world.tell(f"mended: {episode.kind.name}{where}")
            episode.mend()
            if episode.evse_id is not None and episode.meter_before is not None:
                episode.leaves_another_register = self._meter(episode.evse_id) != episode.meter_before
            self.world.agenda.after(self.rng.uniform(*TECHNICIAN_S), self.world.cabinet.technician)

    def _round(self) -> None:
        self.world.cabinet.technician()
        self.world.agenda.after(ROUND_S, self._round)
