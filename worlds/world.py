"""One world: kiosk, server and street in one thread, in virtual time. One seed draws everything.

Law:
- Time jumps to the next thing that happens: an act of the agenda, a change of the physics, a beat of the controller.
- The kiosk runs its own code: controller, session, authority, interlock, journal. The seam is the device Protocol.
- Trouble first (`run`), then calm (`calm`): everything is mended, everybody leaves, and the kiosk must come to rest.
- What is checked is read from the physics; see checker.py.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contract.tokens import ForgedText
from kiosk.authority import Knowledge
from kiosk.controller import Controller, Found, Identity, Write
from kiosk.sensing import EvseParts, Parts
from kiosk.session.events import Event, Ids, Now, ResetPressed
from kiosk.session.memory import Memories, from_text
from kiosk.session.overrides import readable
from kiosk.session.settings import EvseSettings, KioskSettings, Patience, Protection
from kiosk.session.states import State
from sim.outlet import EnergyMeter, Outlet
from sim.people import Visit, Way
from worlds.agenda import Act, Agenda
from worlds.cabinet import Cabinet
from worlds.clock import Clock
from worlds.disk import Disk, WorldRecorder
from worlds.faults.kinds import DEFAULT
from worlds.faults.trouble import Trouble
from worlds.forgiveness import Damaged
from worlds.link import Link, Network
from worlds.payers import CodePayer, PhonePayer
from worlds.polls import SAFETY_POLL_S, next_poll_s
from worlds.purse import Purse
from worlds.safety import SafetyWatch
from worlds.server import KIOSK_ID, Server
from worlds.site import SiteWorld
from worlds.twins import ContactorTwin, HeartbeatTwin, MeterTwin, PilotTwin, ReaderTwin, Spot, Times
from worlds.visits import Person, Street, VisitLog

BEGINNING = datetime(2026, 3, 27, 6, 0, tzinfo=UTC)  # two days before the clocks change in Europe
MEMBERS = 12
LAST_DIGITS_S = 1e-6  # between two clocks: a deadline is met, not missed by what a float cannot hold
RELAY_DROPS_AFTER_S = 1.0
MOST_OVER_RATED = 1.25  # what a meter's register may move and be believed, of an EVSE's rated power
BEATS_AT_ONCE = 20
CALM_S = 2 * 3600.0
FOLLOW_S = 8.0  # the slowest car behind the slowest board
IDENTITY = Identity("World", "Simulated", "0800", "https://world.example", "Europe/Berlin")


@dataclass(slots=True)
class Boot:
    """A kiosk between power-up and power-down."""

    controller: Controller
    recorder: WorldRecorder
    link: Link
    reader: ReaderTwin
    heartbeat: HeartbeatTwin
    twins: dict[int, tuple[ContactorTwin, PilotTwin, MeterTwin]]
    started_s: float
    boot_id: str
    is_powered: bool = True
    due_s: float = 0.0


@dataclass(slots=True)
class Activity:
    sessions: int = 0
    power_cuts: int = 0
    offline_s: float = 0.0
    refusals: int = 0
    paid_orders: int = 0  # by a phone or a payment code
    faults: Counter[str] = field(default_factory=Counter)
    forgiven_wh: Counter[str] = field(default_factory=Counter)  # by rule of worlds.forgiveness


class World:
    """A seed, and how long its trouble lasts."""

    def __init__(self, seed: int, hours: float, evses: int = 2, faults: frozenset[str] = DEFAULT) -> None:
        """`faults`: names of worlds.faults.kinds."""
        self.seed, self.ends_s, self.faults = seed, hours * 3600.0, faults
        self.rng = random.Random(f"world-{seed}")
        self.agenda = Agenda()
        self.activity = Activity()
        self.story: list[str] = []
        evse_ids = tuple(range(1, evses + 1))
        self.times = {e: self._draw_times() for e in evse_ids}
        self.outlets = {e: self._draw_outlet(e) for e in evse_ids}
        self.cabinet = Cabinet(self)
        self.estop = self.cabinet.estop
        self.site = SiteWorld(self)
        follow_s = FOLLOW_S if self.site.settings is None else self.site.settings.follow_s
        drawn = (EvseSettings(e, protection=Protection(follow_s=follow_s)) for e in evse_ids)
        self.settings = KioskSettings(
            evses=tuple(self.site.wired(evse) for evse in drawn),
            site=self.site.settings,
            patience=Patience(open_s=9.0, close_s=12.0, feedback_stale_s=9.0),
        )
        self.server = Server(self.rng, self.wall(), evse_ids, MEMBERS)
        self.disk = Disk(self.agenda, self.rng)
        self.clock = Clock(self.wall)
        self.network = Network()
        self.kiosk: Boot | None = None
        self.controller_class: type[Controller] = Controller
        self.visits: dict[int, list[VisitLog]] = {e: [] for e in evse_ids}
        self.minted_s: dict[str, float] = {}  # by transaction: when it, or the vehicle it waited for, came
        self.boots_s: list[float] = []
        self.downs_s: list[float] = []  # by power cut or kill; each but the last is followed by a boot
        self.safety = SafetyWatch(self)
        self.is_calm = False
        self.relay_is_fed = False
        self._generation = 0
        self.street = Street(self)
        self.purse = Purse.of(self)
        self.trouble = Trouble(self, faults)
        self.damaged = Damaged(self)

    # ---- time -----------------------------------------------------------------------------------------------------

    def wall(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.agenda.now_s)

    def tell(self, what: str) -> None:
        self.story.append(f"{self.agenda.now_s:10.2f} s  {what}")

    def run(self) -> None:
        """The trouble, then the calm."""
        self.boot()
        self.street.open()
        self.site.open()
        self._plan_trouble()
        self.trouble.open()
        self._pass_until(self.ends_s)
        self.calm()

    def calm(self) -> None:
        """Mend everything, send everybody home, and give the kiosk time to come to rest."""
        self.is_calm = True
        self.tell("calm: everything is mended, everybody leaves")
        self._set_network(True)
        self.disk.stalls_s = 0.31
        self.estop.active = False
        self.trouble.close()
        self.street.close()
        self.stir()
        if self.kiosk is None:
            self.boot()
        self._reset_now_and_then()
        self._pass_until(self.ends_s + CALM_S)

    def _pass_until(self, until_s: float) -> None:
        agenda, outlets = self.agenda, tuple(self.outlets.values())
        while agenda.now_s < until_s:
            next_s = min(agenda.next_s(), until_s, *[outlet.deadline_s for outlet in outlets])
            if self.kiosk is not None and self.kiosk.due_s < next_s:
                next_s = self.kiosk.due_s
            if next_s > agenda.now_s:
                agenda.now_s = next_s
            agenda.run_due()
            for outlet in outlets:
                outlet.advance(agenda.now_s)
            self.safety.look()
            self.site.look()
            self.look_at_kiosk()

    # ---- the kiosk ------------------------------------------------------------------------------------------------

    def now(self) -> Now:
        assert self.kiosk is not None
        return self._now_of(self.kiosk.started_s, self.kiosk.boot_id)

    def _now_of(self, started_s: float, boot_id: str) -> Now:
        return Now(self.agenda.now_s - started_s + 10.0, self.clock.wall(), self.clock.quality(), boot_id)

    def boot(self) -> None:
        """Power is there: what the journal holds is all the kiosk knows."""
        self._generation += 1
        started_s, boot_id = self.agenda.now_s, f"boot-{self._generation}"
        projection = self.disk.boot(self.clock.wall())
        self.clock.boot(projection.last_wall)
        self.boots_s.append(started_s)
        knowledge = Knowledge(
            KIOSK_ID,
            (self.server.public_key,),
            spent_vouchers=projection.spent_vouchers,
            drawn_minor=dict(projection.drawn_minor),
            vouchers_in_doubt=projection.vouchers_in_doubt,
        )
        if projection.list_text is not None:
            try:
                knowledge = knowledge.with_list(projection.list_text)
            except ForgedText:
                self.tell("the list in the journal is not used")
        recorder = WorldRecorder(self.disk, self._written)
        link = Link(self.agenda, self.rng, self.network, self.server, self.disk, self.wall, self.purse)
        reader, heartbeat = self.cabinet.reader(), self.cabinet.heartbeat()
        twins = {evse_id: self._twins(evse_id, started_s) for evse_id in self.outlets}
        controller = self.controller_class(
            settings=self.settings,
            identity=IDENTITY,
            parts=Parts(
                evses={e: EvseParts(*twins[e], rcd=self.cabinet.rcds[e]) for e in self.outlets},
                readers=(("nfc", reader),),
                emergency_stop=self.estop,
                heartbeat=heartbeat,
                site_meter=self.site.meter(lambda: self.agenda.now_s - started_s + 10.0),
            ),
            knowledge=knowledge,
            recorder=recorder,
            uplink=link,
            mint=self._mint,
            found=Found(
                open_transactions=tuple(t.events for t in projection.open_transactions),
                asked=tuple(a.transaction_id for a in projection.asked),
                answers=projection.answers,
                memories=Memories() if projection.memory_text is None else from_text(projection.memory_text),
                overrides=readable(projection.overrides_text),
            ),
            now=self._now_of(started_s, boot_id),
        )
        boot = Boot(controller, recorder, link, reader, heartbeat, twins, started_s, boot_id)
        self.kiosk = boot
        link.on_answer = lambda answer: self._with(boot, lambda: controller.answered(answer, self.now()))
        link.on_list = lambda text: self._with(boot, lambda: self._take_list(boot, text))
        link.on_command = lambda text: self._with(boot, lambda: controller.take_command(text))
        link.on_acknowledged = recorder.recount
        boot.due_s = self.agenda.now_s
        link.start(controller.list_version())
        self.tell(f"kiosk boots, {len(projection.open_transactions)} open transactions found")

    def cut_power(self) -> None:
        """The mains of the whole cabinet."""
        if self.kiosk is None:
            return
        self._stop_kiosk()
        for outlet in self.outlets.values():
            outlet.advance(self.agenda.now_s)
            outlet.contactor.supply(False, self.agenda.now_s)
            outlet.offer(0, self.agenda.now_s)
        self.relay_is_fed = False
        self.activity.power_cuts += 1
        self.activity.faults["power_cut"] += 1
        self.tell("power cut")

    def kill_process(self) -> None:
        """The controller dies, the mains stay: GPIO lines keep their level until the safety relay drops."""
        if self.kiosk is None:
            return
        self._stop_kiosk()
        self.agenda.after(RELAY_DROPS_AFTER_S, self._drop_relay_unless_fed(self._generation))
        self.activity.faults["process_killed"] += 1
        self.tell("controller killed")

    def _stop_kiosk(self) -> None:
        assert self.kiosk is not None
        self.downs_s.append(self.agenda.now_s)
        self.kiosk.is_powered = False
        self.kiosk.recorder.cut()
        self.kiosk.link.cut()
        self.kiosk = None
        self._generation += 1
        self.street.look(())

    def look_at_kiosk(self) -> None:
        """Beat if it is time, then find out when it will be time again."""
        boot = self.kiosk
        if boot is None:
            return
        for _ in range(BEATS_AT_ONCE):
            if boot.due_s > self.agenda.now_s:
                break
            boot.heartbeat.was_given = False
            due_s = boot.controller.beat(self.now())
            self._feed_relay(boot.heartbeat.was_given)
            boot.due_s = due_s - 10.0 + boot.started_s + LAST_DIGITS_S
            self.street.look(boot.controller.kiosk.sessions)
        else:
            boot.due_s = self.agenda.now_s + SAFETY_POLL_S
        boot.due_s = max(self.agenda.now_s + 1e-4, min(boot.due_s, next_poll_s(self, boot)))

    def touch(self, event: Event) -> None:
        """A finger on the screen."""
        if self.kiosk is not None and not self.cabinet.screen_is_dead:
            self.kiosk.controller.post(event)
            self.stir()

    def vehicle_came(self, evse_id: int) -> None:
        """Whatever waits there for a vehicle has found this one."""
        session = None if self.kiosk is None else self.kiosk.controller.kiosk.session(evse_id)
        is_waiting = session is not None and session.state is State.PREPARING and not session.was_plugged
        if session is not None and session.transaction is not None and is_waiting:
            self.minted_s[session.transaction.ids.transaction_id] = self.agenda.now_s
        if session is not None and session.asked is not None:
            self.minted_s[session.asked.ids.transaction_id] = self.agenda.now_s

    def _with(self, boot: Boot, act: Act) -> None:
        if boot.is_powered:
            act()
            self.stir()

    def _take_list(self, boot: Boot, text: str) -> None:
        boot.controller.take_list(text)
        boot.link.list_changed(boot.controller.list_version())

    def _written(self, write: Write) -> None:
        if self.kiosk is not None:
            if self.kiosk.controller.has_news():
                self.stir()
            self.kiosk.link.rows_wait(write.may_wait)

    def stir(self) -> None:
        if self.kiosk is not None:
            self.kiosk.due_s = self.agenda.now_s

    # ---- the wiring -----------------------------------------------------------------------------------------------

    def _twins(self, evse_id: int, started_s: float) -> tuple[ContactorTwin, PilotTwin, MeterTwin]:
        outlet, wires, generation = self.outlets[evse_id], self.cabinet.wires[evse_id], self._generation
        spot = Spot(outlet, self.times[evse_id], wires, lambda: self.agenda.now_s - started_s + 10.0)

        def act(delay_s: float) -> None:
            self.agenda.after(delay_s, command)

        def command() -> None:
            if generation == self._generation and not wires.commands_are_cut:
                outlet.advance(self.agenda.now_s)
                outlet.contactor.command(contactor.commanded, self.agenda.now_s)

        def offer(delay_s: float) -> None:
            self.agenda.after(delay_s, apply_offer)

        def apply_offer() -> None:
            if generation == self._generation and not wires.offers_are_cut:
                outlet.offer(wires.offered_a(pilot.offered_a), self.agenda.now_s)

        pilot = PilotTwin(spot, offer)
        contactor = ContactorTwin(spot, act)
        evse = next(evse for evse in self.settings.evses if evse.evse_id == evse_id)
        return contactor, pilot, MeterTwin(spot, round(evse.max_power_w * MOST_OVER_RATED))

    def _feed_relay(self, was_given: bool) -> None:
        if was_given and not self.relay_is_fed:
            self.relay_is_fed = True
            self._supply(True)
        elif not was_given and self.relay_is_fed:
            self.relay_is_fed = False
            self.agenda.after(RELAY_DROPS_AFTER_S, self._drop_relay_unless_fed(self._generation))

    def _drop_relay_unless_fed(self, generation: int) -> Act:
        def drop() -> None:
            if self.kiosk is None or (generation == self._generation and not self.relay_is_fed):
                self.relay_is_fed = False
                self._supply(False)

        return drop

    def _supply(self, on: bool) -> None:
        for outlet in self.outlets.values():
            outlet.advance(self.agenda.now_s)
            outlet.contactor.supply(on, self.agenda.now_s)

    # ---- trouble --------------------------------------------------------------------------------------------------

    def _plan_trouble(self) -> None:
        for name, mean_h, act in (
            ("power_cut", 4.5, self._power_cut_for_a_while),
            ("process_killed", 8.0, self._kill_for_a_while),
            ("network_loss", 3.5, self._network_loss),
        ):
            if name in self.faults:
                self._plan(mean_h * 3600, act)
        if "emergency_stop" in self.faults and self.faults != DEFAULT:
            self._plan(30 * 3600, self._press_estop_unless_pressed)

    def _plan(self, mean_s: float, act: Act) -> None:
        self.agenda.after(self.rng.expovariate(1 / mean_s), lambda: self._trouble(mean_s, act))

    def _trouble(self, mean_s: float, act: Act) -> None:
        if not self.is_calm:
            act()
            self._plan(mean_s, act)

    def _power_cut_for_a_while(self) -> None:
        if self.kiosk is not None:
            self.cut_power()
            self.agenda.after(self.rng.choice([self.rng.uniform(8, 60), self.rng.uniform(60, 1800)]), self.boot_again)

    def _kill_for_a_while(self) -> None:
        if self.kiosk is not None:
            self.kill_process()
            self.agenda.after(self.rng.uniform(0.3, 6.0), self.boot_again)

    def boot_again(self) -> None:
        if self.kiosk is None:
            self.boot()

    def _network_loss(self) -> None:
        lasts_s = self.rng.choice([self.rng.uniform(20, 600), self.rng.uniform(600, 4 * 3600.0)])
        self._set_network(False)
        self.activity.faults["network_loss"] += 1
        lasts_s = min(lasts_s, max(0.0, self.ends_s - self.agenda.now_s))
        self.activity.offline_s += lasts_s
        self.agenda.after(lasts_s, lambda: self._set_network(True))

    def _set_network(self, is_up: bool) -> None:
        if self.network.is_up != is_up:
            self.network.is_up = is_up
            self.tell(f"network {'up' if is_up else 'down'}")

    def _press_estop_unless_pressed(self) -> None:
        """Somebody who has nothing else to do here."""
        if not self.estop.active:
            self.press_estop()

    def press_estop(self) -> None:
        self.estop.active = True
        self.activity.faults["emergency_stop"] += 1
        self.tell("emergency stop pressed")
        self.stir_safety()
        self.agenda.after(self.rng.uniform(20, 90), self._release_estop)

    def _release_estop(self) -> None:
        self.estop.active = False
        self.tell("emergency stop released")
        self.stir_safety()
        self.agenda.after(self.rng.uniform(20, 120), self._reset_all)

    def stir_safety(self) -> None:
        self.safety.note()
        if self.kiosk is not None:
            self.kiosk.due_s = min(self.kiosk.due_s, self.agenda.now_s + SAFETY_POLL_S)

    def _reset_all(self) -> None:
        if self.kiosk is not None:
            for evse_id in self.outlets:
                self.kiosk.controller.post(ResetPressed(evse_id, "technician"))
            self.stir()

    def _reset_now_and_then(self) -> None:
        """In the calm: whatever is still latched."""
        self.agenda.after(60.0, self.cabinet.technician)
        if self.agenda.now_s < self.ends_s + CALM_S / 2:
            self.agenda.after(300.0, self._reset_now_and_then)

    def draw_person(self, evse_id: int, visit: Visit, log: VisitLog) -> Person:
        if self.purse is not None and visit.way is Way.PHONE:
            return PhonePayer(self, evse_id, visit, log, self.purse)
        if self.purse is not None and visit.way is Way.PAYMENT_CODE:
            return CodePayer(self, evse_id, visit, log, self.purse)
        return Person(self, evse_id, visit, log)

    # ---- drawing ----------------------------------------------------------------------------------------------------

    def _draw_times(self) -> Times:
        on_a_bus = self.rng.random() < 0.5
        return Times(
            pilot_period_s=self.rng.uniform(0.2, 0.8),
            feedback_period_s=self.rng.uniform(1.5, 4.0) if on_a_bus else 0.0,
            command_delay_s=self.rng.uniform(0.5, 3.5) if on_a_bus else 0.0,
            meter_period_s=self.rng.uniform(0.5, 2.0),
        )

    def _draw_outlet(self, evse_id: int) -> Outlet:
        step_wh = self.rng.choice([1.0, 1.0, 10.0, 100.0])
        meter = EnergyMeter(self.rng.uniform(0, 9e6), step_wh, f"SIM{self.seed}-{evse_id}")
        return Outlet(meter=meter)

    def _mint(self) -> Ids:
        def new() -> str:
            return uuid.UUID(int=self.rng.getrandbits(128), version=4).hex

        ids = Ids(new(), new(), new(), f"{self.rng.randrange(10_000):04d}")
        self.minted_s[ids.transaction_id] = self.agenda.now_s
        return ids
