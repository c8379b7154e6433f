"""Twins of the drivers: the device Protocols over simulated physics, with the lateness of real buses.

A twin polls when the controller looks, at most once a period, so what it returns is as old as a real driver's
would be. An output on a bus takes effect a while after it was commanded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contract.identity import IdToken
from contract.iec61851 import PilotState
from contract.metering import MeterReading
from kiosk.devices import Health, Observation
from sim.outlet import Outlet

GOOD = Health(True)
NEVER_SEEN_S = float("-inf")


@dataclass(slots=True)
class Times:
    """How slow the wiring of one EVSE is, in seconds. A GPIO line has period and delay 0."""

    pilot_period_s: float = 0.4
    feedback_period_s: float = 0.0
    command_delay_s: float = 0.0
    meter_period_s: float = 1.0


class ContactorTwin:
    """`act(delay_s)` has the wiring apply, after its delay, whatever is commanded by then."""

    name = "contactor"

    def __init__(self, outlet: Outlet, times: Times, clock: Callable[[], float], act: Callable[[float], None]) -> None:
        self._outlet, self._times, self._clock, self._act = outlet, times, clock, act
        self.commanded = False
        self._seen: Observation[bool] | None = None
        self._act(0.0)

    def command(self, closed: bool) -> None:
        if closed != self.commanded:
            self.commanded = closed
            self._act(self._times.command_delay_s)

    @property
    def fresh_at_s(self) -> float:
        """From when on a look brings a younger observation than the last one."""
        return NEVER_SEEN_S if self._seen is None else self._seen.at_s + self._times.feedback_period_s

    def feedback(self) -> Observation[bool] | None:
        now_s = self._clock()
        if now_s >= self.fresh_at_s:
            self._seen = Observation(self._outlet.contactor.feedback, now_s)
        return self._seen

    def health(self) -> Health:
        return GOOD


class PilotTwin:
    name = "pilot"

    def __init__(self, outlet: Outlet, times: Times, clock: Callable[[], float], act: Callable[[float], None]) -> None:
        self._outlet, self._times, self._clock, self._act = outlet, times, clock, act
        self.offered_a = 0
        self._seen: Observation[PilotState] | None = None

    @property
    def fresh_at_s(self) -> float:
        return NEVER_SEEN_S if self._seen is None else self._seen.at_s + self._times.pilot_period_s

    def state(self) -> Observation[PilotState] | None:
        now_s = self._clock()
        if now_s >= self.fresh_at_s:
            self._seen = Observation(PilotState(self._outlet.pilot), now_s)
        return self._seen

    def offer(self, amps: int) -> None:
        if amps != self.offered_a:
            self.offered_a = amps
            self._act(self._times.command_delay_s)

    def health(self) -> Health:
        return GOOD


class MeterTwin:
    name = "meter"

    def __init__(self, outlet: Outlet, times: Times, clock: Callable[[], float]) -> None:
        self._outlet, self._times, self._clock = outlet, times, clock
        self._seen: MeterReading | None = None

    @property
    def fresh_at_s(self) -> float:
        return NEVER_SEEN_S if self._seen is None else self._seen.at_s + self._times.meter_period_s

    def reading(self) -> MeterReading | None:
        now_s = self._clock()
        if now_s >= self.fresh_at_s:
            meter = self._outlet.meter
            power_w, current_ma = round(self._outlet.power_w), self._outlet.currents_ma
            self._seen = MeterReading(now_s, meter.register_wh, 0, power_w, current_ma, serial=meter.serial)
        return self._seen

    def health(self) -> Health:
        return GOOD


class InputTwin:
    def __init__(self, name: str) -> None:
        self.name = name
        self.active = False

    def is_active(self) -> bool:
        return self.active

    def health(self) -> Health:
        return GOOD


class ReaderTwin:
    def __init__(self, name: str) -> None:
        self.name = name
        self._tokens: list[IdToken] = []

    def present(self, token: IdToken) -> None:
        self._tokens.append(token)

    def take(self) -> list[IdToken]:
        taken, self._tokens = self._tokens[:8], self._tokens[8:]
        return taken

    def health(self) -> Health:
        return GOOD


class HeartbeatTwin:
    """Notes that a beat was given; the world feeds or starves the safety relay by it."""

    name = "heartbeat"

    def __init__(self) -> None:
        self.was_given = False

    def beat(self) -> None:
        self.was_given = True

    def health(self) -> Health:
        return GOOD
