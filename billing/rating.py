"""Rating: a finished transaction becomes exactly one CDR, by the contract's own price().

Law: the price is a function of the stored events and the offer frozen in Started; nothing else is asked. A doubt
that touches the amount holds the bill until an operator decided; one that does not is only written down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, or_, select

from billing import keys
from billing.cdr import cdr_json
from billing.decisions.tables import is_decided
from billing.directory import may_have_offered
from billing.moments import to_ms
from billing.plausible import doubts_about
from billing.prepared import Prepared, prepared_insert
from billing.quarantine import Doubt, doubt_transaction
from billing.read_events import event_of
from billing.settlement.sales import sell
from billing.tables import cdrs, commands, events, evse_offers, kiosks, transactions
from contract.api import CommandStatus
from contract.codec import from_bytes, to_bytes
from contract.commands import Command, CommandKind
from contract.currency import from_minor
from contract.order import price_of_part
from contract.price import Price, Sample
from contract.tariff import TariffOffer
from contract.transaction import TransactionEvent, samples_before, samples_of

# Built once: for a batch of fifty events the words of SQL would cost more than their meaning.
_ENDED_SEQ = Prepared(
    select(transactions.c.ended_seq).where(
        transactions.c.kiosk_id == bindparam("of_kiosk"), transactions.c.transaction_id == bindparam("of_id")
    )
)
_WRITE_CDR = prepared_insert(cdrs)


class Site(NamedTuple):
    """What a kiosk's rows say of where it stands."""

    name: str
    place: str
    time_zone: str
    max_power_w: int


_SITE_COLUMNS = [kiosks.c[name] for name in Site._fields]
_SITE = Prepared(select(*_SITE_COLUMNS).where(kiosks.c.kiosk_id == bindparam("of_kiosk")))
_STORY = Prepared(
    select(events.c.body)
    .where(events.c.kiosk_id == bindparam("of_kiosk"), events.c.transaction_id == bindparam("of_id"))
    .order_by(events.c.seq_no)
)
_OFFERS_MADE = Prepared(
    select(evse_offers.c.body)
    .where(evse_offers.c.kiosk_id == bindparam("of_kiosk"), evse_offers.c.evse_id == bindparam("evse"))
    .order_by(evse_offers.c.offer_no.desc())
    .limit(1000)
)


class Known(NamedTuple):
    """What the database knows of a finished transaction, beside its events."""

    is_decided: bool
    cdr_id: str | None
    offer_no: int | None  # the offer of its Started, as this server made it
    shares_receipt_with: str | None  # a transaction of another order
    site: Site


_OTHER = transactions.alias("other")
# One question for all of it: a round trip costs more than any of the answers.
_KNOWN = Prepared(
    select(
        is_decided(),
        select(cdrs.c.cdr_id).where(cdrs.c.cdr_key == bindparam("key")).scalar_subquery(),
        select(evse_offers.c.offer_no)
        .where(evse_offers.c.kiosk_id == bindparam("of_kiosk"), evse_offers.c.evse_id == bindparam("evse"))
        .where(evse_offers.c.body_hash == bindparam("hash"))
        .limit(1)
        .scalar_subquery(),
        select(_OTHER.c.transaction_id)
        .where(_OTHER.c.receipt_key == bindparam("receipt"), _OTHER.c.transaction_id != bindparam("of_id"))
        .where(_OTHER.c.order_id != bindparam("order"))
        .limit(1)
        .scalar_subquery(),
        *_SITE_COLUMNS,
    )
    .join_from(transactions, kiosks, kiosks.c.kiosk_id == transactions.c.kiosk_id)
    .where(transactions.c.kiosk_id == bindparam("of_kiosk"), transactions.c.transaction_id == bindparam("of_id"))
)


