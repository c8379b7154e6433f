"""What the server believes of a finished transaction. Pure; judged over the whole of it, so order of arrival is
no matter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from billing.quarantine import Doubt
from contract.metering import Quality
from contract.price import price
from contract.transaction import EventType, StoppedReason, TransactionEvent, samples_before

TOLERANCE = 1.15  # mains may be 10 % high (EN 50160), meters and chargers add a little
CLOCK_SLACK_MS = 2_000  # two roundings, and a disk that was slow to be asked
SLACK_S = 15  # between a reading and its row
POWER_LOSS_SLACK_S = 900  # Ended after a power cut carries the last durable time; the meter counted on
UNREAD_SLACK_S = 930  # a meter silent at the end was last read at most so long before; the kiosk allows 900
REGISTER_STEP_WH = 10  # the coarsest register in use steps by 10 Wh


def doubts_about(story: Sequence[TransactionEvent], max_power_w: int) -> list[Doubt]:
    """Check events 0..Ended in order. `max_power_w` is the most one EVSE can deliver."""
    found: list[Doubt] = []
    started, ended = story[0], story[-1]
    identity = (started.order_id, started.receipt_id, started.evse_id, started.connector_id)
    for before, after in pairwise(story):
        if (after.order_id, after.receipt_id, after.evse_id, after.connector_id) != identity:
            found.append(Doubt("mixed_ids", f"seq {after.seq_no} names another order, receipt or EVSE than Started"))
        if after.elapsed_ms < before.elapsed_ms:
            fall = f"elapsed time falls from {before.elapsed_ms} to {after.elapsed_ms} ms"
            found.append(Doubt("time_backwards", f"{fall} {_where(before, after)}"))
        if before.event_type in (EventType.ENDED, EventType.METER_CORRECTION) and after.seq_no > before.seq_no:
            found.append(Doubt("mixed_ids", f"seq {before.seq_no} is {before.event_type.value}, and more follows"))
        if (grown_ms := after.elapsed_ms - before.elapsed_ms) > (proven_ms := _proven_ms(before, after)):
            growth = f"elapsed time grows by {grown_ms} ms {_where(before, after)}"
            found.append(Doubt("time_unproved", f"{growth}; its clock ran {proven_ms} ms"))
        step_wh = after.meter.import_wh - before.meter.import_wh
        if step_wh < 0:
            found.append(Doubt("meter_backwards", f"the register falls by {-step_wh} Wh {_where(before, after)}"))
            continue
        possible_wh = _possible_wh(before, _or_the_end(after, ended), max_power_w)
        if step_wh > possible_wh:
            rise = f"the register rises by {step_wh} Wh {_where(before, after)}"
            found.append(Doubt("impossible_step", f"{rise}; {max_power_w} W allow {possible_wh} Wh in that time"))
    cap_minor = started.authority.cap_minor if started.authority is not None else None
    total_minor = ended.total_incl_vat_minor
    if cap_minor is not None and total_minor is not None and started.offer is not None:
        order_minor = total_minor + price(started.offer, samples_before(story)).incl_vat_minor
        if order_minor > cap_minor:
            found.append(Doubt("over_cap", f"the total {order_minor} is above the cap {cap_minor}, in minor units"))
    return found


def _where(before: TransactionEvent, after: TransactionEvent) -> str:
    return f"from seq {before.seq_no} to {after.seq_no}"


def _proven_ms(before: TransactionEvent, after: TransactionEvent) -> int:
    """How long it may have been by the kiosk's monotonic clock. Nothing counts across a restart: it has no clock that
    ran through it, and what cannot be proven is not billed."""
    if before.at.boot_id != after.at.boot_id:
        return 0
    return after.at.monotonic_ms - before.at.monotonic_ms + CLOCK_SLACK_MS


def doubts_about_correction(ended: TransactionEvent, late: TransactionEvent, max_power_w: int) -> list[Doubt]:
    """Check the reading that came after the end. What it may add flowed before the end, and after a good reading."""
    identity = (ended.order_id, ended.receipt_id, ended.evse_id, ended.connector_id)
    if (late.order_id, late.receipt_id, late.evse_id, late.connector_id) != identity:
        return [Doubt("wrong_correction", "the correction names another order, receipt or EVSE")]
    if ended.meter.serial is not None and late.meter.serial != ended.meter.serial:
        return [Doubt("wrong_correction", f"meter {late.meter.serial} corrects what {ended.meter.serial} counted")]
    more_wh = late.meter.import_wh - ended.meter.import_wh
    possible_wh = int(max_power_w * UNREAD_SLACK_S / 3600 * TOLERANCE) + REGISTER_STEP_WH
    if not 0 <= more_wh <= possible_wh:
        return [Doubt("wrong_correction", f"the correction adds {more_wh} Wh; 0 to {possible_wh} Wh can have flowed")]
    return []


def _or_the_end(event: TransactionEvent, ended: TransactionEvent) -> TransactionEvent:
    """What a kiosk writes into the hole of a damaged journal repeats the reading after it. Where that is the end's, the
    step to it is the step to the end: it may be as large, and the end itself adds nothing any more."""
    repeats = event.meter.quality is Quality.STALE and event.meter.import_wh == ended.meter.import_wh
    return ended if repeats and event.elapsed_ms == ended.elapsed_ms else event


def _possible_wh(before: TransactionEvent, after: TransactionEvent, max_power_w: int) -> int:
    # A reading is as old as its age says: energy belongs to the time between the readings, not between the rows.
    read_span_ms = (after.elapsed_ms - after.meter.age_ms) - (before.elapsed_ms - before.meter.age_ms)
    span_s = max(0, read_span_ms, after.elapsed_ms - before.elapsed_ms) / 1000 + SLACK_S
    if after.stopped_reason is StoppedReason.POWER_LOSS:
        span_s += POWER_LOSS_SLACK_S
    return int(max_power_w * span_s / 3600 * TOLERANCE) + REGISTER_STEP_WH
