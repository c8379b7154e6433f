"""A kiosk was heard: when, and how old the newest of what it sent was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update

from billing.facts import EPOCH
from billing.moments import to_ms
from billing.prepared import Prepared
from billing.received import Received
from billing.tables import kiosks

_HEARD = (
    update(kiosks)
    .where(kiosks.c.kiosk_id == bindparam("of_kiosk"))
    .values(last_contact_ms=bindparam("at_ms"), last_rows_ms=bindparam("at_ms"))
    .returning(EPOCH.scalar_subquery())  # every answer says it: not worth a round trip of its own
)
HEARD_OF_EVENTS = _HEARD.values(arrival_age_ms=bindparam("age_ms"))
_NOTE, _NOTE_EVENTS = Prepared(_HEARD), Prepared(HEARD_OF_EVENTS)


def heard_values(kiosk_id: str, received: Sequence[Received], now: datetime) -> dict[str, Any]:
    """What HEARD_OF_EVENTS wants."""
    values: dict[str, Any] = {"of_kiosk": kiosk_id, "at_ms": to_ms(now)}
    if received:
        values["age_ms"] = to_ms(now) - to_ms(max(item.event.at.wall for item in received))
    return values


def note_heard(connection: Connection, kiosk_id: str, received: Sequence[Received], now: datetime) -> str | None:
    """The server's epoch; None where nobody has asked for it yet."""
    note = _NOTE_EVENTS if received else _NOTE
    known: str | None = note.value(connection, heard_values(kiosk_id, received, now))
    return known
