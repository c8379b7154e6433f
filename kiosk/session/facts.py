"""Facts: what the sensors of one EVSE say now. Stale is not a value: it is None."""

from __future__ import annotations

from dataclasses import dataclass

from contract.iec61851 import PilotState
from contract.metering import MeterReading


@dataclass(frozen=True, slots=True)
class Facts:
    """One look at one EVSE. Times are kiosk monotonic seconds."""

    pilot: PilotState | None = None  # None: stale or never read
    contactor_closed: bool | None = None  # auxiliary contact; None: stale or never read
    contactor_sensed_at_s: float = float("-inf")
    meter: MeterReading | None = None  # the newest reading, whatever its age
    meter_is_fresh: bool = False
    rcd_tripped: bool = False
    emergency_stop: bool = False
    relay_dropped: bool = False  # another EVSE welded: the safety relay all of them share is held open
    journal_fails: bool = False  # the last write to the disk failed, or nothing was written for patience.record_s
    ignores_offer: bool = False  # the vehicle draws more than it is offered; known where a site's limit is shared
    journal_given_up: bool = False  # nothing was written for patience.record_s


NOTHING_KNOWN = Facts()
