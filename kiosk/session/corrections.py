"""A meter that was silent at the end and is read again: its register may still correct the bill, once.

Law:
- Only a silent meter is waited for. Where it answered and the contactor was in doubt, its last reading stands.
- The reading was taken with the contactor seen open, within `correct_within_s`, before anybody else charged, by a
  meter with the same serial number, and shows no more than could have flowed. Else the last good reading stands, and
  an audit row says why.
- A correction takes no order above its cap: what was promised at the start holds.
"""

from __future__ import annotations

import math

from contract.metering import MeterReading, Quality
from contract.order import corrected, joined, price_of_part
from contract.price import TimeUse, price
from contract.transaction import ClockQuality, EventType, MeterValue, TransactionEvent, TriggerReason
from kiosk.session import energy
from kiosk.session.events import Audited, Now, Record
from kiosk.session.leftovers import Unread
from kiosk.session.session import NEVER_S, Session
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.transaction import Transaction

UNSEEN_S = 900.0  # no correction reaches back farther
READ_SLACK_S = 30.0


def unread(session: Session, now: Now, evse: EvseSettings, patience: Patience) -> Unread | None:
    """What to remember of a transaction that has just been ended without its last reading. None: nothing to wait for.

    `session` still has the transaction, with its Ended. Where no reading was believed since a restart, what may still
    be corrected is what may have flowed after the last event on the disk: a register that is not believed at the end
    is not believed a moment later.
    """
    t, facts = session.running, session.facts
    if facts.meter_is_fresh or session.is_welded or len(t.samples) < 2:
        return None
    silent_s = _flows_on_s(patience) if facts.meter is None else now.s - facts.meter.at_s + READ_SLACK_S
    return Unread(
        transaction_id=t.ids.transaction_id,
        order_id=t.ids.order_id,
        receipt_id=t.ids.receipt_id,
        evse_id=t.evse_id,
        connector_id=t.connector_id,
        offline=t.is_offline,
        next_seq=t.next_seq,
        elapsed_ms=t.samples[-1].elapsed_ms,
        offer=t.offer,
        before=t.before,
        samples=t.samples,
        most_wh=math.ceil(evse.max_power_w * min(UNSEEN_S, silent_s) / 3600),
        ended=now.moment,
        serial=t.meter_serial,
        cap_minor=t.authority.cap_minor,
    )


def is_impossible(t: Transaction, reading: MeterReading, evse: EvseSettings, patience: Patience) -> bool:
    """After a restart: more than can have flowed since the last event on the disk, or less than it said. A driver that
    starts believes the first register it sees.
    """
    if not t.is_recovered or not t.samples:
        return False
    moved_wh = reading.import_wh - t.samples[-1].import_wh
    return not 0 <= moved_wh <= math.ceil(evse.max_power_w * _flows_on_s(patience) / 3600) + reading.step_wh


def _flows_on_s(patience: Patience) -> float:
    """After its last event on the disk a charge goes on no longer than until the next reading is due, the disk is
    given up and the charge has ended."""
    return patience.reading_every_s + patience.record_s + patience.end_s


def look(session: Session, left: Unread, now: Now, patience: Patience) -> Record | Audited | None:
    """The correction, or why there will be none; None while it may still come."""
    age_s = _age_s(left, now)
    if session.transaction is not None:
        return _stands(left, "somebody else charges")
    if age_s is not None and age_s > patience.correct_within_s:
        return _stands(left, "the meter came back too late")
    reading = session.last_reading
    if age_s is None or reading is None or not session.facts.meter_is_fresh:
        return None
    if not energy.is_seen(session, closed=False) or (reading.serial is None and left.serial is not None):
        return None
    return _judged(session, left, reading, now)


def _judged(session: Session, left: Unread, reading: MeterReading, now: Now) -> Record | Audited:
    more_wh = reading.import_wh - left.samples[-1].import_wh
    if left.serial is not None and reading.serial != left.serial:
        return _stands(left, f"another meter answers: {reading.serial}, was {left.serial}")
    if not 0 <= more_wh <= left.most_wh + reading.step_wh:
        return _stands(left, f"the register moved by {more_wh} Wh; at most {left.most_wh} Wh can have flowed")
    samples = corrected(left.samples, reading.import_wh)
    order_minor = price(left.offer, joined(left.before, samples)).incl_vat_minor
    if left.cap_minor is not None and order_minor > left.cap_minor:
        return _stands(left, f"it would cost {order_minor}, above the cap {left.cap_minor}, in minor units")
    age_ms = max(0, round((now.s - reading.at_s) * 1000))
    return Record(
        TransactionEvent(
            event_type=EventType.METER_CORRECTION,
            transaction_id=left.transaction_id,
            seq_no=left.next_seq,
            order_id=left.order_id,
            receipt_id=left.receipt_id,
            evse_id=left.evse_id,
            connector_id=left.connector_id,
            trigger_reason=TriggerReason.ABNORMAL_CONDITION,
            charging_state=energy.charging_state(session),
            time_use=TimeUse.NONE,
            offline=left.offline,
            at=now.moment,
            elapsed_ms=left.elapsed_ms,
            meter=MeterValue(reading.import_wh, reading.export_wh, 0, age_ms, Quality.GOOD, reading.serial),
            final=True,
            total_incl_vat_minor=price_of_part(left.offer, left.before, samples).incl_vat_minor,
        )
    )


def _stands(left: Unread, why: str) -> Audited:
    """The last good reading stands."""
    return Audited("kiosk", f"transaction {left.transaction_id} keeps its last good reading: {why}", left.evse_id)


def _age_s(left: Unread, now: Now) -> float | None:
    """Since the end; None where a clock that is not known stands between."""
    if left.ended.boot_id == now.boot_id:
        return now.s - left.ended.monotonic_ms / 1000
    if ClockQuality.UNKNOWN in (left.ended.clock_quality, now.clock_quality):
        return None
    away_s = (now.wall - left.ended.wall).total_seconds()
    return away_s if away_s >= 0 else None


def deadline_s(left: Unread | None, now_s: float, patience: Patience) -> float:
    """When waiting for it ends, were it of this boot; of another one, only wall time tells."""
    if left is None or patience.correct_within_s == 0:
        return NEVER_S
    return left.ended.monotonic_ms / 1000 + patience.correct_within_s + 0.001
