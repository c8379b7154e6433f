"""One session at one EVSE: a pure state machine. Everything that moves a session between states is in this file.

Rules:
1. `step` is a function of (session, event, now); it returns the next session and the messages it causes, in order.
2. Outputs are levels: `wants` (in energy.py) is a function of (state, facts).
3. First an event may move the session, then the facts may, until nothing moves: `_settle`.
4. A transaction begins with Started and ends with exactly one Ended, whatever happens in between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta

from contract.api import CommandStatus
from contract.identity import IdToken
from contract.metering import Quality
from contract.price import Quantities, Sample, TimeUse, price_of
from contract.tariff import TariffOffer
from contract.transaction import (
    Authority,
    EventType,
    MeterValue,
    StoppedReason,
    TransactionEvent,
    TriggerReason,
)
from kiosk.session import energy, events
from kiosk.session.events import Answered, Ask, Audited, Ids, Message, Now, Record
from kiosk.session.facts import NOTHING_KNOWN, Facts
from kiosk.session.faults import RULE_OF, FaultCode, fault_in
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.site import Share
from kiosk.session.snapshot import LimitKind, NoticeCode
from kiosk.session.states import MOVES, State
from kiosk.session.transaction import Transaction
from kiosk.session.wants import Wants

NEVER_S = float("inf")
LONG_AGO_S = float("-inf")
WRONG_CODES = 3  # then the keypad rests for patience.code_lock_s
LIMIT_LOOK_S, LIMIT_MARGIN_S = 2.0, 15.0  # how often near a limit, and how near that is
PARKING_LOOK_S = 5.0  # how often a guest's parking is held against the hold
SETTLE_LIMIT = 8  # more moves than states in one step would be a loop


@dataclass(frozen=True, slots=True)
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
    ramp_until_s: float = LONG_AGO_S
    opened_at_s: float | None = None  # after the last closing, when it was first seen open again
    is_welded: bool = False  # seen closed against the wish: the safety relay must drop
    parking_is_free: bool = False  # the hold is used up: parking no longer counts
    held_for: Authority | None = None  # the former customer, until the cable is out
    receipt: Transaction | None = None
    receipt_at: Now | None = None
    wrong_codes: int = 0
    code_locked_until_s: float = LONG_AGO_S
    share: Share | None = None  # of the site's limit; None: the EVSE has its own supply

    @property
    def is_running(self) -> bool:
        return self.state in (State.AUTHORIZING, State.PREPARING, State.DELIVERING, State.PARKED, State.CLOSING)

    @property
    def is_free(self) -> bool:
        return self.state is State.IDLE


@dataclass(frozen=True, slots=True)
class Notified:
    """For the kiosk's front, not for the outside: something to tell whoever stands there."""

    code: NoticeCode
    evse_id: int


