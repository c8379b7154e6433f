"""A journal found damaged at the start: kept aside as it was, and begun anew with everything that is readable."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from billing.database import memory_database
from billing.directory import add_kiosk, load_tariff, set_offer
from billing.intake import take_rows
from billing.tables import cdrs, quarantine
from contract.api import Row, RowBatch
from contract.codec import from_bytes, utc_text
from contract.transaction import EventType, TransactionEvent
from kiosk.journal import Batch, JournalError, JournalStore, JournalTooNew, Opened, damage, open_journal
from kiosk.journal import boot as boot_module
from kiosk.journal.aside import DAMAGED, MOST_KEPT
from kiosk.journal.pages import PAGE_SIZE
from kiosk.journal.values import LAST_WALL, LIST
from tests.journal.rows import NOON, OFFER, audit_row, ended, row, started, status_row, updated

STORIES = 40


def written(path: Path, acknowledged: int = 60) -> dict[int, bytes]:
    """A journal of several charges, vouchers and commands; what its rows are by number."""
    store = JournalStore(path)
    for number in range(STORIES):
        story = replace(started(f"t{number}", f"c{number}"), evse_id=1 + number % 2)
        rows = [row(story), *(row(updated(story, seq_no)) for seq_no in range(1, 5))]
        if number < STORIES - 1:
            rows += [row(ended(story, 5)), status_row(f"status {number}"), audit_row(f"a{number}")]
        store.commit(Batch(tuple(rows), spends=((f"v{number}", story.order_id),)))
    store.commit(Batch(documents={LIST: "KL1.list.text", LAST_WALL: utc_text(NOON)}))
    store.acknowledge(range(1, acknowledged + 1), "epoch-1", NOON)
    found = {kept.journal_no: kept.body.encode() for kept in store.rows(limit=1000)}
    store.close()
    return found


def spoil(path: Path, pages: list[int], rng: random.Random | None = None) -> bytes:
    """Overwrite pages (from 1) with zeros or noise; the file's bytes afterwards."""
    data = bytearray(path.read_bytes())
    for number in pages:
        data[(number - 1) * PAGE_SIZE : number * PAGE_SIZE] = (
            bytes(PAGE_SIZE) if rng is None else rng.randbytes(PAGE_SIZE)
        )
    path.write_bytes(data)
    return bytes(data)


