"""What does not finish by itself stands on a list of its own, with what is missing and what to do."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from billing.intake import take_rows
from billing.pages.unfinished_view import unfinished
from contract.transaction import TransactionEvent
from tests.billing.stories import NOON, batch, charge, corrected, rows_of

DAY = timedelta(days=1)


def upload(connection: Connection, story: list[TransactionEvent], without: int | None = None) -> None:
    rows = rows_of(story)
    take_rows(connection, "hk-07", batch([row for n, row in enumerate(rows) if n != without]), NOON)


def told(connection: Connection, after: timedelta) -> list[tuple[str, str]]:
    return [(line["transaction_id"], line["what"]) for line in unfinished(connection, NOON + after)]


def test_a_charge_that_runs_or_is_whole_is_not_on_the_list(connection: Connection) -> None:
    upload(connection, charge(evse_id=1)[:-1])
    upload(connection, charge(evse_id=2))

    assert told(connection, timedelta(hours=5)) == []


def test_a_lost_end_is_named_after_a_day(connection: Connection) -> None:
    upload(connection, charge(transaction_id="lost")[:-1])

    assert told(connection, DAY + timedelta(minutes=1)) == [("lost", "Ended lost: nothing came of it for a day")]


def test_a_later_charge_at_the_same_plug_tells_at_once(connection: Connection) -> None:
    upload(connection, charge(transaction_id="lost", evse_id=1)[:-1])
    upload(connection, charge(transaction_id="other", evse_id=2, started_at=NOON + timedelta(minutes=30)))
    assert told(connection, timedelta(minutes=40)) == []

    upload(connection, charge(transaction_id="later", evse_id=1, started_at=NOON + timedelta(minutes=30)))
    assert told(connection, timedelta(minutes=40)) == [("lost", "Ended lost: a later charge began there")]


def test_missing_events_are_numbered_after_an_hour(connection: Connection) -> None:
    upload(connection, charge(transaction_id="torn"), without=3)
    assert told(connection, timedelta(minutes=50)) == []

    assert told(connection, timedelta(minutes=61)) == [("torn", "Events missing: seq 3")]


def test_a_reading_that_may_still_come_is_waited_for(connection: Connection) -> None:
    *story, late = corrected(charge(transaction_id="dark"), more_wh=50)
    upload(connection, story)
    assert told(connection, timedelta(hours=2)) == [("dark", "Waits for its meter")]
    assert told(connection, 3 * DAY) == []

    upload(connection, [*story, late])
    assert told(connection, timedelta(hours=2)) == []


def test_what_needs_somebody_stands_first(connection: Connection) -> None:
    upload(connection, corrected(charge(transaction_id="dark", evse_id=2), more_wh=50)[:-1])
    upload(connection, charge(transaction_id="torn", evse_id=2, started_at=NOON + timedelta(hours=1)), without=2)
    upload(connection, charge(transaction_id="lost", evse_id=1)[:-1])

    assert [name for name, _ in told(connection, DAY + timedelta(hours=1))] == ["lost", "torn", "dark"]
