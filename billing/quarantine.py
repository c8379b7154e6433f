"""Rows and transactions the server does not believe: kept aside with a reason, never overwritten, never lost.

| code | what happened | holds the bill |
|---|---|---|
| malformed | the row is no event of this contract | – |
| other_bytes | the same kiosk, transaction and seq_no came with other bytes; the first one stands | – |
| after_ended | an event numbered after Ended | – |
| mixed_ids | events of one transaction name different orders, receipts or EVSEs | yes |
| unknown_offer | Started carries an offer this server never made at that EVSE | yes |
| unknown_reservation | Started bills a reservation this server never asked for, or for longer than it was given | yes |
| meter_backwards | the register fell | yes |
| time_backwards | elapsed time fell | yes |
| time_unproved | elapsed time grew by more than the kiosk's clock ran, or across a restart | yes |
| impossible_step | the register rose by more than the EVSE's power allows | yes |
| wrong_correction | a late reading that cannot be; the last good one stands | no |
| continues_otherwise | a transaction says that it goes on with one of another order | no |
| kiosk_price | the kiosk's own total differs; the server's price() stands | no |
| over_cap | the total is above the cap it was authorised with | no |
| voucher_twice | a voucher began two orders | no |
| shared_receipt | two orders carry the same receipt id | yes |
| not_priceable | the tariff asks for a clock or a current that the events do not tell | yes |
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing.database import insert_if_absent
from billing.moments import to_ms
from billing.tables import quarantine

HOLDS_BILL = frozenset(
    {
        "mixed_ids",
        "unknown_offer",
        "unknown_reservation",
        "meter_backwards",
        "time_backwards",
        "impossible_step",
        "time_unproved",
        "shared_receipt",
        "not_priceable",
    }
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why something is not believed. `code` is one of the table above."""

    code: str
    reason: str

    @property
    def holds_bill(self) -> bool:
        return self.code in HOLDS_BILL


def keep_row(
    connection: Connection,
    kiosk_id: str,
    doubt: Doubt,
    now: datetime,
    *,
    journal_no: int,
    body: str,
    body_hash: str,
    transaction_id: str | None = None,
    seq_no: int | None = None,
) -> None:
    """Keep one row aside. The same bytes for the same reason are kept once."""
    _keep(
        connection,
        kiosk_id,
        doubt,
        now,
        subject_hash=body_hash,
        journal_no=journal_no,
        body=body,
        transaction_id=transaction_id,
        seq_no=seq_no,
    )


def doubt_transaction(connection: Connection, kiosk_id: str, transaction_id: str, doubt: Doubt, now: datetime) -> None:
    """Doubt a whole transaction; its events stay where they are."""
    subject_hash = hashlib.sha256(transaction_id.encode()).hexdigest()
    _keep(connection, kiosk_id, doubt, now, subject_hash=subject_hash, transaction_id=transaction_id)


def doubts_of(connection: Connection, kiosk_id: str, transaction_id: str) -> list[Doubt]:
    """Everything held against a transaction, oldest first."""
    q = quarantine.c
    query = select(q.code, q.reason).where(q.kiosk_id == kiosk_id, q.transaction_id == transaction_id)
    return [Doubt(row.code, row.reason) for row in connection.execute(query.order_by(q.quarantine_no))]


def _keep(connection: Connection, kiosk_id: str, doubt: Doubt, now: datetime, **columns: Any) -> None:
    values = {
        "kiosk_id": kiosk_id,
        "code": doubt.code,
        "reason": doubt.reason,
        "holds_bill": doubt.holds_bill,
        "received_ms": to_ms(now),
        **columns,
    }
    connection.execute(insert_if_absent(connection, quarantine), values)
