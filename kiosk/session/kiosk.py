"""The kiosk as a whole: every session, and the front (what the screen's visitor has chosen and must be told)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from contract.api import CommandStatus
from contract.identity import TokenKind
from contract.metering import MeterReading
from contract.tariff import TariffOffer
from contract.transaction import StoppedReason, TriggerReason
from contract.values import replace, value
from kiosk.session import events, orders, taps
from kiosk.session.deadlines import next_deadline_s
from kiosk.session.energy import wants
from kiosk.session.events import Answered, Ids, IdTokenPresented, Message, Now
from kiosk.session.facts import NOTHING_KNOWN, Facts
from kiosk.session.front import Front, Looked
from kiosk.session.offers import Published
from kiosk.session.rest import rested
from kiosk.session.session import NEVER_S, Notified, Session
from kiosk.session.settings import EvseSettings, KioskSettings
from kiosk.session.sharing import shared
from kiosk.session.site import Site
from kiosk.session.situation import situation_of
from kiosk.session.snapshot import Limit, Notice, NoticeCode
from kiosk.session.states import State
from kiosk.session.turn import Turn
from kiosk.session.wants import Wants

_Act = Callable[[Turn], None]


@value
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
        return {s.evse_id: wants(s, now_s, evse, patience) for s, evse in self._each()}

    def next_deadline_s(self, now_s: float) -> float:
        """When the core wants to be stepped again, if nothing happens before; simulations jump there."""
        due = [*self.front.deadlines_s, self.offers_until_s]
        if self.site is not None:
            due.append(self.site.next_s)
        patience = self.settings.patience
        due.extend(next_deadline_s(s, now_s, evse, patience) for s, evse in self._each())
        return min((at for at in due if at > now_s), default=NEVER_S)

    def _each(self) -> Iterable[tuple[Session, EvseSettings]]:
        return zip(self.sessions, self.settings.evses, strict=True)


def new_kiosk(settings: KioskSettings, resumed: tuple[Session, ...] = ()) -> Kiosk:
    """A kiosk at boot; `resumed` are the sessions whose transactions were found open on disk."""
    found = {session.evse_id: session for session in resumed}
    sessions = tuple(found.get(e.evse_id, Session(e.evse_id)) for e in settings.evses)
    return Kiosk(settings, sessions, site=None if settings.site is None else Site(settings.site))


def step(kiosk: Kiosk, event: events.Event, now: Now) -> tuple[Kiosk, list[Message]]:
    """One event through the kiosk: the next state, and the messages in the order they became true."""
    turn = _KioskTurn(kiosk, now)
    turn.expire()  # first: an event that comes too late must not find what has ended
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
                self._route(event, *self.kiosk.front.touched)
            case events.ConnectorChosen(evse_id, ids):
                self._chosen(evse_id, ids)
            case events.CodeUnreadable():
                self._notify(NoticeCode.UNREADABLE_CODE, None)
            case events.TokenSlowed():
                self._notify(NoticeCode.SLOW_DOWN, None)
            case events.SettingsChanged(settings):
                self.kiosk = replace(self.kiosk, settings=settings)
            case events.NoticeDismissed():
                self._front(notice=None)
            case events.Sensed():
                self._sensed(event)
            case events.OffersChanged(offers, valid_until, later):
                self.kiosk = replace(self.kiosk, published=Published(dict(offers), valid_until, later))
            case events.StopCommanded():
                self._stop_commanded(event)
            case events.ConnectorShown(evse_id):
                self._look(taps.Touch.LOOKED_AT, evse_id, self.kiosk.settings.patience.choose_s)
            case events.LimitChosen() | events.UnlockPressed() if self._waits_for_token(event):
                pass
            case (
                events.StopPressed(evse_id, code)
                | events.UnlockPressed(evse_id, code)
                | events.LimitChosen(evse_id, _, code)
            ) if code and not self._counts(evse_id):
                self._notify(NoticeCode.NOT_YOUR_SESSION, evse_id)
            case (
                events.StopPressed(evse_id)
                | events.CancelPressed(evse_id)
                | events.LimitChosen(evse_id)
                | events.UnlockPressed(evse_id)
                | events.ReceiptDismissed(evse_id)
                | events.ResetPressed(evse_id)
                | events.RestartForbidden(evse_id)
            ):
                self._step_one(evse_id, event)
            case events.StartCommanded(command_id, evse_id):
                if self.kiosk.session(evse_id) is None:
                    self._reject(command_id, f"no EVSE {evse_id}")
                self._step_one(evse_id, event)
            case (
                events.ReserveCommanded()
                | events.ReservationCancelled()
                | events.AvailabilityCommanded()
                | events.UnlockCommanded()
            ):
                self._order(event)
            case _:
                self._step_all(event)

    def offer(self) -> None:
        """What is sold depends on the clock: its quality, how long prices are promised, and from when others hold."""
        published = self.kiosk.published
        until_s = published.changes_s(self.now)
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
        if changed or site is not kiosk.site:
            self.kiosk = replace(kiosk, site=site, sessions=sessions)
        for evse_id in changed:
            self._turn_one(evse_id, lambda turn: None)  # a share is a fact: the session settles on it

    def expire(self) -> None:
        """What nobody came back for goes by itself."""
        now_s = self.now.s
        if (front := self.kiosk.front.after(now_s)) is not self.kiosk.front:
            self.kiosk = replace(self.kiosk, front=front)
        for session in self.kiosk.sessions:
            if session.reservation is not None and now_s >= session.reservation.until_s:
                self._put(replace(session, reservation=None))

    def _sensed(self, event: events.Sensed) -> None:
        if self.kiosk.site is not None:
            if ignoring := self.kiosk.site.ignoring:
                facts = {e: replace(f, ignores_offer=True) if e in ignoring else f for e, f in event.facts.items()}
                event = replace(event, facts=facts)
            if event.site is not self.kiosk.site_reading:
                self.kiosk = replace(self.kiosk, site_reading=event.site)
        welded = {session.evse_id for session in self.kiosk.sessions if session.is_welded}
        if welded:
            facts = {e: replace(f, relay_dropped=True) if welded - {e} else f for e, f in event.facts.items()}
            event = replace(event, facts=facts)
        before = self.kiosk.sessions
        looks, each = event.facts, zip(before, self.kiosk.settings.evses, strict=True)
        sessions = tuple([self._looked_at(session, evse, looks, event) for session, evse in each])
        self.kiosk = replace(self.kiosk, sessions=sessions)
        front = self.kiosk.front
        if front.waiting is not None and self.now.s <= front.plug_until_s:
            came = [new.evse_id for old, new in zip(before, sessions, strict=True) if _came(old.facts, new.facts)]
            self._answered_by_cable(front.waiting, came)

    def _answered_by_cable(self, tap: IdTokenPresented, came: list[int]) -> None:
        """A pilot is looked at now and then: a cable put in just before the token was read is seen just after it, and
        the question which connector is meant need not have been asked."""
        touch, touched = self.kiosk.front.touched
        if came and touch is taps.Touch.NOTHING:
            route = taps.route(situation(self.kiosk, tap, self.now.s, touch, touched))
            if route.outcome is taps.Outcome.START and route.evse_id in came:
                self._route(tap, touch, touched)

    def _looked_at(
        self, session: Session, evse: EvseSettings, looks: Mapping[int, Facts], look: events.Sensed
    ) -> Session:
        facts = looks.get(session.evse_id, NOTHING_KNOWN)
        return rested(session, facts) or self._turned(session, evse, lambda turn: turn.take(look))

    # ---- taps and choices ------------------------------------------------------------------------------------------

    def _route(self, tap: IdTokenPresented, touch: taps.Touch, touched: int | None) -> None:
        route = taps.route(situation(self.kiosk, tap, self.now.s, touch, touched))
        evse_id, waiting_limit = route.evse_id, self.kiosk.front.looked
        match route.outcome:
            case taps.Outcome.CHOOSE:
                patience = self.kiosk.settings.patience
                kept = self.kiosk.front.keeping(
                    tap, self.now.s + patience.token_waits_s, self.now.s + patience.plug_seen_s
                )
                self.kiosk = replace(self.kiosk, front=kept)
                self._notify(NoticeCode.WHICH_CONNECTOR, evse_id)
                return
            case taps.Outcome.NOTICE:
                assert route.notice is not None
                self._front(waiting=None, waiting_until_s=NEVER_S)
                self._notify(route.notice, evse_id)
                return
        assert evse_id is not None
        self.kiosk = replace(self.kiosk, front=self.kiosk.front.at_rest())
        match route.outcome:
            case taps.Outcome.START:
                self._turn_one(evse_id, lambda turn: turn.ask(tap.token, tap.ids))
            case taps.Outcome.STOP:
                self._turn_one(evse_id, lambda turn: turn.stop(TriggerReason.STOP_AUTHORIZED, StoppedReason.LOCAL))
            case taps.Outcome.UNLOCK:
                self._turn_one(evse_id, lambda turn: turn.unlock())
            case taps.Outcome.LIMIT:
                assert waiting_limit is not None
                self._turn_one(evse_id, lambda turn: turn.set_limit(waiting_limit.limit))

    def _look(self, touch: taps.Touch, evse_id: int, for_s: float, limit: Limit | None = None) -> None:
        if self.kiosk.session(evse_id) is not None:
            front = self.kiosk.front.looking(Looked(touch, evse_id, self.now.s + for_s, limit))
            self.kiosk = replace(self.kiosk, front=front)

    def _counts(self, evse_id: int) -> bool:
        """Whether the four digits may move a session here. Nothing else stops a charge by payment code."""
        if self.kiosk.settings.stop_with_code:
            return True
        session = self.kiosk.session(evse_id)
        word = None if session is None else session.transaction.authority if session.transaction else session.held_for
        return word is not None and word.token_kind is TokenKind.DIRECT_PAYMENT

    def _waits_for_token(self, event: events.LimitChosen | events.UnlockPressed) -> bool:
        """Without the four digits it is kept for a token that may; a limit only where it needs that."""
        session = self.kiosk.session(event.evse_id)
        if event.code or session is None:
            return False
        patience = self.kiosk.settings.patience
        if isinstance(event, events.UnlockPressed):
            self._look(taps.Touch.UNLOCK, event.evse_id, patience.keypad_s)
            return True
        t = session.transaction
        if t is not None and self.now.s < t.started.s + patience.own_start_s:
            return False
        self._look(taps.Touch.LIMIT, event.evse_id, patience.keypad_s, event.limit)
        return True

    def _chosen(self, evse_id: int | None, ids: Ids | None) -> None:
        waiting = self.kiosk.front.waiting
        if evse_id is None:
            self.kiosk = replace(self.kiosk, front=self.kiosk.front.at_rest())
            return
        session = self.kiosk.session(evse_id)
        if session is None:
            return
        if waiting is not None:
            self._route(waiting if ids is None else replace(waiting, ids=ids), taps.Touch.CHOSEN, evse_id)
        elif session.is_free and evse_id in self.kiosk.offers:
            # Where a cable is in or a reservation stands, the token will show whether it is theirs.
            until_s = self.now.s + self.kiosk.settings.patience.choose_s
            self.kiosk = replace(self.kiosk, front=self.kiosk.front.choosing(evse_id, until_s))
        else:
            self._look(taps.Touch.LOOKED_AT, evse_id, self.kiosk.settings.patience.choose_s)
            is_closed = session.state in (State.IDLE, State.OUT_OF_SERVICE)
            self._notify(NoticeCode.OUT_OF_SERVICE if is_closed else NoticeCode.CONNECTOR_BUSY, evse_id)

    # ---- the server's orders ---------------------------------------------------------------------------------------

    def _order(self, order: orders.Order) -> None:
        session = self._ordered(order)
        if session is None:
            self._reject(order.command_id, "no such EVSE or reservation here")
            return
        evse = self.kiosk.evse(session.evse_id)
        changed, answer = orders.obeyed(session, order, self.now, evse.evse_id in self.kiosk.offers, evse.has_lock)
        self._put(changed)
        self.messages.append(answer)
        self._turn_one(session.evse_id, lambda turn: None)

    def _ordered(self, order: orders.Order) -> Session | None:
        if not isinstance(order, events.ReservationCancelled):
            return self.kiosk.session(order.evse_id)
        kept = [s for s in self.kiosk.sessions if s.reservation is not None]
        return next((s for s in kept if s.reservation and s.reservation.reservation_id == order.reservation_id), None)

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

    def _step_all(self, event: events.Event) -> None:
        def act(turn: Turn) -> None:
            turn.take(event)

        each = zip(self.kiosk.sessions, self.kiosk.settings.evses, strict=True)
        sessions = tuple([self._turned(session, evse, act) for session, evse in each])
        self.kiosk = replace(self.kiosk, sessions=sessions)

    def _turn_one(self, evse_id: int, act: _Act) -> None:
        session = self.kiosk.session(evse_id)
        if session is not None:
            turned = self._turned(session, self.kiosk.evse(evse_id), act)
            sessions = tuple(turned if s is session else s for s in self.kiosk.sessions)
            self.kiosk = replace(self.kiosk, sessions=sessions)

    def _turned(self, session: Session, evse: EvseSettings, act: _Act) -> Session:
        """The session after `act`; what it says is passed on."""
        turn = Turn(session, self.now, evse, self.kiosk.settings.patience)
        act(turn)
        turn.settle()
        for message in turn.messages:
            if isinstance(message, Notified):
                self._notify(message.code, message.evse_id)
            else:
                self.messages.append(message)
        return turn.session

    def _put(self, session: Session) -> None:
        sessions = tuple(session if s.evse_id == session.evse_id else s for s in self.kiosk.sessions)
        self.kiosk = replace(self.kiosk, sessions=sessions)

    def _notify(self, code: NoticeCode, evse_id: int | None) -> None:
        patience = self.kiosk.settings.patience
        lasts_s = patience.token_waits_s if code is NoticeCode.WHICH_CONNECTOR else patience.notice_s
        self._front(notice=Notice(code, self.now.s + lasts_s, evse_id))

    def _front(self, **fields: object) -> None:
        self.kiosk = replace(self.kiosk, front=replace(self.kiosk.front, **fields))

    def _reject(self, command_id: str, why: str) -> None:
        self.messages.append(Answered(command_id, CommandStatus.REJECTED, why))


def _came(before: Facts, now: Facts) -> bool:
    """Whether this look is the first to show a cable."""
    was_out = before.pilot is not None and not before.pilot.is_connected
    return was_out and now.pilot is not None and now.pilot.is_connected


def situation(
    kiosk: Kiosk, tap: IdTokenPresented, now_s: float, touch: taps.Touch, touched: int | None
) -> taps.Situation:
    """What a tap would be routed by now."""
    bounce_s = kiosk.settings.patience.bounce_s
    return situation_of(tap, kiosk.sessions, kiosk.offers, now_s, bounce_s, touch, touched)
