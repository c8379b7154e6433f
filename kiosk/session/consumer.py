"""One consumer of the site's budget: what it may be drawing, whether it obeys, which phases it is on, what it takes.

Law:
- After its offer was lowered a vehicle may go on drawing the former amps for `follow_s` (IEC 61851-1 gives it 5 s).
  Its claim falls only when a reading sensed after that shows no more than the new offer, or the contactor is seen open.
- A reading that shows more after that time is disobedience, and stays so until the cable is out.
- A vehicle counts on every phase its EVSE is wired to, until its readings have shown for LEARN_S that it uses fewer.
"""

from __future__ import annotations

from contract.iec61851 import LEAST_OFFER_A
from contract.values import replace, value
from kiosk.session.settings import SiteSettings
from kiosk.session.shares import PHASES, Asker, PerPhase, Place

LONG_AGO_S = float("-inf")
TOLERANCE_MA = 1_000  # of meter and vehicle together: class 1 at 80 A, and what an offer's duty cycle is read as
NOISE_MA = 300  # of a meter alone: class 1 at 32 A
LEARN_S = 30.0
FLOWS_MA, IDLE_MA = 3_000, 500  # a phase in use while charging, and one that is not
SETTLE_S = 30.0  # after a change, before what a vehicle takes is believed
HUNGRY_MA, SPARE_A = 1_500, 2  # this close to its offer it would take more; one that does not keeps two amps to show it


@value
class Demand:
    """The facts of one EVSE, as the site needs them. Times are kiosk monotonic seconds."""

    evse_id: int
    phases: tuple[int, ...]  # of the site, in the order of the EVSE's conductors
    most_a: int
    asks: bool = False  # its session may be offered current now
    is_awake: bool = False  # the vehicle asks for energy
    is_plugged: bool = False
    came_s: float = LONG_AGO_S
    departs_s: float | None = None
    current_ma: tuple[int, ...] = ()  # per conductor; empty: not known
    current_at_s: float = LONG_AGO_S
    open_at_s: float | None = None  # the contactor is seen open; when

    @property
    def drawn_ma(self) -> PerPhase:
        """On the phases of the site."""
        on = [0] * PHASES
        if self.open_at_s is None:
            for phase, current_ma in zip(self.phases, self.current_ma, strict=False):
                on[phase] = current_ma
        return on[0], on[1], on[2]

    @property
    def largest_ma(self) -> int:
        return max(self.current_ma, default=0)


@value
class Fall:
    """An offer that was lowered, and not seen obeyed yet."""

    from_a: int
    at_s: float


