"""The safety watch of a world: is a contactor closed where it must not be, for longer than its wiring needs?

It reads switches, plugs and contacts only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worlds.cabinet import OFTEN_S
from worlds.faults.boards import WATCHDOG_S

if TYPE_CHECKING:
    from worlds.world import World

REACTS_WITHIN_S = 0.3  # loop, coil and contacts of an EVSE on GPIO lines
LATELY_S = 20.0
RELAY_S = 1.3  # where the kiosk is dead, the safety relay's own time


@dataclass(slots=True)
class _Danger:
    since_s: float
    is_counted: bool = False


@dataclass
class SafetyWatch:
    """Counts episodes, by what made them dangerous."""

    world: World
    episodes: int = 0
    _dangers: dict[tuple[int, str], _Danger] = field(default_factory=dict)

    def note(self) -> None:
        self.look()

    def look(self) -> None:
        """Called at every step of the world."""
        now_s = self.world.agenda.now_s
        for evse_id, outlet in self.world.outlets.items():
            closed = outlet.contactor.is_closed
            if not closed and not self._dangers:
                continue
            if outlet.contactor.is_welded and not self.world.relay_is_fed:
                closed = False  # nothing more can be asked of a kiosk than that the safety relay opens
            self._watch(evse_id, "emergency stop pressed", closed and self.world.estop.active, now_s)
            self._watch(evse_id, "no vehicle", closed and outlet.vehicle is None, now_s)
            self._watch(evse_id, "RCD tripped", closed and self.world.cabinet.rcds[evse_id].active, now_s)

    def _watch(self, evse_id: int, why: str, is_dangerous: bool, now_s: float) -> None:
        key = (evse_id, why)
        if not is_dangerous:
            self._dangers.pop(key, None)
            return
        danger = self._dangers.get(key)
        allowed_s = self._allowed_s(evse_id, why)
        if danger is None:
            self._dangers[key] = _Danger(now_s)
            self.world.agenda.at(now_s + allowed_s + 0.01, self.look)
        elif not danger.is_counted and now_s - danger.since_s > allowed_s:
            danger.is_counted = True
            self.episodes += 1
            self.world.tell(f"UNSAFE: evse {evse_id} closed for {now_s - danger.since_s:.2f} s: {why}")

    def _allowed_s(self, evse_id: int, why: str) -> float:
        times = self.world.times[evse_id]
        allowed_s = REACTS_WITHIN_S + times.command_delay_s
        if why == "no vehicle":
            allowed_s += 2 * times.pilot_period_s
        patience, broken = self.world.settings.patience, self._broken(evse_id)
        if self.world.outlets[evse_id].contactor.is_welded or "contactor_welded" in broken:
            allowed_s += patience.open_s + times.feedback_period_s + 1.0
        if broken & {"board_silent", "bus_noise", "meter_late"}:
            allowed_s += patience.pilot_stale_s + OFTEN_S
        if "board_silent" in broken:
            allowed_s += WATCHDOG_S
        if "gpio_gone" in broken:
            allowed_s += RELAY_S
        if self.world.kiosk is None or self.world.agenda.now_s - self.world.kiosk.started_s < RELAY_S:
            allowed_s += RELAY_S
        return allowed_s

    def _broken(self, evse_id: int) -> set[str]:
        """Kinds of faults that were there a moment ago."""
        now_s = self.world.agenda.now_s
        return {e.kind.name for e in self.world.trouble.episodes if e.touches(evse_id, now_s - LATELY_S, now_s + 1)}
