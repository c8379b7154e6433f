"""Who would be paid what, and who not and why: decided before anything is written, and shown to whoever decides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from billing.hosts.bank import PaidTo
from billing.hosts.party import Host

SEPA_CURRENCY = "EUR"


class Held(StrEnum):
    """Why a host is not paid now. What is owed stays owed."""

    NOT_CLOSED = "the month is not closed yet"
    CURRENCY = "SEPA carries euro only"
    CARRIED_OVER = "more was taken back than came in: carried over"
    BELOW_MINIMUM = "below the minimum: carried over"
    ACCOUNT_WAITS = "a changed account waits"
    NO_ACCOUNT = "no bank account"


@dataclass(frozen=True, slots=True)
class Due:
    """What is open for a host: the ledger entries that no standing payout covers, up to the last closed month."""

    host: Host
    amount_minor: int
    entry_nos: tuple[int, ...]
    through_month: str | None  # None: no month was closed yet
    paid_to: PaidTo


@dataclass(frozen=True, slots=True)
class Plan:
    pays: tuple[Due, ...]
    held: tuple[tuple[Due, Held], ...]

    @property
    def total_minor(self) -> int:
        return sum(due.amount_minor for due in self.pays)

    @property
    def digest(self) -> str:
        """Changes with everything that would be written: who agrees to a plan agrees to this one."""
        told = [
            (due.host.host_id, due.amount_minor, due.entry_nos, due.paid_to.account and due.paid_to.account.account_no)
            for due in self.pays
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def planned(dues: Iterable[Due], minimum_minor: int) -> Plan:
    """Sort who is paid from who is held. Dues of nothing at all are left out."""
    pays, held = [], []
    for due in sorted(dues, key=lambda due: due.host.host_id):
        if not due.entry_nos and due.through_month is not None:
            continue
        why = _why_held(due, minimum_minor)
        if why is None:
            pays.append(due)
        else:
            held.append((due, why))
    return Plan(tuple(pays), tuple(held))


def _why_held(due: Due, minimum_minor: int) -> Held | None:
    if due.through_month is None:
        return Held.NOT_CLOSED
    if due.host.currency != SEPA_CURRENCY:
        return Held.CURRENCY
    if due.amount_minor < 0:
        return Held.CARRIED_OVER
    if due.amount_minor < max(1, minimum_minor):
        return Held.BELOW_MINIMUM
    if due.paid_to.waiting is not None:
        return Held.ACCOUNT_WAITS
    if due.paid_to.account is None:
        return Held.NO_ACCOUNT
    return None
