"""The book keeps what was written, once, and refuses to forget or change it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, Table, delete, update
from sqlalchemy.exc import DBAPIError

from billing.ledger import book, check, holds
from billing.ledger.chart import SECOND, Account, Kind
from billing.ledger.draft import Draft, Leg, drafted
from billing.ledger.tables import APPEND_ONLY
from tests.billing.conftest import undone
from tests.billing.stories import NOON

CLEARING, HOST = Account(Kind.PROVIDER_CLEARING, "social", "EUR"), Account(Kind.HOST_PAYABLE, "rosa", "EUR")
MARGIN = Account(Kind.MARGIN, "operator", "EUR")
WALLET, ISSUED = Account(Kind.WALLET, "anna", SECOND), Account(Kind.ISSUED, "swap", SECOND)
SALE = drafted("sale-1", "a charge", {CLEARING: 1000, HOST: -600, MARGIN: -400}, "order-1")


def test_an_entry_is_posted_once_however_often_it_is_tried(connection: Connection) -> None:
    posted = [book.post(connection, SALE, NOON) for _ in range(3)]

    assert posted == [True, False, False]
    assert book.balances(connection) == {CLEARING: 1000, HOST: -600, MARGIN: -400}
    assert [e.draft for e in book.entries_about(connection, "order-1")] == [SALE]


def test_one_key_never_means_two_things(connection: Connection) -> None:
    book.post(connection, SALE, NOON)

    with pytest.raises(book.KeyReused, match="sale-1"):
        book.post(connection, drafted("sale-1", "another", {CLEARING: 1, MARGIN: -1}, "order-1"), NOON)


def test_a_reversal_takes_back_all_of_it_and_only_once(connection: Connection) -> None:
    book.post(connection, SALE, NOON)

    assert book.reverse(connection, "sale-1", "refund", NOON)
    assert not book.reverse(connection, "sale-1", "refund", NOON)
    assert book.balances(connection) == {} and check.faults_of(connection) == []
    with pytest.raises(book.NotInTheBook):
        book.reverse(connection, "sale-2", "refund", NOON)


@pytest.mark.parametrize("table", APPEND_ONLY, ids=lambda table: table.name)
def test_the_database_itself_refuses_to_change_or_forget(connection: Connection, table: Table) -> None:
    book.post(connection, SALE, NOON)
    holds.place(connection, "h", "order-1", CLEARING, 1, NOON, NOON)

    holds.release(connection, "h", NOON)

    first = next(iter(table.columns))
    for statement in (delete(table), update(table).values({first: first})):
        with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(statement)


def test_the_check_finds_what_was_written_around_the_book(connection: Connection) -> None:
    book.post(connection, SALE, NOON)
    row = {"entry_no": 1, "leg_no": 9, "account": HOST.name, "amount": -1}
    connection.execute(book.ledger_postings.insert(), row)

    assert check.faults_of(connection) == ["entry sale-1: -1 EUR out of balance"]


def test_a_wallet_cannot_promise_twice_what_it_has(connection: Connection) -> None:
    book.post(connection, drafted("top-up", "an hour", {ISSUED: 3600, WALLET: -3600}), NOON)
    later = NOON + timedelta(minutes=15)
    assert holds.place(connection, "h1", "o1", WALLET, 3000, later, NOON)
    assert not holds.place(connection, "h1", "o1", WALLET, 3000, later, NOON)

    with pytest.raises(holds.NotEnough, match="600 there, 601 asked"):
        holds.place(connection, "h2", "o2", WALLET, 601, later, NOON)

    assert holds.expire(connection, NOON) == [] and holds.expire(connection, later) == ["h1"]
    assert holds.available(connection, WALLET) == 3600


def test_a_hold_is_captured_once_and_never_beyond_itself(connection: Connection) -> None:
    holds.place(connection, "h", "o", CLEARING, 1000, NOON, NOON)
    with pytest.raises(holds.NotEnough):
        holds.capture(connection, "h", 1001, SALE, NOON)

    assert holds.capture(connection, "h", 1000, SALE, NOON)
    assert not holds.capture(connection, "h", 1000, SALE, NOON)
    with pytest.raises(holds.HoldEnded):
        holds.release(connection, "h", NOON)
    assert holds.about(connection, "o")[0].end is holds.End.CAPTURED
    assert check.faults_of(connection) == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(1, 5000), st.sampled_from(["post", "reverse", "post", "again"])),
        max_size=30,
    )
)
def test_random_money_stays_at_zero_and_replays_to_the_same_balances(
    engine: Engine, acts: list[tuple[int, int, str]]
) -> None:
    def play() -> Counter[str]:
        with undone(engine) as connection:
            for number, (key, amount, act) in enumerate(acts):
                name = f"e{key}" if act != "post" else f"e{number}"
                if act == "reverse":
                    if book.entry(connection, name) is not None:
                        book.reverse(connection, name, "back", NOON)
                else:
                    known = book.entry(connection, name)
                    legs = (Leg(CLEARING, amount), Leg(HOST, -(amount // 2)), Leg(MARGIN, amount // 2 - amount))
                    draft = known.draft if known else Draft(name, "sale", tuple(x for x in legs if x.amount))
                    book.post(connection, draft, NOON)
            found = Counter({a.name: amount for a, amount in book.balances(connection).items()})
            assert check.faults_of(connection) == []
        return found

    first = play()

    assert sum(first.values()) == 0 and play() == first
