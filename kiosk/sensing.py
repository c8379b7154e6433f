"""From devices to facts: the newest value of everything, in one look. Nothing is decided and nothing waits here.

Law: too old is unknown. A safety line that cannot be read counts as active, and the facts say which of both it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from contract.metering import MeterReading
from kiosk.devices import (
    Alarm,
    BoardReport,
    Contactor,
    DigitalInput,
    Doubting,
    Exchangeable,
    Heartbeat,
    IdReader,
    Lock,
    Meter,
    MeterChange,
    Observation,
    Pilot,
    Reporting,
)
from kiosk.session.facts import Facts
from kiosk.session.settings import Patience

NO_ALARMS: frozenset[Alarm] = frozenset()
NEVER_S = float("-inf")


@dataclass(frozen=True, slots=True)
class EvseParts:
    """The devices of one EVSE. `rcd` and `lock` where there are such."""

    contactor: Contactor
    pilot: Pilot
    meter: Meter
    rcd: DigitalInput | None = None
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the controller senses and drives, by evse_id where it belongs to one."""

    evses: dict[int, EvseParts]
    readers: tuple[tuple[str, IdReader], ...] = ()  # kind ("nfc" or "qr") and reader
    emergency_stop: DigitalInput | None = None
    heartbeat: Heartbeat | None = None
    site_meter: Meter | None = None


@dataclass(frozen=True, slots=True)
class Extras:
    """What some devices of an EVSE tell beyond their Protocol; found once, as looking for it takes long."""

    report: Callable[[], Observation[BoardReport] | None] | None
    change: Callable[[], Observation[MeterChange] | None] | None
    doubted: Callable[[], Observation[str] | None] | None
    start_anew: Callable[[], None] | None

    @classmethod
    def of(cls, parts: EvseParts) -> Extras:
        return cls(
            parts.pilot.report if isinstance(parts.pilot, Reporting) else None,
            parts.meter.change if isinstance(parts.meter, Exchangeable) else None,
            parts.meter.doubted if isinstance(parts.meter, Doubting) else None,
            parts.meter.start_anew if isinstance(parts.meter, Doubting) else None,
        )


@dataclass(frozen=True, slots=True)
class Disk:
    """What the controller knows of its journal: see Facts."""

    fails: bool = False
    was_given_up: bool = False


class Senses:
    """One look after the other."""

    def __init__(self, parts: Parts, patience: Patience) -> None:
        self._parts, self._patience = parts, patience
        self._extras = {evse_id: Extras.of(evse) for evse_id, evse in parts.evses.items()}
        self._active: dict[int, tuple[bool, bool]] = {}  # emergency stop and RCD, as last seen

    def safety_has_changed(self) -> bool:
        """A quick look at what must be answered within milliseconds."""
        pressed, _ = _line(self._parts.emergency_stop)
        for evse_id, parts in self._parts.evses.items():
            tripped = parts.rcd is not None and parts.rcd.is_active()
            if self._active.get(evse_id) != (pressed, tripped):
                return True
        return False

    def look(self, now_s: float, disk: Disk) -> dict[int, Facts]:
        """The facts of every EVSE."""
        stop = _line(self._parts.emergency_stop)
        return {evse_id: self._of_evse(evse_id, now_s, stop, disk) for evse_id in self._parts.evses}

    def believe_register(self, evse_id: int) -> None:
        """A technician says by name that it is right as it stands."""
        if (start_anew := self._extras[evse_id].start_anew) is not None:
            start_anew()

    def site(self, now_s: float) -> MeterReading | None:
        """The newest reading of the site's meter, or None where it is stale or there is none."""
        meter = self._parts.site_meter
        reading = meter.reading() if meter is not None else None
        return reading if _holds(reading, now_s, self._patience.meter_stale_s) else None

    def _of_evse(self, evse_id: int, now_s: float, stop: tuple[bool, bool], disk: Disk) -> Facts:
        parts, extras, patience = self._parts.evses[evse_id], self._extras[evse_id], self._patience
        pilot, feedback, meter = parts.pilot.state(), parts.contactor.feedback(), parts.meter.reading()
        (pressed, stop_is_lost), (tripped, rcd_is_lost) = stop, _line(parts.rcd)
        self._active[evse_id] = (pressed, tripped)
        report = extras.report() if extras.report is not None else None
        board = report.value if report is not None and _holds(report, now_s, patience.pilot_stale_s) else None
        alarms = NO_ALARMS if board is None else board.alarms
        doubt = extras.doubted() if extras.doubted is not None else None
        change = extras.change() if extras.change is not None else None
        is_seen = feedback is not None and _holds(feedback, now_s, patience.feedback_stale_s)
        return Facts(
            pilot=pilot.value if pilot is not None and _holds(pilot, now_s, patience.pilot_stale_s) else None,
            contactor_closed=feedback.value if feedback is not None and is_seen else None,
            contactor_sensed_at_s=feedback.at_s if feedback is not None else NEVER_S,
            meter=meter,
            meter_is_fresh=_holds(meter, now_s, patience.meter_stale_s),
            rcd_tripped=tripped and not rcd_is_lost,
            emergency_stop=pressed and not stop_is_lost,
            journal_fails=disk.fails,
            journal_given_up=disk.was_given_up,
            safety_line_lost=stop_is_lost or rcd_is_lost,
            diode_failed=Alarm.DIODE_FAILURE in alarms,
            board_failed=Alarm.BOARD_ERROR in alarms,
            board_is_too_hot=Alarm.OVER_TEMPERATURE in alarms,
            board_derates=Alarm.DERATING in alarms,
            temperature_dc=None if board is None else board.temperature_dc,
            meter_is_doubted=_holds(doubt, now_s, patience.meter_stale_s),
            meter_changed_at_s=NEVER_S if change is None else change.at_s,
        )


class _Sensed(Protocol):
    @property
    def at_s(self) -> float: ...


def _line(line: DigitalInput | None) -> tuple[bool, bool]:
    """Whether it is active, and whether that is only because it cannot be read."""
    if line is None or not line.is_active():
        return False, False
    return True, not line.health().is_good


def _holds(seen: _Sensed | None, now_s: float, stale_s: float) -> bool:
    """Sensed, and not longer ago than its limit."""
    return seen is not None and now_s - seen.at_s <= stale_s
