"""The site's limit, shared by all consumers behind one connection. Pure: `allocate` is a function of state and facts.

Law:
- Lower first. An offer is raised only into what is free beside everything the others may still be drawing, and that
  falls only when a meter has shown it (consumer.py). So the sum stays below the limit in any order of events, as long
  as vehicles obey; the contactor of one that does not obey within `follow_s` is opened (FaultCode.OFFER_IGNORED).
- Less at once, more not more often than every `raise_every_s`; a pause lasts `rest_s`, a turn `turn_s`.
- A site meter that is stale counts as nothing: the EVSEs share `fallback_a`, whatever else may be running.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from functools import lru_cache

from contract.iec61851 import LEAST_OFFER_A
from contract.metering import MeterReading
from contract.values import replace, value
from kiosk.session.consumer import SETTLE_S, Consumer, Demand, looked_at, lowered, raised, unknown
from kiosk.session.other_load import OtherLoad, bounds, is_news, looked
from kiosk.session.settings import SiteSettings
from kiosk.session.shares import PHASES, Asker, PerPhase, fill, minus, room, served

AT_ONCE_S = 0.01
LOOK_S, RISE_LOOK_S = 1.0, 5.0  # how often what is overdue is looked for
SLACK_A = 1  # a difference to one's share that moves nobody


@value
class SiteFacts:
    """One look at all consumers. `site`: the newest reading of the site's meter, None where it is stale or absent."""

    demands: tuple[Demand, ...]
    site: MeterReading | None = None


@value
class Site:
    """What is granted. `keep_a` is what must not be exceeded per phase, `rise_a` what offers may be raised into."""

    settings: SiteSettings
    consumers: tuple[Consumer, ...] = ()
    load: OtherLoad = field(default_factory=OtherLoad)
    keep_a: PerPhase = (0, 0, 0)
    rise_a: PerPhase = (0, 0, 0)
    is_fallback: bool = False
    next_s: float = float("inf")

    @property
    def ignoring(self) -> frozenset[int]:
        """EVSEs whose vehicle draws more than it is offered; until the cable is out."""
        return frozenset(consumer.evse_id for consumer in self.consumers if consumer.ignores)

    @property
    def is_idle(self) -> bool:
        """Nobody asks, nothing falls, and no other load is looked at."""
        return not self.settings.has_meter and bool(self.consumers) and all(c.is_at_rest for c in self.consumers)

    def consumer(self, evse_id: int) -> Consumer:
        return next(c for c in self.consumers if c.evse_id == evse_id)


@value
class Share:
    """What one session is granted, and why it is not more."""

    offered_a: int
    may_draw: bool  # the fall to what is offered was not measured yet
    causes: tuple[str, ...] = ()
    shares_with: tuple[int, ...] = ()  # EVSEs that have a part of the same phases


NOTHING_GRANTED = Share(0, may_draw=False)


def allocate(site: Site, facts: SiteFacts, now_s: float) -> Site:
    """The next grants. Idempotent for equal facts at the same moment."""
    demands = {demand.evse_id: demand for demand in facts.demands}
    known = {consumer.evse_id: consumer for consumer in site.consumers}
    consumers = {
        d.evse_id: looked_at(known.get(d.evse_id) or unknown(d.evse_id, d.most_a, now_s), d, site.settings, now_s)
        for d in facts.demands
    }
    site = _budgeted(site, facts, consumers, demands, now_s)
    if all(consumer.is_at_rest for consumer in consumers.values()):
        return replace(site, consumers=tuple(consumers.values()), next_s=_load_look_s(site, now_s))
    turns = _Turns(site, consumers, demands, now_s)
    wanted = turns.wanted()
    _lower(site, consumers, demands, wanted, now_s)
    _raise(site, consumers, demands, wanted, now_s)
    next_s = min(_looks(site, consumers, wanted, now_s, turns.ends_s))
    return replace(site, consumers=tuple(consumers.values()), next_s=next_s)


