"""The state of one EVSE, as a value. What moves it stands in turn.py."""

from __future__ import annotations

from dataclasses import dataclass

from contract.iec61851 import PilotState
from contract.metering import MeterReading
from contract.transaction import Authority, StoppedReason
from contract.values import replace, value
from kiosk.session.events import Ask, Ids, Now
from kiosk.session.facts import NOTHING_KNOWN, Facts
from kiosk.session.faults import FaultCode
from kiosk.session.leftovers import Interrupted, Unread, Verdict
from kiosk.session.protection import CALM, NOTHING_OFFERED, Offered, Watch
from kiosk.session.reservation import Reservation
from kiosk.session.settings import Patience
from kiosk.session.site import Share
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from kiosk.session.taper import Taper
from kiosk.session.transaction import Transaction

NEVER_S = float("inf")
LONG_AGO_S = float("-inf")


@value
class Session:
    """The state of one EVSE. Times are kiosk monotonic seconds."""

    evse_id: int
    state: State = State.OUT_OF_SERVICE  # until the first facts say otherwise
    since_s: float = LONG_AGO_S
    deadline_s: float = NEVER_S
    facts: Facts = NOTHING_KNOWN
    asked: Ask | None = None
    transaction: Transaction | None = None
    fault: FaultCode | None = FaultCode.PILOT_LOST
    fault_since: Now | None = None
    was_reset: bool = False
    was_plugged: bool = False  # in this session the cable was seen in the vehicle
    wishes_closed: bool = False  # the contactor's level as last wanted
    wish_since_s: float = LONG_AGO_S
    first_look_s: float = NEVER_S  # of this start
    was_seen_open: bool = False  # since this start; before, no safety relay is fed beside a closed contactor
    ramp_until_s: float = LONG_AGO_S
    opened_at_s: float | None = None  # after the last closing, when it was first seen open again
    is_welded: bool = False  # seen closed against the wish: the safety relay must drop
    weld_reading: MeterReading | None = None  # when that was found: what flows afterwards is nobody's bill
    parking_is_free: bool = False  # the hold is used up: parking no longer counts
    held_for: Authority | None = None  # the former customer, until the cable is out
    held_code: str = ""  # the former customer's code, for as long
    reservation: Reservation | None = None
    is_blocked: bool = False  # by order of the operator: nothing new begins here
    unlock_since_s: float = LONG_AGO_S  # when help for a stuck cable was asked for
    receipt: Transaction | None = None
    receipt_at: Now | None = None
    wrong_codes: int = 0
    code_locked_until_s: float = LONG_AGO_S
    share: Share | None = None  # of the site's limit; None: the EVSE has its own supply
    watch: Watch = CALM  # what the readings show over time
    offered: Offered = NOTHING_OFFERED  # as last wanted
    was_seen_closed: bool = False  # since the contactor was last wanted closed
    interrupted: Interrupted | None = None  # by a power cut, and may go on by itself
    restart_verdict: Verdict | None = None  # the last word about that, for `kiosk why`; None: there was nothing
    unread: Unread | None = None  # ended without the meter, which may still tell
    taper: Taper | None = None  # near a limit: less is offered
    limit_look_s: float = LONG_AGO_S  # before then no limit can need anything

    @property
    def is_running(self) -> bool:
        return self.state in (State.AUTHORIZING, State.PREPARING, State.DELIVERING, State.PARKED, State.CLOSING)

    @property
    def is_free(self) -> bool:
        """Somebody may begin here, unless the cable or a reservation is another's."""
        return self.state is State.IDLE and not self.is_blocked

    @property
    def open_since_s(self) -> float:
        """Since when the contactor should be open. At a start it may be closed still: its line keeps its level until
        the safety relay drops."""
        return max(self.wish_since_s, self.first_look_s)

    @property
    def is_plugged(self) -> bool:
        """Doubt counts as plugged here: an unknown pilot is a fault, never a departure."""
        return self.facts.pilot is not PilotState.A

    @property
    def running(self) -> Transaction:
        """The transaction of a state that has one. Raises AssertionError in any other."""
        assert self.transaction is not None, f"EVSE {self.evse_id}: {self.state} without a transaction"
        return self.transaction

    @property
    def counted_wh(self) -> int:
        """The register now; one that ran backwards is not believed."""
        meter, last_wh = self.facts.meter, self.running.samples[-1].import_wh
        return last_wh if meter is None else max(last_wh, meter.import_wh)

    @property
    def last_reading(self) -> MeterReading | None:
        """The reading of the meter, if it was taken after the contactor had opened."""
        meter, opened_at_s = self.facts.meter, self.opened_at_s
        return meter if meter is not None and opened_at_s is not None and meter.at_s > opened_at_s else None


@dataclass(frozen=True, slots=True)
class Notified:
    """For the kiosk's front, not for the outside: something to tell whoever stands there."""

    code: NoticeCode
    evse_id: int


def resumed_after_restart(
    transaction: Transaction, now: Now, patience: Patience, goes_on_as: Ids | None = None
) -> Session:
    """A session whose transaction was found open on disk: it closes with PowerLoss, on fresh facts only.

    `goes_on_as`: the ids it may continue under; None where it must not.
    """
    return Session(
        evse_id=transaction.evse_id,
        state=State.CLOSING,
        since_s=now.s,
        deadline_s=now.s + patience.end_s,
        transaction=replace(transaction, stopped_reason=StoppedReason.POWER_LOSS, goes_on_as=goes_on_as),
        fault=None,
        wish_since_s=now.s,
    )


def same_owner(a: Authority, b: Authority) -> bool:
    return a.account_id == b.account_id or (a.group_id is not None and a.group_id == b.group_id)
