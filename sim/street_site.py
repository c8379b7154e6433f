"""The meter at the site's connection: what all EVSEs draw, and everything else behind the same fuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave
from sim.outlet import Outlet
from sim.street_evse import NOMINAL_V, Settled, Unpluggable
from sim.street_plan import SitePlan

PerPhase = tuple[float, float, float]


@dataclass(slots=True)
class StreetSite:
    """`outlets` are the EVSEs behind it; `clock_s` gives street seconds. The street's lock is held by whoever calls."""

    plan: SitePlan
    outlets: Iterable[Outlet]
    clock_s: Callable[[], float]
    settle: Callable[[], Any]
    other_a: PerPhase = (0.0, 0.0, 0.0)  # what everything else draws
    slave: Unpluggable = field(init=False)
    _import_wh: float = 0.0
    _now_s: float = 0.0

    def __post_init__(self) -> None:
        self._import_wh, self._now_s = float(self.plan.meter.import_wh), self.clock_s()
        meter = self.plan.meter
        registers = MeterRegisters(meter.map, self._meter_state)
        self.slave = Unpluggable(ModbusSlave(meter.address, Settled(registers, self.settle)))

    def advance(self, now_s: float) -> None:
        self._import_wh += sum(self.currents_a) * NOMINAL_V * max(0.0, now_s - self._now_s) / 3600
        self._now_s = now_s

    @property
    def currents_a(self) -> PerPhase:
        """Of the whole connection, per phase."""
        drawn = [outlet.currents_a for outlet in self.outlets]
        a, b, c = (self.other_a[phase] + sum(one[phase] for one in drawn) for phase in range(3))
        return a, b, c

    def _meter_state(self) -> MeterState:
        currents_a = self.currents_a
        return MeterState(
            import_wh=Fraction(self._import_wh),
            current_a=currents_a,
            power_w=tuple(amps * NOMINAL_V for amps in currents_a),
            serial=self.plan.meter.serial,
        )
