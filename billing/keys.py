"""What makes two uploads the same event. This is the only place that says it.

`event_key` is the unique key of an event and, taken at Ended, of the CDR; without it every repeated upload would
be billed again. The hash tells a repetition (same bytes) from a contradiction (other bytes under the same key).
"""

from __future__ import annotations

import hashlib
import re


def event_key(kiosk_id: str, transaction_id: str, seq_no: int) -> str:
    """(kiosk, transaction, seq_no) as one text. The kiosk's id has no slash, so no two keys read the same."""
    return f"{kiosk_id}/{transaction_id}/{seq_no}"


def payload_hash(body: str) -> str:
    """SHA-256 of the bytes as they were sent, hex."""
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def receipt_key(receipt_id: str) -> str:
    """A receipt id as it is looked up: people type it, QR codes shout it (alphanumeric mode is upper case)."""
    return receipt_id.strip().replace("-", "").lower()


def is_receipt_key(key: str) -> bool:
    """Whether this can be one: 128 bits in hex, as the kiosk mints them."""
    return re.fullmatch(r"[0-9a-f]{32}", key) is not None