class Turn:
    """One step of one session: the working copy and what it has said so far."""

    def __init__(self, session: Session, now: Now, evse: EvseSettings, patience: Patience) -> None:
        self.session = session
        self.now = now
        self.evse = evse
        self.patience = patience
        self.messages: list[Message | Notified] = []

    # ---- 1 moves an event causes --------------------------------------------------------------------------------

    def take(self, event: events.Event) -> None:
        match event:
            case events.Sensed(facts):
                self._sensed(facts.get(self.session.evse_id, NOTHING_KNOWN))
            case events.Recorded(transaction_id, seq_no):
                self._recorded(transaction_id, seq_no)
            case events.Authorized(transaction_id, authority, offer, offline):
                self._authorized(transaction_id, authority, offer, offline)
            case events.Refused(transaction_id, code):
                self._refused(transaction_id, code)
            case events.StartCommanded():
                self._start_commanded(event)
            case events.StopCommanded():
                self._stop_commanded(event)
            case events.StopPressed(_, code):
                self._stop_pressed(code)
            case events.CancelPressed():
                self._cancelled()
            case events.LimitChosen(_, limit):
                if (t := self.session.transaction) is not None and self.session.state is not State.CLOSING:
                    self._change(transaction=replace(t, limit=limit))
            case events.ReceiptDismissed():
                self._change(receipt=None, receipt_at=None)
            case events.ResetPressed(_, by):
                self.messages.append(Audited(by, "reset", self.session.evse_id))
                if self.session.state is State.OUT_OF_SERVICE:  # asked any earlier, it is refused and forgotten
                    self._change(was_reset=True)
            case _:
                pass

    def ask(self, token: IdToken, ids: Ids) -> None:
        """Begin: who is this? Only from IDLE."""
        ask = Ask(ids, self.session.evse_id, token)
        self._change(asked=ask, receipt=None, receipt_at=None)
        self._move(State.AUTHORIZING, self.patience.authorize_s)
        self.messages.append(ask)

    def stop(self, trigger: TriggerReason, reason: StoppedReason) -> None:
        """A normal stop, from whoever may. Parked where parking is billed and the cable is still in."""
        session, t = self.session, self.session.transaction
        if session.state not in (State.PREPARING, State.DELIVERING) or t is None:
            return
        plugged = session.facts.pilot is not None and session.facts.pilot.is_connected
        t = replace(t, stopped_reason=reason)
        self._change(transaction=t, ramp_until_s=self.now.s + self.patience.ramp_s)
        if session.state is State.DELIVERING and plugged and t.offer.tariff.bills_parking:
            self._move(State.PARKED)
            self._record(EventType.UPDATED, trigger)
        else:
            self._close(reason, ramp=session.state is State.DELIVERING)

    def _sensed(self, facts: Facts) -> None:
        plugged = facts.pilot is not None and facts.pilot.is_connected
        self._change(facts=facts, was_plugged=self.session.was_plugged or plugged)
        if energy.is_seen(self.session, closed=False) and not self.session.wishes_closed:
            if self.session.opened_at_s is None:
                self._change(opened_at_s=facts.contactor_sensed_at_s)
        elif facts.contactor_closed:
            self._change(opened_at_s=None)

    def _recorded(self, transaction_id: str, seq_no: int) -> None:
        t = self.session.transaction
        if t is not None and t.ids.transaction_id == transaction_id and seq_no > t.durable_seq:
            self._change(transaction=replace(t, durable_seq=seq_no))

    def _authorized(self, transaction_id: str, authority: Authority, offer: TariffOffer, offline: bool) -> None:
        asked = self.session.asked
        if self.session.state is not State.AUTHORIZING or asked is None or asked.ids.transaction_id != transaction_id:
            return
        if not self._is_covered(authority, offer):
            self._refused(transaction_id, NoticeCode.NO_CREDIT)
            return
        self._begin(asked.ids, asked.token.masked, authority, offer, offline, TriggerReason.AUTHORIZED)

    def _refused(self, transaction_id: str, code: NoticeCode) -> None:
        asked = self.session.asked
        if self.session.state is State.AUTHORIZING and asked and asked.ids.transaction_id == transaction_id:
            self._move(State.IDLE)
            self.messages.append(Notified(code, self.session.evse_id))

    def _start_commanded(self, command: events.StartCommanded) -> None:
        held = self.session.held_for
        if not self.session.is_free or (held is not None and not same_owner(held, command.authority)):
            why = f"EVSE {self.session.evse_id} is {self.session.state.value}"
            self.messages.append(Answered(command.command_id, CommandStatus.REJECTED, why))
            return
        if not self._is_covered(command.authority, command.offer):
            why = "cap_minor is less than the shortest charge may cost"
            self.messages.append(Answered(command.command_id, CommandStatus.REJECTED, why))
            return
        self._move(State.AUTHORIZING, self.patience.authorize_s)
        self._begin(command.ids, "", command.authority, command.offer, False, TriggerReason.REMOTE_START)
        self.messages.append(Answered(command.command_id, CommandStatus.ACCEPTED, "", command.ids.transaction_id))

    def _stop_commanded(self, command: events.StopCommanded) -> None:
        can_stop = self.session.state in (State.PREPARING, State.DELIVERING)
        self.messages.append(Audited(command.by, "stop", self.session.evse_id))
        if command.command_id is not None:
            status = CommandStatus.ACCEPTED if can_stop else CommandStatus.REJECTED
            why = "" if can_stop else f"EVSE {self.session.evse_id} is {self.session.state.value}"
            self.messages.append(Answered(command.command_id, status, why))
        self.stop(TriggerReason.REMOTE_STOP, StoppedReason.REMOTE)

    def _stop_pressed(self, code: str) -> None:
        session, t = self.session, self.session.transaction
        if session.state not in (State.PREPARING, State.DELIVERING) or t is None:
            return
        if self.now.s < session.code_locked_until_s:
            self.messages.append(Notified(NoticeCode.CODE_LOCKED, session.evse_id))
        elif code == t.ids.stop_code and code:
            self.stop(TriggerReason.STOP_AUTHORIZED, StoppedReason.LOCAL)
        else:
            wrong = session.wrong_codes + 1
            locked = self.now.s + self.patience.code_lock_s if wrong >= WRONG_CODES else session.code_locked_until_s
            self._change(wrong_codes=wrong % WRONG_CODES, code_locked_until_s=locked)
            code_notice = NoticeCode.CODE_LOCKED if wrong >= WRONG_CODES else NoticeCode.WRONG_CODE
            self.messages.append(Notified(code_notice, session.evse_id))

    def _cancelled(self) -> None:
        if self.session.state is State.AUTHORIZING:
            self._move(State.IDLE)
            self.messages.append(Notified(NoticeCode.CANCELLED, self.session.evse_id))
        elif self.session.state is State.PREPARING and not self.session.was_plugged:
            self.messages.append(Notified(NoticeCode.CANCELLED, self.session.evse_id))
            self._close(StoppedReason.LOCAL, ramp=False)

    # ---- 2 moves the facts cause, to a fixed point ------------------------------------------------------------

    def settle(self) -> None:
        for _ in range(SETTLE_LIMIT):
            before = self.session.state
            self._settle_once()
            if self.session.state is before:
                break
        else:
            raise AssertionError(f"EVSE {self.session.evse_id} does not settle: {self.session}")
        self._note_wish()

    def _settle_once(self) -> None:
        session = self.session
        if (code := self._fault()) is not None and session.state is not State.OUT_OF_SERVICE:
            self._fail(code)
            return
        match session.state:
            case State.IDLE:
                self._settle_idle()
            case State.AUTHORIZING:
                if self.now.s >= session.deadline_s:
                    self._move(State.IDLE)
                    self.messages.append(Notified(NoticeCode.NO_ANSWER, session.evse_id))
            case State.PREPARING:
                self._settle_preparing()
            case State.DELIVERING:
                self._settle_delivering()
            case State.PARKED:
                self._settle_parked()
            case State.CLOSING:
                self._settle_closing()
            case State.OUT_OF_SERVICE:
                self._settle_out_of_service(code)

    def _settle_idle(self) -> None:
        if self.session.held_for is not None and not self._is_plugged():
            self._change(held_for=None)
        if (at := self.session.receipt_at) is not None and self.now.s >= at.s + self.patience.receipt_s:
            self._change(receipt=None, receipt_at=None)

    def _settle_preparing(self) -> None:
        session = self.session
        if energy.is_seen(session, closed=True) and session.wishes_closed:
            self._move(State.DELIVERING)
            self._record(EventType.UPDATED, TriggerReason.CHARGING_STATE_CHANGED)
        elif session.was_plugged and not self._is_plugged():
            self._close(StoppedReason.EV_DISCONNECTED, ramp=False)
        elif not session.was_plugged and self.now.s >= session.deadline_s:
            self.messages.append(Notified(NoticeCode.PLUG_IN_TIMEOUT, session.evse_id))
            self._close(StoppedReason.TIMEOUT, ramp=False)

    def _settle_delivering(self) -> None:
        if not self._is_plugged():
            self._close(StoppedReason.EV_DISCONNECTED, ramp=False)
        elif (reached := self._reached_limit()) is not None:
            self.stop(*reached)
        else:
            t = self._transaction()
            if energy.charging_state(self.session) is not t.charging_state:
                self._record(EventType.UPDATED, TriggerReason.CHARGING_STATE_CHANGED)
            self._read_when_due()
            self._draw()

    def _settle_closing(self) -> None:
        session = self.session
        opened = energy.is_seen(session, closed=False) and not session.wishes_closed
        has_last_reading = opened and self._has_last_reading()
        if has_last_reading or (self.now.s >= session.deadline_s and not session.wishes_closed):
            self._end(is_final=has_last_reading)
            if session.is_welded or session.facts.contactor_closed:
                self._fault_found(FaultCode.CONTACTOR_WELDED)  # even if the safety relay has opened it since
            elif not opened:
                self._fault_found(FaultCode.FEEDBACK_LOST)
            self._move(State.IDLE if self.session.fault is None else State.OUT_OF_SERVICE)

    def _settle_out_of_service(self, code: FaultCode | None) -> None:
        fault = self.session.fault
        if code is not None:
            if fault is None or RULE_OF[code].latches or not RULE_OF[fault].latches:
                self._fault_found(code)
            self._change(was_reset=False)
        elif self.session.is_welded and fault is not FaultCode.CONTACTOR_WELDED:
            self._fault_found(FaultCode.CONTACTOR_WELDED)  # behind another fault: it needs a reset of its own
        elif fault is None or not RULE_OF[fault].latches or self.session.was_reset:
            self._move(State.IDLE)
            self._change(fault=None, fault_since=None, was_reset=False, is_welded=False)

    # ---- faults --------------------------------------------------------------------------------------------------

    def _fault(self) -> FaultCode | None:
        """What the facts show, or what they show against the wish for too long."""
        session, code = self.session, fault_in(self.session.facts)
        seen_for_s = session.facts.contactor_sensed_at_s - session.wish_since_s  # since when the wish could be seen
        is_welded = bool(session.facts.contactor_closed) and not session.wishes_closed
        is_welded = is_welded and seen_for_s >= self.patience.open_s
        if is_welded:
            self._change(is_welded=True)  # whatever else is wrong: an emergency stop needs the safety relay most
        if code is not None and RULE_OF[code].latches:
            return code
        if is_welded and session.state is not State.CLOSING:  # CLOSING waits for the safety relay to open it
            return FaultCode.CONTACTOR_WELDED
        is_stuck = session.facts.contactor_closed is False and session.wishes_closed
        if is_stuck and seen_for_s >= self.patience.close_s and energy.feedback_is_fresh(session):
            return FaultCode.CONTACTOR_STUCK_OPEN
        if code is None and session.facts.journal_fails:
            t = session.transaction
            if t is None or t.durable_seq < 0:
                return FaultCode.JOURNAL_FAILED  # what cannot be written down does not begin
        return code

    def _fail(self, code: FaultCode) -> None:
        """A fault opens at once; a transaction still gets its Ended, by way of CLOSING."""
        state = self.session.state
        if self.session.fault is None or RULE_OF[code].latches:
            self._fault_found(code)
        if state is State.CLOSING:
            if not RULE_OF[code].ramps:
                self._change(ramp_until_s=LONG_AGO_S)
            self._settle_closing()
        elif self.session.transaction is not None:
            self._close(RULE_OF[code].stopped_reason, ramp=RULE_OF[code].ramps and state is State.DELIVERING)
        else:
            self._move(State.OUT_OF_SERVICE)

    def _fault_found(self, code: FaultCode) -> None:
        if self.session.fault is not code:
            self._change(fault=code, fault_since=self.now, was_reset=False)

    # ---- moving and recording --------------------------------------------------------------------------------------

    def _begin(
        self, ids: Ids, masked: str, authority: Authority, offer: TariffOffer, offline: bool, trigger: TriggerReason
    ) -> None:
        transaction = Transaction(
            ids, authority, offer, masked, offline, self.evse.evse_id, self.evse.connector_id, started=self.now
        )
        plugged = self._is_plugged()
        self._change(transaction=transaction, was_plugged=plugged, wrong_codes=0, receipt=None, receipt_at=None)
        self._change(parking_is_free=False)
        self._move(State.PREPARING, self.patience.plug_in_s)
        self._record(EventType.STARTED, trigger)

    def _close(self, reason: StoppedReason, ramp: bool) -> None:
        t = self._transaction()
        t = replace(t, stopped_reason=t.stopped_reason or reason, closed_ms=t.elapsed_ms(self.now))
        self._change(transaction=t, ramp_until_s=self.now.s + self.patience.ramp_s if ramp else LONG_AGO_S)
        self._move(State.CLOSING, self.patience.end_s + (self.patience.ramp_s if ramp else 0.0))

    def _end(self, is_final: bool) -> None:
        t = self._transaction()
        self._record(EventType.ENDED, _END_TRIGGER.get(t.stopped_reason, TriggerReason.STOP_AUTHORIZED), is_final)
        t = self._transaction()
        cost_nothing = t.energy_wh == 0 and t.price_with(t.samples[-1]).incl_vat_minor == 0
        nothing_to_show = t.is_recovered or cost_nothing
        self._change(
            transaction=None,
            held_for=t.authority if self._is_plugged() else None,
            receipt=None if nothing_to_show else t,
            receipt_at=None if nothing_to_show else self.now,
        )

    def _record(self, event_type: EventType, trigger: TriggerReason, is_final: bool | None = None) -> None:
        session, t = self.session, self._transaction()
        meter = self._meter_value(t, is_final)
        state = energy.charging_state(session)
        sample = Sample(t.elapsed_ms(self.now), meter.import_wh, energy.time_use(session))
        ended = event_type is EventType.ENDED
        started = event_type is EventType.STARTED
        event = TransactionEvent(
            event_type=event_type,
            transaction_id=t.ids.transaction_id,
            seq_no=t.next_seq,
            order_id=t.ids.order_id,
            receipt_id=t.ids.receipt_id,
            evse_id=t.evse_id,
            connector_id=t.connector_id,
            trigger_reason=trigger,
            charging_state=state,
            time_use=sample.time_use,
            offline=t.is_offline,
            at=self.now.moment,
            elapsed_ms=sample.elapsed_ms,
            meter=meter,
            authority=t.authority if started else None,
            offer=t.offer if started else None,
            stopped_reason=t.stopped_reason if ended else None,
            final=bool(is_final) if ended else None,
            total_incl_vat_minor=t.price_with(sample).incl_vat_minor if ended else None,
        )
        t = replace(
            t.sampled(sample), next_seq=t.next_seq + 1, charging_state=state, reading_due_s=self._next_reading_s()
        )
        self._change(transaction=t)
        self.messages.append(Record(event))

    def _meter_value(self, t: Transaction, is_final: bool | None) -> MeterValue:
        """The newest reading; where it is missing or ran backwards the last journaled one stands, marked stale."""
        reading, least_wh = self.session.facts.meter, t.samples[-1].import_wh if t.samples else 0
        if reading is None or reading.import_wh < least_wh:
            quality = Quality.STALE if t.samples else Quality.MISSING
            return MeterValue(least_wh, 0, 0, 0, quality)
        age_ms = max(0, round((self.now.s - reading.at_s) * 1000))
        is_good = self.session.facts.meter_is_fresh and is_final is not False
        quality = Quality.GOOD if is_good else Quality.STALE
        power_w = reading.power_w if self.session.state is State.DELIVERING else 0
        return MeterValue(reading.import_wh, reading.export_wh, power_w, age_ms, quality, reading.serial)

    def _next_reading_s(self) -> float:
        """Every minute while delivering, and on the clock's quarter-hour in any case."""
        wall = self.now.wall
        into_quarter = timedelta(minutes=wall.minute % 15, seconds=wall.second, microseconds=wall.microsecond)
        quarter_s = self.now.s + (timedelta(minutes=15) - into_quarter).total_seconds()
        if self.session.state is State.PARKED:
            return quarter_s
        return min(quarter_s, self.now.s + self.patience.reading_every_s)

    def _read_when_due(self) -> None:
        t = self._transaction()
        if self.now.s >= t.reading_due_s and self.session.facts.meter_is_fresh:
            on_the_clock = self.now.wall.minute % 15 == 0 and self.now.wall.second < 2
            trigger = TriggerReason.METER_VALUE_CLOCK if on_the_clock else TriggerReason.METER_VALUE_PERIODIC
            self._record(EventType.UPDATED, trigger)

    def _draw(self) -> None:
        """A point of the power curve now and then; the curve is for the screen, billing never reads it."""
        t, meter = self._transaction(), self.session.facts.meter
        if meter is None or not self.session.facts.meter_is_fresh:
            return
        elapsed_s = t.elapsed_ms(self.now) // 1000
        spacing_s = max(5, elapsed_s // 120)
        if not t.curve or elapsed_s >= t.curve[-1].elapsed_s + spacing_s:
            self._change(transaction=t.drawn(elapsed_s, meter.power_w))

    def _reached_limit(self) -> tuple[TriggerReason, StoppedReason] | None:
        """The driver's own limit, or the cap of the authorisation."""
        t, meter = self._transaction(), self.session.facts.meter
        if meter is None or (t.limit is None and t.authority.cap_minor is None):
            return None
        import_wh = self._counted_wh()
        at_ms = t.elapsed_ms(self.now)
        if t.authority.cap_minor is not None or (t.limit is not None and t.limit.kind is LimitKind.MONEY):
            cost_minor = t.price_with(self._soon(import_wh, at_ms)).incl_vat_minor
            if t.authority.cap_minor is not None and cost_minor > t.authority.cap_minor:
                return TriggerReason.COST_LIMIT_REACHED, StoppedReason.LOCAL_OUT_OF_CREDIT
            if t.limit is not None and t.limit.kind is LimitKind.MONEY and cost_minor > t.limit.value:
                return TriggerReason.COST_LIMIT_REACHED, StoppedReason.COST_LIMIT_REACHED
        if t.limit is None:
            return None
        if t.limit.kind is LimitKind.ENERGY and import_wh - t.samples[0].import_wh >= t.limit.value:
            return TriggerReason.ENERGY_LIMIT_REACHED, StoppedReason.ENERGY_LIMIT_REACHED
        if t.limit.kind is LimitKind.TIME and at_ms >= t.limit.value * 1000:
            return TriggerReason.TIME_LIMIT_REACHED, StoppedReason.TIME_LIMIT_REACHED
        return None

    def _soon(self, import_wh: int, at_ms: int) -> Sample:
        """Where the transaction may stand once a stop decided now has taken effect: nobody pays beyond a cap.

        At the EVSE's full power, as a vehicle that pauses may ask for all of it between two readings.
        """
        later_wh, later_ms = self._margin()
        return Sample(at_ms + later_ms, import_wh + later_wh, energy.time_use(self.session))

    def _margin(self) -> tuple[int, int]:
        """Wh and ms that a stop may take."""
        margin_s = self.patience.cap_margin_s
        most_wh = math.ceil(self.evse.max_power_w * margin_s / 3600) + self.evse.meter_step_wh - 1
        return most_wh, math.ceil(margin_s * 1000)

    def _is_covered(self, authority: Authority, offer: TariffOffer) -> bool:
        """The cap pays for the shortest charge there is; below that its promise could not be kept."""
        least_minor = price_of(offer, Quantities(*self._margin(), parking_ms=0)).incl_vat_minor
        return authority.cap_minor is None or authority.cap_minor >= least_minor

    def _settle_parked(self) -> None:
        t = self._transaction()
        if not self._is_plugged():
            self._close(t.stopped_reason or StoppedReason.OTHER, ramp=False)
        elif self._parking_reaches_hold(t):
            self._change(parking_is_free=True)
            self._record(EventType.UPDATED, TriggerReason.COST_LIMIT_REACHED)
        else:
            self._read_when_due()

    def _parking_reaches_hold(self, t: Transaction) -> bool:
        """A guest never owes more than was held: parking stops counting before the look after the next would."""
        cap_minor = t.authority.cap_minor
        if t.authority.voucher_id is None or cap_minor is None or self.session.parking_is_free:
            return False
        later_ms = round(2 * PARKING_LOOK_S * 1000)
        most_wh = self._counted_wh() if self._has_last_reading() else self._counted_wh() + self._margin()[0]
        sample = Sample(t.elapsed_ms(self.now) + later_ms, most_wh, TimeUse.PARKING)
        return t.price_with(sample).incl_vat_minor > cap_minor

    # ---- small words -----------------------------------------------------------------------------------------------

    def _has_last_reading(self) -> bool:
        """The meter was read after the contactor had opened."""
        meter, opened_at_s = self.session.facts.meter, self.session.opened_at_s
        return meter is not None and opened_at_s is not None and meter.at_s > opened_at_s

    def _counted_wh(self) -> int:
        """The register now; one that ran backwards is not believed."""
        meter, last_wh = self.session.facts.meter, self._transaction().samples[-1].import_wh
        return last_wh if meter is None else max(last_wh, meter.import_wh)

    def _is_plugged(self) -> bool:
        """Doubt counts as plugged here: an unknown pilot is a fault, never a departure."""
        return self.session.facts.pilot is None or self.session.facts.pilot.value != "A"

    def _transaction(self) -> Transaction:
        t = self.session.transaction
        assert t is not None, f"EVSE {self.session.evse_id}: {self.session.state} without a transaction"
        return t

    def _change(self, **fields: object) -> None:
        self.session = replace(self.session, **fields)  # type: ignore[arg-type]

    def _move(self, to: State, patience_s: float = NEVER_S) -> None:
        assert to in MOVES[self.session.state], f"{self.session.state} → {to} is no move"
        self._change(state=to, since_s=self.now.s, deadline_s=self.now.s + patience_s)
        if to in (State.IDLE, State.OUT_OF_SERVICE):
            self._change(asked=None, ramp_until_s=LONG_AGO_S)

    def _note_wish(self) -> None:
        """Remember since when the contactor's level has been wanted: feedback must be younger."""
        wanted = energy.wants(self.session, self.now.s, self.evse, self.patience).contactor_closed
        if wanted != self.session.wishes_closed:
            opened = None if wanted else self.session.opened_at_s
            self._change(wishes_closed=wanted, wish_since_s=self.now.s, opened_at_s=opened)


_END_TRIGGER: dict[StoppedReason | None, TriggerReason] = {
    StoppedReason.EV_DISCONNECTED: TriggerReason.EV_DEPARTED,
    StoppedReason.TIMEOUT: TriggerReason.EV_CONNECT_TIMEOUT,
    StoppedReason.REMOTE: TriggerReason.REMOTE_STOP,
    StoppedReason.ENERGY_LIMIT_REACHED: TriggerReason.ENERGY_LIMIT_REACHED,
    StoppedReason.TIME_LIMIT_REACHED: TriggerReason.TIME_LIMIT_REACHED,
    StoppedReason.COST_LIMIT_REACHED: TriggerReason.COST_LIMIT_REACHED,
    StoppedReason.LOCAL_OUT_OF_CREDIT: TriggerReason.COST_LIMIT_REACHED,
    StoppedReason.EMERGENCY_STOP: TriggerReason.ABNORMAL_CONDITION,
    StoppedReason.GROUND_FAULT: TriggerReason.ABNORMAL_CONDITION,
    StoppedReason.POWER_LOSS: TriggerReason.ABNORMAL_CONDITION,
    StoppedReason.OTHER: TriggerReason.ABNORMAL_CONDITION,
}


def step(
    session: Session, event: events.Event, now: Now, evse: EvseSettings, patience: Patience
) -> tuple[Session, list[Message | Notified]]:
    """One event through one session."""
    turn = Turn(session, now, evse, patience)
    turn.take(event)
    turn.settle()
    return turn.session, turn.messages


def wants_of(session: Session, now_s: float, evse: EvseSettings, patience: Patience) -> Wants:
    return energy.wants(session, now_s, evse, patience)


def resumed_after_restart(transaction: Transaction, now: Now, patience: Patience) -> Session:
    """A session whose transaction was found open on disk: it closes with PowerLoss, on fresh facts only."""
    return Session(
        evse_id=transaction.evse_id,
        state=State.CLOSING,
        since_s=now.s,
        deadline_s=now.s + patience.end_s,
        transaction=replace(transaction, stopped_reason=StoppedReason.POWER_LOSS),
        fault=None,
        wish_since_s=now.s,
    )


def same_owner(a: Authority, b: Authority) -> bool:
    return a.account_id == b.account_id or (a.group_id is not None and a.group_id == b.group_id)


def limit_deadline_s(session: Session, now_s: float, evse: EvseSettings) -> float:
    """The earliest moment at which a limit or cap can need a stop, were the EVSE's full power drawn from now on."""
    t, meter = session.transaction, session.facts.meter
    if session.state is not State.DELIVERING or t is None or meter is None:
        return NEVER_S
    used_wh = max(meter.import_wh, t.samples[-1].import_wh) - t.samples[0].import_wh
    due_s, time_is_up_s = NEVER_S, NEVER_S
    caps_minor = [t.authority.cap_minor] if t.authority.cap_minor is not None else []
    if t.limit is not None:
        match t.limit.kind:
            case LimitKind.ENERGY:
                due_s = now_s + (t.limit.value - used_wh) * 3600 / evse.max_power_w
            case LimitKind.TIME:
                time_is_up_s = t.started.s + t.limit.value
            case LimitKind.MONEY:
                caps_minor.append(t.limit.value)
    if caps_minor:
        at_ms = round((now_s - t.started.s) * 1000)
        later = Sample(at_ms + 3_600_000, t.samples[0].import_wh + used_wh + evse.max_power_w, TimeUse.CHARGING)
        hour_from_now_minor = t.price_with(later).incl_vat_minor
        spent_minor = t.price_with(Sample(at_ms, t.samples[0].import_wh + used_wh, TimeUse.CHARGING)).incl_vat_minor
        per_hour_minor = max(1, hour_from_now_minor - spent_minor)
        due_s = min(due_s, now_s + (min(caps_minor) - spent_minor) * 3600 / per_hour_minor)
    return min(time_is_up_s, max(due_s - LIMIT_MARGIN_S, now_s + LIMIT_LOOK_S) if due_s < NEVER_S else NEVER_S)


def next_deadline_s(session: Session, now_s: float, evse: EvseSettings, patience: Patience) -> float:
    """When this session wants to be looked at again, if nothing happens before."""
    due = [session.deadline_s, session.ramp_until_s, session.code_locked_until_s]
    due.append(limit_deadline_s(session, now_s, evse))
    due.append(session.wish_since_s + patience.off_s)
    due.append(session.wish_since_s + (patience.close_s if session.wishes_closed else patience.open_s))
    if session.transaction is not None:
        due.append(session.transaction.reading_due_s)
        if session.state is State.PARKED and session.transaction.authority.voucher_id is not None:
            due.append(now_s + PARKING_LOOK_S)
    if session.receipt_at is not None:
        due.append(session.receipt_at.s + patience.receipt_s)
    return min((at for at in due if at > now_s), default=NEVER_S)
