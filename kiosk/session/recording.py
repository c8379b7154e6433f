"""What is written down of a running transaction, and when."""

from __future__ import annotations

from datetime import timedelta

from contract.metering import MeterReading, Quality
from contract.order import Continuation
from contract.price import Sample
from contract.transaction import (
    EventType,
    MeterValue,
    StoppedReason,
    TransactionEvent,
    TransactionLimit,
    TriggerReason,
)
from contract.values import replace
from contract.walk import Point
from kiosk.session import energy
from kiosk.session.events import Now
from kiosk.session.session import Session
from kiosk.session.settings import Patience
from kiosk.session.states import State
from kiosk.session.transaction import Transaction, transaction_limit

NOMINAL_MV = 230_000
LIMIT_READINGS_MS = 5_000  # a power that wavers about a limit is read no more often

_END_TRIGGER: dict[StoppedReason | None, TriggerReason] = {
    StoppedReason.EV_DISCONNECTED: TriggerReason.EV_DEPARTED,
    StoppedReason.TIMEOUT: TriggerReason.EV_CONNECT_TIMEOUT,
    StoppedReason.REMOTE: TriggerReason.REMOTE_STOP,
    StoppedReason.ENERGY_LIMIT_REACHED: TriggerReason.ENERGY_LIMIT_REACHED,
    StoppedReason.TIME_LIMIT_REACHED: TriggerReason.TIME_LIMIT_REACHED,
    StoppedReason.COST_LIMIT_REACHED: TriggerReason.COST_LIMIT_REACHED,
    StoppedReason.LOCAL_OUT_OF_CREDIT: TriggerReason.COST_LIMIT_REACHED,
    StoppedReason.DE_AUTHORIZED: TriggerReason.DEAUTHORIZED,
    StoppedReason.EMERGENCY_STOP: TriggerReason.ABNORMAL_CONDITION,
    StoppedReason.GROUND_FAULT: TriggerReason.ABNORMAL_CONDITION,
    StoppedReason.OVERCURRENT_FAULT: TriggerReason.ABNORMAL_CONDITION,
    StoppedReason.POWER_QUALITY: TriggerReason.ABNORMAL_CONDITION,
    StoppedReason.POWER_LOSS: TriggerReason.ABNORMAL_CONDITION,
    StoppedReason.OTHER: TriggerReason.ABNORMAL_CONDITION,
}


def end_trigger(reason: StoppedReason | None) -> TriggerReason:
    return _END_TRIGGER.get(reason, TriggerReason.STOP_AUTHORIZED)


def recorded(
    session: Session,
    now: Now,
    patience: Patience,
    event_type: EventType,
    trigger: TriggerReason,
    is_final: bool | None = None,
) -> tuple[Transaction, TransactionEvent]:
    """The next event of the running transaction, and the transaction with it. `is_final` stands in Ended only."""
    t = session.running
    meter = meter_value(session, now, is_final)
    state = energy.charging_state(session)
    elapsed_ms = t.elapsed_ms(now)
    sample = Sample(
        elapsed_ms, meter.import_wh, energy.time_use(session), meter.power_w, meter.current_ma, t.at_ms(elapsed_ms)
    )
    ended = event_type is EventType.ENDED
    if ended and not is_final and _is_above_cap(t, sample):
        meter = _last_journaled(t)
        sample = replace(sample, import_wh=meter.import_wh)
    started = event_type is EventType.STARTED
    event = TransactionEvent(
        event_type=event_type,
        transaction_id=t.ids.transaction_id,
        seq_no=t.next_seq,
        order_id=t.ids.order_id,
        receipt_id=t.ids.receipt_id,
        evse_id=t.evse_id,
        connector_id=t.connector_id,
        trigger_reason=trigger,
        charging_state=state,
        time_use=sample.time_use,
        offline=t.is_offline,
        at=now.moment,
        elapsed_ms=sample.elapsed_ms,
        meter=meter,
        authority=t.authority if started else None,
        offer=t.offer if started else None,
        stopped_reason=t.stopped_reason if ended else None,
        final=bool(is_final) if ended else None,
        total_incl_vat_minor=t.part_with(sample).incl_vat_minor if ended else None,
        continues=Continuation(t.continues, t.before) if started and t.continues is not None else None,
        limit=_limit(t, started, trigger),
    )
    t = replace(
        t.sampled(sample),
        next_seq=t.next_seq + 1,
        meter_serial=meter.serial or t.meter_serial,
        charging_state=state,
    )
    return replace(t, reading_due_s=next_reading_s(session, t, now, patience)), event


