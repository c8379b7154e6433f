"""The kiosk as a whole: every session, and the front (what the screen's visitor has chosen and must be told)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from contract.api import CommandStatus
from contract.metering import MeterReading
from contract.tariff import TariffOffer
from contract.transaction import Authority, StoppedReason, TriggerReason, token_hash
from kiosk.session import events, taps
from kiosk.session.deadlines import next_deadline_s
from kiosk.session.energy import wants
from kiosk.session.events import Answered, Ids, IdTokenPresented, Message, Now
from kiosk.session.offers import Published
from kiosk.session.session import NEVER_S, Notified, Session
from kiosk.session.settings import EvseSettings, KioskSettings
from kiosk.session.sharing import shared
from kiosk.session.site import Site
from kiosk.session.snapshot import Notice, NoticeCode
from kiosk.session.states import State
from kiosk.session.turn import Turn
from kiosk.session.wants import Wants

_Act = Callable[[Turn], None]


@dataclass(frozen=True, slots=True)
class Front:
    """What whoever stands at the screen has done so far. Each part ends by itself."""

    chosen_evse: int | None = None
    chosen_until_s: float = NEVER_S
    waiting: IdTokenPresented | None = None
    waiting_until_s: float = NEVER_S
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Kiosk:
    """The whole core state. `sessions` stand in the order of the settings' EVSEs."""

    settings: KioskSettings
    sessions: tuple[Session, ...]
    front: Front = field(default_factory=Front)
    offers: dict[int, TariffOffer] = field(default_factory=dict)  # what is sold now, by evse_id
    published: Published = field(default_factory=Published)
    offers_until_s: float = NEVER_S
    site: Site | None = None  # None: no limit is shared
    site_reading: MeterReading | None = None

    def session(self, evse_id: int) -> Session | None:
        return next((s for s in self.sessions if s.evse_id == evse_id), None)

    def evse(self, evse_id: int) -> EvseSettings:
        return next(e for e in self.settings.evses if e.evse_id == evse_id)

    def wants(self, now_s: float) -> dict[int, Wants]:
        patience = self.settings.patience
        return {s.evse_id: wants(s, now_s, self.evse(s.evse_id), patience) for s in self.sessions}

    def next_deadline_s(self, now_s: float) -> float:
        """When the core wants to be stepped again, if nothing happens before; simulations jump there."""
        front = self.front
        due = [front.chosen_until_s, front.waiting_until_s, self.offers_until_s]
        if front.notice is not None:
            due.append(front.notice.until_s)
        if self.site is not None:
            due.append(self.site.next_s)
        patience = self.settings.patience
        due.extend(next_deadline_s(s, now_s, self.evse(s.evse_id), patience) for s in self.sessions)
        return min((at for at in due if at > now_s), default=NEVER_S)


def new_kiosk(settings: KioskSettings, resumed: tuple[Session, ...] = ()) -> Kiosk:
    """A kiosk at boot; `resumed` are the sessions whose transactions were found open on disk."""
    found = {session.evse_id: session for session in resumed}
    sessions = tuple(found.get(e.evse_id, Session(e.evse_id)) for e in settings.evses)
    return Kiosk(settings, sessions, site=None if settings.site is None else Site(settings.site))


def step(kiosk: Kiosk, event: events.Event, now: Now) -> tuple[Kiosk, list[Message]]:
    """One event through the kiosk: the next state, and the messages in the order they became true."""
    turn = _KioskTurn(kiosk, now)
    turn.offer()
    turn.take(event)
    if isinstance(event, events.OffersChanged):
        turn.offer()
    turn.share()
    turn.expire()
    return turn.kiosk, turn.messages


