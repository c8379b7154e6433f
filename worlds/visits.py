"""The street of a world: visits, one after the other at each outlet, and what physically happened during each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract.identity import IdToken, TokenKind
from kiosk.session.events import CancelPressed, ConnectorChosen, Event, LimitChosen, StopPressed
from kiosk.session.session import Session
from kiosk.session.snapshot import Limit, LimitKind
from kiosk.session.states import State
from sim.outlet import Outlet
from sim.people import End, Visit, Way, draw_visit
from worlds.agenda import Act

if TYPE_CHECKING:
    from worlds.world import World

LOOKS_EVERY_S = 20.0  # how often a person who waits looks at the screen
HEARS_EVERY_S = 0.3  # how often somebody listens who wants to stop as soon as the contactor closes
LISTENS_S = 15.0  # after the screen has changed
NOTICES_WITHIN_S = 20.0  # that the screen shows something else than before
FIRST_TAP_S = 14.0  # of those who plug first
SOON_S, LATER_S = (30.0, 1_800.0), (2 * 3600.0, 5 * 3600.0)  # until the next visit, as often one as the other
WAITS_AT_MOST_S = 3 * 3600.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What the physics of an outlet have counted up to some moment."""

    import_wh: float
    uncommanded_wh: float

    @classmethod
    def of(cls, outlet: Outlet) -> Counted:
        return cls(outlet.meter.import_wh, outlet.uncommanded_wh)


@dataclass(slots=True)
class VisitLog:
    """When somebody came to an outlet, and what it had counted by then and when the next one came."""

    began_s: float
    before: Counted
    way: Way
    after: Counted | None = None


class Person:
    """Carries out one visit. A person sees the screen, never the journal."""

    def __init__(self, world: World, evse_id: int, visit: Visit, log: VisitLog) -> None:
        self.world, self.evse_id, self.visit, self.log = world, evse_id, visit, log
        self.token = self._draw_token()
        self.began_s = world.agenda.now_s
        self.delivering_since_s: float | None = None
        self.has_stopped = self.is_gone = False
        self.looks_at_s = self.changed_at_s = 0.0
        self.taps = 0
        self.lingers_also_s = 0.0  # the cable is left in

    def come(self) -> None:
        plug_s, tap_s = (18.0, 3.0) if self.visit.taps_first else (3.0, FIRST_TAP_S)
        self._after(plug_s, self._plug)
        self._after(tap_s, self._tap)
        self._after(tap_s + 5.0, self._look)

    def leave(self) -> None:
        """Unplug and go."""
        if self.is_gone:
            return
        if self._waits_in_vain():
            self.world.agenda.after(LOOKS_EVERY_S, self.leave)  # or the next vehicle would charge to this account
            return
        if self.lingers_also_s and self.world.street.is_open:
            self.world.agenda.after(self.lingers_also_s, self.leave)
            self.lingers_also_s = 0.0
            return
        self.is_gone = True
        outlet = self.world.outlets[self.evse_id]
        outlet.unplug(self.world.agenda.now_s)
        self._post(CancelPressed(self.evse_id))  # an authorised wait would else charge the next car to this account
        self.world.safety.note()
        self.world.street.free(self.evse_id)

    def _after(self, delay_s: float, act: Act) -> None:
        self.world.agenda.after(delay_s, lambda: None if self.is_gone else act())

    def _plug(self) -> None:
        self.world.outlets[self.evse_id].plug_in(self.visit.vehicle, self.world.agenda.now_s)
        self.world.vehicle_came(self.evse_id)

    def _tap(self) -> None:
        """Choose the connector on the screen, hold the card to the reader."""
        session = self._session()
        if session is not None and session.state is not State.IDLE:
            return  # the screen says that this connector is not free; a look later may find it so
        self.taps += 1
        if self.world.kiosk is None:
            return
        self._post(ConnectorChosen(self.evse_id))
        self.present(self.token)

    def present(self, token: IdToken) -> None:
        """Hold a card or a code to the reader."""
        if self.world.kiosk is not None:
            self.world.kiosk.reader.present(token)
            self.world.stir()

    def seen(self) -> None:
        """The screen shows another state of this connector than before."""
        self.changed_at_s = self.world.agenda.now_s
        is_listening = self.visit.end is End.REGRET and self.delivering_since_s is None
        self._after(HEARS_EVERY_S if is_listening else self.world.rng.uniform(1.0, NOTICES_WITHIN_S), self._look)

    def _look(self) -> None:
        if self.delivering_since_s is None:
            self._look_whether_it_begins()
        elif not self.has_stopped and self._state() in (None, State.IDLE, State.OUT_OF_SERVICE, State.CLOSING):
            self.has_stopped = True
            self._after(self.visit.lingers_s, self.leave)

    def _look_whether_it_begins(self) -> None:
        """Looks come every so often and whenever the screen changes; the first one to find something acts on it."""
        session, state, waited_s = self._session(), self._state(), self.world.agenda.now_s - self.began_s
        if self.has_stopped:
            return
        if state is State.DELIVERING:
            self.delivering_since_s = self.world.agenda.now_s
            self._began()
        elif waited_s > self.visit.patience_s * (4 if state is State.PREPARING else 1):
            self._give_up()
        elif self._regrets(session):
            self.has_stopped = True
            self._after(self.visit.stays_s, self._stop_with_code)
            self._after(self.visit.stays_s + self.visit.lingers_s, self.leave)
        else:
            if state is State.IDLE and self.taps < 3 and waited_s > FIRST_TAP_S:
                self._tap()
            self._look_again()

    def _look_again(self) -> None:
        """One look at a time is planned by those who wait."""
        is_soon = self.world.agenda.now_s < self.changed_at_s + LISTENS_S
        listens = is_soon and self.visit.end is End.REGRET and self._state() in (State.AUTHORIZING, State.PREPARING)
        at_s = self.world.agenda.now_s + (HEARS_EVERY_S if listens else LOOKS_EVERY_S)
        if not self.world.agenda.now_s < self.looks_at_s <= at_s:
            self.looks_at_s = at_s
            self._after(at_s - self.world.agenda.now_s, self._look)

    def _began(self) -> None:
        self.world.activity.sessions += 1
        self._after(WAITS_AT_MOST_S - (self.world.agenda.now_s - self.began_s), self.leave)
        match self.visit.end:
            case End.LIMIT:
                self._post(LimitChosen(self.evse_id, Limit(LimitKind.ENERGY, self.visit.limit_wh)))
                self._after(WAITS_AT_MOST_S / 2, self._stop_by_hand)
            case End.FULL:
                self._after(WAITS_AT_MOST_S / 2, self._stop_by_hand)
            case _:
                self._after(self.visit.stays_s, self._stop_by_hand)

    def _stop_by_hand(self) -> None:
        if self.has_stopped:
            return
        match self.visit.end:
            case End.UNPLUG:
                self.leave()
                return
            case End.EMERGENCY if "emergency_stop" in self.world.faults:
                self.world.press_estop()
            case End.CODE:
                self._stop_with_code()
            case _:
                self._tap_to_stop()
        self.has_stopped = True
        self._after(self.visit.lingers_s, self.leave)

    def _waits_in_vain(self) -> bool:
        """Authorised, without a vehicle, and the screen takes no Cancel."""
        session = self._session()
        waits = session is not None and session.state in (State.AUTHORIZING, State.PREPARING)
        return waits and self.world.cabinet.screen_is_dead and self.world.outlets[self.evse_id].vehicle is None

    def _regrets(self, session: Session | None) -> bool:
        """The contactor was heard closing, before the screen says so."""
        if self.visit.end is not End.REGRET or session is None or session.transaction is None:
            return False
        return session.state is State.PREPARING and self.world.outlets[self.evse_id].contactor.is_closed

    def _stop_with_code(self) -> None:
        session = self._session()
        if session is not None and session.transaction is not None:
            self._post(StopPressed(self.evse_id, session.transaction.ids.stop_code))

    def _tap_to_stop(self) -> None:
        self.present(self.token)

    def _give_up(self) -> None:
        self.world.activity.refusals += 1
        self.leave()

    def _post(self, event: Event) -> None:
        self.world.touch(event)

    def _state(self) -> State | None:
        """As the screen shows it; None: it is dark."""
        session = self._session()
        return None if session is None else session.state

    def _session(self) -> Session | None:
        return None if self.world.kiosk is None else self.world.kiosk.controller.kiosk.session(self.evse_id)

    def _draw_token(self) -> IdToken:
        match self.visit.way:
            case Way.CARD:
                return self.world.server.cards[self.visit.member]
            case Way.VOUCHER:
                return self.world.server.voucher(self.visit.voucher_minor, self.world.wall())
            case _:
                return IdToken(TokenKind.ISO14443, f"99{self.world.rng.getrandbits(48):012X}")


