"""The loop: sense → decide → release → record → engage → publish.

Law:
- Less never waits: `_release` runs before anything is written, on every beat, for every output that should be off.
- More always asks: `_engage` needs the transaction's Started on disk and the interlock's consent.
- The beat is synchronous and never blocks. What takes time (disk, server) happens elsewhere and comes back as an
  event in the inbox; at most one write is in flight, and a failed one is tried again with a growing pause.
- The heartbeat is given only at the end of a whole beat, so a stuck loop lets the safety relay drop.

The same class runs on the Pi, with real drivers and a writer thread, and in a simulated world in virtual time.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from contract.api import AuthorizeAnswer, AuthorizeRequest, CommandStatus, RowKind
from contract.changeable import problem
from contract.codec import to_bytes
from contract.commands import Command, CommandKind, read_command
from contract.identity import TokenKind
from contract.list_change import WrongBase
from contract.metering import MeterReading
from contract.records import AskStep, AuditRecord, AuthorizationRecord, StatusRecord
from contract.tokens import ForgedText
from contract.transaction import EventType, TransactionEvent, token_hash
from kiosk import authority, interlock
from kiosk.commands import CommandBook, outcome_of
from kiosk.controller.ports import Entry, Found, Identity, Notes, Recorder, Uplink, Write
from kiosk.controller.told import complaint, devices_told, readers_told
from kiosk.doorman import Doorman
from kiosk.sensing import Disk, Parts, Senses
from kiosk.session import events, memory, overrides
from kiosk.session.events import Answered, Ask, Audited, Ids, Message, Now, Record
from kiosk.session.facts import NOTHING_KNOWN, Facts
from kiosk.session.faults import FaultCode
from kiosk.session.kiosk import Kiosk, new_kiosk, step
from kiosk.session.leftovers import Verdict
from kiosk.session.session import NEVER_S
from kiosk.session.settings import KioskSettings
from kiosk.session.snapshot import DeviceView, NoticeCode, ReaderView, Snapshot
from kiosk.session.view import About, snapshot
from kiosk.session.wants import SAFE, Wants

log = logging.getLogger("kiosk.controller")

DOCUMENT_LIST = "authorization_list"  # the journal document that keeps the newest signed list
DOCUMENT_DRAWN = "drawn_offline"  # JSON: account → minor units
DOCUMENT_DOUBT = "vouchers_in_doubt"  # "yes" after a damaged journal, "no" once the server was reached
DOCUMENT_OVERRIDES = "overrides"  # JSON: key → value, what the server has changed of the settings
DOCUMENT_MEMORY = "memory"  # JSON: kiosk.session.memory.Memories
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0  # between writes that fail
INBOX_LIMIT = 256
MOST_UNWRITTEN = 1_000  # rows that wait for the disk; beyond it only transactions are added
MOST_CHANGES = 20  # on a full list; each is read again at every start


@dataclass(slots=True)
class _PendingAsk:
    ask: Ask
    is_durable: bool = False
    was_sent: bool = False
    answer_by_s: float = float("inf")


@dataclass(slots=True)
class _Outgoing:
    """What waits to be written, and what follows once it is."""

    entries: list[Entry] = field(default_factory=list)
    spends: list[tuple[str, str]] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    then: list[Message] = field(default_factory=list)

    def is_empty(self) -> bool:
        return not self.entries and not self.documents


class Controller:
    """One kiosk's loop. Single-threaded: every public method is called from the loop's thread."""

    def __init__(
        self,
        settings: KioskSettings,
        identity: Identity,
        parts: Parts,
        knowledge: authority.Knowledge,
        recorder: Recorder,
        uplink: Uplink,
        mint: Callable[[], Ids],
        found: Found,
        now: Now,
    ) -> None:
        self._identity, self._parts, self._recorder, self._uplink = identity, parts, recorder, uplink
        self._mint = mint
        self.knowledge = knowledge
        resumed = memory.recalled(
            found.open_transactions,
            found.memories,
            now,
            settings.patience,
            mint,
            lambda word, is_offline: authority.still_holds(knowledge, word, is_offline),
        )
        self._file_settings = settings
        self._overrides = dict(found.overrides)
        self.kiosk: Kiosk = new_kiosk(overrides.applied(settings, self._overrides), resumed)
        self._doorman = Doorman()
        self._is_told_full = False
        self._memories = found.memories  # as they stand on disk, or are on their way there
        self._inbox: deque[events.Event] = deque()
        self._durable: set[str] = set()  # transactions whose Started is on disk: the interlock's own memory
        self._asks: dict[str, _PendingAsk] = {}
        self._offline_accounts: dict[str, str] = {}  # running transactions on the own list's word → account
        for story in found.open_transactions:
            self._note_drawn(story[0])
        self._outgoing = _Outgoing()
        self._in_flight: _Outgoing | None = None
        self._retry_at_s, self._retry_pause_s = 0.0, FIRST_RETRY_S
        self._unwritten_since_s: float | None = None  # when the disk was first asked for what it has not taken yet
        self._commands = CommandBook(found.answers)
        self._audits: list[Audited] = []  # written with the next beat, as verdicts are
        self._verdicts: list[Answered] = []  # on commands the core need not see; written with the next beat
        self._objections: dict[int, str] = {}
        self._statuses: dict[int, tuple[str, FaultCode | None]] = {}
        self._facts: dict[int, Facts] = {}
        self._senses = Senses(parts, settings.patience)
        self._site_reading: MeterReading | None = None  # None: stale, or there is no site meter
        self._offered: dict[int, int] = {}  # as last told to the boards: the interlock's own memory
        self.last_error = ""  # of the disk, for `kiosk why`
        self._disk_hangs = False
        self.rate = 1.0  # kiosk seconds in one of the server's; more only in demos
        self.notes = Notes()
        if knowledge.authorizations is not None:
            self._inbox.append(_published(knowledge))
        for transaction_id in found.asked:
            self._disclaim(transaction_id, now)

    # ---- what others bring -----------------------------------------------------------------------------------------

    def post(self, event: events.Event) -> bool:
        """Put an intent or event into the inbox; False where the inbox is full and it was dropped."""
        if len(self._inbox) >= INBOX_LIMIT:
            log.warning("inbox full: %s dropped", type(event).__name__)
            return False
        if isinstance(event, events.ConnectorChosen):
            event = replace(event, ids=self._mint())
        self._inbox.append(event)
        return True

    def has_news(self) -> bool:
        return bool(self._inbox or self._verdicts or self._audits)

    def answered(self, answer: AuthorizeAnswer, now: Now) -> None:
        """The server's answer to an Ask; one that comes too late finds nobody waiting and is ignored."""
        pending = self._asks.get(answer.transaction_id)
        if pending is not None:
            verdict = authority.read_answer(pending.ask, answer)
            refused_here = authority.precheck(self.knowledge, pending.ask, now.wall)
            self.post(refused_here or verdict)

    def take_list(self, text: str) -> None:
        """A signed list from the server. Raises ForgedText; the old list then stands."""
        try:
            self.adopt(self.knowledge.with_list(text))
        except WrongBase as error:
            self.want_full_list(str(error))

    def want_full_list(self, why: str) -> None:
        """A change did not apply here, or changes have become many."""
        log.info("the full list is asked for: %s", why)
        self._uplink.refresh_list(0)

    def adopt(self, read: authority.Knowledge) -> None:
        """Put a list in force that was read elsewhere, as a long one takes a thread; only its list part is taken.

        What it blocks that was not blocked before ends where it charges, is logged, and stands in the journal.
        """
        lost = read.blocked - self.knowledge.blocked
        if lost and self.knowledge.authorizations is not None and read.authorizations is not None:
            what = f"list version {read.authorizations.version}: {len(lost)} tokens blocked"
            log.warning("%s", what)
            self._audits.append(Audited("list", what, None))
        if lost:
            self.post(events.TokensBlocked(lost))
        if read.list_changes >= MOST_CHANGES:
            self.want_full_list(f"{read.list_changes} changes stand on the last one")
        self.knowledge = replace(
            self.knowledge,
            authorizations=read.authorizations,
            cards=read.cards,
            blocked=read.blocked,
            list_text=read.list_text,
        )
        self._outgoing.documents[DOCUMENT_LIST] = read.list_text
        self.post(_published(self.knowledge))
        for session in self.kiosk.sessions:
            t = session.transaction
            left = session.interrupted or (t if t is not None and t.goes_on_as is not None else None)
            if left is not None and not authority.still_holds(self.knowledge, left.authority, left.is_offline):
                self.post(events.RestartForbidden(session.evse_id, Verdict.TOKEN_BLOCKED.value))

    def list_version(self) -> int:
        known = self.knowledge.authorizations
        return 0 if known is None else known.version

    def take_command(self, text: str) -> None:
        """A signed command of the server, as it came; what nobody known has signed is logged and forgotten."""
        try:
            command = read_command(text, self.knowledge.server_keys, self.knowledge.kiosk_id)
        except ForgedText as error:
            log.error("command refused: %s", error)
            return
        self.commanded(command)

    def commanded(self, command: Command) -> None:
        """A command whose signature is good: idempotent by id, answered once decided and written down."""
        if (known := self._commands.answer_to(command.command_id)) is not None:
            self._uplink.answer(known)
            return
        if self._commands.is_undecided(command.command_id):
            return
        log.info("command %s %s", command.kind, command.command_id)
        if not self._has_room():
            return  # it comes again, and by then the disk may take its answer
        self._commands.take(command.command_id)
        outcome: events.Event | Answered = outcome_of(command, self._mint)
        if isinstance(outcome, events.ReserveCommanded):
            outcome = replace(outcome, hold_s=outcome.hold_s * self.rate)
        if command.kind is CommandKind.UPDATE_LIST and command.left_s > 0:
            self._uplink.refresh_list(self.list_version())
            outcome = Answered(command.command_id, CommandStatus.ACCEPTED)
        if command.kind is CommandKind.SET_CONFIG and command.settings is not None and command.left_s > 0:
            outcome = self._set_config(command.command_id, command.settings)
        if not isinstance(outcome, Answered) and not self.post(outcome):
            outcome = Answered(command.command_id, CommandStatus.REJECTED, "kiosk is busy")
        if isinstance(outcome, Answered):
            self._verdicts.append(outcome)

    def _set_config(self, command_id: str, update: Mapping[str, str]) -> Answered:
        """All of it or nothing; written down beside the answer, and in force with the next beat."""
        if why := problem(update):
            return Answered(command_id, CommandStatus.REJECTED, why)
        self._overrides = overrides.merged(self._overrides, update)
        self._outgoing.documents[DOCUMENT_OVERRIDES] = json.dumps(self._overrides)
        told = ", ".join(f"{key}={value}" if value else f"{key} as in the file" for key, value in update.items())
        log.info("settings by the server: %s", told)
        self._audits.append(Audited("server", f"settings: {told}", None))
        self.post(events.SettingsChanged(overrides.applied(self._file_settings, self._overrides)))
        return Answered(command_id, CommandStatus.ACCEPTED)

    # ---- the beat ----------------------------------------------------------------------------------------------------

    def beat(self, now: Now) -> float:
        """One whole turn of the loop; returns when (monotonic seconds) the next one is due at the latest."""
        self._sense(now)
        self._decide(now)
        wants = self.kiosk.wants(now.s)
        self._release(wants)
        self._record(now)
        self._engage(wants)
        if self._parts.heartbeat is not None and all(want.heartbeat for want in wants.values()):
            self._parts.heartbeat.beat()
        return self._next_beat_s(now)

    def safety_inputs_changed(self) -> bool:
        """A quick look at what must be answered within milliseconds, for a loop that polls it every ≤ 5 ms."""
        return self._senses.safety_has_changed()

    def snapshot(self, now: Now, codes_at: datetime | None = None) -> Snapshot:
        """`codes_at`: the moment for the codes for phones, where kiosk time does not run as the server's."""
        return snapshot(self.kiosk, now, self._about(codes_at))

    # ---- sense -------------------------------------------------------------------------------------------------------

    def _sense(self, now: Now) -> None:
        since_s = self._unwritten_since_s
        has_given_up = since_s is not None and now.s >= since_s + self.kiosk.settings.patience.record_s
        self._disk_hangs = has_given_up and not self.last_error
        self._facts = self._senses.look(now.s, Disk(bool(self.last_error) or has_given_up, has_given_up))
        self._site_reading = self._senses.site(now.s)
        self._inbox.appendleft(events.Sensed(dict(self._facts), self._site_reading))
        for _, reader in self._parts.readers:
            for token in reader.take():
                if not self._has_room() or self._doorman.turns_away(token, now, self.knowledge):
                    self.post(events.TokenSlowed())
                    continue
                entry = self.knowledge.entry(token)
                account, group = (entry.account_id, entry.group_id) if entry is not None else (None, None)
                self.post(events.IdTokenPresented(token, self._mint(), account, group))

    # ---- decide ------------------------------------------------------------------------------------------------------

    def _decide(self, now: Now) -> None:
        soon: list[Message] = [*self._verdicts, *self._audits]
        for message in soon:
            self._note(message, now)
        self._verdicts.clear()
        self._audits.clear()
        while self._inbox:
            event = self._inbox.popleft()
            if isinstance(event, events.Authorized) and event.authority.voucher_id in self.knowledge.spent_vouchers:
                # Two connectors asked for one voucher and both answers came in one beat: the first has it.
                event = events.Refused(event.transaction_id, NoticeCode.SPENT_VOUCHER)
            self._step(event, now)
        if self.knowledge.vouchers_in_doubt and self._uplink.is_online():
            self.knowledge = replace(self.knowledge, vouchers_in_doubt=False)
            self._outgoing.documents[DOCUMENT_DOUBT] = "no"
        self._forget_drawn()
        self._decide_asks(now)

    def _has_room(self) -> bool:
        """Whether strangers may still add to what waits for the disk."""
        waiting = len(self._outgoing.entries) + (len(self._in_flight.entries) if self._in_flight is not None else 0)
        if waiting < MOST_UNWRITTEN:
            self._is_told_full = False
            return True
        if not self._is_told_full:
            log.error("journal: %d rows wait for the disk; only transactions are added", waiting)
            self._is_told_full = True
        return False

    def _add(self, kind: RowKind, body: bytes) -> bool:
        """A row that is no transaction's; False where there is no room. A transaction's is never turned away."""
        if not self._has_room():
            return False
        self._outgoing.entries.append(Entry(kind, body))
        return True

    def _step(self, event: events.Event, now: Now) -> None:
        if isinstance(event, events.ResetPressed):
            session = self.kiosk.session(event.evse_id)
            if session is not None and session.fault is FaultCode.METER_IMPLAUSIBLE:
                self._senses.believe_register(event.evse_id)
        for told in self._doorman.heard(event, self.kiosk, now):
            log.warning("%s: %s", told.by, told.what)
            self._note(told, now)
        self.kiosk, messages = step(self.kiosk, event, now)
        for message in messages:
            self._note(message, now)

    def _note(self, message: Message, now: Now) -> None:
        """Turn a message into what must be written, and remember what follows once it is."""
        out = self._outgoing
        match message:
            case Record(event):
                may_wait = event.event_type is EventType.UPDATED
                out.entries.append(Entry(RowKind.TRANSACTION, to_bytes(event), may_wait))
                if event.authority is not None and (voucher_id := event.authority.voucher_id) is not None:
                    out.spends.append((voucher_id, event.order_id))
                    self.knowledge = self.knowledge.with_spent([voucher_id])
                self._note_drawn(event)
                out.then.append(message)
            case Ask(ids, evse_id, token):
                self._asks[ids.transaction_id] = _PendingAsk(message)
                record = AuthorizationRecord(
                    AskStep.ASKED,
                    ids.transaction_id,
                    now.moment,
                    evse_id,
                    ids.order_id,
                    ids.receipt_id,
                    token.kind,
                    token_hash(token.kind, token.value),
                )
                if self._add(RowKind.AUTHORIZATION, to_bytes(record)):
                    out.then.append(message)  # else it is never sent, and nobody waits longer than its patience
            case Audited(by, what, evse_id):
                self._add(RowKind.AUDIT, to_bytes(AuditRecord(by, what, now.moment, evse_id)))
            case Answered(command_id, status, reason, transaction_id):
                what = f"command {status.value}"
                record_of = AuditRecord("server", what, now.moment, None, command_id, reason or None, transaction_id)
                out.entries.append(Entry(RowKind.AUDIT, to_bytes(record_of)))
                out.then.append(message)

    def _note_drawn(self, event: TransactionEvent) -> None:
        """What was used on the own list's word alone lessens that account's credit, in the same commit as Ended."""
        word = event.authority
        if word is not None and event.offline and word.voucher_id is None:
            self._offline_accounts[event.transaction_id] = word.account_id
        account_id = self._offline_accounts.get(event.transaction_id)
        if event.total_incl_vat_minor is not None and account_id is not None:
            del self._offline_accounts[event.transaction_id]
            self.knowledge = self.knowledge.with_drawn(account_id, event.total_incl_vat_minor)
            self._outgoing.documents[DOCUMENT_DRAWN] = json.dumps(self.knowledge.drawn_minor)

    def _forget_drawn(self) -> None:
        """Once the server has every row, it knows what was used, and the next list has its word on it."""
        if self.knowledge.drawn_minor and self._uplink.is_online() and self._recorder.waiting() == 0:
            self.knowledge = replace(self.knowledge, drawn_minor={})
            self._outgoing.documents[DOCUMENT_DRAWN] = "{}"

    def _decide_asks(self, now: Now) -> None:
        """Send durable Asks to the server, decide alone where it does not answer, give up those nobody waits for."""
        for transaction_id, pending in list(self._asks.items()):
            session = self.kiosk.session(pending.ask.evse_id)
            assert session is not None
            if session.asked is not pending.ask:
                self._asks.pop(transaction_id)
                started = session.transaction is not None and session.transaction.ids.transaction_id == transaction_id
                if not started and transaction_id not in self._durable:
                    self._disclaim(transaction_id, now)
            elif session.transaction is not None:
                self._asks.pop(transaction_id)
            elif pending.is_durable and not pending.was_sent:
                self._send_or_decide(pending, now)
            elif pending.was_sent and (now.s >= pending.answer_by_s or not self._uplink.is_online()):
                self._decide_alone(pending, now)

    def _send_or_decide(self, pending: _PendingAsk, now: Now) -> None:
        refused = authority.precheck(self.knowledge, pending.ask, now.wall)
        if refused is not None:
            self._step(refused, now)
        elif self._uplink.is_online():
            ids, token = pending.ask.ids, pending.ask.token
            pending.was_sent = True
            patience = self.kiosk.settings.patience
            is_payment = token.kind is TokenKind.DIRECT_PAYMENT
            pending.answer_by_s = now.s + (patience.payment_s if is_payment else patience.answer_s)
            self._uplink.ask(
                AuthorizeRequest(
                    ids.transaction_id, ids.order_id, ids.receipt_id, pending.ask.evse_id, token.kind, token.value
                )
            )
        else:
            self._decide_alone(pending, now)

    def _decide_alone(self, pending: _PendingAsk, now: Now) -> None:
        was_sent, pending.was_sent, pending.answer_by_s = pending.was_sent, True, float("inf")
        in_use = {s.transaction.authority.account_id for s in self.kiosk.sessions if s.transaction is not None}
        others = (s for s in self.kiosk.sessions if s.evse_id != pending.ask.evse_id)
        in_use |= {s.interrupted.authority.account_id for s in others if s.interrupted is not None}  # may go on yet
        self._step(authority.decide(self.knowledge, pending.ask, now.wall, frozenset(in_use), was_sent), now)

    # ---- release, record, engage -----------------------------------------------------------------------------------

    def _release(self, wants: dict[int, Wants]) -> None:
        """What should be off goes off now, before any disk is touched."""
        for evse_id, want in wants.items():
            parts = self._parts.evses[evse_id]
            if not want.contactor_closed:
                parts.contactor.command(False)
            if want.offered_a == 0 or want.offered_a < self._offered.get(evse_id, 0):
                self._offer(evse_id, want.offered_a)
            facts = self._facts.get(evse_id, NOTHING_KNOWN)
            if parts.lock is not None and not want.locked and interlock.may_unlock(facts):
                parts.lock.command(False)

    def _record(self, now: Now) -> None:
        """Hand what became true to the journal, one write in flight."""
        self._note_statuses(now)
        self._note_memories()
        if self._in_flight is not None or self._outgoing.is_empty() or now.s < self._retry_at_s:
            return
        batch, self._outgoing = self._outgoing, _Outgoing()
        self._in_flight = batch
        if self._unwritten_since_s is None:
            self._unwritten_since_s = now.s
        documents = tuple(batch.documents.items())
        write = Write(tuple(batch.entries), tuple(batch.spends), documents)
        self._recorder.write(write, lambda error: self._written(batch, error, now.s))

    def _written(self, batch: _Outgoing, error: Exception | None, since_s: float) -> None:
        """The journal's word about one write. A failed one goes back to the front of the queue."""
        self._in_flight = None
        if error is not None:
            log.error("journal: %s; %d rows wait for the next try", error, len(batch.entries))
            self.last_error = str(error)
            later = self._outgoing
            self._outgoing = _Outgoing(
                batch.entries + later.entries,
                batch.spends + later.spends,
                batch.documents | later.documents,
                batch.then + later.then,
            )
            self._retry_at_s = since_s + self._retry_pause_s
            self._retry_pause_s = min(LONGEST_RETRY_S, self._retry_pause_s * 2)
            self._inbox.append(events.Ticked())
            return
        if not self._outgoing.is_empty() or any(facts.journal_fails for facts in self._facts.values()):
            self._inbox.append(events.Ticked())
        self._retry_pause_s, self.last_error, self._unwritten_since_s = FIRST_RETRY_S, "", None
        for message in batch.then:
            if isinstance(message, Record):
                self._recorded(message.event)
            elif isinstance(message, Ask) and (pending := self._asks.get(message.ids.transaction_id)) is not None:
                pending.is_durable = True
                self._inbox.append(events.Ticked())
            elif isinstance(message, Answered):
                self._uplink.answer(self._commands.decided(message))

    def _recorded(self, event: TransactionEvent) -> None:
        """Started and Ended are what somebody waits for; a reading on disk changes nothing."""
        if event.event_type is EventType.STARTED:
            self._durable.add(event.transaction_id)
        elif event.event_type is EventType.ENDED:
            self._durable.discard(event.transaction_id)
        if event.event_type is not EventType.UPDATED:
            self._inbox.append(events.Recorded(event.transaction_id, event.seq_no))

    def _engage(self, wants: dict[int, Wants]) -> None:
        """What may be on goes on, if the interlock agrees."""
        self._objections.clear()
        for evse_id, want in wants.items():
            if want == SAFE:
                continue
            parts, session = self._parts.evses[evse_id], self.kiosk.session(evse_id)
            assert session is not None
            t, facts = session.transaction, self._facts.get(evse_id, NOTHING_KNOWN)
            is_on_disk = t is not None and t.ids.transaction_id in self._durable
            why = interlock.objection(want, facts, is_on_disk)
            if why is not None:
                self._objections[evse_id] = why
                parts.contactor.command(False)
                self._offer(evse_id, 0)
            if parts.lock is not None and want.locked:
                parts.lock.command(True)
            allowed = interlock.allowed(want, facts, is_on_disk)
            if allowed.offered_a and self._may_raise(evse_id, allowed.offered_a):
                self._offer(evse_id, allowed.offered_a)
            if allowed.contactor_closed:
                parts.contactor.command(True)

    def _offer(self, evse_id: int, amps: int) -> None:
        self._offered[evse_id] = amps
        self._parts.evses[evse_id].pilot.offer(amps)

    def _may_raise(self, evse_id: int, amps: int) -> bool:
        """Less needs no consent; more only as far as the site allows. A refused offer stays what it was."""
        if amps <= self._offered.get(evse_id, 0):
            return True
        offers = self._offered | {evse_id: amps}
        if interlock.exceeds_site(offers, self._facts, self.kiosk.settings, self._site_reading is not None):
            self._objections[evse_id] = "over_site_limit"
            return False
        return True

    # ---- the rest --------------------------------------------------------------------------------------------------

    def _next_beat_s(self, now: Now) -> float:
        due = [self.kiosk.next_deadline_s(now.s)]
        if self.has_news():
            due.append(now.s)
        if not self._outgoing.is_empty() and self._in_flight is None:
            due.append(max(now.s, self._retry_at_s))
        if (since_s := self._unwritten_since_s) is not None:
            given_up_at_s = since_s + self.kiosk.settings.patience.record_s
            due.append(given_up_at_s if given_up_at_s > now.s else NEVER_S)
        due.extend(pending.answer_by_s for pending in self._asks.values() if pending.answer_by_s > now.s)
        return min(due)

    def _note_statuses(self, now: Now) -> None:
        """A status row whenever an EVSE goes out of service or comes back."""
        for session in self.kiosk.sessions:
            status = ("Faulted" if session.fault is not None else "Available", session.fault)
            if self._statuses.get(session.evse_id) != status:
                is_first = session.evse_id not in self._statuses
                self._statuses[session.evse_id] = status
                if is_first:
                    continue
                fault = session.fault.value if session.fault is not None else None
                record = StatusRecord(session.evse_id, status[0], now.moment, fault)
                self._add(RowKind.STATUS, to_bytes(record))
                log.info("evse %d: %s %s", session.evse_id, status[0], fault or "")

    def _note_memories(self) -> None:
        memories = memory.remembered(self.kiosk)
        if memories != self._memories:
            self._memories = memories
            self._outgoing.documents[DOCUMENT_MEMORY] = memory.to_text(memories)

    def _disclaim(self, transaction_id: str, now: Now) -> None:
        record = AuthorizationRecord(AskStep.DISCLAIMED, transaction_id, now.moment)
        self._add(RowKind.AUTHORIZATION, to_bytes(record))  # without room: a start disclaims it once more
        self._uplink.disclaim((transaction_id,))

    def views(self) -> tuple[tuple[ReaderView, ...], tuple[DeviceView, ...]]:
        """Readers and devices with their health."""
        return readers_told(self._parts), tuple(devices_told(self._parts, self._disk_note(), self.notes))

    def _about(self, codes_at: datetime | None) -> About:
        (readers, devices), disk_note = self.views(), self._disk_note()
        return About(
            kiosk_id=self.knowledge.kiosk_id,
            place=self._identity.place,
            operator=self._identity.operator,
            helpline=self._overrides.get("kiosk.helpline", self._identity.helpline),
            address=self._identity.address,
            codes_at=codes_at,
            code_secret=None if (known := self.knowledge.authorizations) is None else known.code_secret,
            phones_are_taken=known is None or known.phone_payments is not False,  # older lists do not say
            time_zone=self._identity.time_zone,
            is_online=self._uplink.is_online(),
            outbox_rows=self._recorder.waiting(),
            readers=readers,
            devices=devices,
            overrides=tuple(f"{key}={value}" for key, value in self._overrides.items()),
            objections=dict(self._objections),
            fault_details={evse_id: complaint(self._parts, evse_id, disk_note) for evse_id in self._parts.evses},
            offline_because=self.notes.offline_because,
        )

    def _disk_note(self) -> str:
        """What is wrong with the disk now."""
        if self._disk_hangs:
            return f"a write has not come back for {self.kiosk.settings.patience.record_s:g} s: the disk hangs"
        return self.last_error


def _published(knowledge: authority.Knowledge) -> events.OffersChanged:
    return events.OffersChanged(knowledge.offers(), knowledge.offers_until, knowledge.later_offers)
