"""The event intake: whatever a kiosk uploads, in any order and any number of times, becomes the same tables once.

Law:
- Every row of a batch is acknowledged. An error answer would only make the kiosk send it again for ever.
- The same key with the same bytes is a repetition and changes nothing; with other bytes it is kept aside.
- An event is stored as it came. Doubt is written beside it (billing.quarantine), never over it.
- A transaction is rated as soon as its events 0 to Ended are all here.
- A kiosk that lost its newest rows to a damaged disk ends such a story under a number we know already. Its Ended is
  kept aside like any other contradiction, and the story ends with the last event we know: that was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, or_, select, update

from billing import keys
from billing.alarms import raise_alarm
from billing.checkout.bills import note
from billing.corrections import correct, set_aside_beyond
from billing.facts import epoch
from billing.heard import note_heard
from billing.lone_event import STORE, is_lone, take_lone
from billing.moments import to_ms
from billing.prepared import Prepared, prepared_insert
from billing.quarantine import Doubt, doubt_transaction, keep_row
from billing.rating import rate
from billing.received import Received, Unreadable, Upload, event_values, read_upload, storable
from billing.tables import events, journal_rows, quarantine, transactions
from billing.vouchers import spend_voucher
from contract.api import Quarantined, Row, RowAnswer, RowBatch, RowKind
from contract.codec import WireError, from_bytes
from contract.records import GUESSING, AuditRecord
from contract.transaction import EventType, TransactionEvent


def take_rows(
    connection: Connection, kiosk_id: str, batch: RowBatch, now: datetime, unreadable: Sequence[Unreadable] = ()
) -> RowAnswer:
    """Take a batch from an authenticated kiosk. `now` is the server's time. Idempotent."""
    return take_upload(connection, kiosk_id, read_upload(kiosk_id, batch, unreadable), now)


def take_upload(connection: Connection, kiosk_id: str, upload: Upload, now: datetime) -> RowAnswer:
    """The same, of a batch that was read before: whoever writes need not wait for that."""
    if is_lone(upload):
        lone_epoch = take_lone(connection, kiosk_id, upload.received[0], now)
        if lone_epoch is not None:
            return RowAnswer(lone_epoch, upload.acknowledged)
    aside: dict[int, str] = {}
    for row, reason in upload.malformed:
        _keep_malformed(connection, kiosk_id, row, reason, now, aside)
    _store_others(connection, kiosk_id, upload.others, now)
    if upload.received:
        _take_events(connection, kiosk_id, upload.received, now, aside)
    known_epoch = note_heard(connection, kiosk_id, upload.received, now)
    return RowAnswer(
        epoch=known_epoch or epoch(connection),
        acknowledged=upload.acknowledged,
        quarantined=tuple(Quarantined(journal_no, reason) for journal_no, reason in aside.items()),
    )


def _keep_malformed(
    connection: Connection, kiosk_id: str, row: Row, reason: str, now: datetime, aside: dict[int, str]
) -> None:
    body_hash = keys.payload_hash(row.body)
    doubt = Doubt("malformed", storable(reason[:500]))
    keep_row(connection, kiosk_id, doubt, now, journal_no=row.journal_no, body=storable(row.body), body_hash=body_hash)
    aside[row.journal_no] = doubt.reason


def _store_others(connection: Connection, kiosk_id: str, rows: Sequence[Row], now: datetime) -> None:
    if not rows:
        return
    values = [
        {
            "kiosk_id": kiosk_id,
            "journal_no": row.journal_no,
            "payload_hash": keys.payload_hash(row.body),
            "kind": row.kind.value,
            "body": storable(row.body),
            "received_ms": to_ms(now),
        }
        for row in rows
    ]
    told = [
        row
        for row in rows
        if row.kind is RowKind.AUDIT and _GUESSED in row.body and not _is_known(connection, kiosk_id, row)
    ]
    _STORE_OTHERS.do_all(connection, values)
    for row in told:
        _alarm_of_guessing(connection, kiosk_id, row, now)


_GUESSED = f'"what":"{GUESSING}'


def _is_known(connection: Connection, kiosk_id: str, row: Row) -> bool:
    j = journal_rows.c
    query = select(j.journal_no).where(
        j.kiosk_id == kiosk_id, j.journal_no == row.journal_no, j.payload_hash == keys.payload_hash(row.body)
    )
    return connection.execute(query).first() is not None


def _alarm_of_guessing(connection: Connection, kiosk_id: str, row: Row, now: datetime) -> None:
    """Somebody tries cards, codes or stop codes: an operator may want to look."""
    try:
        record = from_bytes(AuditRecord, row.body)
    except WireError:
        return  # stored as it came; it is no audit row of ours
    where = "" if record.evse_id is None else f" at EVSE {record.evse_id}"
    raise_alarm(connection, kiosk_id, "guessing", f"Somebody is guessing{where}: {record.what[len(GUESSING) :]}", now)


