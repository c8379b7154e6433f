"""Where a charge must end: the driver's own limit, the cap of the authorisation, the hold a guest parks on.

Law:
- No cap and no limit is passed. At each look a stop is supposed to be decided one look later; if what may be drawn
  until then and while it takes effect would pass the limit, it is decided now.
- What may be drawn follows from the claim (taper.py). So the claim is lowered on the way, and the end lies at most one
  step of the register, or what the least current delivers in the time of a stop, below the limit.
- Current is not lowered where charging time is priced: the driver would pay for slowness.
- A guest's charge ends early enough to leave something for parking, and parking stops counting at the hold.
- Between two looks nothing is priced: each says until when no limit can need anything, whatever the vehicle draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from contract.currency import to_minor
from contract.iec61851 import LEAST_OFFER_A
from contract.local_time import utc_ms
from contract.parking_reserve import charge_cap_of_guest
from contract.price import Sample, TimeUse, price
from contract.tariff import Dimension, TariffOffer
from contract.transaction import Authority, StoppedReason, TriggerReason
from contract.values import replace
from kiosk.session import taper
from kiosk.session.events import Now
from kiosk.session.session import LONG_AGO_S, NEVER_S, Session
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.snapshot import LimitKind
from kiosk.session.states import State
from kiosk.session.transaction import Transaction

LOOK_S = 1.0  # between two looks near a limit, at most
QUIET_S = (4.0, 15.0, 60.0, 240.0, 900.0, 3600.0)  # how long it may be until the next look, farther away
PARKING_LOOK_S = 5.0  # how often a guest's parking is held against the hold

Stop = tuple[TriggerReason, StoppedReason]

_STOP_AT: dict[LimitKind, Stop] = {
    LimitKind.ENERGY: (TriggerReason.ENERGY_LIMIT_REACHED, StoppedReason.ENERGY_LIMIT_REACHED),
    LimitKind.MONEY: (TriggerReason.COST_LIMIT_REACHED, StoppedReason.COST_LIMIT_REACHED),
    LimitKind.TIME: (TriggerReason.TIME_LIMIT_REACHED, StoppedReason.TIME_LIMIT_REACHED),
}
_STOP_AT_CAP: Stop = (TriggerReason.COST_LIMIT_REACHED, StoppedReason.LOCAL_OUT_OF_CREDIT)


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a running charge may come to, reckoned from its newest reading."""

    session: Session
    now: Now
    evse: EvseSettings
    patience: Patience

    def wh(self, span_s: float, amps: int) -> int:
        """The register at the end, if a stop is decided `span_s` from now."""
        meter = self.session.facts.meter
        age_s = 0.0 if meter is None else max(0.0, self.now.s - meter.at_s)
        step_wh = 1 if meter is None else meter.step_wh
        flows_s = age_s + taper.METER_LAG_S + span_s + taper.stop_s(self.patience)
        return self.session.counted_wh + taper.most_wh(taper.most_w(self.evse, amps), flows_s, step_wh)

    def cost_minor(self, span_s: float, amps: int) -> int:
        """What the order costs then. Where the price depends on the flow, each that may be counts in full."""
        t = self.session.running
        elapsed_ms, wh = t.elapsed_ms(self.now), self.session.counted_wh
        end = Sample(elapsed_ms + math.ceil(span_s * 1000), self.wh(span_s, amps), TimeUse.NONE)
        # A vehicle that pauses may ask at any time: all of it is charging time.
        begins = [
            Sample(elapsed_ms, wh, TimeUse.CHARGING, power_w, current_ma, t.at_ms(elapsed_ms))
            for power_w, current_ma in flows(t.offer, self.evse, amps)
        ]
        so_far_minor = t.owed_minor_with(begins[0]) if len(begins) > 1 else 0
        return so_far_minor + sum(t.owed_minor_with(begin, end) - so_far_minor for begin in begins)

    def passed(self, span_s: float, amps: int) -> Stop | None:
        """The limit that would be passed."""
        t = self.session.running
        used_wh, cost_minor = t.before_wh + self.wh(span_s, amps) - t.samples[0].import_wh, None
        for kind, value, stop in ceilings(t, self.evse):
            if kind is LimitKind.ENERGY and used_wh > value:
                return stop
            if kind is LimitKind.MONEY:
                cost_minor = self.cost_minor(span_s, amps) if cost_minor is None else cost_minor
                if cost_minor > value:
                    return stop
        return None

    def approach(self) -> tuple[Session, Stop | None]:
        """The session with its taper and its next look, or the reason to stop now."""
        session, now_s = self.session, self.now.s
        way = session.taper or taper.begun(self.evse, now_s)
        way = taper.seen(way, session.facts.meter, self.evse)
        way = taper.moved(way, session.counted_wh, now_s)
        if (stop := self.passed(LOOK_S, way.claim_a)) is not None:
            return session, stop
        ahead = self.passed(self.step_s, way.claim_a)
        if session.taper is not None and now_s >= max(way.moved_s, session.since_s) + self.patience.taper_s:
            if (rests := ahead or self.passed(self.step_s, self.evse.max_a)) is not None:
                return session, rests
        if ahead is not None and way.is_obeyed and way.most_a > LEAST_OFFER_A and tapers(session.running.offer):
            way = taper.lowered(way, now_s)
        quiet_s = LOOK_S
        for longer_s in QUIET_S:
            if ahead is not None or self.passed(longer_s + self.step_s, way.claim_a) is not None:
                break
            quiet_s = longer_s
        is_lowered = way.most_a < self.evse.max_a
        return replace(session, taper=way if is_lowered else None, limit_look_s=now_s + quiet_s), None

    @property
    def step_s(self) -> float:
        """From one look to the first that knows whether a lower offer is obeyed."""
        return self.evse.protection.follow_s + self.patience.meter_stale_s + 2 * LOOK_S