def share_of(site: Site, evse_id: int, facts: SiteFacts) -> Share:
    """What a session sees of all this."""
    if site.consumer(evse_id).is_at_rest:
        return NOTHING_GRANTED
    demands = {demand.evse_id: demand for demand in facts.demands}
    consumer, mine = site.consumer(evse_id), demands[evse_id]
    with_ids = tuple(
        other.evse_id
        for other in site.consumers
        if other.evse_id != evse_id and other.asks and set(other.phases(demands[other.evse_id])) & set(mine.phases)
    )
    causes: list[str] = []
    if mine.asks and consumer.offered_a < mine.most_a:
        falling = [c.evse_id for c in site.consumers if c.falls and c.evse_id != evse_id]
        if consumer.offered_a == 0:
            waits = f"site_limit:waits_for_fall:{falling[0]}" if falling else "site_limit:waits_for_turn"
            causes.append(waits if with_ids or falling else "site_limit:no_room")
        elif with_ids:
            causes.append(f"site_limit:shared:{','.join(map(str, with_ids))}")
        else:
            causes.append("site_limit:reduced")
        if site.is_fallback:
            causes.append("site_limit:fallback")
    return Share(consumer.offered_a, bool(consumer.falls), tuple(causes), with_ids if mine.asks else ())


# ---- the budget ------------------------------------------------------------------------------------------------------


