"""Facts: what the sensors of one EVSE say now. Stale is not a value: it is None."""

from __future__ import annotations

from contract.iec61851 import PilotState
from contract.metering import MeterReading
from contract.values import value

HEALTHY_PILOTS = frozenset({PilotState.A, PilotState.B, PilotState.C, PilotState.D})


@value
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
    safety_line_lost: bool = False  # emergency stop or RCD cannot be read: the GPIO chip is gone, or the line is held
    diode_failed: bool = False  # the board's check of the vehicle's diode failed (IEC 61851-1, A.2)
    board_failed: bool = False  # the board reports an error that it does not name more closely
    board_is_too_hot: bool = False  # by its own word, or its sensor shows more than its parts stand
    board_derates: bool = False  # the board lowers the current by itself and goes on
    temperature_dc: int | None = None  # of the board, in 0.1 °C; None: it has no sensor
    meter_is_doubted: bool = False  # the meter answers, and its register cannot be true: its readings are set aside
    meter_changed_at_s: float = float("-inf")  # when another meter was found in its place

    @property
    def shows_no_fault(self) -> bool:
        """At a glance: no rule of faults.py can hold by these facts alone. A test compares it with the table."""
        return (
            self.contactor_closed is not None
            and self.meter_is_fresh
            and self.pilot in HEALTHY_PILOTS
            and not self.emergency_stop
            and not self.rcd_tripped
            and not self.safety_line_lost
            and not self.relay_dropped
            and not self.ignores_offer
            and not self.journal_given_up
            and not self.board_is_too_hot
            and not self.diode_failed
            and not self.board_failed
            and self.meter_changed_at_s == float("-inf")
        )


NOTHING_KNOWN = Facts()