def ceilings(t: Transaction, evse: EvseSettings) -> Iterator[tuple[LimitKind, int, Stop]]:
    """What ends this charge, in the limits' own units: minor units, Wh, seconds."""
    if (cap_minor := cap_of_charge_minor(t, evse)) is not None:
        yield LimitKind.MONEY, cap_minor, _STOP_AT_CAP
    if t.limit is not None:
        yield t.limit.kind, t.limit.value, _STOP_AT[t.limit.kind]


def looked_at(session: Session, now: Now, evse: EvseSettings, patience: Patience) -> tuple[Session, Stop | None]:
    """A running charge held against its limits, and the reason to stop it if one may be passed."""
    t = session.running
    if now.s >= time_is_up_s(t):
        return session, _STOP_AT[LimitKind.TIME]
    if now.s < session.limit_look_s or session.facts.meter is None:
        return session, None
    if all(kind is LimitKind.TIME for kind, _, _ in ceilings(t, evse)):
        return replace(session, limit_look_s=NEVER_S, taper=None), None
    return _Reach(session, now, evse, patience).approach()


def begun(session: Session, now: Now, evse: EvseSettings, patience: Patience) -> Session:
    """A transaction that has just begun: one with little to spend is never offered much."""
    session = replace(session, limit_look_s=LONG_AGO_S, taper=None)
    reach = _Reach(session, now, evse, patience)
    way = taper.begun(evse, now.s)
    if not tapers(session.running.offer):
        return session
    while way.most_a > LEAST_OFFER_A and reach.passed(reach.step_s, way.most_a) is not None:
        way = taper.lowered(way, now.s)
        way = replace(way, claim_a=way.most_a)  # nothing flows yet, and no more was offered
    return session if way.most_a == evse.max_a else replace(session, taper=way)


def chosen(session: Session, now: Now, evse: EvseSettings, patience: Patience) -> Session:
    """The driver has set or taken away a limit: the current comes back where the end is far again."""
    session = replace(session, limit_look_s=LONG_AGO_S)
    reach = _Reach(session, now, evse, patience)
    is_far = reach.passed(2 * reach.step_s, evse.max_a) is None
    return replace(session, taper=None) if is_far else session


def tapers(offer: TariffOffer) -> bool:
    """Nobody pays by the minute for current that was lowered."""
    parts = (element.component(Dimension.TIME) for element in offer.tariff.elements if element.reservation is None)
    return not any(part is not None and part.price > 0 for part in parts)


def flows(offer: TariffOffer, evse: EvseSettings, amps: int) -> list[tuple[int, int]]:
    """Power (W) and current (mA, all phases) with which a vehicle that is offered so much may be priced."""
    most_w = taper.most_w(evse, amps)
    edges_w = {most_w}
    for rule in offer.tariff.rules:
        of_power = [Decimal(kw) * 1000 for kw in (rule.min_power, rule.max_power) if kw is not None]
        of_current = [Decimal(a) * evse.nominal_v for a in (rule.min_current, rule.max_current) if a is not None]
        edges_w |= {edge_w for at in of_power + of_current for edge_w in (int(at) - 1, int(at) + 1) if edge_w >= 0}
    return [(power_w, round(power_w * 1000 / evse.nominal_v)) for power_w in sorted(edges_w) if power_w <= most_w]


