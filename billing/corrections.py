"""A reading that came after the end: the bill is taken back by a Credit CDR and written anew.

Law:
- A CDR is never changed. What is owed for a transaction is its newest CDR that no other one takes back.
- A MeterCorrection is lawful once, right after an Ended that said it was not final. Anything else beyond Ended is
  kept aside.
- Bill, credit and new bill are the same whatever order the rows arrived in.
- A correction that is not believed changes nothing: the last good reading stands, and the doubt is written down.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, select

from billing import keys
from billing.database import insert_if_absent
from billing.moments import to_ms
from billing.plausible import doubts_about_correction
from billing.quarantine import Doubt, doubt_transaction, keep_row
from billing.rating import read_story, site_of, total_doubts, write_cdr
from billing.settlement.sales import take_back
from billing.tables import cdrs, events
from contract.codec import from_bytes, utc_text
from contract.order import price_of_part
from contract.transaction import EventType, TransactionEvent, samples_before, samples_of

CREDIT = "-C"  # behind the id of the CDR that is taken back, as OCPI suggests


def is_current() -> ColumnElement[bool]:
    """Of a query over `cdrs`: what is owed now, neither a credit nor taken back by one."""
    credit = cdrs.alias("credit")
    # Not IS NULL: it is unique, so SQLite would take its index for the best way, and walk through every bill there is.
    is_bill = func.coalesce(cdrs.c.credit_reference_id, "") == ""
    return and_(is_bill, ~exists().where(credit.c.credit_reference_id == cdrs.c.cdr_id))


def in_order(history: Iterable[Row[Any]]) -> tuple[Row[Any], ...]:
    """The CDRs of one transaction: what was taken back, its credit, what is owed now. All may be of one moment."""
    rows = tuple(history)
    taken_back = {row.credit_reference_id for row in rows}
    return tuple(sorted(rows, key=lambda row: 0 if row.cdr_id in taken_back else 2 - bool(row.credit_reference_id)))


def as_corrected(story: Sequence[TransactionEvent]) -> list[TransactionEvent]:
    """The story as it would have been, had the meter answered: the late reading stands in Ended."""
    if story[-1].event_type is not EventType.METER_CORRECTION:
        return list(story)
    *before, ended, late = story
    return [*before, replace(ended, meter=late.meter, final=True, total_incl_vat_minor=late.total_incl_vat_minor)]


def set_aside_beyond(
    connection: Connection, kiosk_id: str, transaction_id: str, ended_seq: int, now: datetime
) -> tuple[int, bool]:
    """Nothing revives an ended transaction: what is numbered beyond Ended is kept aside, but for its one correction.

    How many events of the story are beyond Ended or went, and whether a correction is there.
    """
    e = events.c
    of_story = (e.kiosk_id == kiosk_id, e.transaction_id == transaction_id)
    late = connection.execute(select(events).where(*of_story, e.seq_no > ended_seq).order_by(e.seq_no)).all()
    ended_body = connection.execute(select(e.body).where(*of_story, e.seq_no == ended_seq)).scalar_one()
    is_awaited = from_bytes(TransactionEvent, ended_body).final is False
    has_correction = False
    for row in late:
        if is_awaited and row.seq_no == ended_seq + 1 and row.event_type == EventType.METER_CORRECTION.value:
            has_correction = True
            continue
        doubt = Doubt(
            "after_ended", f"transaction {transaction_id} ended with seq {ended_seq}; seq {row.seq_no} comes after it"
        )
        keep_row(
            connection,
            kiosk_id,
            doubt,
            now,
            journal_no=row.journal_no,
            body=row.body,
            body_hash=row.payload_hash,
            transaction_id=transaction_id,
            seq_no=row.seq_no,
        )
        connection.execute(delete(events).where(*of_story, e.seq_no == row.seq_no))
    return len(late), has_correction


def correct(
    connection: Connection,
    kiosk_id: str,
    transaction_id: str,
    billed: str,
    now: datetime,
) -> str | None:
    """Take back the CDR `billed` and write the new one. Its id; None where the correction is not believed or changes
    nothing. Idempotent. The story is whole, and its last event is the correction."""
    story = read_story(connection, kiosk_id, transaction_id)
    late, offer = story[-1], story[0].offer
    assert offer is not None  # the contract's own rule for Started
    first = connection.execute(select(cdrs).where(cdrs.c.cdr_id == billed)).one()
    site = site_of(connection, kiosk_id)
    found = doubts_about_correction(story[-2], late, site.max_power_w)
    if found:
        _note(connection, kiosk_id, transaction_id, found, now)
        return None
    amount = price_of_part(offer, samples_before(story), samples_of(story))
    corrected = as_corrected(story)
    if late.meter.import_wh == story[-2].meter.import_wh:
        return None  # the last good reading was the last one
    _note(connection, kiosk_id, transaction_id, total_doubts(corrected[-1], amount), now)
    credit(connection, first, now)
    key = keys.event_key(kiosk_id, transaction_id, late.seq_no)
    return write_cdr(connection, kiosk_id, key, site, corrected, samples_of(corrected), amount, now)


def credit(connection: Connection, first: Any, now: datetime) -> None:
    """OCPI: all the data of the first, and the amounts negative."""
    body = json.loads(first.body)
    cdr_id = first.cdr_id + CREDIT
    body |= {"id": cdr_id, "credit": True, "credit_reference_id": first.cdr_id, "last_updated": utc_text(now)}
    for name in [name for name in body if name.startswith("total_") and name.endswith("cost")]:
        body[name] = {tax: format(-Decimal(amount), "f") for tax, amount in body[name].items()}
    body["rounded"] = {name: -amount for name, amount in body["rounded"].items()}
    parts = ("gross_minor", "vat_minor")
    body["vat"] = [line | {part: -line[part] for part in parts} for line in body.get("vat", ())]
    values = {
        "cdr_id": cdr_id,
        "cdr_key": first.cdr_key + CREDIT,
        "kiosk_id": first.kiosk_id,
        "transaction_id": first.transaction_id,
        "currency": first.currency,
        "energy_wh": -first.energy_wh,
        "excl_vat_minor": -first.excl_vat_minor,
        "incl_vat_minor": -first.incl_vat_minor,
        "body": json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
        "rated_ms": to_ms(now),
        "credit_reference_id": first.cdr_id,
    }
    connection.execute(insert_if_absent(connection, cdrs), values)
    take_back(connection, first.cdr_id, f"Credit CDR {cdr_id}", now)


def _note(connection: Connection, kiosk_id: str, transaction_id: str, doubts: Sequence[Doubt], now: datetime) -> None:
    for doubt in doubts:
        doubt_transaction(connection, kiosk_id, transaction_id, doubt, now)
