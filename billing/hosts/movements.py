"""What moved on a host's account in the ledger, and which month each movement belongs to.

Law:
- A movement belongs to the month it was booked in, by the host's own time zone. So a use that reached us late, a
  correction and a refund appear in the month they were booked in, and a closed month never changes.
- The one exception are the entries of the closing itself, fee and VAT of a month: they name their month.
- Amounts here are as the host sees them: positive is theirs, negative is taken back or paid out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from billing.hosts.party import Host
from billing.ledger.tables import ledger_entries, ledger_postings
from billing.moments import from_ms, to_ms

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
REVERSED = "#reversed"  # billing.ledger.book.reverse


class MovementKind(StrEnum):
    """What a movement is, by the key of its entry."""

    USE = "use"
    USE_TAKEN_BACK = "use taken back"
    REFUND = "refund"  # less was taken of a driver for a use that stays; the host gives their part
    MONTHLY_FEE = "monthly fee"
    VAT = "vat"
    PAYOUT = "payout"
    PAYOUT_TAKEN_BACK = "payout taken back"
    OTHER = "other"


PAYOUTS = (MovementKind.PAYOUT, MovementKind.PAYOUT_TAKEN_BACK)
_BY_PREFIX = {
    "sale": (MovementKind.USE, MovementKind.USE_TAKEN_BACK),
    "allowance": (MovementKind.REFUND, MovementKind.OTHER),
    "monthly": (MovementKind.MONTHLY_FEE, MovementKind.OTHER),
    "host-vat": (MovementKind.VAT, MovementKind.OTHER),
    "payout": (MovementKind.PAYOUT, MovementKind.PAYOUT_TAKEN_BACK),
}


@dataclass(frozen=True, slots=True)
class Movement:
    entry_no: int
    key: str
    what: str
    at: datetime
    amount_minor: int
    order_id: str | None = None

    @property
    def kind(self) -> MovementKind:
        plain, taken_back = _BY_PREFIX.get(self.key.partition("/")[0], (MovementKind.OTHER, MovementKind.OTHER))
        return taken_back if self.key.endswith(REVERSED) else plain

    @property
    def cdr_id(self) -> str | None:
        """The charge detail record it is about."""
        if self.kind not in (MovementKind.USE, MovementKind.USE_TAKEN_BACK):
            return None
        return self.key.partition("/")[2].removesuffix(REVERSED)

    def month(self, time_zone: str) -> str:
        if self.kind in (MovementKind.MONTHLY_FEE, MovementKind.VAT):
            return self.key.rpartition("/")[2]
        return month_at(self.at, time_zone)


def movements_of(connection: Connection, host: Host) -> list[Movement]:
    """All of them, in the order they were written."""
    e, p = ledger_entries.c, ledger_postings.c
    query = (
        select(e.entry_no, e.key, e.what, e.at_ms, e.subject, p.amount)
        .join_from(ledger_postings, ledger_entries, e.entry_no == p.entry_no)
        .where(p.account == host.payable.name)
        .order_by(e.entry_no)
    )
    return [
        Movement(row.entry_no, row.key, row.what, from_ms(row.at_ms), -row.amount, row.subject)
        for row in connection.execute(query)
    ]


def total(movements: Iterable[Movement]) -> int:
    return sum(movement.amount_minor for movement in movements)


# ---- months --------------------------------------------------------------------------------------------------------


def month_named(text: str) -> str:
    """Raises ValueError for a text that is no month as 2026-11."""
    if not _MONTH.fullmatch(text):
        raise ValueError(f"month {text!a}: want year and month, as 2026-11")
    return text


def month_at(moment: datetime, time_zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(time_zone)):%Y-%m}"


def month_after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def month_before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - (number == 1):04}-{(number - 2) % 12 + 1:02}"


def begin_of(month: str, time_zone: str) -> datetime:
    """The month's first moment at that place."""
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=ZoneInfo(time_zone))


def span_ms(month: str, time_zone: str) -> tuple[int, int]:
    """Its first millisecond, and the first of the next month."""
    return to_ms(begin_of(month, time_zone)), to_ms(begin_of(month_after(month), time_zone))
