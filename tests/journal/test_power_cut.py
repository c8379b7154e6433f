"""The power fails at any moment of the journal's life: what was acknowledged to the loop is there, and sound."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kiosk.journal import JournalStore
from tests.journal.disk_replay import Disk, record

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

COMMITS = 30
MEMORY = Path("/dev/shm")  # hundreds of images: they need not reach a disk

# Says a number after each commit returned; a checkpoint every few commits, so that both files are written.
PROGRAM = """
import os, sys
from datetime import UTC, datetime
from kiosk.journal import Batch, JournalStore
from tests.journal.rows import asked_row, row, started, status_row, updated
store = JournalStore(sys.argv[1])
store._db.execute("PRAGMA wal_autocheckpoint=8")
store._db.execute("PRAGMA synchronous=" + sys.argv[3])
os.write(1, b"0")
story = started("t")
for number in range(1, int(sys.argv[2]) + 1):
    event = story if number == 1 else updated(story, number - 1)
    store.commit(Batch((row(event),), spends=((f"v{number}", f"t{number}"),)))
    os.write(1, b"%d" % number)
    if number % 10 == 0:
        store.acknowledge(range(1, number), "e", datetime(2026, 1, 1, tzinfo=UTC))
os._exit(0)
"""


def trouble(tmp_path: Path, synchronous: str, seed: int) -> list[str]:
    """What went wrong in any of the images."""
    home = tmp_path / "home"
    home.mkdir()
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as bench:
        return _trouble(tmp_path, home, Path(bench) / "image", synchronous, seed)


def _trouble(tmp_path: Path, home: Path, bench: Path, synchronous: str, seed: int) -> list[str]:
    operations = record(PROGRAM, [str(home / "j.db"), str(COMMITS), synchronous], home, tmp_path / "trace")
    disk, rng, found, said = Disk(), random.Random(seed), list[str](), -1
    for operation in operations:
        if operation.kind == "said":
            said = int(operation.data)
        disk.apply(operation)
        for files in disk.images(rng):
            shutil.rmtree(bench, ignore_errors=True)
            bench.mkdir()
            for name, data in files.items():
                (bench / Path(name).name).write_bytes(data)
            found += [f"after commit {said}: {problem}" for problem in _look(bench / "j.db", said)]
    assert said == COMMITS
    return found


def _look(path: Path, said: int) -> list[str]:
    store = JournalStore(path)  # also what happens to a file that is only half made
    try:
        if problems := store.integrity():
            return list(problems)
        numbers = [kept.journal_no for kept in store.rows(limit=1000)]
        projection = store.project()
    finally:
        store.close()
    stories = [len(one.events) for one in projection.open_transactions]
    if numbers != list(range(1, len(numbers) + 1)) or not max(said, 0) <= len(numbers) <= max(said, 0) + 1:
        return [f"rows {numbers}"]
    if stories != ([len(numbers)] if numbers else []) or len(projection.spent_vouchers) != len(numbers):
        return [f"{len(numbers)} rows, stories {stories}, {len(projection.spent_vouchers)} vouchers"]
    return []


def test_no_acknowledged_commit_is_lost_whenever_the_power_fails(tmp_path: Path) -> None:
    assert trouble(tmp_path, "FULL", seed=1) == []


def test_without_a_flush_per_commit_this_test_finds_the_loss(tmp_path: Path) -> None:
    assert trouble(tmp_path, "NORMAL", seed=1) != []
