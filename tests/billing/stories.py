"""Transactions as a kiosk would write them, for the server's tests."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from contract.api import Row, RowBatch, RowKind
from contract.codec import to_bytes
from contract.identity import TokenKind
from contract.metering import Quality
from contract.order import Continuation, price_of_part
from contract.price import Sample, TimeUse, price
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from contract.transaction import (
    Authority,
    ChargingState,
    ClockQuality,
    EventType,
    MeterValue,
    Moment,
    StoppedReason,
    TransactionEvent,
    TriggerReason,
    samples_before,
    token_hash,
)

NOON = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)
CARD = "04A2B3C4D5E680"
TARIFF = Tariff(
    "harbour-ac",
    1,
    "EUR",
    (
        TariffElement(
            (
                PriceComponent(Dimension.ENERGY, Decimal("0.45"), Decimal(20)),
                PriceComponent(Dimension.PARKING_TIME, Decimal("3.00"), Decimal(20), 60),
                PriceComponent(Dimension.FLAT, Decimal("0.50"), Decimal(20)),
            )
        ),
    ),
)
OFFER = TariffOffer(TARIFF, 600)


def charge(
    *,
    transaction_id: str | None = None,
    receipt_id: str | None = None,
    order_id: str | None = None,
    minutes: int = 5,
    wh_per_minute: int = 150,
    parked_minutes: int = 0,
    start_wh: int = 48_213_407,
    evse_id: int = 1,
    offer: TariffOffer = OFFER,
    started_at: datetime = NOON,
    token_kind: TokenKind = TokenKind.ISO14443,
    account_id: str = "anna",
    voucher_id: str | None = None,
    cap_minor: int | None = None,
    offline: bool = False,
    clock_quality: ClockQuality = ClockQuality.SYNCHRONISED,
    stopped_reason: StoppedReason = StoppedReason.LOCAL,
    total_incl_vat_minor: int | None = None,
) -> list[TransactionEvent]:
    """Started, one Updated a minute, Ended; the total is price()'s unless given."""
    transaction_id = transaction_id or uuid.uuid4().hex
    receipt_id = receipt_id or uuid.uuid4().hex
    order_id = order_id or uuid.uuid4().hex
    last = minutes + parked_minutes + 1
    story: list[TransactionEvent] = []
    samples: list[Sample] = []
    for seq_no in range(last + 1):
        minute = min(seq_no, last - 1)
        import_wh = start_wh + min(minute, minutes) * wh_per_minute
        is_end = seq_no == last
        time_use = TimeUse.NONE if is_end else TimeUse.CHARGING if minute < minutes else TimeUse.PARKING
        samples.append(Sample(minute * 60_000, import_wh, time_use))
        kind = EventType.STARTED if seq_no == 0 else EventType.ENDED if is_end else EventType.UPDATED
        total = price(offer, samples).incl_vat_minor if total_incl_vat_minor is None else total_incl_vat_minor
        story.append(
            TransactionEvent(
                event_type=kind,
                transaction_id=transaction_id,
                seq_no=seq_no,
                order_id=order_id,
                receipt_id=receipt_id,
                evse_id=evse_id,
                connector_id=1,
                trigger_reason=TriggerReason.METER_VALUE_PERIODIC,
                charging_state=ChargingState.CHARGING,
                time_use=time_use,
                offline=offline,
                at=Moment(started_at + timedelta(minutes=minute), clock_quality, "boot-1", minute * 60_000),
                elapsed_ms=minute * 60_000,
                meter=MeterValue(import_wh, 0, wh_per_minute * 60, 40, Quality.GOOD, "SDM-77120"),
                authority=Authority(
                    token_kind, token_hash(token_kind, CARD), account_id, voucher_id=voucher_id, cap_minor=cap_minor
                )
                if seq_no == 0
                else None,
                offer=offer if seq_no == 0 else None,
                stopped_reason=stopped_reason if is_end else None,
                final=True if is_end else None,
                total_incl_vat_minor=total if is_end else None,
            )
        )
    return story


def rows_of(story: list[TransactionEvent], first_no: int = 1) -> list[Row]:
    return [Row(first_no + i, RowKind.TRANSACTION, to_bytes(event).decode()) for i, event in enumerate(story)]


def batch(rows: list[Row], epoch: str = "") -> RowBatch:
    return RowBatch(epoch, tuple(rows))


def corrected(story: list[TransactionEvent], more_wh: int, serial: str = "SDM-77120") -> list[TransactionEvent]:
    """The story with an Ended that lacked its last reading, and the MeterCorrection that brings it."""
    *before, ended = story
    unread = replace(ended, final=False, meter=replace(ended.meter, quality=Quality.STALE))
    import_wh = ended.meter.import_wh + more_wh
    samples = [*(event.sample for event in before), replace(ended.sample, import_wh=import_wh)]
    offer = story[0].offer
    assert offer is not None
    late = replace(
        ended,
        event_type=EventType.METER_CORRECTION,
        seq_no=ended.seq_no + 1,
        stopped_reason=None,
        final=True,
        meter=replace(ended.meter, import_wh=import_wh, serial=serial),
        at=replace(ended.at, wall=ended.at.wall + timedelta(hours=2)),
        total_incl_vat_minor=price_of_part(offer, samples_before(story), samples).incl_vat_minor,
    )
    return [*before, unread, late]


def interrupted(**first: object) -> tuple[list[TransactionEvent], list[TransactionEvent]]:
    """A charge that a power cut interrupted after some minutes, and five more minutes of the same order."""
    one = charge(stopped_reason=StoppedReason.POWER_LOSS, **first)  # type: ignore[arg-type]
    begun, end_wh = one[0], one[-1].meter.import_wh
    assert begun.offer is not None
    on = charge(
        order_id=begun.order_id,
        receipt_id=begun.receipt_id,
        start_wh=end_wh,
        offer=begun.offer,
        started_at=one[-1].at.wall + timedelta(minutes=3),
    )
    before = tuple(event.sample for event in one)
    continues = Continuation(begun.transaction_id, before)
    total = price_of_part(begun.offer, before, [event.sample for event in on]).incl_vat_minor
    return one, [
        replace(on[0], continues=continues, trigger_reason=TriggerReason.TX_RESUMED, authority=begun.authority),
        *on[1:-1],
        replace(on[-1], total_incl_vat_minor=total),
    ]
