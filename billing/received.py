"""Reading an uploaded row: either it is an event that every database can keep, or a WireError says why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from billing import keys
from billing.read_events import event_of
from contract.api import Row, RowBatch, RowKind
from contract.codec import WireError
from contract.straight import is_text
from contract.transaction import TransactionEvent

LONGEST_ID = 64
LONGEST_BODY = 64_000
LONGEST_ELAPSED_MS = 10 * 366 * 86_400_000
LAST_YEAR = 2200
LARGEST_COUNT = 2**31 - 1  # what an INTEGER column holds on every database
LARGEST_NUMBER = 2**53  # what every JSON reader and database holds exactly
# An escaped NUL or half of a surrogate pair; an escaped backslash before a plain "u" is neither.
_BAD_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class Received:
    """A row that is a well-formed event."""

    row: Row
    event: TransactionEvent
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of which only the number could be read: it is kept as text and acknowledged like any other."""

    journal_no: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A batch as far as it can be understood without asking anybody. `malformed` comes with what is wrong."""

    acknowledged: tuple[int, ...]
    received: tuple[Received, ...]
    others: tuple[Row, ...]  # of every kind but transaction
    malformed: tuple[tuple[Row, str], ...]


def read_upload(kiosk_id: str, batch: RowBatch, unreadable: Sequence[Unreadable] = ()) -> Upload:
    received: list[Received] = []
    others: list[Row] = []
    malformed = [(Row(bad.journal_no, RowKind.TRANSACTION, bad.text), bad.reason) for bad in unreadable]
    for row in batch.rows:
        if row.kind is not RowKind.TRANSACTION:
            others.append(row)
            continue
        try:
            received.append(read_event(kiosk_id, row))
        except WireError as error:
            malformed.append((row, str(error)))
    numbers = (*(row.journal_no for row in batch.rows), *(bad.journal_no for bad in unreadable))
    return Upload(numbers, tuple(received), tuple(others), tuple(malformed))


def read_event(kiosk_id: str, row: Row) -> Received:
    """Raises WireError, which names the key."""
    _check_text(row.body)
    event = event_of(row.body)
    if not _are_ids(event.transaction_id, event.order_id, event.receipt_id):
        names = ("transaction_id", "order_id", "receipt_id")
        name = next(name for name in names if not _are_ids(getattr(event, name)))
        raise WireError(f"TransactionEvent.{name}: want 1 to {LONGEST_ID} printable characters")
    if not (
        0 <= event.seq_no <= LARGEST_COUNT
        and 0 <= event.evse_id <= LARGEST_COUNT
        and 0 <= event.connector_id <= LARGEST_COUNT
    ):
        raise WireError("TransactionEvent: seq_no, evse_id or connector_id below 0 or beyond 2^31")
    if not 0 <= event.meter.import_wh <= LARGEST_NUMBER:
        raise WireError("TransactionEvent.meter.import_wh: below 0 or beyond 2^53")
    if event.elapsed_ms > LONGEST_ELAPSED_MS or event.at.wall.year > LAST_YEAR:
        raise WireError(f"TransactionEvent: longer than ten years or after {LAST_YEAR}")
    key = keys.event_key(kiosk_id, event.transaction_id, event.seq_no)
    return Received(row, event, key, keys.payload_hash(row.body))


def _are_ids(*texts: str) -> bool:
    for text in texts:
        if not (1 <= len(text) <= LONGEST_ID and text.isprintable()):
            return False
    return True


def _check_text(body: str) -> None:
    """Refuse what no database takes: lone surrogates and NUL, plain or escaped. The kiosk escapes neither."""
    if len(body) > LONGEST_BODY:
        raise WireError(f"row: longer than {LONGEST_BODY} characters")
    if not is_text(body):
        raise WireError("row: not Unicode text")
    if "\0" in body or ("\\u" in body and _BAD_ESCAPE.search(body)):
        raise WireError("row: holds a NUL or an escaped surrogate")


def storable(body: str) -> str:
    """The text as far as a database can hold it: for rows that are kept although they are none."""
    return body[:LONGEST_BODY].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def event_values(kiosk_id: str, item: Received, received_ms: int) -> dict[str, Any]:
    event = item.event
    return {
        "event_key": item.key,
        "kiosk_id": kiosk_id,
        "transaction_id": event.transaction_id,
        "seq_no": event.seq_no,
        "event_type": event.event_type.value,
        "journal_no": item.row.journal_no,
        "elapsed_ms": event.elapsed_ms,
        "import_wh": event.meter.import_wh,
        "time_use": event.time_use.value,
        "payload_hash": item.body_hash,
        "body": item.row.body,
        "received_ms": received_ms,
    }
