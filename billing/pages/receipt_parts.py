"""The parts of an order behind a receipt id: each transaction with its events, its bills and what was decided of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from billing import keys
from billing.corrections import as_corrected, in_order
from billing.decisions.cases import Decision, as_billed, in_force
from billing.decisions.tables import is_decided
from billing.ocpi.cdr_object import NOBODY, Owner, as_json, cdr_object
from billing.ocpi.location import location_of
from billing.rating import read_story
from billing.tables import cdrs, transactions
from contract.transaction import EventType, TransactionEvent, began


@dataclass(frozen=True, slots=True)
class Part:
    """One transaction of the order. `story` is as corrected; `history`: every CDR it ever had, oldest first."""

    found: Row[Any]
    story: list[TransactionEvent]
    cdr: Row[Any] | None
    history: tuple[Row[Any], ...]
    late: TransactionEvent | None
    decision: Decision | None = None  # of a person, where no rule could settle it

    @property
    def started(self) -> TransactionEvent | None:
        return self.story[0] if self.story and self.story[0].event_type is EventType.STARTED else None

    @property
    def ended(self) -> TransactionEvent | None:
        return self.story[-1] if self.story and self.story[-1].event_type is EventType.ENDED else None

    @property
    def energy_wh(self) -> int:
        if self.started is None:
            return 0
        return max(0, self.story[-1].meter.import_wh - self.started.meter.import_wh)

    def time_of(self, event: TransactionEvent) -> datetime:
        return self.began_at + timedelta(milliseconds=event.elapsed_ms)

    @property
    def began_at(self) -> datetime:
        """By a clock that became right later in the same boot, too."""
        return began(self.story).wall


def cdr_body(connection: Connection, receipt_id: str, owner: Owner = NOBODY) -> str | None:
    """The OCPI CDR behind a receipt id; where there are several (two parts, a correction) a list of all of them."""
    objects = [
        cdr_object(cdr.body, owner, location_of(connection, cdr.kiosk_id))
        for part in parts_of(connection, receipt_id)
        for cdr in part.history
    ]
    return as_json(objects) if objects else None


def parts_of(connection: Connection, receipt_id: str) -> tuple[Part, ...]:
    """In the order in which they began; empty where nothing arrived yet."""
    t, c = transactions.c, cdrs.c
    is_part = or_(t.started_ms.is_not(None), ~is_decided())  # what was given up without a beginning is none
    query = select(transactions).where(t.receipt_key == keys.receipt_key(receipt_id), is_part)
    parts = []
    for found in connection.execute(query.order_by(t.started_ms, t.first_received_ms)).all():
        story = read_story(connection, found.kiosk_id, found.transaction_id)
        of_part = (c.kiosk_id == found.kiosk_id, c.transaction_id == found.transaction_id)
        history = in_order(connection.execute(select(cdrs).where(*of_part)))
        taken_back = {cdr.credit_reference_id for cdr in history}
        current = [cdr for cdr in history if cdr.credit_reference_id is None and cdr.cdr_id not in taken_back]
        is_late = bool(story) and story[-1].event_type is EventType.METER_CORRECTION
        is_believed = is_late and len(history) > 1
        shown = as_corrected(story) if is_believed else story[:-1] if is_late else story
        late = story[-1] if is_believed else None
        decision = in_force(connection, found.kiosk_id, found.transaction_id)
        shown = list(as_billed(shown, decision))
        parts.append(Part(found, shown, current[-1] if current else None, history, late, decision))
    return tuple(parts)