class _KioskTurn:
    def __init__(self, kiosk: Kiosk, now: Now) -> None:
        self.kiosk = kiosk
        self.now = now
        self.messages: list[Message] = []

    def take(self, event: events.Event) -> None:
        match event:
            case events.IdTokenPresented():
                self._route(event, self.kiosk.front.chosen_evse)
            case events.ConnectorChosen(evse_id, ids):
                self._chosen(evse_id, ids)
            case events.CodeUnreadable():
                self._notify(NoticeCode.UNREADABLE_CODE, None)
            case events.NoticeDismissed():
                self._front(notice=None)
            case events.Sensed():
                self._sensed(event)
            case events.OffersChanged(offers, valid_until):
                self.kiosk = replace(self.kiosk, published=Published(dict(offers), valid_until))
            case events.StopCommanded():
                self._stop_commanded(event)
            case events.StopPressed(evse_id) if not self.kiosk.settings.stop_with_code:
                self._notify(NoticeCode.NOT_YOUR_SESSION, evse_id)
            case (
                events.StopPressed(evse_id)
                | events.CancelPressed(evse_id)
                | events.LimitChosen(evse_id)
                | events.ReceiptDismissed(evse_id)
                | events.ResetPressed(evse_id)
                | events.RestartForbidden(evse_id)
            ):
                self._step_one(evse_id, event)
            case events.StartCommanded(command_id, evse_id):
                if self.kiosk.session(evse_id) is None:
                    self._reject(command_id, f"no EVSE {evse_id}")
                self._step_one(evse_id, event)
            case _:
                for session in self.kiosk.sessions:
                    self._step_one(session.evse_id, event)

    def offer(self) -> None:
        """What is sold depends on the clock's quality and on how long the prices are promised."""
        published = self.kiosk.published
        until_s = published.ends_s(self.now)
        if abs(until_s - self.kiosk.offers_until_s) > 1e-3:  # not for the last digits of a float
            self.kiosk = replace(self.kiosk, offers_until_s=until_s)
        sold = published.sold(self.now)
        if sold != self.kiosk.offers:
            self.kiosk = replace(self.kiosk, offers=sold)

    def share(self) -> None:
        """The site's limit goes over whatever the event has changed."""
        kiosk = self.kiosk
        if kiosk.site is None:
            return
        site, sessions = shared(kiosk.site, kiosk.sessions, kiosk.settings, kiosk.site_reading, self.now.s)
        changed = [new.evse_id for old, new in zip(kiosk.sessions, sessions, strict=True) if new is not old]
        self.kiosk = replace(kiosk, site=site, sessions=sessions)
        for evse_id in changed:
            self._turn_one(evse_id, lambda turn: None)  # a share is a fact: the session settles on it

    def expire(self) -> None:
        """What nobody came back for goes by itself."""
        front, now_s = self.kiosk.front, self.now.s
        if front.chosen_evse is not None and now_s >= front.chosen_until_s:
            self._front(chosen_evse=None, chosen_until_s=NEVER_S)
        if front.waiting is not None and now_s >= front.waiting_until_s:
            self._front(waiting=None, waiting_until_s=NEVER_S)
        if front.notice is not None and now_s >= front.notice.until_s:
            self._front(notice=None)

    def _sensed(self, event: events.Sensed) -> None:
        if self.kiosk.site is not None:
            ignoring = self.kiosk.site.ignoring
            facts = {e: replace(f, ignores_offer=True) if e in ignoring else f for e, f in event.facts.items()}
            event = replace(event, facts=facts)
            self.kiosk = replace(self.kiosk, site_reading=event.site)
        welded = {session.evse_id for session in self.kiosk.sessions if session.is_welded}
        if welded:
            facts = {e: replace(f, relay_dropped=True) if welded - {e} else f for e, f in event.facts.items()}
            event = replace(event, facts=facts)
        for session in self.kiosk.sessions:
            self._step_one(session.evse_id, event)

    # ---- taps and choices ------------------------------------------------------------------------------------------

    def _route(self, tap: IdTokenPresented, chosen: int | None) -> None:
        route = taps.route(self._situation(tap, chosen))
        match route.outcome:
            case taps.Outcome.START:
                assert route.evse_id is not None
                self._front(chosen_evse=None, waiting=None, notice=None)
                self._turn_one(route.evse_id, lambda turn: turn.ask(tap.token, tap.ids))
            case taps.Outcome.STOP:
                assert route.evse_id is not None
                self._front(chosen_evse=None, waiting=None, notice=None)
                self._turn_one(
                    route.evse_id, lambda turn: turn.stop(TriggerReason.STOP_AUTHORIZED, StoppedReason.LOCAL)
                )
            case taps.Outcome.CHOOSE:
                patience_s = self.kiosk.settings.patience.choose_s
                self._front(waiting=tap, waiting_until_s=self.now.s + patience_s)
                self._notify(NoticeCode.WHICH_CONNECTOR, None)
            case taps.Outcome.NOTICE:
                assert route.notice is not None
                self._front(waiting=None)
                self._notify(route.notice, route.evse_id)

    def _chosen(self, evse_id: int | None, ids: Ids | None) -> None:
        waiting = self.kiosk.front.waiting
        if evse_id is None:
            self._front(chosen_evse=None, waiting=None, notice=None)
            return
        session = self.kiosk.session(evse_id)
        if session is None:
            return
        if waiting is not None:
            self._route(waiting if ids is None else replace(waiting, ids=ids), evse_id)
        elif session.is_free and session.held_for is None and evse_id in self.kiosk.offers:
            patience_s = self.kiosk.settings.patience.choose_s
            self._front(chosen_evse=evse_id, chosen_until_s=self.now.s + patience_s, notice=None)
        elif session.state is State.OUT_OF_SERVICE or evse_id not in self.kiosk.offers:
            self._notify(NoticeCode.OUT_OF_SERVICE, evse_id)
        elif session.held_for is not None:
            patience_s = self.kiosk.settings.patience.choose_s  # the former customer may start again
            self._front(chosen_evse=evse_id, chosen_until_s=self.now.s + patience_s, notice=None)
        else:
            self._notify(NoticeCode.CONNECTOR_BUSY, evse_id)

    def _situation(self, tap: IdTokenPresented, chosen: int | None) -> taps.Situation:
        sessions, now_s = self.kiosk.sessions, self.now.s
        own = [s for s in sessions if owns(tap, s)]
        young_s = now_s - self.kiosk.settings.patience.bounce_s
        stoppable = [s for s in own if s.transaction and s.state in (State.PREPARING, State.DELIVERING)]
        too_young = [s.evse_id for s in stoppable if s.transaction and s.transaction.started.s > young_s]
        idle = [s for s in sessions if s.is_free and s.evse_id in self.kiosk.offers]
        own_ended = [s for s in idle if s.held_for is not None and _names(tap, s.held_for)]
        just_ended = [s.evse_id for s in own_ended if s.since_s > young_s]
        free = [s for s in idle if s.held_for is None or s in own_ended]
        return taps.Situation(
            own_stoppable=tuple(s.evse_id for s in stoppable if s.evse_id not in too_young),
            own_too_young=tuple(too_young),
            own_authorizing=tuple(s.evse_id for s in own if s.state is State.AUTHORIZING),
            own_closing=tuple(s.evse_id for s in own if s.state is State.CLOSING),
            own_just_ended=tuple(just_ended),
            own_parked=tuple(s.evse_id for s in own if s.state is State.PARKED),
            free=tuple(s.evse_id for s in free),
            free_plugged=tuple(s.evse_id for s in free if s.facts.pilot is not None and s.facts.pilot.is_connected),
            held=tuple(s.evse_id for s in idle if s not in free),
            out_of_service=tuple(
                s.evse_id
                for s in sessions
                if s.state is State.OUT_OF_SERVICE or (s.is_free and s.evse_id not in self.kiosk.offers)
            ),
            count=len(sessions),
            chosen=chosen,
        )

    def _stop_commanded(self, command: events.StopCommanded) -> None:
        """By EVSE (the technician) or by transaction (the server)."""
        for session in self.kiosk.sessions:
            t = session.transaction
            by_transaction = t is not None and t.ids.transaction_id == command.transaction_id
            if by_transaction or session.evse_id == command.evse_id:
                self._step_one(session.evse_id, command)
                return
        if command.command_id is not None:
            self._reject(command.command_id, "no such transaction runs here")

    # ---- stepping --------------------------------------------------------------------------------------------------

    def _step_one(self, evse_id: int, event: events.Event) -> None:
        self._turn_one(evse_id, lambda turn: turn.take(event))

    def _turn_one(self, evse_id: int, act: _Act) -> None:
        session = self.kiosk.session(evse_id)
        if session is None:
            return
        turn = Turn(session, self.now, self.kiosk.evse(evse_id), self.kiosk.settings.patience)
        act(turn)
        turn.settle()
        if turn.session is not session:
            sessions = tuple(turn.session if s is session else s for s in self.kiosk.sessions)
            self.kiosk = replace(self.kiosk, sessions=sessions)
        for message in turn.messages:
            if isinstance(message, Notified):
                self._notify(message.code, message.evse_id)
            else:
                self.messages.append(message)

    def _notify(self, code: NoticeCode, evse_id: int | None) -> None:
        patience = self.kiosk.settings.patience
        lasts_s = patience.choose_s if code is NoticeCode.WHICH_CONNECTOR else patience.notice_s
        self._front(notice=Notice(code, self.now.s + lasts_s, evse_id))

    def _front(self, **fields: object) -> None:
        self.kiosk = replace(self.kiosk, front=replace(self.kiosk.front, **fields))  # type: ignore[arg-type]

    def _reject(self, command_id: str, why: str) -> None:
        self.messages.append(Answered(command_id, CommandStatus.REJECTED, why))


def owns(tap: IdTokenPresented, session: Session) -> bool:
    """The token, or one of the same account or group, began this session."""
    if session.state is State.AUTHORIZING and session.asked is not None:
        return session.asked.token == tap.token
    return session.transaction is not None and _names(tap, session.transaction.authority)


def _names(tap: IdTokenPresented, authority: Authority) -> bool:
    if authority.token_hash == token_hash(tap.token.kind, tap.token.value):
        return True
    if tap.account_id is not None and tap.account_id == authority.account_id:
        return True
    return tap.group_id is not None and tap.group_id == authority.group_id
