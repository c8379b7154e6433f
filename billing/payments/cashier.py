"""The cashier: asks providers what payments wish for, keeps what came of it, and books it.

Law: before a request leaves, the database knows that it may have left; after an answer, the payment and the ledger
change in one transaction. A cashier that dies anywhere in between asks the same again, under the same key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from billing.payments import store
from billing.payments.payment import Payment, answered, next_request, seen, sending
from billing.payments.provider import Nothing, Outcome, Provider, Refused, Request, Sight, Unknown

log = logging.getLogger("billing.cashier")

T = TypeVar("T")
InTransaction = Callable[[Callable[[Connection], T]], T]
Books = Callable[[Connection, Payment, datetime], None]  # writes what a payment's sight means, all of it, once


class NotSetUp:
    """A provider that is in no settings any more, while payments of it are still open: it does not answer."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ask(self, request: Request) -> Outcome:
        return Unknown(f"payment provider {self.name!r} is not set up here")


class Cashier:
    """Works through what is due, one request at a time. `transact` runs a job in a database transaction of its own."""

    def __init__(
        self,
        transact: Callable[[Callable[[Connection], object]], object],
        providers: Mapping[str, Provider],
        books: Books,
        clock: Callable[[], datetime],
    ) -> None:
        self._silent = set[str]()  # who did not answer in this round: nobody else of it is kept waiting for them
        self._transact, self._providers, self._books, self._clock = transact, providers, books, clock

    def work(self) -> int:
        """Ask everything that is due now, once each; how many requests that were."""
        found: list[tuple[str, str]] = []
        self._transact(lambda connection: found.extend(store.due(connection, self._clock())))
        asked, self._silent = 0, set()
        for payment_id, provider in found:
            if provider not in self._silent:
                asked += self.ask(payment_id, self._provider(provider))
        return asked

    def _provider(self, name: str) -> Provider:
        return self._providers.get(name) or NotSetUp(name)

    def tell(self, payment_id: str, sight: Sight) -> None:
        """A webhook's sight."""
        now = self._clock()

        def job(connection: Connection) -> None:
            payment = store.load(connection, payment_id)
            self._keep(connection, payment, seen(payment, sight), now, "webhook", _words(sight, payment.currency))

        self._transact(job)

    def ask(self, payment_id: str, provider: Provider) -> int:
        """Ask what is due for one payment now; how many requests that were: 0 or 1."""
        now, asked = self._clock(), list[tuple[Payment, Request]]()

        def announce(connection: Connection) -> None:
            payment = store.load(connection, payment_id)
            request = next_request(payment)
            if request is None or payment.pause_until_s > now.timestamp():
                return  # somebody else was faster
            leaving = sending(payment, request, now.timestamp())
            store.save(connection, payment, leaving, now, "asked", type(request).__name__)
            asked.append((leaving, request))

        self._transact(announce)
        for _, request in asked:
            outcome = provider.ask(request)
            if isinstance(outcome, Unknown):
                self._silent.add(provider.name)

            def keep(connection: Connection, request: Request = request, outcome: Outcome = outcome) -> None:
                payment, heard = store.load(connection, payment_id), self._clock()
                after = answered(payment, request, outcome, heard.timestamp())
                self._keep(connection, payment, after, heard, "answered", _words(outcome, payment.currency))

            self._transact(keep)
        return len(asked)

    def _keep(
        self, connection: Connection, before: Payment, after: Payment, now: datetime, what: str, detail: str
    ) -> None:
        store.save(connection, before, after, now, what, detail)
        self._books(connection, after, now)
        if after.last_error and after.last_error != before.last_error:
            log.warning("payment %s: %s", after.payment_id, after.last_error)


def _words(outcome: Outcome, currency: str) -> str:
    match outcome:
        case Sight():
            parts = [f"{store.shown(outcome.held_minor, currency)} {outcome.state.value}"]
            told = (
                (outcome.captured_minor, "taken"),
                (outcome.refunded_minor + outcome.charged_back_minor, "came back"),
            )
            return ", ".join(parts + [f"{store.shown(minor, currency)} {word}" for minor, word in told if minor])
        case Refused(code, why):
            return f"refused, {code}: {why}"
        case Nothing():
            return "nothing known under that key"
        case Unknown(why):
            return f"no answer: {why}"