def _take_events(
    connection: Connection, kiosk_id: str, received: Sequence[Received], now: datetime, aside: dict[int, str]
) -> None:
    _open_transactions(connection, kiosk_id, received, now)
    arrived = received
    received_ms = to_ms(now)
    values = [event_values(kiosk_id, item, received_ms) for item in received]
    stored = STORE.do_all(connection, values)
    forgotten: set[str] = set()
    if stored != len(values):
        agreeing = _without_contradictions(connection, kiosk_id, received, now, aside)
        forgotten = _end_forgotten(connection, kiosk_id, [item for item in received if item not in agreeing])
        received = agreeing
    _note_starts(connection, kiosk_id, [r.event for r in received if r.event.event_type is EventType.STARTED], now)
    ended = [r.event for r in received if r.event.event_type is EventType.ENDED]
    _note_ends(connection, kiosk_id, ended)
    touched = {item.event.transaction_id for item in received} | forgotten
    stories: dict[str, dict[int, TransactionEvent]] = {}
    for item in received:
        stories.setdefault(item.event.transaction_id, {})[item.event.seq_no] = item.event
    whole = set[str]()
    for transaction_id, ended_seq, last_seq, count in _finished(connection, kiosk_id, touched):
        has_correction = False
        if last_seq > ended_seq:
            beyond, has_correction = set_aside_beyond(connection, kiosk_id, transaction_id, ended_seq, now)
            count -= beyond
            _report_after_ended(connection, kiosk_id, received, aside)
        if count > ended_seq:
            whole.add(transaction_id)
            here = stories.get(transaction_id, {})
            story = [here[seq] for seq in range(ended_seq + 1)] if here.keys() >= set(range(ended_seq + 1)) else None
            billed = rate(connection, kiosk_id, transaction_id, now, story)
            if billed is not None and has_correction:
                correct(connection, kiosk_id, transaction_id, billed, now)
    _note_orders(connection, kiosk_id, [item.event for item in arrived], whole, now)


def _note_orders(
    connection: Connection, kiosk_id: str, arrived: Sequence[TransactionEvent], whole: set[str], now: datetime
) -> None:
    """Whoever writes bills looks at what began and at what is whole now."""
    begun = [event for event in arrived if event.event_type is EventType.STARTED]
    note(connection, kiosk_id, begun, [e.order_id for e in arrived if e.transaction_id in whole], now)


def _without_contradictions(
    connection: Connection, kiosk_id: str, received: Sequence[Received], now: datetime, aside: dict[int, str]
) -> list[Received]:
    """What is left after rows whose key is taken by other bytes were kept aside."""
    query = select(events.c.event_key, events.c.payload_hash).where(
        events.c.event_key.in_([item.key for item in received])
    )
    hashes: dict[str, str] = {row.event_key: row.payload_hash for row in connection.execute(query)}
    agreeing = []
    for item in received:
        known_hash = hashes[item.key]
        if known_hash == item.body_hash:
            agreeing.append(item)
            continue
        event = item.event
        doubt = Doubt(
            "other_bytes",
            f"transaction {event.transaction_id} seq {event.seq_no} is already known with other bytes "
            f"(hash {known_hash[:12]}…, now {item.body_hash[:12]}…); the first stands",
        )
        _keep_event(connection, kiosk_id, item, doubt, now)
        aside[item.row.journal_no] = doubt.reason
    return agreeing


def _end_forgotten(connection: Connection, kiosk_id: str, contradicting: Sequence[Received]) -> set[str]:
    """Stories that have no end here, and whose Ended contradicts what is known: they end with their last event."""
    ends = {r.event.transaction_id: r.event for r in contradicting if r.event.event_type is EventType.ENDED}
    for transaction_id, event in ends.items():
        asked = {"of_kiosk": kiosk_id, "of_id": transaction_id, "at_ms": to_ms(event.at.wall)}
        _END_WITH_THE_LAST.do(connection, asked)
    return set(ends)


def _keep_event(connection: Connection, kiosk_id: str, item: Received, doubt: Doubt, now: datetime) -> None:
    keep_row(
        connection,
        kiosk_id,
        doubt,
        now,
        journal_no=item.row.journal_no,
        body=item.row.body,
        body_hash=item.body_hash,
        transaction_id=item.event.transaction_id,
        seq_no=item.event.seq_no,
    )