@value
class Consumer:
    """What is granted to one EVSE. `offered_a`: 0, or 6 and more."""

    evse_id: int
    offered_a: int = 0
    asks: bool = False
    is_awake: bool = False
    falls: tuple[Fall, ...] = ()  # strictly falling levels, all above what is offered
    ignores: bool = False
    over_since_s: float | None = None
    uses: tuple[int, ...] = ()  # phases of the site; empty: all that are wired
    learning: tuple[int, ...] = ()
    learning_since_s: float = LONG_AGO_S
    takes_a: int = 80
    changed_at_s: float = LONG_AGO_S
    since_s: float = LONG_AGO_S  # served or waiting since
    awake_since_s: float = LONG_AGO_S
    rests_until_s: float = LONG_AGO_S

    @property
    def is_at_rest(self) -> bool:
        """Nothing is granted or asked for, nothing falls, nobody is watched."""
        return not (self.asks or self.offered_a or self.falls or self.ignores) and self.over_since_s is None

    @property
    def claim_a(self) -> int:
        """The most it may be drawing now, if it obeys."""
        return self.falls[0].from_a if self.falls else self.offered_a

    def held_a(self, demand: Demand) -> int:
        """What nobody else may be given: the claim, or what is measured above it within the tolerance."""
        is_over = demand.open_at_s is None and demand.largest_ma > self.claim_a * 1000 + NOISE_MA
        return -(-demand.largest_ma // 1000) if is_over else self.claim_a

    def claim_ma(self, demand: Demand) -> PerPhase:
        """Per phase of the site; what is measured beyond the claim counts, too."""
        on = list(demand.drawn_ma)
        for phase in self.phases(demand):
            claim_ma = self.claim_a * 1000
            on[phase] = claim_ma if on[phase] <= claim_ma + TOLERANCE_MA else on[phase]
        return on[0], on[1], on[2]

    def phases(self, demand: Demand) -> tuple[int, ...]:
        return self.uses or demand.phases

    def asker(self, demand: Demand) -> Asker:
        takes_a = max(LEAST_OFFER_A, min(self.takes_a, demand.most_a))
        return Asker(self.evse_id, self.phases(demand), demand.most_a, takes_a)

    def place(self, demand: Demand, turn_is_over: bool) -> Place:
        return Place(demand.came_s, self.offered_a > 0, self.since_s, demand.departs_s, turn_is_over)


def unknown(evse_id: int, most_a: int, now_s: float) -> Consumer:
    """At boot: the vehicle may still follow an offer nobody remembers."""
    return Consumer(evse_id, falls=(Fall(most_a, now_s),))


def lowered(consumer: Consumer, amps: int, now_s: float, rest_s: float) -> Consumer:
    falls = (*consumer.falls, Fall(consumer.offered_a, now_s))
    consumer = replace(consumer, offered_a=amps, falls=falls, changed_at_s=now_s)
    return replace(consumer, since_s=now_s, rests_until_s=now_s + rest_s) if amps == 0 else consumer


def raised(consumer: Consumer, amps: int, now_s: float) -> Consumer:
    falls = tuple(fall for fall in consumer.falls if fall.from_a > amps)
    since_s = consumer.since_s if consumer.offered_a else now_s
    return replace(consumer, offered_a=amps, falls=falls, changed_at_s=now_s, since_s=since_s)


def looked_at(consumer: Consumer, demand: Demand, settings: SiteSettings, now_s: float) -> Consumer:
    """The newest facts: who came and went, what fell, who disobeys, what is learned."""
    if not demand.is_plugged and (consumer.ignores or consumer.uses):
        consumer = replace(consumer, ignores=False, uses=(), learning=())
    if demand.asks and not consumer.asks:
        consumer = replace(consumer, asks=True, since_s=now_s, takes_a=demand.most_a, rests_until_s=LONG_AGO_S)
        consumer = replace(consumer, changed_at_s=LONG_AGO_S, over_since_s=None, uses=(), learning=())
    elif not demand.asks and consumer.asks:
        consumer = replace(consumer, asks=False, over_since_s=None)
    consumer = _fallen(consumer, demand, settings)
    if not demand.asks:
        return consumer
    return _takes(_learned(_held_to_its_offer(consumer, demand, settings), demand), demand, now_s)


def _fallen(consumer: Consumer, demand: Demand, settings: SiteSettings) -> Consumer:
    falls = consumer.falls
    while falls:
        due_s = falls[0].at_s + settings.follow_s
        next_a = falls[1].from_a if len(falls) > 1 else consumer.offered_a
        is_open = demand.open_at_s is not None and demand.open_at_s >= due_s
        is_measured = bool(demand.current_ma) and demand.current_at_s >= due_s
        if not is_open and not is_measured:
            break
        if not is_open and demand.largest_ma > next_a * 1000 + TOLERANCE_MA:
            consumer = replace(consumer, ignores=consumer.ignores or demand.asks)
            break
        falls = falls[1:]
    return consumer if falls is consumer.falls else replace(consumer, falls=falls)


def _held_to_its_offer(consumer: Consumer, demand: Demand, settings: SiteSettings) -> Consumer:
    """More than was ever offered, and not for a moment only."""
    is_over = demand.open_at_s is None and demand.largest_ma > consumer.claim_a * 1000 + TOLERANCE_MA
    if not is_over:
        return consumer if consumer.over_since_s is None else replace(consumer, over_since_s=None)
    if consumer.over_since_s is None:
        return replace(consumer, over_since_s=demand.current_at_s)
    return replace(
        consumer, ignores=consumer.ignores or demand.current_at_s - consumer.over_since_s >= settings.follow_s
    )


def _learned(consumer: Consumer, demand: Demand) -> Consumer:
    """Which phases the vehicle draws on: one that charges on one phase leaves the others to its neighbours."""
    if demand.open_at_s is not None or len(demand.current_ma) != len(demand.phases):
        return consumer
    pairs = list(zip(demand.phases, demand.current_ma, strict=True))
    if consumer.uses and any(ma > TOLERANCE_MA for phase, ma in pairs if phase not in consumer.uses):
        return replace(consumer, uses=(), learning=())
    flows = tuple(phase for phase, ma in pairs if ma >= FLOWS_MA)
    is_clear = flows and all(ma >= FLOWS_MA or ma < IDLE_MA for _, ma in pairs)
    if consumer.uses or not is_clear or len(flows) == len(pairs):
        return consumer
    if consumer.learning != flows:
        return replace(consumer, learning=flows, learning_since_s=demand.current_at_s)
    if demand.current_at_s - consumer.learning_since_s >= LEARN_S:
        return replace(consumer, uses=flows)
    return consumer


def _takes(consumer: Consumer, demand: Demand, now_s: float) -> Consumer:
    """What the vehicle takes of what it may: the rest goes to the others."""
    if demand.is_awake != consumer.is_awake:
        takes_a = demand.most_a if demand.is_awake else LEAST_OFFER_A
        return replace(consumer, is_awake=demand.is_awake, awake_since_s=now_s, takes_a=takes_a)
    if not demand.is_awake:
        return consumer if consumer.takes_a == LEAST_OFFER_A else replace(consumer, takes_a=LEAST_OFFER_A)
    settled_s = max(consumer.changed_at_s, consumer.awake_since_s) + SETTLE_S
    if not consumer.offered_a or demand.current_at_s < settled_s or not demand.current_ma:
        return consumer
    if demand.largest_ma >= consumer.offered_a * 1000 - HUNGRY_MA:
        return consumer if consumer.takes_a >= demand.most_a else replace(consumer, takes_a=demand.most_a)
    takes_a = max(LEAST_OFFER_A, -(-demand.largest_ma // 1000) + SPARE_A)
    has_moved = takes_a > consumer.takes_a or takes_a <= consumer.takes_a - SPARE_A - 1
    return replace(consumer, takes_a=takes_a) if has_moved else consumer
