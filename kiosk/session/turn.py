"""One step of one session: a pure state machine. Everything that moves a session between states is in this file.

Rules:
1. A turn is a function of (session, event, now); it yields the next session and the messages it causes, in order.
2. Outputs are levels: `wants` (in energy.py) is a function of (state, facts).
3. First an event may move the session, then the facts may, until nothing moves: `settle`.
4. A transaction begins with Started and ends with exactly one Ended, whatever happens in between.
"""

from __future__ import annotations

from contract.api import CommandStatus
from contract.identity import IdToken, TokenKind
from contract.tariff import TariffOffer
from contract.transaction import Authority, EventType, StoppedReason, TriggerReason
from contract.values import replace
from kiosk.session import corrections, energy, events, keypad, limits, protection, recording, restart
from kiosk.session.events import Answered, Ask, Audited, Ids, Message, Now, Record
from kiosk.session.facts import NOTHING_KNOWN, Facts
from kiosk.session.faults import RULE_OF, FaultCode, fault_in
from kiosk.session.leftovers import Interrupted, Verdict
from kiosk.session.session import LONG_AGO_S, NEVER_S, Notified, Session, same_owner
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.snapshot import Limit, NoticeCode
from kiosk.session.states import MOVES, State
from kiosk.session.transaction import Transaction

