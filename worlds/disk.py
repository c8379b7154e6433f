"""The world's disk: the real journal on SQLite in memory, behind a disk that is slow, stalls, and loses its cache.

A write becomes durable when its latency is over, and the kiosk hears of it after that. A power cut in between
leaves the write lost or durable without the kiosk knowing, as a real disk does.

A damaged journal is damaged as a file and opened by the kiosk's own `open_journal`.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from kiosk.controller import Write
from kiosk.journal import Batch, JournalError, JournalStore, NewRow, Projection, open_journal
from kiosk.journal.pages import PAGE_SIZE
from kiosk.journal.refused_rows import forget_refused, note_refused
from worlds.agenda import Agenda

STALLS = 0.08  # share of writes that take seconds, as SD cards do
LONGEST_STALL_S = 9.0


class Disk:
    """Survives power cuts; the `Recorder`s opened on it do not. `refusal`: why it takes no writes, or ""."""

    def __init__(self, agenda: Agenda, rng: random.Random) -> None:
        self.agenda, self.rng = agenda, rng
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self.store = JournalStore(self._db)
        self._image: bytes | None = None  # of the file, where it is damaged
        self.setbacks: list[str] = []  # what the kiosk said of damaged journals
        self.stalls_s = LONGEST_STALL_S
        self.stalls_at_least_s = 0.0
        self.refusal = ""
        self.writes = 0

    def latency_s(self) -> float:
        self.writes += 1
        if self.stalls_at_least_s:
            return self.rng.uniform(0.1, 1.2) * self.stalls_at_least_s
        if self.rng.random() < STALLS:
            return self.rng.uniform(0.3, self.stalls_s)
        return self.rng.uniform(0.002, 0.03)

    # ---- writes, as far as the disk takes them: each raises sqlite3.OperationalError -----------------------------

    def commit(self, batch: Batch) -> None:
        self._ask()
        self.store.commit(batch)

    def acknowledge(self, numbers: Sequence[int], epoch: str, now: datetime) -> None:
        self._ask()
        self.store.acknowledge(numbers, epoch, now)

    def set_aside(self, number: int, reason: str) -> None:
        self._ask()
        note_refused(self.store, number, reason)

    def forget_set_aside(self) -> None:
        self._ask()
        forget_refused(self.store)

    def _ask(self) -> None:
        if self.refusal:
            raise sqlite3.OperationalError(self.refusal)

    # ---- power ---------------------------------------------------------------------------------------------------

    def damage(self, rng: random.Random) -> int:
        """A page of the file is something else from now on. Returns its number, from 1."""
        image = bytearray(self._db.serialize())
        page = rng.randrange(len(image) // PAGE_SIZE)
        image[page * PAGE_SIZE : (page + 1) * PAGE_SIZE] = rng.choice([bytes(PAGE_SIZE), rng.randbytes(PAGE_SIZE)])
        self._image = bytes(image)
        return page + 1

    def boot(self, now: datetime) -> Projection:
        """What a start finds."""
        if self._image is None:
            return self.store.project()
        with tempfile.TemporaryDirectory(prefix="kiosk-world-") as folder:
            path = Path(folder) / "journal.db"
            path.write_bytes(self._image)
            opened = open_journal(path, now)
            opened.store.close()
            db = sqlite3.connect(":memory:", isolation_level=None)
            file = sqlite3.connect(path)
            file.backup(db)
            file.close()
        self._image, self._db, self.store = None, db, JournalStore(db)
        self.setbacks.append("" if opened.setback is None else str(opened.setback))
        return opened.found


class WorldRecorder:
    """The controller's `Recorder` for one boot. `heard` is called after the controller was told."""

    def __init__(self, disk: Disk, heard: Callable[[Write], None]) -> None:
        self._disk, self._heard = disk, heard
        self._pending: Write | None = None
        self._is_powered = True
        self._waiting = disk.store.waiting()

    def write(self, write: Write, done: Callable[[Exception | None], None]) -> None:
        assert self._pending is None, "the controller keeps one write in flight"
        self._pending = write
        self._disk.agenda.after(self._disk.latency_s(), lambda: self._finish(write, done))

    def waiting(self) -> int:
        return self._waiting

    def recount(self) -> None:
        self._waiting = self._disk.store.waiting()

    def cut(self) -> None:
        """Power is gone. Half of the writes in flight had reached the disk."""
        self._is_powered = False
        if self._pending is not None and self._disk.rng.random() < 0.5 and not self._disk.refusal:
            self._commit(self._pending)

    def _finish(self, write: Write, done: Callable[[Exception | None], None]) -> None:
        if not self._is_powered:
            return
        self._pending = None
        error: JournalError | sqlite3.Error | None = None
        try:
            self._commit(write)
        except (JournalError, sqlite3.Error) as caught:
            error = caught
        self.recount()
        done(error)
        self._heard(write)

    def _commit(self, write: Write) -> None:
        rows = tuple(NewRow(entry.kind, entry.body) for entry in write.entries)
        self._disk.commit(Batch(rows, write.spends, dict(write.documents)))
