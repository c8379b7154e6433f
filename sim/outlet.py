"""One outlet of the street: grid → energy meter → contactor → plug → car. The physics that a checker reads.

`advance` integrates exactly between the moments something changes; the true energy is kept in watt-hours, apart
from the meter's register, which only knows whole steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.contactor import Contactor
from sim.vehicle import Vehicle


@dataclass(slots=True)
class EnergyMeter:
    """A lifetime counter. `step_wh` is what its register resolves."""

    import_wh: float = 1_234_000.0
    step_wh: float = 1.0
    serial: str = "SIM0001"

    @property
    def register_wh(self) -> int:
        return int(self.import_wh // self.step_wh * self.step_wh)


@dataclass(slots=True)
class Outlet:
    """Times are seconds on one clock."""

    meter: EnergyMeter = field(default_factory=EnergyMeter)
    contactor: Contactor = field(default_factory=Contactor)
    vehicle: Vehicle | None = None
    now_s: float = 0.0
    offered_a: int = 0
    uncommanded_wh: float = 0.0  # of what was drawn: through contacts that stayed closed without current in the coil

    @property
    def pilot(self) -> str:
        return "A" if self.vehicle is None else self.vehicle.pilot

    @property
    def power_w(self) -> float:
        return self.vehicle.power_w if self.vehicle is not None and self.contactor.is_closed else 0.0

    @property
    def currents_a(self) -> tuple[float, float, float]:
        """Per conductor; a single-phase vehicle draws on the first."""
        phases = 3 if self.vehicle is None else self.vehicle.phases
        amps = self.power_w / 230.0 / phases
        return amps, amps if phases == 3 else 0.0, amps if phases == 3 else 0.0

    @property
    def currents_ma(self) -> tuple[int, int, int]:
        """As a meter shows them."""
        if not self.power_w:
            return 0, 0, 0
        a, b, c = self.currents_a
        return round(a * 1000), round(b * 1000), round(c * 1000)

    @property
    def deadline_s(self) -> float:
        """When something here changes by itself."""
        if self.vehicle is None:
            return self.contactor.deadline_s
        return min(self.contactor.deadline_s, self.vehicle.deadline_s(self.contactor.is_closed))

    def advance(self, now_s: float) -> None:
        """Let time pass; every change on the way happens at its own moment."""
        while self.now_s < now_s:
            until_s = min(now_s, max(self.deadline_s, self.now_s + 1e-6))
            drawn_wh = self.power_w * (until_s - self.now_s) / 3600.0
            if drawn_wh:
                self.meter.import_wh += drawn_wh
                if not self.contactor.has_coil_current:
                    self.uncommanded_wh += drawn_wh
            self.now_s = until_s
            if self.vehicle is not None:
                self.vehicle.advance(until_s, drawn_wh)
            self.contactor.advance(until_s)

    def plug_in(self, vehicle: Vehicle, at_s: float) -> None:
        self.advance(at_s)
        self.vehicle = vehicle
        vehicle.plug_in(at_s)
        vehicle.offer(self.offered_a, at_s)

    def unplug(self, at_s: float) -> Vehicle | None:
        """The car leaves, also under load: the pilot breaks first and the arc is the contactor's problem."""
        self.advance(at_s)
        vehicle, self.vehicle = self.vehicle, None
        return vehicle

    def offer(self, amps: int, at_s: float) -> None:
        self.advance(at_s)
        self.offered_a = amps
        if self.vehicle is not None:
            self.vehicle.offer(amps, at_s)