MOST_LIMIT_CHANGES = 20  # of one transaction
SETTLE_LIMIT = 8  # more moves than states in one step would be a loop


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
            case events.LimitChosen(_, limit, code):
                if self.limit_is_free() or self._is_right(code):
                    self.set_limit(limit)
            case events.UnlockPressed(_, code):
                if self._is_right(code):
                    self.unlock()
            case events.TokensBlocked(token_hashes):
                self._blocked(token_hashes)
            case events.RestartForbidden(_, verdict):
                self._restart_forbidden(Verdict(verdict))
            case events.ReceiptDismissed():
                self._change(receipt=None, receipt_at=None)
            case events.ResetPressed(_, by):
                self.messages.append(Audited(by, "reset", self.session.evse_id))
                if self.session.state is State.OUT_OF_SERVICE:  # asked any earlier, it is refused and forgotten
                    self._reset()
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

    def _reset(self) -> None:
        """By name. Where another meter was found, it says that this one is right."""
        session = self.session
        if session.fault is FaultCode.METER_SWAPPED:
            accepted = replace(session.watch, meter_accepted_s=session.facts.meter_changed_at_s)
            self._change(watch=accepted)
        self._change(was_reset=True)

    def _sensed(self, facts: Facts) -> None:
        session = self.session
        facts = self._of_this_meter(facts)
        plugged = facts.pilot is not None and facts.pilot.is_connected
        reading = facts.meter if facts.meter is not session.facts.meter and facts.meter_is_fresh else None
        offered = session.offered if session.wishes_closed else None
        open_since_s = NEVER_S if session.wishes_closed else session.wish_since_s
        watch = protection.watched(session.watch, facts, reading, self.evse, offered, open_since_s, self.now.s)
        is_open = facts.contactor_closed is False
        self._change(
            facts=facts,
            was_plugged=session.was_plugged or plugged,
            watch=watch,
            first_look_s=min(session.first_look_s, self.now.s),
            was_seen_open=session.was_seen_open or is_open,
        )
        if energy.is_seen(self.session, closed=False) and not self.session.wishes_closed:
            if self.session.opened_at_s is None:
                self._change(opened_at_s=facts.contactor_sensed_at_s)
        elif facts.contactor_closed:
            is_news = session.wishes_closed and energy.feedback_is_fresh(self.session)
            self._change(opened_at_s=None, was_seen_closed=session.was_seen_closed or is_news)

    def _of_this_meter(self, facts: Facts) -> Facts:
        """Another meter's register has nothing to do with a running transaction: its last good reading stands."""
        t, reading = self.session.transaction, facts.meter
        if t is not None and reading is not None and corrections.is_impossible(t, reading, self.evse, self.patience):
            return replace(facts, meter=None, meter_is_fresh=False, meter_is_doubted=True)
        if t is None or reading is None or t.meter_serial is None or reading.serial in (None, t.meter_serial):
            return facts
        changed_at_s = max(facts.meter_changed_at_s, reading.at_s)
        own = self.session.facts.meter
        return replace(facts, meter=own, meter_is_fresh=False, meter_changed_at_s=changed_at_s)

    def _recorded(self, transaction_id: str, seq_no: int) -> None:
        t = self.session.transaction
        if t is not None and t.ids.transaction_id == transaction_id and seq_no > t.durable_seq:
            self._change(transaction=replace(t, durable_seq=seq_no))

    def _authorized(self, transaction_id: str, authority: Authority, offer: TariffOffer, offline: bool) -> None:
        asked = self.session.asked
        if self.session.state is not State.AUTHORIZING or asked is None or asked.ids.transaction_id != transaction_id:
            return
        sold = offer.sold(self.now.clock_is_known)
        if sold is None:
            self._refused(transaction_id, NoticeCode.NO_PRICE)
        elif not limits.is_covered(self.session, self.evse, self.patience, authority, sold, self.now):
            self._refused(transaction_id, NoticeCode.NO_CREDIT)
        else:
            self._begin(self._new(asked.ids, asked.token.masked, authority, sold, offline), TriggerReason.AUTHORIZED)

    def _refused(self, transaction_id: str, code: NoticeCode) -> None:
        asked = self.session.asked
        if self.session.state is State.AUTHORIZING and asked and asked.ids.transaction_id == transaction_id:
            self._move(State.IDLE)
            self.messages.append(Notified(code, self.session.evse_id))

    def _start_commanded(self, command: events.StartCommanded) -> None:
        if why := self._why_not(command.authority):
            self.messages.append(Answered(command.command_id, CommandStatus.REJECTED, why))
            return
        sold = command.offer.sold(self.now.clock_is_known)
        if sold is None:
            why = "the price depends on the clock, which is not known here, and no offline tariff is offered"
            self.messages.append(Answered(command.command_id, CommandStatus.REJECTED, why))
            return
        if not limits.is_covered(self.session, self.evse, self.patience, command.authority, sold, self.now):
            why = "cap_minor is less than the shortest charge may cost"
            self.messages.append(Answered(command.command_id, CommandStatus.REJECTED, why))
            return
        self._move(State.AUTHORIZING, self.patience.authorize_s)
        self._begin(self._new(command.ids, "", command.authority, sold, False), TriggerReason.REMOTE_START)
        self.messages.append(Answered(command.command_id, CommandStatus.ACCEPTED, "", command.ids.transaction_id))

    def _why_not(self, authority: Authority) -> str:
        """Why nobody, or not this one, may begin here; "" where they may."""
        session, name = self.session, f"EVSE {self.session.evse_id}"
        if session.state is not State.IDLE:
            return f"{name} is {session.state.value}"
        if session.is_blocked:
            return f"{name} is out of service by order"
        if session.held_for is not None and not same_owner(session.held_for, authority):
            return f"{name} has somebody else's cable in"
        kept = session.reservation
        if kept is not None and not kept.is_for(authority.token_hash, authority.account_id, authority.group_id):
            return f"{name} is reserved"
        return ""

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
        if self._is_right(code):
            self.stop(TriggerReason.STOP_AUTHORIZED, StoppedReason.LOCAL)

    def _is_right(self, code: str) -> bool:
        """Whether these are the driver's four digits; what the keypad says of others is said here."""
        self.session, notice, told = keypad.entered(self.session, code, self.now, self.patience)
        if notice is not None:
            self.messages.append(Notified(notice, self.session.evse_id))
        if told is not None:
            self.messages.append(told)
        return notice is None

    def limit_is_free(self) -> bool:
        """Right after the start whoever stands there is the driver."""
        t = self.session.transaction
        return t is not None and self.now.s < t.started.s + self.patience.own_start_s

    def set_limit(self, limit: Limit | None) -> None:
        """From whoever may. Written down, as it holds for the order after a power cut too; and so not without end."""
        session, t = self.session, self.session.transaction
        if session.state not in (State.PREPARING, State.DELIVERING) or t is None or t.limit == limit:
            return
        if t.limit_changes >= MOST_LIMIT_CHANGES:
            return
        self._change(transaction=replace(t, limit=limit, limit_changes=t.limit_changes + 1))
        self.session = limits.chosen(self.session, self.now, self.evse, self.patience)
        self._record(EventType.UPDATED, TriggerReason.LIMIT_SET)

    def unlock(self) -> None:
        """From whoever may: what runs is stopped first, and the lock follows the contactor as always."""
        self.stop(TriggerReason.STOP_AUTHORIZED, StoppedReason.LOCAL)
        self._change(unlock_since_s=self.now.s)
        self.messages.append(Notified(NoticeCode.CABLE_RELEASED, self.session.evse_id))

    def _blocked(self, token_hashes: frozenset[str]) -> None:
        """A lost card's charge ends; what was delivered is owed all the same."""
        t = self.session.transaction
        if t is None or self.session.state not in (State.PREPARING, State.DELIVERING):
            return
        if t.authority.token_hash in token_hashes:
            self.messages.append(Audited("list", "stop: the token was blocked", self.session.evse_id))
            self.stop(TriggerReason.DEAUTHORIZED, StoppedReason.DE_AUTHORIZED)

    def _cancelled(self) -> None:
        if self.session.state is State.AUTHORIZING:
            self._move(State.IDLE)
            self.messages.append(Notified(NoticeCode.CANCELLED, self.session.evse_id))
        elif self.session.state is State.PREPARING and not self.session.was_plugged:
            self.messages.append(Notified(NoticeCode.CANCELLED, self.session.evse_id))
            self._close(StoppedReason.LOCAL, ramp=False)

    # ---- 2 moves the facts cause, to a fixed point ------------------------------------------------------------

    def settle(self) -> None:
        self._look_back()
        for _ in range(SETTLE_LIMIT):
            before = self.session.state
            self._settle_once()
            if self.session.state is before:
                break
        else:
            raise AssertionError(f"EVSE {self.session.evse_id} does not settle: {self.session}")
        self._note_wish()

    def _settle_once(self) -> None:
        if self.session.transaction is None and not self.session.is_plugged:
            self._change(held_for=None, held_code="", restart_verdict=None)  # in whatever state the cable was taken out
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
                    self.messages.append(Notified(_unanswered(session), session.evse_id))
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
        if (at := self.session.receipt_at) is not None and self.now.s >= at.s + self.patience.receipt_s:
            self._change(receipt=None, receipt_at=None)

    def _settle_preparing(self) -> None:
        session = self.session
        if energy.is_seen(session, closed=True) and session.wishes_closed:
            self._move(State.DELIVERING)
            self._record(EventType.UPDATED, TriggerReason.CHARGING_STATE_CHANGED)
        elif session.was_plugged and not self.session.is_plugged:
            self._close(StoppedReason.EV_DISCONNECTED, ramp=False)
        elif not session.was_plugged and self.now.s >= session.deadline_s:
            self.messages.append(Notified(NoticeCode.PLUG_IN_TIMEOUT, session.evse_id))
            self._close(StoppedReason.TIMEOUT, ramp=False)

    def _settle_delivering(self) -> None:
        self.session, reached = limits.looked_at(self.session, self.now, self.evse, self.patience)
        if not self.session.is_plugged:
            self._close(StoppedReason.EV_DISCONNECTED, ramp=False)
        elif reached is not None:
            self.stop(*reached)
        else:
            t = self.session.running
            if energy.charging_state(self.session) is not t.charging_state:
                self._record(EventType.UPDATED, TriggerReason.CHARGING_STATE_CHANGED)
            self._read_when_due()
            self._change(transaction=recording.drawn(self.session, self.now))

    def _settle_parked(self) -> None:
        t = self.session.running
        if not self.session.is_plugged:
            self._close(t.stopped_reason or StoppedReason.OTHER, ramp=False)
        elif limits.parking_reaches_hold(self.session, self.now, self.evse, self.patience):
            self._change(parking_is_free=True)
            self._record(EventType.UPDATED, TriggerReason.COST_LIMIT_REACHED)
        else:
            self._read_when_due()

    def _settle_closing(self) -> None:
        session = self.session
        opened = energy.is_seen(session, closed=False) and not session.wishes_closed
        has_last_reading = opened and (self.session.last_reading is not None)
        is_over = has_last_reading or (opened and session.fault is FaultCode.METER_SWAPPED)  # none of the old one comes
        if is_over or (self.now.s >= session.deadline_s and not session.wishes_closed):
            self._end(is_final=has_last_reading)
            if session.is_welded or session.facts.contactor_closed:
                if session.fault is not FaultCode.FLOWS_THOUGH_OPEN:
                    self._fault_found(FaultCode.CONTACTOR_WELDED)  # even if the safety relay has opened it since
            elif not opened:
                self._fault_found(FaultCode.FEEDBACK_LOST)
            self._move(State.IDLE if self.session.fault is None else State.OUT_OF_SERVICE)

    def _settle_out_of_service(self, code: FaultCode | None) -> None:
        fault = self.session.fault
        is_own_weld = fault in (FaultCode.CONTACTOR_WELDED, FaultCode.FLOWS_THOUGH_OPEN)
        if code is FaultCode.RELAY_DROPPED and is_own_weld and self.session.was_reset:
            # Of two welds each goes with its own reset; the safety relay stays open for the other.
            self._change(fault=None, fault_since=None, is_welded=False, weld_reading=None)
            fault = None
        if code is not None:
            if fault is None or RULE_OF[code].latches or not RULE_OF[fault].latches:
                self._fault_found(code)
            self._change(was_reset=False)
        elif self.session.is_welded and not is_own_weld:
            self._fault_found(FaultCode.CONTACTOR_WELDED)  # behind another fault: it needs a reset of its own
        elif fault is None or not RULE_OF[fault].latches or self.session.was_reset:
            self._move(State.IDLE)
            self._change(fault=None, fault_since=None, was_reset=False, is_welded=False, weld_reading=None)

    # ---- what an ended transaction left behind ---------------------------------------------------------------------

    def _look_back(self) -> None:
        """A reading that was missing, and a charge that was interrupted."""
        session = self.session
        if session.unread is not None:
            found = corrections.look(session, session.unread, self.now, self.patience)
            if found is not None:
                self._change(unread=None)
                self.messages.append(found)
        if (left := session.interrupted) is not None:
            verdict = restart.verdict(session, left, self.now, self.evse, self.patience)
            if verdict is Verdict.GO:
                self._go_on(left)
            elif verdict.is_final:
                self._goes_not_on(verdict)
            else:
                self._change(restart_verdict=verdict)

    def _go_on(self, left: Interrupted) -> None:
        """The order goes on with a new transaction; nobody is asked again."""
        self._move(State.AUTHORIZING, self.patience.authorize_s)
        self._begin(restart.continuation(left, self.now, self.evse), TriggerReason.TX_RESUMED)
        self._change(restart_verdict=Verdict.GO)

    def _restart_forbidden(self, verdict: Verdict) -> None:
        """Also while what was found open is still being ended."""
        if self.session.interrupted is not None:
            self._goes_not_on(verdict)
        elif self.session.transaction is not None:
            self._change(transaction=replace(self.session.transaction, goes_on_as=None))

    def _goes_not_on(self, verdict: Verdict) -> None:
        left = self.session.interrupted
        assert left is not None
        self._change(interrupted=None, restart_verdict=verdict)
        what = f"transaction {left.of_transaction_id} does not go on: {verdict.value}"
        self.messages.append(Audited("kiosk", what, self.session.evse_id))

    # ---- faults --------------------------------------------------------------------------------------------------

    def _fault(self) -> FaultCode | None:
        """What the facts show, or what they show against the wish for too long."""
        session, code = self.session, fault_in(self.session.facts, self.session.watch)
        seen_for_s = session.facts.contactor_sensed_at_s - session.wish_since_s  # since when the wish could be seen
        is_welded = bool(session.facts.contactor_closed) and not session.wishes_closed
        is_welded = is_welded and session.facts.contactor_sensed_at_s - session.open_since_s >= self.patience.open_s
        if is_welded or (session.watch.flows_though_open and not session.is_welded):
            # Whatever else is wrong: an emergency stop needs the safety relay most.
            reading = session.weld_reading if session.is_welded else session.facts.meter
            self._change(is_welded=True, weld_reading=reading)
        if code is not None and RULE_OF[code].latches:
            return code
        if is_welded and session.state is not State.CLOSING:  # CLOSING waits for the safety relay to open it
            return FaultCode.CONTACTOR_WELDED
        # A board that switches opens as soon as the vehicle pauses or leaves, and tells both in one look: the wish
        # follows in this very turn, and nothing is broken.
        pilot = session.facts.pilot
        is_wished = session.wishes_closed and (pilot is None or pilot.asks_for_energy)
        is_stuck = session.facts.contactor_closed is False and is_wished
        if is_stuck and seen_for_s >= self.patience.close_s and energy.feedback_is_fresh(session):
            return FaultCode.CONTACTOR_DROPPED if session.was_seen_closed else FaultCode.CONTACTOR_STUCK_OPEN
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
        if RULE_OF[code].latches and self.session.interrupted is not None:
            self._goes_not_on(Verdict.LATCHED_FAULT)

    # ---- moving and recording --------------------------------------------------------------------------------------

    def _begin(self, transaction: Transaction, trigger: TriggerReason) -> None:
        kept, offer = self.session.reservation, transaction.offer
        if kept is not None and not kept.is_for_phone and offer.tariff.bills_reservation:
            transaction = replace(transaction, offer=replace(offer, reserved_ms=kept.kept_ms(self.now.s)))
        plugged = self.session.is_plugged
        self._change(transaction=transaction, was_plugged=plugged, wrong_codes=0, receipt=None, receipt_at=None)
        self._change(parking_is_free=False, interrupted=None, restart_verdict=None)
        self._change(reservation=None, code_locked_until_s=LONG_AGO_S)
        self._move(State.PREPARING, self.patience.plug_in_s)
        self._record(EventType.STARTED, trigger)
        self.session = limits.begun(self.session, self.now, self.evse, self.patience)

    def _new(self, ids: Ids, masked: str, authority: Authority, offer: TariffOffer, offline: bool) -> Transaction:
        evse = self.evse
        return Transaction(ids, authority, offer, masked, offline, evse.evse_id, evse.connector_id, started=self.now)

    def _close(self, reason: StoppedReason, ramp: bool) -> None:
        t = self.session.running
        t = replace(t, stopped_reason=t.stopped_reason or reason, closed_ms=t.elapsed_ms(self.now))
        self._change(transaction=t, ramp_until_s=self.now.s + self.patience.ramp_s if ramp else LONG_AGO_S)
        self._move(State.CLOSING, self.patience.end_s + (self.patience.ramp_s if ramp else 0.0))

    def _end(self, is_final: bool) -> None:
        t = self.session.running
        self._record(EventType.ENDED, recording.end_trigger(t.stopped_reason), is_final)
        t = self.session.running
        cost_nothing = t.energy_wh == 0 and t.owed_minor_with(t.samples[-1]) == 0
        nothing_to_show = t.is_recovered or cost_nothing
        if not is_final and self.patience.correct_within_s > 0:
            self._change(unread=corrections.unread(self.session, self.now, self.evse, self.patience))
        left = restart.interrupted(t, is_final, self.now) if t.is_recovered else None
        self._change(
            interrupted=left if isinstance(left, Interrupted) else None,
            restart_verdict=left if isinstance(left, Verdict) else None,
        )
        self._change(
            transaction=None,
            held_for=t.authority if self.session.is_plugged else None,
            held_code=t.ids.stop_code if self.session.is_plugged else "",
            receipt=None if nothing_to_show else t,
            receipt_at=None if nothing_to_show else self.now,
        )

    def _record(self, event_type: EventType, trigger: TriggerReason, is_final: bool | None = None) -> None:
        transaction, event = recording.recorded(self.session, self.now, self.patience, event_type, trigger, is_final)
        self._change(transaction=transaction)
        self.messages.append(Record(event))

    def _read_when_due(self) -> None:
        if not self.session.facts.meter_is_fresh:
            return
        if self.now.s >= self.session.running.reading_due_s:
            self._record(EventType.UPDATED, recording.reading_trigger(self.now))
        elif recording.passes_a_limit(self.session, self.now):
            self._record(EventType.UPDATED, TriggerReason.METER_VALUE_PERIODIC)

    # ---- small words -----------------------------------------------------------------------------------------------

    def _change(self, **fields: object) -> None:
        session = self.session
        for name, value in fields.items():
            if getattr(session, name) is not value:
                self.session = replace(session, **fields)
                break

    def _move(self, to: State, patience_s: float = NEVER_S) -> None:
        assert to in MOVES[self.session.state], f"{self.session.state} → {to} is no move"
        self._change(state=to, since_s=self.now.s, deadline_s=self.now.s + patience_s)
        if to in (State.IDLE, State.OUT_OF_SERVICE):
            self._change(asked=None, ramp_until_s=LONG_AGO_S)

    def _note_wish(self) -> None:
        """Remember since when the contactor's level has been wanted (feedback must be younger), and what is offered."""
        wants = energy.wants(self.session, self.now.s, self.evse, self.patience)
        if wants.offered_a != self.session.offered.now_a:
            follow_s = self.evse.protection.follow_s
            self._change(offered=self.session.offered.told(wants.offered_a, self.now.s, follow_s))
        if wants.contactor_closed != self.session.wishes_closed:
            self._change(wishes_closed=wants.contactor_closed, wish_since_s=self.now.s, was_seen_closed=False)
            if wants.contactor_closed:
                self._change(opened_at_s=None)


def step(
    session: Session, event: events.Event, now: Now, evse: EvseSettings, patience: Patience
) -> tuple[Session, list[Message | Notified]]:
    """One event through one session."""
    turn = Turn(session, now, evse, patience)
    turn.take(event)
    turn.settle()
    return turn.session, turn.messages


def _unanswered(session: Session) -> NoticeCode:
    """Nobody has decided about the token in time."""
    is_payment = session.asked is not None and session.asked.token.kind is TokenKind.DIRECT_PAYMENT
    return NoticeCode.PAYMENT_NO_ANSWER if is_payment else NoticeCode.NO_ANSWER