def is_covered(
    session: Session, evse: EvseSettings, patience: Patience, authority: Authority, offer: TariffOffer, now: Now
) -> bool:
    """The cap pays for the shortest charge there is; below that its promise could not be kept."""
    if authority.cap_minor is None:
        return True
    most_wh, most_ms = shortest(session, evse, patience, offer)
    wall = now.moment.known_wall
    at_ms = None if wall is None else utc_ms(wall)
    end = Sample(most_ms, most_wh, TimeUse.NONE)
    begins = [Sample(0, 0, TimeUse.CHARGING, w, ma, at_ms) for w, ma in flows(offer, evse, LEAST_OFFER_A)]
    least_minor = max(price(offer, (begin, end)).incl_vat_minor for begin in begins)
    return least_minor <= charge_cap_minor(authority.cap_minor, authority, offer, evse)


def shortest(session: Session, evse: EvseSettings, patience: Patience, offer: TariffOffer) -> tuple[int, int]:
    """Wh and ms that a charge takes at most if it is stopped at the first look."""
    begins_s = patience.close_s + LOOK_S
    flows_s = begins_s + taper.METER_LAG_S + taper.stop_s(patience)
    power_w = taper.most_w(evse, LEAST_OFFER_A if tapers(offer) else evse.max_a)
    step_wh = 1 if session.facts.meter is None else session.facts.meter.step_wh
    return taper.most_wh(power_w, flows_s, step_wh), math.ceil(begins_s * 1000)


def cap_of_charge_minor(t: Transaction, evse: EvseSettings) -> int | None:
    """Where the charge stops for the sake of the cap; None: there is none."""
    cap_minor = t.authority.cap_minor
    return None if cap_minor is None else charge_cap_minor(cap_minor, t.authority, t.offer, evse)


def charge_cap_minor(cap_minor: int, authority: Authority, offer: TariffOffer, evse: EvseSettings) -> int:
    """What of the cap the charge may use: of a guest's some is kept for parking, at most half."""
    if not authority.is_guest:
        return cap_minor
    return charge_cap_of_guest(cap_minor, offer, evse.parking_reserve_s)


def parking_reaches_hold(session: Session, now: Now, evse: EvseSettings, patience: Patience) -> bool:
    """A guest never owes more than was held: parking stops counting before the look after the next would."""
    t = session.running
    cap_minor = t.authority.cap_minor
    if not t.authority.is_guest or cap_minor is None or session.parking_is_free:
        return False
    later_ms = round(2 * PARKING_LOOK_S * 1000)
    most_wh = session.counted_wh
    if session.last_reading is None:
        claim_a = evse.max_a if session.taper is None else session.taper.claim_a
        most_wh = _Reach(session, now, evse, patience).wh(0.0, claim_a)
    sample = Sample(t.elapsed_ms(now) + later_ms, most_wh, TimeUse.PARKING)
    return t.owed_minor_with(sample) > cap_minor


def parking_deadline_s(session: Session, now_s: float) -> float:
    """The earliest moment at which a guest's parking can reach the hold, and PARKING_LOOK_S from now at the soonest.

    It is known where nothing flows any more and one price holds all the time; else it may come with any look.
    """
    t = session.running
    cap_minor, elements = t.authority.cap_minor, t.offer.tariff.elements
    if cap_minor is None or session.parking_is_free:
        return NEVER_S
    parts = [part for part in elements[0].price_components if part.type is Dimension.PARKING_TIME]
    if session.last_reading is None or len(elements) > 1 or elements[0].restrictions is not None or len(parts) != 1:
        return now_s + PARKING_LOOK_S
    at_ms = max(t.samples[-1].elapsed_ms, round((now_s - t.started.s + 2 * PARKING_LOOK_S) * 1000))
    owed_minor = t.owed_minor_with(Sample(at_ms, session.counted_wh, TimeUse.PARKING))
    per_hour_minor = to_minor(parts[0].gross, t.offer.tariff.currency) + 1  # rounded on both sides, as is the hold
    return now_s + max(PARKING_LOOK_S, (cap_minor - owed_minor - 1) * 3600 / per_hour_minor - parts[0].step_size)


def time_is_up_s(t: Transaction) -> float:
    """When the driver's own limit of time ends the order's charging, in kiosk monotonic seconds."""
    if t.limit is None or t.limit.kind is not LimitKind.TIME:
        return NEVER_S
    return t.started.s + t.limit.value - t.before_ms / 1000


def deadline_s(session: Session) -> float:
    """When a running charge must be held against its limits again."""
    if session.state is not State.DELIVERING or session.transaction is None:
        return NEVER_S
    return min(session.limit_look_s, time_is_up_s(session.transaction))
