"""The writer's thread: order, one answer each, a bound, and no lost acknowledged commit when it is killed."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from kiosk.journal import Batch, JournalBusy, JournalStore, JournalWriter
from kiosk.journal import writer as writer_module
from tests.journal.rows import status_row

KILLED = 6

WRITER = """
import os, sys
from kiosk.journal import Batch, JournalStore, JournalWriter, NewRow
from contract.api import RowKind
writer = JournalWriter(JournalStore(sys.argv[1]))
ready = __import__("threading").Semaphore(20)
number = int(sys.argv[2])
while True:
    ready.acquire()
    def done(error, number=number):
        assert error is None
        os.write(1, b"%d\\n" % number)
        ready.release()
    writer.append(Batch((NewRow(RowKind.STATUS, b"%d" % number),)), done)
    number += 1
"""


class Answers:
    """Collects what `done` says, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, Exception | None]] = []

    def to(self, number: int) -> writer_module.Done:
        return lambda error: self.seen.append((number, error))


def test_batches_are_answered_in_order_once_they_are_on_disk(tmp_path: Path) -> None:
    writer, answers = JournalWriter(JournalStore(tmp_path / "j.db")), Answers()

    for number in range(100):
        writer.append(Batch((status_row(str(number)),)), answers.to(number))

    assert writer.close()
    assert answers.seen == [(number, None) for number in range(100)]
    kept = JournalStore(tmp_path / "j.db").rows(limit=1000)
    assert [row.body for row in kept] == [str(number) for number in range(100)]


class SlowStore(JournalStore):
    """A disk that stalls until it is told to go on; counts its flushes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.go_on = threading.Event()
        self.stalled = threading.Event()
        self.flushes = 0
        self.fails = False

    def commit_many(self, batches):  # type: ignore[no-untyped-def]
        self.stalled.set()
        assert self.go_on.wait(30)
        self.flushes += 1
        if self.fails:
            raise sqlite3.OperationalError("disk I/O error")
        return super().commit_many(batches)


def test_a_full_queue_says_so_and_never_waits(tmp_path: Path) -> None:
    store, answers = SlowStore(tmp_path / "j.db"), Answers()
    writer = JournalWriter(store)
    writer.append(Batch((status_row("first"),)), answers.to(0))
    assert store.stalled.wait(30)

    for number in range(1, writer_module.MOST_QUEUED + 2):
        writer.append(Batch((status_row(str(number)),)), answers.to(number))

    ((number, error),) = answers.seen
    assert (number, type(error)) == (writer_module.MOST_QUEUED + 1, JournalBusy)
    store.go_on.set()
    assert writer.close()
    assert store.flushes == 1 + writer_module.MOST_QUEUED // writer_module.MOST_PER_FLUSH


def test_a_disk_error_is_told_to_every_batch_of_the_flush(tmp_path: Path) -> None:
    store, answers = SlowStore(tmp_path / "j.db"), Answers()
    store.fails = True
    store.go_on.set()
    writer = JournalWriter(store)

    writer.append(Batch((status_row("1"),)), answers.to(1))
    assert writer.close()

    assert [type(error) for _, error in answers.seen] == [sqlite3.OperationalError]


def test_a_task_runs_after_what_was_queued_before_it(tmp_path: Path) -> None:
    writer, counts = JournalWriter(JournalStore(tmp_path / "j.db")), list[object]()
    writer.append(Batch((status_row("1"), status_row("2"))), lambda error: None)

    writer.do(lambda store: store.waiting(), lambda count, error: counts.append((count, error)))

    assert writer.close()
    assert counts == [(2, None)]


def test_a_closed_writer_takes_nothing_more(tmp_path: Path) -> None:
    writer, answers = JournalWriter(JournalStore(tmp_path / "j.db")), Answers()
    assert writer.close()

    writer.append(Batch((status_row("late"),)), answers.to(1))

    assert isinstance(answers.seen[0][1], JournalBusy)


def test_every_acknowledged_commit_survives_a_kill(tmp_path: Path) -> None:
    path, chance, begin = tmp_path / "j.db", random.Random(7), 0
    for _ in range(KILLED):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(begin)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(chance.randrange(1, 60))]
        process.kill()
        acknowledged += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
        process.wait()
        process.stdout.close()

        store = JournalStore(path)
        kept = [int(row.body) for row in store.rows(limit=1000)]
        assert store.integrity() == ()
        store.close()

        assert kept == list(range(len(kept)))
        assert kept[-1] >= acknowledged[-1]
        begin = len(kept)


def test_damage_met_at_run_time_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    store = JournalStore(path)
    store.commit(Batch(tuple(status_row("x" * 2000) for _ in range(50))))
    store.close()
    data = bytearray(path.read_bytes())
    data[-20 * 4096 :] = bytes(20 * 4096)
    path.write_bytes(data)
    writer, errors = JournalWriter(JournalStore(path)), list[Exception | None]()

    writer.do(lambda store: store.rows(limit=1000), lambda rows, error: errors.append(error))

    assert writer.close()
    assert isinstance(errors[0], sqlite3.DatabaseError)
    assert "malformed" in writer.damage