class Street:
    """Who comes next to each outlet."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people: dict[int, Person | None] = dict.fromkeys(world.outlets)
        self._shown: dict[int, State] = {}
        self.occupied: set[int] = set()  # outlets where a vehicle stands that has no business there
        self.is_open = False

    def open(self) -> None:
        self.is_open = True
        for evse_id in self.world.outlets:
            self._expect(evse_id)

    def close(self) -> None:
        """Everybody goes home, nobody comes."""
        self.is_open = False
        for person in self.people.values():
            if person is not None:
                person.leave()

    def look(self, sessions: tuple[Session, ...]) -> None:
        """What the screen shows now; nothing, where the kiosk is dead. Whoever stands there notices a change."""
        shown = {session.evse_id: session.state for session in sessions}
        if shown == self._shown:
            return
        before, self._shown = self._shown, shown
        for evse_id, person in self.people.items():
            if person is not None and shown.get(evse_id) is not before.get(evse_id):
                person.seen()

    def free(self, evse_id: int) -> None:
        self.people[evse_id] = None
        self._expect(evse_id)

    def _expect(self, evse_id: int) -> None:
        if self.is_open:
            pause_s = self.world.rng.uniform(*self.world.rng.choice((SOON_S, LATER_S)))
            self.world.agenda.after(pause_s, lambda: self._arrive(evse_id))

    def _arrive(self, evse_id: int) -> None:
        if not self.is_open:
            return
        if evse_id in self.occupied:
            self._expect(evse_id)
            return
        now_s, outlet = self.world.agenda.now_s, self.world.outlets[evse_id]
        outlet.advance(now_s)
        logs = self.world.visits[evse_id]
        if logs:
            logs[-1].after = Counted.of(outlet)
        visit = self.world.site.vary(draw_visit(self.world.rng, len(self.world.server.cards)))
        if self.world.purse is not None:
            visit = self.world.purse.vary(visit)
        log = VisitLog(now_s, Counted.of(outlet), visit.way)
        logs.append(log)
        self.world.tell(f"evse {evse_id}: visit by {visit.way}, ends by {visit.end}")
        person = self.world.draw_person(evse_id, visit, log)
        self.people[evse_id] = person
        person.come()