def rate(
    connection: Connection,
    kiosk_id: str,
    transaction_id: str,
    now: datetime,
    story: Sequence[TransactionEvent] | None = None,
) -> str | None:
    """The transaction's CDR id. None where events are still missing, a doubt holds the bill, or a person
    decided about it. Idempotent.

    `story` is the stored events 0 to Ended, where the caller has them all.
    """
    if story is None:
        ended_seq = _ENDED_SEQ.value(connection, {"of_kiosk": kiosk_id, "of_id": transaction_id})
        if ended_seq is None:
            return None
        story = [e for e in read_story(connection, kiosk_id, transaction_id) if e.seq_no <= ended_seq]
        if len(story) != ended_seq + 1:
            return None
    cdr_key = keys.event_key(kiosk_id, transaction_id, story[-1].seq_no)
    offer = story[0].offer
    assert offer is not None  # the contract's own rule for Started
    frozen = replace(offer, reserved_ms=None)  # which is of the start, not of the offer
    known = _known(connection, kiosk_id, transaction_id, cdr_key, story[0], frozen)
    if known.cdr_id is not None:
        return known.cdr_id
    if known.is_decided:
        return None  # what comes after a person's decision is a case of its own (billing.decisions)
    site = known.site
    found = doubts_about(story, site.max_power_w)
    if known.offer_no is None:
        found += _doubts_about_offer(connection, kiosk_id, story[0], frozen)
    if known.shares_receipt_with is not None:
        other = f"transaction {known.shares_receipt_with} of another order carries the same receipt id"
        found.append(Doubt("shared_receipt", other))
    found += _doubts_about_order(connection, kiosk_id, story[0])
    found += _doubts_about_reservation(connection, kiosk_id, story[0])
    if any(doubt.holds_bill for doubt in found):
        _write_doubts(connection, kiosk_id, transaction_id, found, now)
        return None
    try:
        samples = samples_of(story)
        amount = price_of_part(offer, samples_before(story), samples)
    except ValueError as error:
        _write_doubts(connection, kiosk_id, transaction_id, [*found, Doubt("not_priceable", str(error))], now)
        return None
    found += total_doubts(story[-1], amount)
    _write_doubts(connection, kiosk_id, transaction_id, found, now)
    return write_cdr(connection, kiosk_id, cdr_key, site, story, samples, amount, now)


def _known(
    connection: Connection,
    kiosk_id: str,
    transaction_id: str,
    cdr_key: str,
    started: TransactionEvent,
    frozen: TariffOffer,
) -> Known:
    asked = {
        "of_kiosk": kiosk_id,
        "of_id": transaction_id,
        "key": cdr_key,
        "evse": started.evse_id,
        "hash": hashlib.sha256(to_bytes(frozen)).hexdigest(),
        "receipt": keys.receipt_key(started.receipt_id),
        "order": started.order_id,
    }
    row = _KNOWN.row(connection, asked)
    assert row is not None, "its events are here, so the transaction and its kiosk are"
    was_decided, cdr_id, offer_no, shares_receipt_with, *site = row
    return Known(bool(was_decided), cdr_id, offer_no, shares_receipt_with, Site(*site))


def write_cdr(
    connection: Connection,
    kiosk_id: str,
    cdr_key: str,
    site: Site,
    story: Sequence[TransactionEvent],
    samples: Sequence[Sample],
    amount: Price,
    now: datetime,
) -> str:
    """Its id, which follows from its key: written twice, it is one. Everybody's part of it is booked along with it."""
    cdr_id = "C" + hashlib.sha256(cdr_key.encode()).hexdigest()[:20].upper()
    body = cdr_json(cdr_id, kiosk_id, site.name, site.place, site.time_zone, story, samples, amount, now)
    values = {
        "cdr_id": cdr_id,
        "cdr_key": cdr_key,
        "kiosk_id": kiosk_id,
        "transaction_id": story[0].transaction_id,
        "currency": amount.currency,
        "energy_wh": story[-1].meter.import_wh - story[0].meter.import_wh,
        "excl_vat_minor": amount.excl_vat_minor,
        "incl_vat_minor": amount.incl_vat_minor,
        "body": body,
        "rated_ms": to_ms(now),
        "credit_reference_id": None,
    }
    _WRITE_CDR.do(connection, values)
    sell(connection, cdr_id, kiosk_id, site.time_zone, story, samples, amount, now)
    return cdr_id


