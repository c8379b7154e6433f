"""A bench for the pure core: virtual time, a plug per EVSE with plain physics, and everything the core said.

The bench holds two laws against every single step: no contactor is wanted closed without a reason, and a session
changes its state only along MOVES.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from contract.identity import IdToken, TokenKind
from contract.iec61851 import PilotState
from contract.metering import MeterReading
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from contract.transaction import Authority, ClockQuality, EventType, TransactionEvent, token_hash
from kiosk.session import events
from kiosk.session.events import Answered, Ask, Audited, Ids, Now, Record
from kiosk.session.facts import Facts
from kiosk.session.kiosk import Kiosk, new_kiosk, step
from kiosk.session.session import Session, resumed_after_restart
from kiosk.session.settings import EvseSettings, KioskSettings, Patience
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import MOVES, State
from kiosk.session.transaction import recovered
from kiosk.session.wants import Wants

NOON = datetime(2026, 11, 21, 12, 0, 7, tzinfo=UTC)
CODE = "4711"


def offer_of(*parts: tuple[Dimension, str, int], currency: str = "EUR", grace_s: int = 0, vat: int = 20) -> TariffOffer:
    """Parts are (dimension, price, step_size)."""
    made = tuple(PriceComponent(kind, Decimal(cost), Decimal(vat), step) for kind, cost, step in parts)
    return TariffOffer(Tariff("t", 1, currency, (TariffElement(made),)), grace_s)


ENERGY_ONLY = offer_of((Dimension.ENERGY, "0.50", 1))
WITH_PARKING = offer_of((Dimension.ENERGY, "0.50", 1), (Dimension.PARKING_TIME, "6.00", 60), grace_s=300)


@dataclass(slots=True)
class Plug:
    """The physics of one EVSE, as simple as it may be."""

    pilot: PilotState = PilotState.A
    closed: bool = False
    welded: bool = False
    stuck_open: bool = False
    ignores_offer: bool = False  # the vehicle draws whatever it is offered
    slow_s: float = 0.1  # from the command to the auxiliary contact
    register_wh: float = 1_000_000.0
    car_w: int = 7_360
    phases: int = 3  # of the vehicle
    volts: float = 230.0
    reaction_s: float = 0.0  # until the vehicle follows a lower offer
    step_wh: int = 1
    meter_every_s: float = 0.0
    pilot_answers: bool = True
    feedback_answers: bool = True
    meter_answers: bool = True
    rcd_tripped: bool = False
    emergency_stop: bool = False
    safety_line_lost: bool = False
    diode_failed: bool = False
    board_failed: bool = False
    board_is_too_hot: bool = False
    board_derates: bool = False
    temperature_dc: int | None = None
    register_is_doubted: bool = False  # the driver sets its readings aside
    serial: str = "M1"
    changed_at_s: float = float("-inf")
    current_ma: tuple[int, ...] = ()
    voltage_mv: tuple[int, ...] = ()
    wanted: Wants = field(default_factory=Wants)
    wanted_since_s: float = 0.0
    reading: MeterReading | None = None
    delivered_wh: float = 0.0
    offers: list[tuple[float, int]] = field(default_factory=list)  # from when on, at most the reaction's worth

    @property
    def follows_a(self) -> int:
        """The most it was offered in the time it takes to follow."""
        return max((amps for _, amps in self.offers), default=0)

    @property
    def power_w(self) -> int:
        if not self.closed or not self.pilot.asks_for_energy:
            return 0
        if self.ignores_offer:
            return self.car_w
        return round(min(self.car_w, self.follows_a * self.phases * self.volts))

    def offer(self, amps: int, now_s: float) -> None:
        if not self.offers or self.offers[-1][1] != amps:
            self.offers.append((now_s, amps))
        while len(self.offers) > 1 and now_s >= self.offers[1][0] + self.reaction_s:
            del self.offers[0]

    def advance(self, now_s: float, span_s: float) -> None:
        drawn_wh = self.power_w * span_s / 3600
        self.register_wh += drawn_wh
        self.delivered_wh += drawn_wh
        if now_s >= self.wanted_since_s + self.slow_s - 1e-9:
            self.closed = (self.wanted.contactor_closed and not self.stuck_open) or (self.welded and self.closed)
        self.offer(self.wanted.offered_a, now_s)

    def sense(self, now_s: float) -> Facts:
        is_due = self.reading is None or now_s >= self.reading.at_s + self.meter_every_s
        if self.meter_answers and not self.register_is_doubted and is_due:
            register_wh = int(self.register_wh) // self.step_wh * self.step_wh
            self.reading = MeterReading(
                now_s, register_wh, 0, self.power_w, self.current_ma, self.voltage_mv, self.serial, self.step_wh
            )
        return Facts(
            pilot=self.pilot if self.pilot_answers else None,
            contactor_closed=self.closed if self.feedback_answers else None,
            contactor_sensed_at_s=now_s if self.feedback_answers else float("-inf"),
            meter=self.reading,
            meter_is_fresh=self.reading is not None and now_s - self.reading.at_s <= 5,
            rcd_tripped=self.rcd_tripped,
            emergency_stop=self.emergency_stop,
            safety_line_lost=self.safety_line_lost,
            diode_failed=self.diode_failed,
            board_failed=self.board_failed,
            board_is_too_hot=self.board_is_too_hot,
            board_derates=self.board_derates,
            temperature_dc=self.temperature_dc,
            meter_is_doubted=self.register_is_doubted and self.meter_answers,
            meter_changed_at_s=self.changed_at_s,
        )


class Bench:
    """One kiosk on the bench. Time passes only in `run`."""

    def __init__(
        self,
        count: int = 1,
        offer: TariffOffer = ENERGY_ONLY,
        patience: Patience | None = None,
        stop_with_code: bool = True,
        resumed: tuple[Session, ...] = (),
        at_s: float = 1000.0,
        wall: datetime = NOON,
        boot_id: str = "boot-1",
        plugs: dict[int, Plug] | None = None,
        quality: ClockQuality = ClockQuality.SYNCHRONISED,
    ) -> None:
        evses = tuple(EvseSettings(number) for number in range(1, count + 1))
        self.patience = patience or Patience()
        self.s, self.wall, self.boot_id, self.quality = at_s, wall, boot_id, quality
        self.plugs = plugs or {evse.evse_id: Plug() for evse in evses}
        self.kiosk: Kiosk = new_kiosk(KioskSettings(evses, self.patience, stop_with_code), resumed)
        self.disk_works = True
        self.journal: list[TransactionEvent] = []
        self.asks: list[Ask] = []
        self.audits: list[Audited] = []
        self.answers: list[Answered] = []
        self.path: dict[int, list[State]] = {evse.evse_id: [] for evse in evses}
        self._waiting_rows: list[TransactionEvent] = []
        self._minted = 0
        self.sense()
        self.say(events.OffersChanged({evse.evse_id: offer for evse in evses}))

    # ---- time and events -------------------------------------------------------------------------------------------

    @property
    def now(self) -> Now:
        return Now(self.s, self.wall, self.quality, self.boot_id)

    def say(self, *said: events.Event) -> None:
        """Events into the core, then whatever they caused into the world."""
        for event in said:
            self._step(event)
        if self.disk_works:
            while self._waiting_rows:
                row = self._waiting_rows.pop(0)
                self._step(events.Recorded(row.transaction_id, row.seq_no))
        self._apply()

    def sense(self) -> None:
        self.say(events.Sensed({evse_id: plug.sense(self.s) for evse_id, plug in self.plugs.items()}))

    def run(self, span_s: float, every_s: float = 0.25) -> None:
        until_s = self.s + span_s
        while self.s < until_s - 1e-9:
            self.pass_time(min(every_s, until_s - self.s))
            self.sense()

    def run_until(self, *states: State, evse_id: int = 1, at_most_s: float = 60.0) -> None:
        until_s = self.s + at_most_s
        while self.state(evse_id) not in states:
            assert self.s < until_s, f"still {self.state(evse_id)} after {at_most_s} s"
            self.run(0.25)

    def pass_time(self, span_s: float) -> None:
        self.s += span_s
        self.wall += timedelta(seconds=span_s)
        for plug in self.plugs.values():
            plug.advance(self.s, span_s)

    def _step(self, event: events.Event) -> None:
        before = self.kiosk
        self.kiosk, messages = step(self.kiosk, event, self.now)
        for old, new in zip(before.sessions, self.kiosk.sessions, strict=True):
            if old.state is not new.state:
                self.path[new.evse_id].append(new.state)
                assert is_reachable(old.state, new.state), f"{old.state} → {new.state}"
        for message in messages:
            match message:
                case Record(row):
                    self.journal.append(row)
                    self._waiting_rows.append(row)
                case Ask():
                    self.asks.append(message)
                case Audited():
                    self.audits.append(message)
                case Answered():
                    self.answers.append(message)

    def _apply(self) -> None:
        for evse_id, wants in self.kiosk.wants(self.s).items():
            session, plug = self.session(evse_id), self.plugs[evse_id]
            if wants.contactor_closed:
                t, facts = session.transaction, session.facts
                assert t is not None, "closed without a transaction"
                assert t.durable_seq >= 0, "closed before Started is on disk"
                assert facts.pilot is not None, "closed in doubt about the vehicle"
                assert facts.pilot.asks_for_energy, "closed though the vehicle does not ask"
                assert not facts.emergency_stop, "closed under the emergency stop"
                assert not facts.rcd_tripped, "closed on a tripped RCD"
                assert not facts.safety_line_lost, "closed without knowing the safety lines"
            if wants.contactor_closed != plug.wanted.contactor_closed:
                plug.wanted_since_s = self.s
            plug.wanted = wants
            plug.offer(wants.offered_a, self.s)

    # ---- what people and machines do ---------------------------------------------------------------------------

    def ids(self) -> Ids:
        self._minted += 1
        n = self._minted
        return Ids(f"tx-{n}", f"order-{n}", f"receipt-{n}", CODE)

    def plug_in(self, evse_id: int = 1, pilot: PilotState = PilotState.C) -> None:
        self.plugs[evse_id].pilot = pilot
        self.sense()

    def unplug(self, evse_id: int = 1) -> None:
        self.plugs[evse_id].pilot = PilotState.A
        self.sense()

    def tap(
        self,
        value: str = "04AABBCC",
        account: str | None = None,
        kind: TokenKind = TokenKind.ISO14443,
        group: str | None = None,
    ) -> None:
        self.say(events.IdTokenPresented(IdToken(kind, value), self.ids(), account, group))

    def choose(self, evse_id: int | None) -> None:
        self.say(events.ConnectorChosen(evse_id, self.ids()))

    def accept(
        self,
        account: str = "anna",
        cap_minor: int | None = None,
        voucher_id: str | None = None,
        offer: TariffOffer | None = None,
        offline: bool = False,
        group: str | None = None,
    ) -> None:
        """The newest ask is authorised."""
        ask = self.asks[-1]
        word = Authority(
            ask.token.kind,
            token_hash(ask.token.kind, ask.token.value),
            account,
            group,
            voucher_id=voucher_id,
            cap_minor=cap_minor,
        )
        sold = offer or self.kiosk.offers[ask.evse_id]
        self.say(events.Authorized(ask.ids.transaction_id, word, sold, offline))

    def refuse(self, code: NoticeCode) -> None:
        self.say(events.Refused(self.asks[-1].ids.transaction_id, code))

    def command_start(
        self, evse_id: int = 1, command_id: str = "c-1", account: str = "anna", cap_minor: int | None = None
    ) -> None:
        word = Authority(TokenKind.CENTRAL, "hash", account, command_id=command_id, cap_minor=cap_minor)
        self.say(events.StartCommanded(command_id, evse_id, word, self.kiosk.offers[evse_id], self.ids()))

    def charge(self, for_s: float = 0.0, **accepted: object) -> None:
        """A vehicle is plugged in at EVSE 1, a card tapped and accepted, and energy flows."""
        self.plug_in()
        self.run(1)
        self.tap()
        self.accept(**accepted)  # type: ignore[arg-type]
        self.run_until(State.DELIVERING)
        self.run(for_s)

    # ---- what became of it ---------------------------------------------------------------------------------------

    def session(self, evse_id: int = 1) -> Session:
        found = self.kiosk.session(evse_id)
        assert found is not None
        return found

    def state(self, evse_id: int = 1) -> State:
        return self.session(evse_id).state

    @property
    def notice(self) -> NoticeCode | None:
        return None if self.kiosk.front.notice is None else self.kiosk.front.notice.code

    def story(self, transaction_id: str | None = None) -> list[TransactionEvent]:
        wanted = transaction_id or self.journal[-1].transaction_id
        return [event for event in self.journal if event.transaction_id == wanted]

    @property
    def ended(self) -> TransactionEvent:
        """The last event of the journal, which has to be an Ended that closes a whole story."""
        last = self.journal[-1]
        assert last.event_type is EventType.ENDED
        check_story(self.story())
        return last


def check_story(story: list[TransactionEvent]) -> None:
    """Started first, Ended last and once, seq_no without a gap, nothing runs backwards.

    An Ended that is not final may be followed by one MeterCorrection.
    """
    assert [event.seq_no for event in story] == list(range(len(story)))
    assert story[0].event_type is EventType.STARTED
    assert [event.event_type for event in story].count(EventType.ENDED) == 1
    is_corrected = story[-1].event_type is EventType.METER_CORRECTION
    ended = story[-2 if is_corrected else -1]
    assert ended.event_type is EventType.ENDED and not (is_corrected and ended.final)
    for before, after in pairwise(story):
        assert after.elapsed_ms >= before.elapsed_ms
        assert after.meter.import_wh >= before.meter.import_wh
    assert len({(e.order_id, e.receipt_id, e.evse_id, e.connector_id) for e in story}) == 1


def is_reachable(start: State, end: State, moves: int = 3) -> bool:
    """Along MOVES, in as many moves as one step may make."""
    if start is end:
        return True
    return moves > 0 and any(is_reachable(state, end, moves - 1) for state in MOVES[start])


def power_cut(bench: Bench, off_s: float = 30.0) -> Bench:
    """The kiosk's next boot: only what was journaled is left, and the plugs as they stand."""
    stories = [bench.story(tx) for tx in dict.fromkeys(event.transaction_id for event in bench.journal)]
    cut = [story for story in stories if story[-1].event_type is not EventType.ENDED]
    now = Now(12.0, bench.wall + timedelta(seconds=off_s), ClockQuality.ESTIMATED, "boot-2")
    resumed = tuple(resumed_after_restart(recovered(story, now), now, bench.patience) for story in cut)
    plugs = {
        evse_id: replace(plug, closed=plug.closed and plug.welded, wanted=Wants(), reading=None)
        for evse_id, plug in bench.plugs.items()
    }
    after = Bench(
        len(plugs),
        patience=bench.patience,
        resumed=resumed,
        at_s=now.s,
        wall=now.wall,
        boot_id=now.boot_id,
        plugs=plugs,
    )
    after.journal = [*bench.journal, *after.journal]
    return after
