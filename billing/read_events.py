"""Events by their text, which is never updated, so they are kept: a charge is rated by rows that came an hour before
its last, and a phone looks at them every two seconds."""

from __future__ import annotations

from functools import lru_cache

import orjson

from contract.codec import from_bytes, from_wire
from contract.transaction import TransactionEvent

KEPT = 8_192  # about a hundred charges on the road; a dozen megabytes
LONGEST_KEPT = 4_000  # characters; one Started may be longer


def event_of(body: str) -> TransactionEvent:
    """The event in a row's text. Raises WireError."""
    return _kept(body) if len(body) <= LONGEST_KEPT else from_bytes(TransactionEvent, body)


@lru_cache(maxsize=KEPT)
def _kept(body: str) -> TransactionEvent:
    try:
        return from_wire(TransactionEvent, orjson.loads(body))
    except ValueError:  # the other reader knows larger numbers, and has the words for what is wrong
        return from_bytes(TransactionEvent, body)
