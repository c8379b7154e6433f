"""A site of a world: outlets behind one connection, other load on it, a meter there, and who watches the limit.

Half of the worlds have one. What is watched are the amps of the simulated physics, per phase, never an offer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from contract.metering import MeterReading
from kiosk.devices import Health
from kiosk.session.settings import EvseSettings, SiteSettings
from sim.people import Visit
from sim.vehicle import NEVER_S, Mood
from worlds.twins import Times

if TYPE_CHECKING:
    from worlds.world import Boot, World

ROTATIONS = ("RST", "STR", "TRS")
OVERLOAD_S = 10.0  # a fuse carries a little too much far longer; the wiring of an EVSE is given its own time besides
SLOWEST_CAR_S = 4.0
SLOWEST_WIRING_S = 2.0  # of a cabinet that shares a limit
IN_DOUBT_S = 10.0  # between looks at a meter that is not believed
MOST_OTHER = 0.6  # of the limit, drawn by something else
SAME_A = 0.05


class SiteMeterTwin:
    """The meter at the connection. A silent one keeps its last reading, and lets it grow old."""

    name = "site meter"
    period_s = 1.0

    def __init__(self, draw: Callable[[], tuple[float, float, float]], clock: Callable[[], float]) -> None:
        self._draw, self._clock = draw, clock
        self._seen: MeterReading | None = None
        self.is_silent = False

    def reading(self) -> MeterReading | None:
        now_s = self._clock()
        if not self.is_silent and (self._seen is None or now_s >= self._seen.at_s + self.period_s):
            self._seen = MeterReading(now_s, 0, current_ma=_ma(self._draw()))
        return self._seen

    def health(self) -> Health:
        return Health(not self.is_silent)


@dataclass
class SiteWorld:
    """Drawn from its own seed, so that a world without a site stays what it was."""

    world: World
    settings: SiteSettings | None = None
    rotations: dict[int, str] = field(default_factory=dict)
    other_a: tuple[float, float, float] = (0.0, 0.0, 0.0)
    is_silent: bool = False
    over_since_s: float | None = None
    is_counted: bool = False
    twin: SiteMeterTwin | None = None

    def __post_init__(self) -> None:
        self.rng = random.Random(f"site-{self.world.seed}")
        if self.rng.random() < 0.5:
            return
        for times in self.world.times.values():
            times.command_delay_s = min(times.command_delay_s, SLOWEST_WIRING_S)
        follow_s = max(times.command_delay_s for times in self.world.times.values()) + SLOWEST_CAR_S + 0.5
        self.rotations = {evse_id: self.rng.choice(ROTATIONS) for evse_id in self.world.outlets}
        if self.rng.random() < 0.5:
            limit_a = self.rng.choice([40, 50, 63])
            fallback_a = int(limit_a * (1 - MOST_OTHER))
            self.settings = SiteSettings(limit_a, has_meter=True, fallback_a=fallback_a, follow_s=follow_s)
        else:
            self.settings = SiteSettings(self.rng.choice([9, 13, 20, 32, 32, 40]), reserve_a=0, follow_s=follow_s)

    # ---- the wiring --------------------------------------------------------------------------------------------

    def wired(self, evse: EvseSettings) -> EvseSettings:
        return replace(evse, phase_rotation=self.rotations.get(evse.evse_id, evse.phase_rotation))

    def meter(self, clock: Callable[[], float]) -> SiteMeterTwin | None:
        """For a kiosk that boots."""
        self.twin = None
        if self.settings is not None and self.settings.has_meter:
            self.twin = SiteMeterTwin(self.drawn_a, clock)
            self.twin.is_silent = self.is_silent
        return self.twin

    def vary(self, visit: Visit) -> Visit:
        """Here, cars come that draw on one phase, and some that do not follow a lower offer."""
        if self.settings is not None:
            if visit.vehicle.charger_w < 8_000 and self.rng.random() < 0.5:
                visit.vehicle.phases = 1
            if "car_ignores_offer" in self.world.faults and self.rng.random() < 0.04:
                visit.vehicle.mood = Mood(visit.vehicle.mood.pauses, visit.vehicle.mood.refuses, reaction_s=NEVER_S)
                self.world.activity.faults["car_ignores_offer"] += 1
        return visit

    # ---- other load --------------------------------------------------------------------------------------------

    def open(self) -> None:
        if self.settings is not None and self.settings.has_meter:
            self._other_changes()
            if "site_meter_silent" in self.world.faults:
                self.world.agenda.after(self.rng.expovariate(1 / 9_000), self._falls_silent)

    def _other_changes(self) -> None:
        """Mostly a little, now and then a lot."""
        assert self.settings is not None
        most_a = self.settings.limit_a * MOST_OTHER
        if self.rng.random() < 0.15:
            phases = [self.rng.uniform(0, most_a) for _ in range(3)]
        else:
            phases = [min(most_a, max(0.0, amps + self.rng.uniform(-1.5, 1.5))) for amps in self.other_a]
        self.other_a = (phases[0], phases[1], phases[2]) if not self.world.is_calm else (0.0, 0.0, 0.0)
        self.look()
        if not self.world.is_calm:
            self.world.agenda.after(
                self.rng.choice((self.rng.uniform(20, 120), self.rng.uniform(300, 1_500))), self._other_changes
            )

    def _falls_silent(self) -> None:
        if not self.world.is_calm:
            self._set_silent(True)
            self.world.activity.faults["site_meter_silent"] += 1
            self.world.agenda.after(self.rng.uniform(4, 900), self._speaks_again)

    def _speaks_again(self) -> None:
        self._set_silent(False)
        self.world.agenda.after(self.rng.expovariate(1 / 9_000), self._falls_silent)

    def _set_silent(self, is_silent: bool) -> None:
        self.is_silent = is_silent
        self.world.tell(f"site meter {'silent' if is_silent else 'answers'}")
        if self.twin is not None:
            self.twin.is_silent = is_silent

    # ---- the physics, and who watches it -----------------------------------------------------------------------

    def drawn_a(self, commanded: bool = False) -> tuple[float, float, float]:
        """Per phase of the site: every outlet and everything else. `commanded`: without welded contactors."""
        on = list(self.other_a)
        for evse in self.world.settings.evses:
            outlet = self.world.outlets[evse.evse_id]
            if not outlet.power_w or (commanded and not outlet.contactor.has_coil_current):
                continue
            for phase, amps in zip(evse.site_phases, outlet.currents_a, strict=True):
                on[phase] += amps
        return on[0], on[1], on[2]

    def look(self) -> None:
        """Called at every step of the world."""
        if self.settings is None:
            return
        now_s, over_a = self.world.agenda.now_s, max(self.drawn_a(commanded=True)) - self.settings.limit_a
        if over_a <= SAME_A:
            self.over_since_s, self.is_counted = None, False
            return
        allowed_s = OVERLOAD_S + max(map(_answers_s, self.world.times.values()))
        if self.over_since_s is None:
            self.over_since_s = now_s
            self.world.agenda.at(now_s + allowed_s + 0.01, self.look)
        elif not self.is_counted and now_s - self.over_since_s > allowed_s:
            self.is_counted = True
            self.world.safety.episodes += 1
            self.world.tell(f"UNSAFE: {over_a:.1f} A over the site's limit for {now_s - self.over_since_s:.2f} s")

    def next_poll_s(self, boot: Boot) -> float:
        """When a driver would bring news of a current that changed."""
        if self.settings is None:
            return NEVER_S
        now_s, due_s = self.world.agenda.now_s, NEVER_S
        for session in boot.controller.kiosk.sessions:
            seen, outlet = session.facts.meter, self.world.outlets[session.evse_id]
            meter, wires = boot.twins[session.evse_id][2], self.world.cabinet.wires[session.evse_id]
            if not wires.meter_is_cut and (seen is None or seen.current_ma != outlet.currents_ma):
                pause_s = self.world.times[session.evse_id].meter_period_s / 2 if meter.health().is_good else IN_DOUBT_S
                due_s = min(due_s, now_s + pause_s)
        seen = boot.controller.kiosk.site_reading
        if self.twin is not None and seen is not None:
            if self.is_silent:
                stale_s = self.world.settings.patience.meter_stale_s
                due_s = min(due_s, max(now_s, seen.at_s + stale_s - 10.0 + boot.started_s) + 0.01)
            elif seen.current_ma != _ma(self.drawn_a()):
                due_s = min(due_s, now_s + self.twin.period_s / 2)
        elif self.twin is not None and not self.is_silent:
            due_s = min(due_s, now_s + self.twin.period_s)
        return due_s


def _answers_s(times: Times) -> float:
    """Two readings of its meter, as one proves nothing, and the way of a command."""
    return 2 * times.meter_period_s + times.command_delay_s


def _ma(amps: tuple[float, float, float]) -> tuple[int, int, int]:
    return round(amps[0] * 1000), round(amps[1] * 1000), round(amps[2] * 1000)
