"""Twins of the drivers: the device Protocols over simulated physics, with the lateness of real buses.

A twin polls when the controller looks, at most once a period, so what it returns is as old as a real driver's
would be. An output on a bus takes effect a while after it was commanded. What is broken stands in worlds/wires.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contract.identity import IdToken
from contract.iec61851 import PilotState
from contract.metering import MeterReading
from kiosk.devices import BoardReport, Health, MeterChange, Observation
from kiosk.drivers.plausibility import RegisterWatch
from sim.outlet import Outlet
from worlds.wires import Wires

GOOD = Health(True)
SILENT = Health(False, "no answer")
NEVER_SEEN_S = float("-inf")


@dataclass(slots=True)
class Times:
    """How slow the wiring of one EVSE is, in seconds. A GPIO line has period and delay 0."""

    pilot_period_s: float = 0.4
    feedback_period_s: float = 0.0
    command_delay_s: float = 0.0
    meter_period_s: float = 1.0

    @property
    def has_switching_board(self) -> bool:
        """Coil and feedback belong to a board on the bus, not to lines of the Pi."""
        return self.feedback_period_s > 0


@dataclass(slots=True)
class Spot:
    """One EVSE as its twins see it: the physics, what is broken before it, and the kiosk's monotonic seconds."""

    outlet: Outlet
    times: Times
    wires: Wires
    clock: Callable[[], float]


class ContactorTwin:
    """`act(delay_s)` has the wiring apply, after its delay, whatever is commanded by then."""

    name = "contactor"

    def __init__(self, spot: Spot, act: Callable[[float], None]) -> None:
        self._spot, self._act = spot, act
        self.commanded = False
        self._seen: Observation[bool] | None = None
        self._act(0.0)

    @property
    def fresh_at_s(self) -> float:
        """From when on a look brings a younger observation than the last one."""
        return NEVER_SEEN_S if self._seen is None else self._seen.at_s + self._spot.times.feedback_period_s

    def command(self, closed: bool) -> None:
        if closed != self.commanded:
            self.commanded = closed
            self.repeat()

    def repeat(self) -> None:
        """As a driver does until its line or its board follows."""
        self._act(self._spot.times.command_delay_s)

    def feedback(self) -> Observation[bool] | None:
        now_s, times, wires = self._spot.clock(), self._spot.times, self._spot.wires
        if now_s >= self.fresh_at_s and not wires.feedback_is_cut:
            at_s = now_s
            if times.has_switching_board and wires.noise:
                at_s -= wires.lateness_s(times.feedback_period_s)
            if self._seen is None or at_s > self._seen.at_s:
                self._seen = Observation(self._spot.outlet.contactor.feedback, at_s)
        return self._seen

    def health(self) -> Health:
        return SILENT if self._spot.wires.feedback_is_cut else GOOD


class PilotTwin:
    """A board that reports, too (kiosk.devices.Reporting)."""

    name = "pilot"

    def __init__(self, spot: Spot, act: Callable[[float], None]) -> None:
        self._spot, self._act = spot, act
        self.offered_a = 0
        self._seen: Observation[PilotState] | None = None
        self._report: Observation[BoardReport] | None = None
        self.repeat()  # a driver's first word to its board

    @property
    def fresh_at_s(self) -> float:
        return NEVER_SEEN_S if self._seen is None else self._seen.at_s + self._spot.times.pilot_period_s

    def state(self) -> Observation[PilotState] | None:
        now_s, times, wires = self._spot.clock(), self._spot.times, self._spot.wires
        if now_s >= self.fresh_at_s and not wires.pilot_is_cut:
            at_s = now_s - wires.lateness_s(times.pilot_period_s) if wires.noise else now_s
            if self._seen is None or at_s > self._seen.at_s:
                self._seen = Observation(wires.pilot_shows or PilotState(self._spot.outlet.pilot), at_s)
                self._report = Observation(BoardReport(wires.alarms, wires.temperature_dc), at_s)
        return self._seen

    def report(self) -> Observation[BoardReport] | None:
        return self._report

    def offer(self, amps: int) -> None:
        if amps != self.offered_a:
            self.offered_a = amps
            self.repeat()

    def repeat(self) -> None:
        self._act(self._spot.times.command_delay_s)

    def health(self) -> Health:
        return SILENT if self._spot.wires.pilot_is_cut else GOOD