def kept_files(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{DAMAGED}/*/*.db"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_readable_is_carried_over_to_the_byte(path: Path, seed: int, noise: bool) -> None:
    rows = written(path)
    rng = random.Random(seed)
    pages = rng.sample(range(1, path.stat().st_size // PAGE_SIZE + 1), rng.choice([1, 3, 8]))
    spoiled = spoil(path, pages, rng if noise else None)

    opened = open_journal(path, NOON)

    setback = opened.setback
    assert setback is not None
    carried = {kept.journal_no: kept for kept in opened.store.rows(limit=1000)}
    own = {number: kept for number, kept in carried.items() if number in rows}
    assert all(kept.body.encode() == rows[number] for number, kept in own.items())
    assert setback.carried == len(own)
    assert all((kept.acknowledged_at is not None) == (number <= 60) for number, kept in own.items())
    assert setback.waiting == sum(number > 60 for number in own)
    assert [kept_file.read_bytes() for kept_file in kept_files(path)] == [spoiled]
    assert opened.store.integrity() == ()
    last = carried[max(carried)]
    assert last.kind == "audit" and "damaged" in last.body
    assert damage(path) is None
    opened.store.close()
    again = open_journal(path, NOON)
    assert again.setback is None and again.store.setback() == setback
    again.store.close()


def test_one_bad_page_costs_only_its_own_rows(path: Path) -> None:
    rows = written(path)
    spoil(path, [1])  # the schema and the root of everything: SQLite itself reads nothing of such a file

    opened = open_journal(path, NOON)

    carried = {kept.journal_no: kept.body.encode() for kept in opened.store.rows(limit=1000)}
    assert {number: carried.get(number) for number in rows} == rows
    assert opened.setback is not None and (opened.setback.safe, opened.setback.lost) == (0, 0)
    assert opened.found.vouchers_in_doubt  # though every Started was read: nobody can know
    assert opened.found.spent_vouchers == frozenset() and opened.found.used_command_ids >= {"c0", "a0"}
    opened.store.close()


def test_vouchers_commands_and_documents_come_along(path: Path) -> None:
    written(path)
    page = page_of(path, "row_waiting")
    spoil(path, [page])

    opened = open_journal(path, NOON - timedelta(days=1))

    assert opened.found.spent_vouchers == {f"v{n}" for n in range(STORIES)}
    assert not opened.found.vouchers_in_doubt
    assert opened.found.used_command_ids >= {f"c{n}" for n in range(STORIES)}
    assert (opened.found.list_text, opened.found.epoch, opened.found.last_wall) == ("KL1.list.text", "epoch-1", NOON)
    assert opened.setback is not None and opened.setback.at == NOON  # time was at least that
    opened.store.close()


def test_an_unreadable_table_of_vouchers_puts_them_in_doubt_until_it_is_settled(path: Path) -> None:
    written(path)
    spoil(path, [page_of(path, "spent_voucher")])

    opened = open_journal(path, NOON)

    assert opened.found.vouchers_in_doubt
    opened.store.commit(Batch(documents={"vouchers_in_doubt": "no"}))
    opened.store.close()
    with closing(open_journal(path, NOON).store) as store:
        assert not store.project().vouchers_in_doubt


def page_of(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0])


def test_a_file_of_rubbish_is_put_aside_and_the_kiosk_goes_on(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)

    opened = open_journal(path, NOON)

    assert opened.setback is not None and opened.setback.carried == 0
    assert kept_files(path)[0].read_bytes() == b"rubbish" * 1000
    assert opened.store.commit(Batch((status_row("on"),))) == [2]
    opened.store.close()


def test_the_log_is_read_and_kept_too(path: Path) -> None:
    store = JournalStore(path)
    store.commit(Batch((status_row("in the file"),)))
    store.checkpoint()
    store.commit(Batch((status_row("only in the log"),)))
    log = Path(f"{path}-wal").read_bytes()
    spoiled = path.parent / "copy" / "journal.db"
    spoiled.parent.mkdir()
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(path.parent / name, spoiled.parent / name)
    store.close()
    data = bytearray(spoiled.read_bytes())
    data[:100] = bytes(100)
    spoiled.write_bytes(data)

    opened = open_journal(spoiled, NOON)

    bodies = [kept.body for kept in opened.store.rows()]
    if opened.setback is not None:  # the log holds a newer first page, so SQLite may well read it all the same
        assert kept_files(spoiled)[0].with_name("journal.db-wal").read_bytes() == log
    assert bodies[:2] == ["in the file", "only in the log"]
    opened.store.close()


def test_a_sound_journal_is_not_touched(path: Path) -> None:
    rows = written(path)

    opened = open_journal(path, NOON)

    assert opened.setback is None and not kept_files(path)
    assert {kept.journal_no: kept.body.encode() for kept in opened.store.rows(limit=1000)} == rows
    opened.store.close()


def test_a_half_made_first_journal_is_no_damage(path: Path) -> None:
    path.write_bytes(b"")
    with closing(open_journal(path, NOON).store) as store:
        assert store.rows() == []
    assert not kept_files(path)


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    written(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()

    with pytest.raises(JournalTooNew, match="install the newer version"):
        open_journal(path, NOON)

    assert path.read_bytes() == before
    assert not kept_files(path)


def test_a_card_that_damages_its_journal_again_and_again_is_said_to_be_dying(path: Path) -> None:
    for number in range(MOST_KEPT):
        path.write_bytes(b"rubbish" * (1000 + number))
        open_journal(path, NOON).store.close()
    path.write_bytes(b"rubbish")

    with pytest.raises(JournalError, match="replace the card"):
        open_journal(path, NOON)

    assert path.read_bytes() == b"rubbish"
    assert len(kept_files(path)) == MOST_KEPT


class _PowerCut(BaseException):
    pass


def test_a_power_cut_at_any_step_of_the_move_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = written(path)
    Path(f"{path}-shm").write_bytes(b"")
    spoiled = spoil(path, [1])
    replaces = os.replace
    cuts = 0

    def opened_at_last() -> Opened:
        nonlocal cuts
        while True:
            steps = iter(range(cuts))  # each start gets one step further than the one before

            def cut(source: Path, target: Path, steps: Iterator[int] = steps) -> None:
                if next(steps, None) is None:
                    raise _PowerCut
                replaces(source, target)

            monkeypatch.setattr(os, "replace", cut)
            try:
                return open_journal(path, NOON)
            except _PowerCut:
                cuts += 1

    opened = opened_at_last()
    monkeypatch.undo()

    assert cuts > 2
    carried = {kept.journal_no: kept.body.encode() for kept in opened.store.rows(limit=1000)}
    assert {number: carried.get(number) for number in rows} == rows
    assert [kept.read_bytes() for kept in kept_files(path)] == [spoiled]
    opened.store.close()


@pytest.fixture
def server() -> Iterator[Connection]:
    engine = memory_database()
    with engine.begin() as connection:
        add_kiosk(connection, "HK", NOON, kiosk_id="k")
        load_tariff(connection, OFFER.tariff, NOON)
        for evse_id in (1, 2):
            set_offer(connection, "k", evse_id, OFFER.tariff.id, NOON)
        yield connection
    engine.dispose()


@pytest.mark.parametrize("seed", range(5))
def test_the_server_ends_with_one_bill_per_charge_it_can_know(path: Path, server: Connection, seed: int) -> None:
    rows = written(path)
    with closing(JournalStore(path)) as store:
        take_rows(server, "k", RowBatch("", tuple(r for r in store_rows(store) if r.journal_no <= 60)), NOON)
    rng = random.Random(seed)
    spoil(path, rng.sample(range(2, path.stat().st_size // PAGE_SIZE + 1), 6), rng)

    opened = open_journal(path, NOON)
    for waiting in iter(lambda: opened.store.unacknowledged(), []):
        answer = take_rows(server, "k", RowBatch("", tuple(waiting)), NOON)
        opened.store.acknowledge(answer.acknowledged, "epoch-1", NOON)

    stories: dict[str, list[TransactionEvent]] = {}
    for body in (kept.body for kept in opened.store.rows(limit=1000) if kept.kind == "transaction"):
        event = from_bytes(TransactionEvent, body)
        stories.setdefault(event.transaction_id, []).append(event)
    sent = [from_bytes(TransactionEvent, rows[no]) for no in range(1, 61) if b"transaction_id" in rows[no]]
    begun = {event.transaction_id for event in sent if event.seq_no == 0}
    done = {event.transaction_id for event in sent if event.event_type is EventType.ENDED}
    known = {t for t, story in stories.items() if t in begun or any(event.seq_no == 0 for event in story)}
    billed = [row[0] for row in server.execute(select(cdrs.c.transaction_id))]
    assert sorted(billed) == sorted(known | done)
    assert len(billed) == len(set(billed))
    codes = {row[0] for row in server.execute(select(quarantine.c.code))}
    assert codes <= {"other_bytes", "after_ended"}
    assert all(story[-1].event_type is EventType.ENDED for story in map(in_order, stories.values()))
    opened.store.close()


def in_order(story: list[TransactionEvent]) -> list[TransactionEvent]:
    return sorted(story, key=lambda event: event.seq_no)


def store_rows(store: JournalStore) -> list[Row]:
    return [Row(kept.journal_no, kept.kind, kept.body) for kept in store.rows(limit=1000)]


def test_a_long_journal_is_looked_at_where_a_start_needs_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path)
    monkeypatch.setattr(boot_module, "CHECKED_WHOLE", 0)
    assert damage(path) is None

    spoil(path, [page_of(path, "open_transaction")])

    assert damage(path) is not None