def _budgeted(
    site: Site, facts: SiteFacts, consumers: dict[int, Consumer], demands: dict[int, Demand], now_s: float
) -> Site:
    s = site.settings
    whole = (s.limit_a, s.limit_a, s.limit_a)
    if not s.has_meter:
        return replace(site, keep_a=whole, rise_a=whole)
    fallback = (s.fallback_a, s.fallback_a, s.fallback_a)
    if facts.site is None:
        return replace(site, load=OtherLoad(), keep_a=fallback, rise_a=fallback, is_fallback=True)
    claims = {c.evse_id: c.claim_ma(demands[c.evse_id]) for c in consumers.values()}
    drawn = {d.evse_id: (_sensed_s(d), d.drawn_ma) for d in demands.values() if d.current_ma or d.open_at_s is not None}
    load = looked(site.load, facts.site, drawn, claims, now_s)
    other = bounds(load, claims, now_s)
    if other is None:
        return replace(site, load=load, keep_a=fallback, rise_a=fallback, is_fallback=True)
    keep = [max(0, (s.limit_a * 1000 - other.least[phase]) // 1000) for phase in range(PHASES)]
    rise = [max(0, (s.limit_a * 1000 - other.most[phase]) // 1000 - s.reserve_a) for phase in range(PHASES)]
    keep_a, rise_a = (keep[0], keep[1], keep[2]), (rise[0], rise[1], rise[2])
    return replace(site, load=load, keep_a=keep_a, rise_a=rise_a, is_fallback=False)


def _sensed_s(demand: Demand) -> float:
    return demand.current_at_s if demand.open_at_s is None else demand.open_at_s


# ---- who gets how much -----------------------------------------------------------------------------------------------


class _Turns:
    """The order, and what everyone should have."""

    def __init__(self, site: Site, consumers: dict[int, Consumer], demands: dict[int, Demand], now_s: float) -> None:
        self.site, self.demands = site, demands
        self.asking = [consumer for consumer in consumers.values() if consumer.asks]
        self.now_s = now_s
        waiting_s = [consumer.since_s for consumer in self.asking if consumer.offered_a == 0]
        self.contended_s = min(waiting_s, default=float("inf"))
        self.ends_s = min((self._ends(c) for c in self.asking if c.offered_a), default=float("inf"))

    def wanted(self) -> dict[int, int]:
        """Amps by evse_id; 0 is a pause."""
        turn_s = self.site.settings.turn_s
        places = {c.evse_id: c.place(self.demands[c.evse_id], self.now_s >= self._ends(c)) for c in self.asking}
        ordered = sorted(self.asking, key=lambda c: (places[c.evse_id].key(turn_s), c.evse_id))
        askers = [consumer.asker(self.demands[consumer.evse_id]) for consumer in ordered]
        holders = frozenset(consumer.evse_id for consumer in ordered if consumer.offered_a)
        chosen = served(askers, holders, self.site.keep_a, self.site.rise_a)
        return dict.fromkeys((c.evse_id for c in self.asking), 0) | dict(_levels(chosen, self.site.rise_a))

    def _ends(self, consumer: Consumer) -> float:
        """When its turn is over; a turn counts only while somebody waits."""
        since_s = max(consumer.since_s, self.contended_s)
        if consumer.is_awake:
            return since_s + self.site.settings.turn_s
        return max(since_s, consumer.awake_since_s) + self.site.settings.doze_s


@lru_cache(maxsize=256)
def _levels(chosen: tuple[Asker, ...], budget: PerPhase) -> tuple[tuple[int, int], ...]:
    return tuple(fill(chosen, budget).items())


def _free(budget: PerPhase, amps: Iterable[tuple[Consumer, int]], demands: dict[int, Demand]) -> PerPhase:
    for consumer, taken_a in amps:
        budget = minus(budget, consumer.phases(demands[consumer.evse_id]), taken_a)
    return budget


def _lower(
    site: Site, consumers: dict[int, Consumer], demands: dict[int, Demand], wanted: dict[int, int], now_s: float
) -> None:
    """Whoever left, whoever's turn is over; and everyone down to his share where the sum or somebody needs it."""
    everyone = list(consumers.values())
    is_over = min(_free(site.keep_a, ((c, c.offered_a) for c in everyone), demands)) < 0
    is_needed = is_over or any(_lacks(site, c, everyone, demands, wanted) for c in everyone)
    for consumer in everyone:
        level_a = wanted.get(consumer.evse_id, 0)
        is_capped = (
            consumer.offered_a > demands[consumer.evse_id].most_a
        )  # by heat: what it no longer may, it gives back
        if consumer.offered_a > level_a and (level_a == 0 or is_needed or is_capped):
            consumers[consumer.evse_id] = lowered(consumer, level_a, now_s, site.settings.rest_s)


def _lacks(
    site: Site, consumer: Consumer, everyone: Sequence[Consumer], demands: dict[int, Demand], wanted: dict[int, int]
) -> bool:
    """Others hold what belongs to this one, and by more than is worth moving anybody for."""
    level_a = wanted.get(consumer.evse_id, 0)
    if level_a - consumer.offered_a <= (SLACK_A if consumer.offered_a else 0):
        return False
    others = ((other, other.offered_a) for other in everyone if other is not consumer)
    return room(_free(site.rise_a, others, demands), consumer.phases(demands[consumer.evse_id])) < level_a


def _raise(
    site: Site, consumers: dict[int, Consumer], demands: dict[int, Demand], wanted: dict[int, int], now_s: float
) -> None:
    for evse_id, level_a in wanted.items():
        consumer = consumers[evse_id]
        if level_a <= consumer.offered_a or consumer.ignores or now_s < _may_rise_s(site, consumer):
            continue
        others = [(o, o.held_a(demands[o.evse_id])) for o in consumers.values() if o is not consumer]
        free_a = room(_free(site.rise_a, others, demands), consumer.phases(demands[evse_id]))
        if free_a < level_a and any(other.falls for other, _ in others):
            continue  # the others are still falling: one raise instead of two
        free_a = min(level_a, free_a)
        if free_a >= LEAST_OFFER_A and (free_a == level_a or free_a > consumer.offered_a + SLACK_A):
            consumers[evse_id] = raised(consumer, free_a, now_s)


def _may_rise_s(site: Site, consumer: Consumer) -> float:
    return max(consumer.rests_until_s, consumer.changed_at_s + site.settings.raise_every_s)


def _load_look_s(site: Site, now_s: float) -> float:
    return now_s + LOOK_S if is_news(site.load) else float("inf")


def _looks(
    site: Site, consumers: dict[int, Consumer], wanted: dict[int, int], now_s: float, turn_ends_s: float
) -> Iterable[float]:
    """Moments at which something may have to change though nothing happens."""
    yield _load_look_s(site, now_s)
    for consumer in consumers.values():
        if consumer.ignores and consumer.asks:
            yield now_s + AT_ONCE_S
        if consumer.falls:
            yield max(consumer.falls[0].at_s + site.settings.follow_s, now_s + LOOK_S)
        if consumer.over_since_s is not None:
            yield now_s + LOOK_S
        if consumer.asks:
            settled_s = max(consumer.changed_at_s, consumer.awake_since_s) + SETTLE_S
            if settled_s > now_s:
                yield settled_s
            if consumer.learning and not consumer.uses:
                yield now_s + RISE_LOOK_S
            if wanted[consumer.evse_id] > consumer.offered_a + (SLACK_A if consumer.offered_a else 0):
                yield max(_may_rise_s(site, consumer), now_s + RISE_LOOK_S)
    if turn_ends_s > now_s:
        yield turn_ends_s
