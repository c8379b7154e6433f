"""A kiosk's SD card was copied while somebody charged, and both copies run with one key."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from billing.database import open_database
from billing.enrolment import new_code
from billing.settings import Settings
from billing.tables import cdrs, events, quarantine
from contract.api import RowAnswer, RowBatch, RowKind
from contract.codec import from_bytes, to_bytes
from contract.transaction import TransactionEvent
from kiosk.journal import Batch, JournalStore, NewRow
from tests.billing.client import Kiosk, running
from tests.billing.conftest import SERVER_KEY
from tests.billing.people import signed_in
from tests.billing.stories import charge
from tests.billing.test_http import Place


@pytest.fixture
def place(database_url: str) -> Iterator[Place]:
    engine = open_database(database_url)
    with engine.begin() as connection:
        code = new_code(connection, "hk-07", datetime.now(UTC))
    with running(Settings(database_url, SERVER_KEY)) as base_url:
        yield Place(base_url, engine, code)
    engine.dispose()


class Card:
    """An SD card in a Pi: its journal, and the line to the server."""

    def __init__(self, path: Path, line: Kiosk) -> None:
        self.store, self.line = JournalStore(path), line

    def write(self, *story: TransactionEvent) -> None:
        self.store.commit(Batch(tuple(NewRow(RowKind.TRANSACTION, to_bytes(event)) for event in story)))

    def send(self) -> list[str]:
        """Everything that waits; why the server put rows aside. 403: nothing was taken."""
        reasons = []
        while rows := self.store.unacknowledged(2):
            said = self.line.send("POST", "/v1/rows", RowBatch(self.store.epoch(), tuple(rows)))
            if said.status_code == 403:
                break
            answer = from_bytes(RowAnswer, said.content)
            reasons += [aside.reason for aside in answer.quarantined]
            self.store.acknowledge(answer.acknowledged, answer.epoch, datetime.now(UTC))
        return reasons


def copied(place: Place, tmp_path: Path, cut_short: tuple[TransactionEvent, ...]) -> tuple[Card, Card]:
    """The honest kiosk and its copy, both with the beginning of a charge."""
    honest = Card(tmp_path / "honest.db", place.kiosk())
    honest.write(*cut_short)
    honest.store.checkpoint()
    shutil.copy(tmp_path / "honest.db", tmp_path / "copy.db")
    return honest, Card(tmp_path / "copy.db", replace(honest.line, boot_id="boot-of-the-copy", nonce=""))


def test_a_copy_in_the_same_board_is_kept_apart_and_the_honest_kiosk_goes_on(place: Place, tmp_path: Path) -> None:
    shared = charge(minutes=4, transaction_id="shared", evse_id=1)
    honest, copy = copied(place, tmp_path, tuple(shared[:3]))
    honest.send()
    copy_end = replace(shared[-1], seq_no=3, meter=replace(shared[3].meter, import_wh=shared[3].meter.import_wh + 9))
    copy.write(copy_end, *charge(transaction_id="only-copy", evse_id=2))
    honest.write(*shared[3:], *charge(transaction_id="only-honest", evse_id=2, start_wh=49_000_000))

    honest.send()
    refused = copy.send()  # the later boot speaks
    honest.write(*charge(transaction_id="afterwards", evse_id=1, start_wh=50_000_000))
    honest.send()  # and an earlier one speaks again

    assert len(refused) == 1 and "already known with other bytes" in refused[0]
    assert place.alarm_codes() == ["second_live_use"]
    with place.engine.begin() as connection:
        billed = sorted(connection.execute(select(cdrs.c.transaction_id)).scalars())
        assert billed == ["afterwards", "only-copy", "only-honest", "shared"]
        of_shared = connection.execute(
            select(events.c.body).where(events.c.transaction_id == "shared").order_by(events.c.seq_no)
        ).scalars()
        assert [body.encode() for body in of_shared] == [to_bytes(event) for event in shared]  # nothing overwritten
        (aside,) = connection.execute(select(quarantine.c.code, quarantine.c.body))
        assert (aside.code, aside.body.encode()) == ("other_bytes", to_bytes(copy_end))
    page = signed_in(place.url, place.engine).get("/operator").text
    assert "Two running kiosks take turns" in page
    assert honest.store.waiting() == copy.store.waiting() == 0


def test_a_copy_in_another_board_is_not_heard_and_the_honest_kiosk_goes_on(place: Place, tmp_path: Path) -> None:
    shared = charge(minutes=4, transaction_id="shared")
    honest, copy = copied(place, tmp_path, tuple(shared[:3]))
    copy.line.serial = "another-board"
    copy.write(*charge(transaction_id="only-copy", evse_id=2))
    honest.write(*shared[3:])

    copy.send()
    honest.send()

    with place.engine.begin() as connection:
        assert connection.execute(select(cdrs.c.transaction_id)).scalars().all() == ["shared"]
    assert place.alarm_codes() == ["other_board"]
    page = signed_in(place.url, place.engine).get("/operator").text
    assert "another-board" in page
    assert copy.store.waiting() > 0  # nothing of it is lost either: once enrolled by name it is sent
