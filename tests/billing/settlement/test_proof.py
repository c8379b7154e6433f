"""Every CDR has its entries; a corrected one is taken back whole; what was tampered with is found and named."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, update

from billing.intake import take_rows
from billing.ledger import book
from billing.ledger.chart import Account, Kind
from billing.settlement import proof
from billing.tables import cdrs
from tests.billing.stories import NOON, batch, charge, rows_of

ANNA = Account(Kind.RECEIVABLE, "anna", "EUR")


def test_what_a_driver_owes_is_what_their_bills_say(connection: Connection) -> None:
    owed = 0
    for number in range(3):
        story = charge(started_at=NOON + timedelta(hours=number))
        take_rows(connection, "hk-07", batch(rows_of(story, 1 + 20 * number)), NOON)
        owed += story[-1].total_incl_vat_minor or 0

    assert owed > 0 and book.balance(connection, ANNA) == owed
    assert sum(book.balances(connection).values()) == 0
    assert proof.faults_of(connection) == []


def test_a_bill_that_was_changed_in_the_database_is_found(connection: Connection) -> None:
    take_rows(connection, "hk-07", batch(rows_of(charge())), NOON)
    connection.execute(update(cdrs).values(incl_vat_minor=cdrs.c.incl_vat_minor + 1))

    faults = proof.faults_of(connection)

    assert len(faults) == 2 and all("billed" in fault for fault in faults)