def site_of(connection: Connection, kiosk_id: str) -> Site:
    row = _SITE.row(connection, {"of_kiosk": kiosk_id})
    assert row is not None, "rows come from a kiosk that is known"
    return Site(*row)


def read_story(connection: Connection, kiosk_id: str, transaction_id: str) -> list[TransactionEvent]:
    """A transaction's events so far, in order of seq_no."""
    bodies = _STORY.rows(connection, {"of_kiosk": kiosk_id, "of_id": transaction_id})
    return [event_of(body) for (body,) in bodies]


def _doubts_about_offer(
    connection: Connection, kiosk_id: str, started: TransactionEvent, frozen: TariffOffer
) -> list[Doubt]:
    """Of an offer that was not made in these very words."""
    bodies = _OFFERS_MADE.rows(connection, {"of_kiosk": kiosk_id, "evse": started.evse_id})
    for made in (from_bytes(TariffOffer, body) for (body,) in bodies):
        # By its own clock a kiosk follows a tariff's next version before we do.
        for sold in (made, may_have_offered(connection, kiosk_id, made, started.at.wall)):
            # A phone's start carries the price that was shown and no other (billing.checkout.acts).
            if frozen in (sold, sold.sold(clock_is_known=False), replace(sold, offline_tariff=None)):
                return []
    tariff = frozen.tariff
    return [
        Doubt(
            "unknown_offer",
            f"tariff {tariff.id} version {tariff.version} as written in Started was never offered at EVSE "
            f"{started.evse_id} of this kiosk",
        )
    ]


def _doubts_about_reservation(connection: Connection, kiosk_id: str, started: TransactionEvent) -> list[Doubt]:
    """A reservation is billed for as long as this server asked the kiosk to keep the place for that payer, at most."""
    assert started.offer is not None and started.authority is not None
    kept_ms, by = started.offer.reserved_ms, started.authority
    if kept_ms is None:
        return []
    c = commands.c
    asked = (c.kiosk_id == kiosk_id, c.kind == CommandKind.RESERVE.value)
    query = select(c.body).where(*asked, or_(c.status.is_(None), c.status != CommandStatus.REJECTED.value))
    for body in connection.execute(query.order_by(c.queued_ms.desc()).limit(1000)).scalars():
        command = from_bytes(Command, body)
        is_theirs = (
            command.token_hash == by.token_hash
            or command.account_id == by.account_id
            or (command.group_id is not None and command.group_id == by.group_id)
        )
        if command.evse_id == started.evse_id and is_theirs and kept_ms <= (command.hold_s or 0) * 1000:
            return []
    kept = f"EVSE {started.evse_id} was kept {kept_ms} ms for them, as Started says"
    return [Doubt("unknown_reservation", f"{kept}; nobody here asked for that")]


def _doubts_about_order(connection: Connection, kiosk_id: str, started: TransactionEvent) -> list[Doubt]:
    if started.continues is None:
        return []
    t, of_id = transactions.c, started.continues.of_transaction_id
    known = connection.execute(select(t.order_id).where(t.kiosk_id == kiosk_id, t.transaction_id == of_id)).scalar()
    if known is None or known == started.order_id:
        return []  # the part before may arrive later
    return [Doubt("continues_otherwise", f"goes on with transaction {of_id}, which belongs to order {known}")]


def total_doubts(ended: TransactionEvent, amount: Price) -> list[Doubt]:
    theirs = ended.total_incl_vat_minor
    if theirs is None or theirs == amount.incl_vat_minor:
        return []
    return [
        Doubt(
            "kiosk_price",
            f"the kiosk showed {from_minor(theirs, amount.currency):f} {amount.currency}, "
            f"the server computes {from_minor(amount.incl_vat_minor, amount.currency):f}; the server's stands",
        )
    ]


def _write_doubts(
    connection: Connection, kiosk_id: str, transaction_id: str, found: list[Doubt], now: datetime
) -> None:
    for doubt in found:
        doubt_transaction(connection, kiosk_id, transaction_id, doubt, now)
