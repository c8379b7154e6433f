"""The till: the round that keeps checkouts, bills and payments going. One call does all that is due now.

It has no thread and no clock of its own: `serve` runs it in one, tests and worlds step it. Everything it does may be
done twice, or by two at once: each step is a transaction that checks what it stands on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Column, Connection, update

from billing.checkout import acts, bills, books, store, tables
from billing.moments import to_ms
from billing.orders import expire_starts
from billing.payments import store as payments
from billing.payments.cashier import Cashier
from billing.payments.provider import Provider, Sight

MOST_ROUNDS = 20
FAILED_WAITS = timedelta(minutes=5)
T = TypeVar("T")
log = logging.getLogger("billing.till")


class Transact(Protocol):
    """Runs a job in a writing transaction of its own and gives what it gave; `of` as in billing.database."""

    def __call__(self, job: Callable[[Connection], T], /, of: str | None = None) -> T: ...


class Till:
    """`providers` by the name payments carry; the first is where new ones go. For one thread at a time."""

    def __init__(self, transact: Transact, providers: Mapping[str, Provider], clock: Callable[[], datetime]) -> None:
        self._transact, self._providers, self._clock = transact, providers, clock
        self._cashier = Cashier(transact, providers, books.write, clock)

    @property
    def provider(self) -> str:
        """The one payment codes and phones are sent to; "" where there is none."""
        return next(iter(self._providers), "")

    def expire(self) -> None:
        """Starts that nobody answered come to their end."""
        self._transact(lambda connection: expire_starts(connection, self._clock()))

    def look(self) -> int:
        """Every checkout and bill that is due, once; how many those were. Asks no provider."""
        now = self._clock()
        links = self._transact(lambda connection: list(store.due(connection, now)))
        for link_id in links:
            self._try(partial(acts.advance, link_id=link_id, now=self._clock()), tables.checkouts.c.link_id, link_id)
        due = self._transact(lambda connection: list(bills.due(connection, now)))
        of_kiosk: dict[str, list[str]] = {}
        for order_id, kiosk_id in due:
            of_kiosk.setdefault(kiosk_id, []).append(order_id)
        for kiosk_id, orders in of_kiosk.items():
            self._settle(kiosk_id, orders)
        return len(links) + len(due)

    def pay(self) -> int:
        """Ask providers what is due, once each; how many requests that were. May wait for a network."""
        return self._cashier.work()

    def work(self) -> None:
        """Everything, until nothing is due now; bounded. For whoever has one thread: tests and worlds."""
        self.expire()
        for _ in range(MOST_ROUNDS):
            self.look()
            self.pay()
            if not self._transact(lambda c: has_due_looks(c, self._clock()) or has_due_payments(c, self._clock())):
                return

    def ask_now(self, payment_id: str) -> None:
        """Ask for one payment whose payer waits. What comes of it is kept like every outcome."""
        name = self._transact(lambda connection: payments.provider_of(connection, payment_id))
        self._cashier.ask(payment_id, self._providers[name])

    def tell(self, payment_id: str, sight: Sight) -> bool:
        """A webhook's sight; False where this is no payment of ours."""
        try:
            self._cashier.tell(payment_id, sight)
        except LookupError:
            log.warning("a webhook tells of payment %s, which is none of ours", payment_id[:40])
            return False
        return True

    def _settle(self, kiosk_id: str, orders: Sequence[str]) -> None:
        """One kiosk's orders in one transaction, as a bill costs less than a commit; one by one where that fails."""
        now = self._clock()
        try:
            self._transact(lambda c: [bills.settle(c, order_id, now) for order_id in orders], kiosk_id)
        except Exception:  # noqa: BLE001 - whichever order it is fails again below, and is logged there
            for order_id in orders:
                job = partial(bills.settle, order_id=order_id, now=now)
                self._try(job, tables.bills.c.order_id, order_id, kiosk_id)

    def _try(self, job: Callable[[Connection], object], key: Column[str], name: str, of: str | None = None) -> None:
        """One that fails is logged and waits; the others go on."""
        try:
            self._transact(job, of)
        except Exception:
            log.exception("%s %s…", key.table.name, name[:8])  # a whole link would open the page
            later = {"due_ms": to_ms(self._clock() + FAILED_WAITS)}
            self._transact(lambda c: c.execute(update(key.table).where(key == name).values(later)))


def has_due_looks(connection: Connection, now: datetime) -> bool:
    """Whether `look` has anything to do. Reads only."""
    return bool(store.due(connection, now, 1) or bills.due(connection, now, 1))


def has_due_payments(connection: Connection, now: datetime) -> bool:
    """Whether `pay` has anything to do. Reads only."""
    return bool(payments.due(connection, now, 1))