class MeterTwin:
    """Believes a register as the driver does (kiosk.drivers.plausibility), and notices another serial number
    (kiosk.devices.Exchangeable, Doubting).

    `most_w`: what the register can move.
    """

    name = "meter"

    def __init__(self, spot: Spot, most_w: int) -> None:
        self._spot = spot
        self._seen: MeterReading | None = None
        self._watch = RegisterWatch("import", most_w, int(max(1.0, spot.outlet.meter.step_wh)))
        self._serial: str | None = None
        self._change: Observation[MeterChange] | None = None
        self._doubt: Observation[str] | None = None

    @property
    def fresh_at_s(self) -> float:
        return NEVER_SEEN_S if self._seen is None else self._seen.at_s + self._spot.times.meter_period_s

    def reading(self) -> MeterReading | None:
        now_s, times, wires = self._spot.clock(), self._spot.times, self._spot.wires
        if now_s >= self.fresh_at_s and not wires.meter_is_cut:
            at_s = now_s - wires.lateness_s(times.meter_period_s, wires.meter_late_s) if wires.is_slow else now_s
            if self._seen is None or at_s > self._seen.at_s:
                self._take(self._asked(at_s))
        return self._seen

    def change(self) -> Observation[MeterChange] | None:
        return self._change

    def doubted(self) -> Observation[str] | None:
        return self._doubt

    def start_anew(self) -> None:
        """The technician believes the register as it stands."""
        self._watch.start_anew()

    def health(self) -> Health:
        if self._doubt is not None:
            return Health(False, self._doubt.value)
        return SILENT if self._spot.wires.meter_is_cut else GOOD

    def _asked(self, at_s: float) -> MeterReading:
        outlet, wires = self._spot.outlet, self._spot.wires
        return MeterReading(
            at_s,
            outlet.meter.register_wh + wires.register_off_wh,
            0,
            round(outlet.power_w),
            outlet.currents_ma,
            wires.voltage_mv,
            wires.serial or outlet.meter.serial,
            max(1, int(outlet.meter.step_wh)),
        )

    def _take(self, reading: MeterReading) -> None:
        if self._serial is not None and reading.serial is not None and reading.serial != self._serial:
            self._change = Observation(MeterChange(self._serial, reading.serial), reading.at_s)
            self._watch.start_anew()
        self._serial = reading.serial
        objection = self._watch.objection(reading.import_wh, reading.at_s)
        self._doubt = Observation(objection, reading.at_s) if objection else None
        if not objection:
            self._watch.accept(reading.import_wh, reading.at_s)
            self._seen = reading


class InputTwin:
    """A line that cannot be read counts as active."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.active = self.is_cut = False

    def is_active(self) -> bool:
        return self.active or self.is_cut

    def health(self) -> Health:
        return SILENT if self.is_cut else GOOD


class ReaderTwin:
    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self._tokens: list[IdToken] = []

    def present(self, token: IdToken) -> None:
        if not self.is_dead:
            self._tokens.append(token)

    def take(self) -> list[IdToken]:
        taken, self._tokens = self._tokens[:8], self._tokens[8:]
        return taken

    def health(self) -> Health:
        return SILENT if self.is_dead else GOOD


class HeartbeatTwin:
    """Notes that a beat was given; the world feeds or starves the safety relay by it."""

    name = "heartbeat"

    def __init__(self) -> None:
        self.was_given = self.is_cut = False

    def beat(self) -> None:
        self.was_given = not self.is_cut

    def health(self) -> Health:
        return SILENT if self.is_cut else GOOD