def _open_transactions(connection: Connection, kiosk_id: str, received: Iterable[Received], now: datetime) -> None:
    first: dict[str, TransactionEvent] = {}
    for item in received:
        first.setdefault(item.event.transaction_id, item.event)
    values = [
        {
            "kiosk_id": kiosk_id,
            "transaction_id": transaction_id,
            "order_id": event.order_id,
            "receipt_key": keys.receipt_key(event.receipt_id),
            "evse_id": event.evse_id,
            "connector_id": event.connector_id,
            "first_received_ms": to_ms(now),
        }
        for transaction_id, event in first.items()
    ]
    _OPEN.do_all(connection, values)


_START = Prepared(
    update(transactions)
    .where(transactions.c.kiosk_id == bindparam("of_kiosk"), transactions.c.transaction_id == bindparam("of_id"))
    .where(transactions.c.started_ms.is_(None))
    .values(started_ms=bindparam("at_ms"), token_hash=bindparam("token"), account_id=bindparam("account"))
)
# Two events that both say Ended: the lower seq_no is the end, whichever came first.
_END = Prepared(
    update(transactions)
    .where(transactions.c.kiosk_id == bindparam("of_kiosk"), transactions.c.transaction_id == bindparam("of_id"))
    .where(or_(transactions.c.ended_seq.is_(None), transactions.c.ended_seq > bindparam("seq")))
    .values(ended_seq=bindparam("seq"), ended_ms=bindparam("at_ms"))
)


_LAST_KNOWN = (
    select(func.max(events.c.seq_no))
    .where(events.c.kiosk_id == bindparam("of_kiosk"), events.c.transaction_id == bindparam("of_id"))
    .scalar_subquery()
)
_END_WITH_THE_LAST = Prepared(
    update(transactions)
    .where(transactions.c.kiosk_id == bindparam("of_kiosk"), transactions.c.transaction_id == bindparam("of_id"))
    .where(transactions.c.ended_seq.is_(None))
    .values(ended_seq=_LAST_KNOWN, ended_ms=bindparam("at_ms"))
)


_FINISHED = Prepared(
    select(transactions.c.ended_seq, func.max(events.c.seq_no), func.count())
    .join_from(
        transactions,
        events,
        (events.c.kiosk_id == transactions.c.kiosk_id) & (events.c.transaction_id == transactions.c.transaction_id),
    )
    .where(transactions.c.kiosk_id == bindparam("of_kiosk"), transactions.c.ended_seq.is_not(None))
    .where(transactions.c.transaction_id == bindparam("of_id"))
    .group_by(transactions.c.ended_seq)
)
_STORE_OTHERS = prepared_insert(journal_rows)
_OPEN = prepared_insert(
    transactions,
    ("kiosk_id", "transaction_id", "order_id", "receipt_key", "evse_id", "connector_id", "first_received_ms"),
)


def _note_starts(connection: Connection, kiosk_id: str, started: Sequence[TransactionEvent], now: datetime) -> None:
    values = []
    for event in started:
        authority = event.authority
        assert authority is not None  # the contract's own rule for Started
        values.append(
            {
                "of_kiosk": kiosk_id,
                "of_id": event.transaction_id,
                "at_ms": to_ms(event.at.wall),
                "token": authority.token_hash[:64],
                "account": authority.account_id[:64],
            }
        )
        if authority.voucher_id is not None:
            doubt = spend_voucher(connection, authority.voucher_id, event.order_id, now)
            if doubt is not None:
                doubt_transaction(connection, kiosk_id, event.transaction_id, doubt, now)
    if values:
        _START.do_all(connection, values)


def _note_ends(connection: Connection, kiosk_id: str, ended: Sequence[TransactionEvent]) -> None:
    values = [
        {"of_kiosk": kiosk_id, "of_id": event.transaction_id, "seq": event.seq_no, "at_ms": to_ms(event.at.wall)}
        for event in ended
    ]
    if values:
        _END.do_all(connection, values)


def _finished(connection: Connection, kiosk_id: str, touched: Iterable[str]) -> list[tuple[str, int, int, int]]:
    """(transaction, seq_no of Ended, highest seq_no, events here) of the touched transactions that have an Ended."""
    found = []
    for transaction_id in sorted(touched):
        row = _FINISHED.row(connection, {"of_kiosk": kiosk_id, "of_id": transaction_id})
        if row is not None:
            found.append((transaction_id, row[0], row[1], row[2]))
    return found


def _report_after_ended(
    connection: Connection, kiosk_id: str, received: Sequence[Received], aside: dict[int, str]
) -> None:
    """Tell the kiosk which of this batch's rows were put aside as coming after Ended."""
    hashes = {item.body_hash: item.row.journal_no for item in received}
    q = quarantine.c
    query = select(q.subject_hash, q.reason).where(
        q.kiosk_id == kiosk_id, q.code == "after_ended", q.subject_hash.in_(sorted(hashes))
    )
    for row in connection.execute(query):
        aside[hashes[row.subject_hash]] = row.reason
