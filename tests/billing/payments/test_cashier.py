"""The cashier in front of both databases: dies anywhere, asks again, books once."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from billing.ledger import book, check
from billing.ledger.chart import Account, Kind
from billing.payments import store
from billing.payments.cashier import Cashier
from billing.payments.payment import Payment, billed, given_up
from billing.payments.provider import HoldState, Outcome, Request
from billing.settlement.entries import Parties, capture_entry
from tests.billing.payments.test_payment import Wire, begin, parts
from tests.billing.stories import NOON

PARTIES = Parties("o1", "o1", "EUR", provider_id="cpo")


class Died(Exception):
    """The process was killed here."""


class Mortal:
    """A wire behind which the server may be killed: before the request leaves, or with the answer in hand."""

    name = "social"

    def __init__(self, wire: Wire, rng: random.Random, chance: float) -> None:
        self.wire, self.rng, self.chance = wire, rng, chance

    def ask(self, request: Request) -> Outcome:
        if self.rng.random() < self.chance:
            raise Died
        outcome = self.wire.ask(request)
        if self.rng.random() < self.chance:
            raise Died
        return outcome


def books(connection: Connection, payment: Payment, now: datetime) -> None:
    sight = payment.sight
    if sight is None or sight.state is not HoldState.CAPTURED:
        return
    draft = capture_entry(payment.payment_id, PARTIES, "social", sight.captured_minor, sight.split, sight.fee_minor)
    book.post(connection, draft, now)


class Till:
    def __init__(self, engine: Engine, seed: int, loss: float, deaths: float) -> None:
        self.payment, self.wire = begin(loss=loss, seed=seed)
        self.wire.now_s = 0.0
        self.engine, self.now = engine, NOON
        provider = Mortal(self.wire, random.Random(seed), deaths)
        self.cashier = Cashier(self.transact, {"social": provider}, books, lambda: self.now)

    def transact(self, job: object) -> object:
        with self.engine.begin() as connection:
            return job(connection)  # type: ignore[operator]

    def load(self) -> Payment:
        with self.engine.begin() as connection:
            return store.load(connection, "p1")

    def change(self, act: object) -> None:
        with self.engine.begin() as connection:
            payment = store.load(connection, "p1")
            store.save(connection, payment, act(payment), self.now, "decided", "")  # type: ignore[operator]

    def work_until_rest(self) -> None:
        for _ in range(600):
            try:
                self.cashier.work()
            except Died:
                continue
            with self.engine.begin() as connection:
                due_ms = store.next_due_ms(connection)
            if due_ms is None:
                return
            self.now = max(self.now + timedelta(seconds=1), datetime.fromtimestamp(due_ms / 1000, self.now.tzinfo))
        raise AssertionError("the cashier does not come to rest")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("loss", "deaths"), [(0.0, 0.0), (0.3, 0.3)])
def test_an_order_is_paid_and_booked_once_though_server_and_answers_die(
    engine: Engine, seed: int, loss: float, deaths: float
) -> None:
    till = Till(engine, seed, loss, deaths)
    with engine.begin() as connection:
        assert store.create(connection, till.payment, "social", NOON)
        assert not store.create(connection, till.payment, "social", NOON)
    till.work_until_rest()
    assert till.load().is_authorised
    till.change(lambda payment: billed(payment, 1_200, parts(1_200), "12.00 EUR"))

    till.work_until_rest()

    bank = till.wire.bank
    assert bank.balance("mina") == 10_000 - 1_200 and len(bank.holds) == 1
    with engine.begin() as connection:
        assert check.faults_of(connection) == []
        assert book.balance(connection, PARTIES.owing) == -1_200  # the sale is booked with the CDR
        assert book.balance(connection, Account(Kind.PARTNER_PAYABLE, "cpo", "EUR")) == bank.balance("cpo")
        assert book.balance(connection, Account(Kind.PROVIDER_CLEARING, "social", "EUR")) == bank.balance("operator")
        steps = [what for _, what, _ in store.story(connection, "p1")]
    assert steps[0] == "begun" and steps.count("decided") == 1


def test_a_charge_that_never_began_gives_the_money_back(engine: Engine) -> None:
    till = Till(engine, 1, 0.3, 0.3)
    with engine.begin() as connection:
        store.create(connection, till.payment, "social", NOON)
    till.work_until_rest()
    till.change(given_up)

    till.work_until_rest()

    assert till.wire.bank.available("mina", 0.0) == 10_000
    with engine.begin() as connection:
        assert store.stage_of(store.load(connection, "p1")) in (store.Stage.RELEASED, store.Stage.NOTHING)


def test_a_change_that_somebody_else_made_meanwhile_is_not_overwritten(engine: Engine) -> None:
    till = Till(engine, 1, 0.0, 0.0)
    with engine.begin() as connection:
        store.create(connection, till.payment, "social", NOON)
        store.save(connection, till.payment, given_up(till.payment), NOON, "decided", "")

        with pytest.raises(RuntimeError, match="somebody else"):
            store.save(connection, till.payment, given_up(till.payment), NOON, "decided", "")
