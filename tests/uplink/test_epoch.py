"""A kiosk with nothing to tell still hears that its server was restored from a backup."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from contract.api import RowAnswer, RowBatch, RowKind
from kiosk.journal import Batch, JournalStore, NewRow
from kiosk.uplink.drain import Drain, DrainSettings, FetchRequest, ListRequest, PollRequest, RowsRequest
from kiosk.wire import Acknowledged

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SETTINGS = DrainSettings(poll_s=10_000, list_every_s=10_000, epoch_every_s=3600)


def idle() -> Drain:
    drain = Drain(SETTINGS, lambda: 0.5)
    drain.connected(0.0)
    fetched = drain.next_request(0.0)
    assert isinstance(fetched, ListRequest)
    drain.succeeded(fetched, None, 0.0)
    assert isinstance(drain.next_request(0.0), PollRequest)
    return drain


def test_an_empty_batch_asks_for_the_epoch_now_and_then_and_a_new_one_brings_every_row_again() -> None:
    store, drain = JournalStore(sqlite3.connect(":memory:")), idle()
    numbers = store.commit(Batch((NewRow(RowKind.STATUS, b"{}"),)))
    store.acknowledge(numbers, "before", NOW)

    assert drain.next_request(3599.0) is None
    assert drain.deadline_s == 3600.0
    assert isinstance(drain.next_request(3600.0), FetchRequest)
    drain.heard(RowBatch(store.epoch(), tuple(store.unacknowledged())), 3600.0)
    asked = drain.next_request(3600.0)
    assert isinstance(asked, RowsRequest) and asked.batch == RowBatch("before", ())
    (said,) = drain.succeeded(asked, RowAnswer("restored", ()), 3600.1)

    assert said == Acknowledged((), "restored")
    store.acknowledge(said.acknowledged, said.epoch, NOW)
    assert [row.journal_no for row in store.unacknowledged()] == numbers
    assert drain.next_request(3601.0) is None
    assert drain.deadline_s == 7200.1


def test_a_server_that_refuses_the_question_stays_online_and_is_asked_later() -> None:
    drain = idle()
    drain.next_request(3600.0)
    drain.heard(RowBatch("e", ()), 3600.0)
    asked = drain.next_request(3600.0)
    assert isinstance(asked, RowsRequest)

    assert drain.refused(asked, 3600.5) == ()
    assert drain.is_online
    assert drain.next_request(3601.0) is None
