"""Events read back from the tables: a phone looks every two seconds at what does not change, so they are kept."""

from __future__ import annotations

from functools import lru_cache

from contract.codec import from_bytes
from contract.transaction import TransactionEvent

KEPT = 8_192  # about a hundred charges on the road; a few megabytes


@lru_cache(maxsize=KEPT)
def event_of(body: str) -> TransactionEvent:
    """The event in a row's text, which is never updated. Raises WireError."""
    return from_bytes(TransactionEvent, body)
