"""Where a charge must end: the driver's own limit, the cap of the authorisation, the hold a guest parks on."""

from __future__ import annotations

import math

from contract.local_time import utc_ms
from contract.price import Sample, TimeUse, price
from contract.tariff import TariffOffer
from contract.transaction import Authority, StoppedReason, TriggerReason
from kiosk.session import energy
from kiosk.session.events import Now
from kiosk.session.session import NEVER_S, Session
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.snapshot import LimitKind
from kiosk.session.states import State

LIMIT_LOOK_S, LIMIT_MARGIN_S = 2.0, 15.0  # how often near a limit, and how near that is
PARKING_LOOK_S = 5.0  # how often a guest's parking is held against the hold


def reached(
    session: Session, now: Now, evse: EvseSettings, patience: Patience
) -> tuple[TriggerReason, StoppedReason] | None:
    """The driver's own limit, or the cap of the authorisation."""
    t, meter = session.running, session.facts.meter
    if meter is None or (t.limit is None and t.authority.cap_minor is None):
        return None
    import_wh = session.counted_wh
    at_ms = t.elapsed_ms(now)
    if t.authority.cap_minor is not None or (t.limit is not None and t.limit.kind is LimitKind.MONEY):
        cost_minor = t.price_with(_soon(session, import_wh, at_ms, evse, patience)).incl_vat_minor
        if t.authority.cap_minor is not None and cost_minor > t.authority.cap_minor:
            return TriggerReason.COST_LIMIT_REACHED, StoppedReason.LOCAL_OUT_OF_CREDIT
        if t.limit is not None and t.limit.kind is LimitKind.MONEY and cost_minor > t.limit.value:
            return TriggerReason.COST_LIMIT_REACHED, StoppedReason.COST_LIMIT_REACHED
    if t.limit is None:
        return None
    if t.limit.kind is LimitKind.ENERGY and t.before_wh + import_wh - t.samples[0].import_wh >= t.limit.value:
        return TriggerReason.ENERGY_LIMIT_REACHED, StoppedReason.ENERGY_LIMIT_REACHED
    if t.limit.kind is LimitKind.TIME and t.before_ms + at_ms >= t.limit.value * 1000:
        return TriggerReason.TIME_LIMIT_REACHED, StoppedReason.TIME_LIMIT_REACHED
    return None


def _soon(session: Session, import_wh: int, at_ms: int, evse: EvseSettings, patience: Patience) -> Sample:
    """Where the transaction may stand once a stop decided now has taken effect: nobody pays beyond a cap.

    At the EVSE's full power, as a vehicle that pauses may ask for all of it between two readings.
    """
    later_wh, later_ms = margin(evse, patience)
    return Sample(at_ms + later_ms, import_wh + later_wh, energy.time_use(session))


def margin(evse: EvseSettings, patience: Patience) -> tuple[int, int]:
    """Wh and ms that a stop may take."""
    margin_s = patience.cap_margin_s
    most_wh = math.ceil(evse.max_power_w * margin_s / 3600) + evse.meter_step_wh - 1
    return most_wh, math.ceil(margin_s * 1000)


def is_covered(evse: EvseSettings, patience: Patience, authority: Authority, offer: TariffOffer, now: Now) -> bool:
    """The cap pays for the shortest charge there is; below that its promise could not be kept."""
    if authority.cap_minor is None:
        return True
    later_wh, later_ms = margin(evse, patience)
    current_ma = evse.max_a * evse.phases * 1000
    wall = now.moment.known_wall
    at_ms = None if wall is None else utc_ms(wall)
    begin = Sample(0, 0, TimeUse.CHARGING, evse.max_power_w, current_ma, at_ms)
    least = price(offer, (begin, Sample(later_ms, later_wh, TimeUse.NONE)))
    return authority.cap_minor >= least.incl_vat_minor


def parking_reaches_hold(session: Session, now: Now, evse: EvseSettings, patience: Patience) -> bool:
    """A guest never owes more than was held: parking stops counting before the look after the next would."""
    t = session.running
    cap_minor = t.authority.cap_minor
    if t.authority.voucher_id is None or cap_minor is None or session.parking_is_free:
        return False
    later_ms = round(2 * PARKING_LOOK_S * 1000)
    most_wh = session.counted_wh if session.last_reading is not None else session.counted_wh + margin(evse, patience)[0]
    sample = Sample(t.elapsed_ms(now) + later_ms, most_wh, TimeUse.PARKING)
    return t.price_with(sample).incl_vat_minor > cap_minor


def limit_deadline_s(session: Session, now_s: float, evse: EvseSettings) -> float:
    """The earliest moment at which a limit or cap can need a stop, were the EVSE's full power drawn from now on."""
    t, meter = session.transaction, session.facts.meter
    if session.state is not State.DELIVERING or t is None or meter is None:
        return NEVER_S
    # A coarse register may take its next step right away, though almost nothing flows until then.
    used_wh = max(meter.import_wh, t.samples[-1].import_wh) - t.samples[0].import_wh + evse.meter_step_wh - 1
    due_s, time_is_up_s = NEVER_S, NEVER_S
    caps_minor = [t.authority.cap_minor] if t.authority.cap_minor is not None else []
    if t.limit is not None:
        match t.limit.kind:
            case LimitKind.ENERGY:
                due_s = now_s + (t.limit.value - t.before_wh - used_wh) * 3600 / evse.max_power_w
            case LimitKind.TIME:
                time_is_up_s = t.started.s + t.limit.value - t.before_ms / 1000
            case LimitKind.MONEY:
                caps_minor.append(t.limit.value)
    if caps_minor:
        at_ms = round((now_s - t.started.s) * 1000)
        later = Sample(at_ms + 3_600_000, t.samples[0].import_wh + used_wh + evse.max_power_w, TimeUse.CHARGING)
        hour_from_now_minor = t.price_with(later).incl_vat_minor
        spent_minor = t.price_with(Sample(at_ms, t.samples[0].import_wh + used_wh, TimeUse.CHARGING)).incl_vat_minor
        per_hour_minor = max(1, hour_from_now_minor - spent_minor)
        due_s = min(due_s, now_s + (min(caps_minor) - spent_minor) * 3600 / per_hour_minor)
    return min(time_is_up_s, max(due_s - LIMIT_MARGIN_S, now_s + LIMIT_LOOK_S) if due_s < NEVER_S else NEVER_S)