def _is_above_cap(t: Transaction, sample: Sample) -> bool:
    """What was promised at the start holds, whatever flowed through a contactor that did not open."""
    cap_minor = t.authority.cap_minor
    return cap_minor is not None and t.owed_minor_with(sample) > cap_minor


def _last_journaled(t: Transaction) -> MeterValue:
    quality, import_wh = (Quality.STALE, t.samples[-1].import_wh) if t.samples else (Quality.MISSING, 0)
    return MeterValue(import_wh, 0, 0, 0, quality, current_ma=0 if t.offer.tariff.needs_current else None)


def _limit(t: Transaction, started: bool, trigger: TriggerReason) -> TransactionLimit | None:
    if trigger is TriggerReason.LIMIT_SET or (started and t.limit is not None):
        return transaction_limit(t.limit)
    return None


def meter_value(session: Session, now: Now, is_final: bool | None) -> MeterValue:
    """The newest reading; where it is missing or ran backwards the last journaled one stands, marked stale.

    In an Ended without a last reading, what a welded contactor let through after it was found counts no more.
    """
    t = session.running
    reading, least_wh = session.facts.meter, t.samples[-1].import_wh if t.samples else 0
    if is_final is False and session.weld_reading is not None:
        reading = session.weld_reading
    asks_current = t.offer.tariff.needs_current
    if reading is None or reading.import_wh < least_wh:
        return _last_journaled(t)
    age_ms = max(0, round((now.s - reading.at_s) * 1000))
    is_good = session.facts.meter_is_fresh and is_final is not False
    quality = Quality.GOOD if is_good else Quality.STALE
    flows = session.state is State.DELIVERING
    power_w, current_ma = (reading.power_w, _current_ma(reading)) if flows else (0, 0)
    return MeterValue(
        reading.import_wh,
        reading.export_wh,
        power_w,
        age_ms,
        quality,
        reading.serial,
        current_ma if asks_current else None,
    )


def _current_ma(reading: MeterReading) -> int:
    """Summed over the phases; of a meter that tells none, what its power comes to at its voltage."""
    if reading.current_ma:
        return sum(reading.current_ma)
    told_mv = [mv for mv in reading.voltage_mv if mv > 0]
    voltage_mv = sum(told_mv) // len(told_mv) if told_mv else NOMINAL_MV
    return round(reading.power_w * 1_000_000 / voltage_mv)


def next_reading_s(session: Session, t: Transaction, now: Now, patience: Patience) -> float:
    """Every minute while delivering; on the clock's quarter-hour and where another price may begin in any case."""
    wall = now.wall
    into_quarter = timedelta(minutes=wall.minute % 15, seconds=wall.second, microseconds=wall.microsecond)
    due_s = now.s + (timedelta(minutes=15) - into_quarter).total_seconds()
    if session.state is not State.PARKED:
        due_s = min(due_s, now.s + patience.reading_every_s)
    change_ms = t.next_change_ms()
    return due_s if change_ms is None else min(due_s, max(now.s, t.started.s + change_ms / 1000))


def passes_a_limit(session: Session, now: Now) -> bool:
    """The newest reading lies beyond an amount, a power or a current at which another price may begin."""
    t, reading = session.running, session.facts.meter
    if t.tally is None or reading is None or not t.offer.tariff.is_restricted:
        return False
    last, first_wh = t.samples[-1], t.samples[0].import_wh
    flow = (reading.power_w, _current_ma(reading)) if session.state is State.DELIVERING else (0, 0)
    before = Point(last.elapsed_ms, last.import_wh - first_wh, last.power_w or 0, last.current_ma)
    after = Point(t.elapsed_ms(now), session.counted_wh - first_wh, *flow)
    is_settled = after.elapsed_ms - last.elapsed_ms >= LIMIT_READINGS_MS
    return is_settled and t.tally.rules.crosses(before, after)


def reading_trigger(now: Now) -> TriggerReason:
    on_the_clock = now.wall.minute % 15 == 0 and now.wall.second < 2
    return TriggerReason.METER_VALUE_CLOCK if on_the_clock else TriggerReason.METER_VALUE_PERIODIC


def drawn(session: Session, now: Now) -> Transaction:
    """A point of the power curve now and then; the curve is for the screen, billing never reads it."""
    t, meter = session.running, session.facts.meter
    if meter is None or not session.facts.meter_is_fresh:
        return t
    elapsed_s = t.elapsed_ms(now) // 1000
    spacing_s = max(5, elapsed_s // 120)
    if not t.curve or elapsed_s >= t.curve[-1].elapsed_s + spacing_s:
        return t.drawn(elapsed_s, meter.power_w)
    return t
