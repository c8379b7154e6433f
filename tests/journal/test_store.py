"""The journal keeps what it was given, gives it back as it was, and forgets only what it may."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contract.api import CommandStatus, RowKind
from contract.codec import to_bytes, utc_text
from kiosk.journal import (
    Batch,
    JournalDamaged,
    JournalError,
    JournalStore,
    JournalTooNew,
    NewRow,
    OpenTransaction,
    VoucherAlreadySpent,
)
from kiosk.journal import store as store_module
from kiosk.journal.values import LAST_WALL, LIST
from tests.journal.rows import (
    NOON,
    asked,
    asked_row,
    audit_row,
    disclaimed_row,
    ended,
    row,
    started,
    status_row,
    updated,
)


@pytest.fixture
def store() -> JournalStore:
    return JournalStore(sqlite3.connect(":memory:"))


def test_what_commit_returned_is_there_after_reopening(tmp_path: Path) -> None:
    store = JournalStore(tmp_path / "journal.db")
    numbers = store.commit(Batch(rows=(status_row("one"), status_row("zwei · 二")), documents={LIST: "KL1.a.b"}))
    store.close()

    again = JournalStore(tmp_path / "journal.db")

    assert [(kept.journal_no, kept.body) for kept in again.rows()] == list(
        zip(numbers, ["one", "zwei · 二"], strict=True)
    )
    assert again.project().list_text == "KL1.a.b"
    assert again.waiting() == 2
    assert again.integrity() == ()


def test_the_disk_is_asked_to_keep_every_commit(tmp_path: Path) -> None:
    JournalStore(tmp_path / "journal.db").close()
    store = JournalStore(tmp_path / "journal.db")

    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_open_transaction_is_found_with_all_its_events(store: JournalStore) -> None:
    first, second = started("a"), started("b")
    for event in (first, updated(first, 1), second, updated(first, 2), ended(first, 3), updated(second, 1)):
        store.commit(Batch(rows=(row(event),)))

    assert store.project().open_transactions == (OpenTransaction((second, updated(second, 1))),)


def test_an_ask_is_open_until_it_is_started_or_disclaimed(store: JournalStore) -> None:
    store.commit(Batch(rows=(asked_row("a"), asked_row("b"), asked_row("c"))))
    store.commit(Batch(rows=(row(started("a")),)))
    store.commit(Batch(rows=(disclaimed_row("c"),)))

    assert store.project().asked == (asked("b"),)


def test_a_command_stays_used(store: JournalStore) -> None:
    store.commit(Batch(rows=(row(started("a", command_id="start-1")),)))
    store.commit(Batch((audit_row("stop-1"),)))

    assert store.project().used_command_ids == {"start-1", "stop-1"}


def test_what_a_command_was_answered_is_known_after_a_restart(store: JournalStore) -> None:
    store.commit(Batch(rows=(row(started("a", command_id="start-1")), audit_row("start-1"))))
    for number, status in enumerate(("Accepted", "Rejected", "Expired")):
        store.commit(Batch((audit_row(f"c-{number}", f"command {status}"),)))

    assert {known.command_id: (known.status, known.transaction_id) for known in store.project().answers.values()} == {
        "start-1": (CommandStatus.ACCEPTED, "a"),
        "c-0": (CommandStatus.ACCEPTED, None),
        "c-1": (CommandStatus.REJECTED, None),
        "c-2": (CommandStatus.EXPIRED, None),
    }


def test_a_voucher_is_spent_once_and_with_it_goes_the_whole_batch(store: JournalStore) -> None:
    store.commit(Batch(rows=(row(started("a")),), spends=(("v1", "a"),)))

    with pytest.raises(VoucherAlreadySpent):
        store.commit(Batch(rows=(row(started("b")),), spends=(("v1", "b"),)))

    assert len(store.rows()) == 1
    assert store.project().spent_vouchers == {"v1"}


def test_the_same_transaction_may_repeat_its_commit(store: JournalStore) -> None:
    for _ in range(2):
        store.commit(Batch(rows=(row(started("a")),), spends=(("v1", "a"),)))

    assert len(store.project().open_transactions) == 1


def test_a_batch_that_is_wrong_fails_alone(store: JournalStore) -> None:
    bad = NewRow(RowKind.TRANSACTION, b"no json")

    results = store.commit_many([Batch((status_row("1"),)), Batch((status_row("2"), bad)), Batch((status_row("3"),))])

    assert [isinstance(result, JournalError) for result in results] == [False, True, False]
    assert [kept.body for kept in store.rows()] == ["1", "3"]
    assert store.waiting() == 2


def test_documents_are_replaced_whole(store: JournalStore) -> None:
    store.commit(Batch(documents={LIST: "old", LAST_WALL: utc_text(NOON)}))
    store.commit(Batch(documents={LIST: "new"}))

    assert (store.project().list_text, store.project().last_wall) == ("new", NOON)


def test_another_epoch_asks_for_every_row_again(store: JournalStore) -> None:
    numbers = store.commit(Batch(tuple(status_row(str(i)) for i in range(5))))
    store.acknowledge(numbers[:4], "first", NOON)
    assert [row.journal_no for row in store.unacknowledged()] == numbers[4:]

    store.acknowledge(numbers[4:], "second", NOON)

    assert [row.journal_no for row in store.unacknowledged()] == numbers[:4]
    assert store.waiting() == 4
    assert store.project().epoch == "second"


def test_an_acknowledgement_keeps_its_first_time(store: JournalStore) -> None:
    (number,) = store.commit(Batch((status_row("1"),)))
    store.acknowledge([number], "e", NOON)
    store.acknowledge([number], "e", NOON + timedelta(days=1))

    kept = store.row(number)

    assert kept is not None
    assert kept.acknowledged_at == NOON


def test_rows_are_pruned_thirty_days_after_the_acknowledgement(
    store: JournalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "NEWEST_KEPT", 1)
    numbers = store.commit(Batch(tuple(status_row(str(i)) for i in range(4))))
    store.acknowledge(numbers[:3], "e", NOON)

    assert store.prune(NOON + timedelta(days=29)) == 0
    assert store.prune(NOON + timedelta(days=31)) == 3
    assert [kept.journal_no for kept in store.rows()] == numbers[3:]


def test_an_open_transaction_is_never_pruned(store: JournalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "NEWEST_KEPT", 1)
    event = started("a")
    store.commit(Batch((status_row("before"),)))
    store.commit(Batch((row(event),)))
    numbers = store.commit(Batch((status_row("after"), row(updated(event, 1)), status_row("newest"))))
    store.acknowledge(range(1, numbers[-1] + 1), "e", NOON)

    store.prune(NOON + timedelta(days=400))

    assert [kept.journal_no for kept in store.rows()] == [2, 3, 4, 5]
    assert store.project().open_transactions == (OpenTransaction((event, updated(event, 1))),)


def test_the_newest_rows_stay_so_that_no_number_is_used_twice(store: JournalStore) -> None:
    numbers = store.commit(Batch(tuple(status_row(str(i)) for i in range(10))))
    store.acknowledge(numbers, "e", NOON)

    assert store.prune(NOON + timedelta(days=400)) == 0
    assert store.commit(Batch((status_row("next"),))) == [11]


def test_a_used_command_goes_with_the_rows_of_its_time(store: JournalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "NEWEST_KEPT", 1)
    event = started("a", command_id="old")
    numbers = store.commit(Batch((row(event), row(ended(event, 1)), status_row("x"))))
    store.commit(Batch((audit_row("new"),)))
    store.acknowledge(numbers, "e", NOON)

    store.prune(NOON + timedelta(days=31))

    assert store.project().used_command_ids == {"new"}


def test_rows_are_listed_by_kind_and_from_a_number_on(store: JournalStore) -> None:
    store.commit(Batch((status_row("1"), asked_row("a"), status_row("2"), status_row("3"))))

    assert [kept.body for kept in store.rows(after=1, limit=1, kind=RowKind.STATUS)] == ["2"]
    assert [kept.body for kept in store.newest_rows(2)] == ["2", "3"]
    assert [kept.journal_no for kept in store.newest_rows(9, RowKind.AUTHORIZATION)] == [2]
    assert store.row(99) is None


def test_a_reader_sees_the_journal_beside_its_writer(tmp_path: Path) -> None:
    writer = JournalStore(tmp_path / "journal.db")
    writer.commit(Batch((status_row("1"),)))

    reader = JournalStore(tmp_path / "journal.db", read_only=True)
    writer.commit(Batch((status_row("2"),)))

    assert [kept.body for kept in reader.rows()] == ["1", "2"]
    with pytest.raises(sqlite3.OperationalError):
        reader.commit(Batch((status_row("3"),)))


def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database at all" * 100)

    with pytest.raises(JournalDamaged, match=r"journal\.db"):
        JournalStore(path)

    assert path.read_bytes().startswith(b"this is no database")


def test_a_journal_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    store = JournalStore(tmp_path / "journal.db")
    store._db.execute("PRAGMA user_version = 99")
    store.close()

    with pytest.raises(JournalTooNew, match="99"):
        JournalStore(tmp_path / "journal.db")


@given(bodies=st.lists(st.text(max_size=50), max_size=5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_come_back_as_they_went_in(bodies: list[str]) -> None:
    store = JournalStore(sqlite3.connect(":memory:"))
    store.commit(Batch(tuple(status_row(body) for body in bodies)))

    assert [row.body for row in store.unacknowledged()] == bodies
    assert [kept.body.encode() for kept in store.rows()] == [body.encode() for body in bodies]


class JournalAgainstAList(RuleBasedStateMachine):
    """Commits, acknowledgements, restarts and prunings, compared with plain lists."""

    @initialize(tmp=st.just(None))
    def open(self, tmp: None) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.store = JournalStore(self.connection)
        self.rows: dict[int, str] = {}
        self.acknowledged: set[int] = set()
        self.epoch: str | None = None
        self.open_events: dict[str, list[bytes]] = {}
        self.count = 0

    @rule(texts=st.lists(st.text(max_size=8), min_size=1, max_size=3))
    def commit_status(self, texts: list[str]) -> None:
        for number, text in zip(self.store.commit(Batch(tuple(map(status_row, texts)))), texts, strict=True):
            self.rows[number] = text

    @rule()
    def start(self) -> None:
        self.count += 1
        self._write(started(f"t{self.count}"), None)

    @precondition(lambda self: self.open_events)
    @rule(data=st.data(), ends=st.booleans())
    def go_on(self, data: st.DataObject, ends: bool) -> None:
        transaction_id = data.draw(st.sampled_from(sorted(self.open_events)))
        seq_no = len(self.open_events[transaction_id])
        make = ended if ends else updated
        self._write(make(started(transaction_id), seq_no), transaction_id if ends else None)

    def _write(self, event: object, closes: str | None) -> None:
        body = to_bytes(event)
        (number,) = self.store.commit(Batch((NewRow(RowKind.TRANSACTION, body),)))
        self.rows[number] = body.decode()
        transaction_id = event.transaction_id  # type: ignore[attr-defined]
        if closes is None:
            self.open_events.setdefault(transaction_id, []).append(body)
        else:
            del self.open_events[transaction_id]

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), epoch=st.sampled_from(["e1", "e2"]))
    def acknowledge(self, data: st.DataObject, epoch: str) -> None:
        numbers = data.draw(st.lists(st.sampled_from(sorted(self.rows)), max_size=5))
        self.store.acknowledge(numbers, epoch, NOON)
        if self.epoch not in (None, epoch):
            self.acknowledged.clear()
        self.epoch = epoch
        self.acknowledged.update(numbers)

    @rule()
    def restart(self) -> None:
        self.store = JournalStore(self.connection)

    @rule()
    def prune(self) -> None:
        self.store.prune(NOON + timedelta(days=60))

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "store"):
            return
        assert {kept.journal_no: kept.body for kept in self.store.rows(limit=1000)} == self.rows
        waiting = sorted(set(self.rows) - self.acknowledged)
        assert [row.journal_no for row in self.store.unacknowledged(1000)] == waiting
        assert self.store.waiting() == len(waiting)
        found = [[to_bytes(event) for event in one.events] for one in self.store.project().open_transactions]
        assert sorted(found) == sorted(self.open_events.values())


JournalAgainstAList.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
test_journal_against_a_list = JournalAgainstAList.TestCase
