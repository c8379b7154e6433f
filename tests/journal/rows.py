"""Rows as a controller writes them, for the tests of the journal and of those who read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from contract.api import RowKind
from contract.codec import to_bytes
from contract.identity import TokenKind
from contract.metering import Quality
from contract.price import TimeUse
from contract.records import AskStep, AuditRecord, AuthorizationRecord
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
    token_hash,
)
from kiosk.journal import NewRow

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MOMENT = Moment(NOON, ClockQuality.SYNCHRONISED, "boot", 1000)
OFFER = TariffOffer(
    Tariff("t1", 1, "EUR", (TariffElement((PriceComponent(Dimension.ENERGY, Decimal("0.42"), Decimal(19)),)),))
)
CARD = token_hash(TokenKind.ISO14443, "04A1B2C3")


def started(transaction_id: str, command_id: str | None = None) -> TransactionEvent:
    return TransactionEvent(
        event_type=EventType.STARTED,
        transaction_id=transaction_id,
        seq_no=0,
        order_id="o-" + transaction_id,
        receipt_id="r-" + transaction_id,
        evse_id=1,
        connector_id=1,
        trigger_reason=TriggerReason.AUTHORIZED,
        charging_state=ChargingState.EV_CONNECTED,
        time_use=TimeUse.CHARGING,
        offline=False,
        at=MOMENT,
        elapsed_ms=0,
        meter=MeterValue(1000, 0, 0, 100, Quality.GOOD),
        authority=Authority(TokenKind.ISO14443, CARD, "account", command_id=command_id),
        offer=OFFER,
    )


def updated(start: TransactionEvent, seq_no: int) -> TransactionEvent:
    return replace(
        start,
        event_type=EventType.UPDATED,
        seq_no=seq_no,
        trigger_reason=TriggerReason.METER_VALUE_PERIODIC,
        elapsed_ms=60_000 * seq_no,
        at=replace(
            start.at, wall=NOON + timedelta(minutes=seq_no), monotonic_ms=start.at.monotonic_ms + 60_000 * seq_no
        ),
        authority=None,
        offer=None,
    )


def ended(start: TransactionEvent, seq_no: int) -> TransactionEvent:
    return replace(updated(start, seq_no), event_type=EventType.ENDED, stopped_reason=StoppedReason.LOCAL, final=True)


def row(event: TransactionEvent) -> NewRow:
    return NewRow(RowKind.TRANSACTION, to_bytes(event))


def asked(transaction_id: str) -> AuthorizationRecord:
    ids = ("o-" + transaction_id, "r-" + transaction_id)
    return AuthorizationRecord(AskStep.ASKED, transaction_id, MOMENT, 1, *ids, TokenKind.ISO14443, CARD)


def asked_row(transaction_id: str) -> NewRow:
    return NewRow(RowKind.AUTHORIZATION, to_bytes(asked(transaction_id)))


def disclaimed_row(transaction_id: str) -> NewRow:
    return NewRow(RowKind.AUTHORIZATION, to_bytes(AuthorizationRecord(AskStep.DISCLAIMED, transaction_id, MOMENT)))


def audit_row(command_id: str, what: str = "stop") -> NewRow:
    return NewRow(RowKind.AUDIT, to_bytes(AuditRecord("server", what, MOMENT, None, command_id)))


def status_row(text: str) -> NewRow:
    return NewRow(RowKind.STATUS, text.encode())
