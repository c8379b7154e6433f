"""What a pilot board says of itself, kept and put into a sentence. Shared by the boards' drivers.

Law: only what the board itself says, or what its own sensor shows, is reported. Whether delivery goes on is the
session's matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kiosk.devices import Alarm, BoardReport, Health, Observation
from kiosk.drivers.modbus_errors import Place, seconds

HOT_DC = 850  # 85 °C, in 0.1 °C: what parts of the usual industrial grade stand
CAUSES = {
    Alarm.DERATING: (
        "lowers the current by itself",
        "Likely heat: clear its air, shade the cabinet. Charging goes on, slower.",
    ),
    Alarm.OVER_TEMPERATURE: (
        "is too hot",
        "Check the terminals for a loose screw, the fan and the sun on the cabinet.",
    ),
    Alarm.PILOT_FAILURE: (
        "finds the pilot shorted or failed",
        "Unplug the vehicle: if it clears, its cable is bad; if not, the pilot wire is shorted.",
    ),
    Alarm.DIODE_FAILURE: (
        "finds that the vehicle's diode, or the pilot, failed",
        "Unplug the vehicle: if it clears, its diode or cable is bad; if not, the pilot wire is shorted.",
    ),
    Alarm.BOARD_ERROR: (
        "reports an error of its own",
        "Switch its supply off for ten seconds; if it comes again, look up its code in the manual.",
    ),
}


@dataclass(slots=True)
class ReportKeeper:
    """The newest report of one board. `place` and `clock` (kiosk seconds) are for the sentence."""

    place: Place
    clock: Callable[[], float]
    seen: Observation[BoardReport] | None = None
    since_s: float = 0.0
    code: str = ""

    def take(self, alarms: frozenset[Alarm], temperature_dc: int | None, code: str, at_s: float) -> None:
        """`code` is what the board showed, in its maker's words, for the technician."""
        if temperature_dc is not None and temperature_dc >= HOT_DC:
            alarms |= {Alarm.OVER_TEMPERATURE}
        if self.seen is None or self.seen.value.alarms != alarms:
            self.since_s = at_s
        self.seen, self.code = Observation(BoardReport(alarms, temperature_dc), at_s), code

    def health(self) -> Health:
        """Good without alarms; a board that lowers the current is good, and says so."""
        if self.seen is None or not self.seen.value.alarms:
            return Health(True)
        report = self.seen.value
        alarm = max(report.alarms, key=list(Alarm).index)
        what, fix = CAUSES[alarm]
        warmth = "" if report.temperature_dc is None else f", {report.temperature_dc / 10:.1f} °C"
        lasted = seconds(self.clock() - self.since_s)
        return Health(alarm is Alarm.DERATING, f"{self.place}: {what} ({self.code}{warmth}) for {lasted}. {fix}")
