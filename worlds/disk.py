"""The world's disk: the real journal on SQLite in memory, behind a disk that is slow, stalls, and loses its cache.

A write becomes durable when its latency is over, and the kiosk hears of it after that. A power cut in between
leaves the write lost or durable without the kiosk knowing, as a real disk does.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable

from kiosk.controller import Write
from kiosk.journal import Batch, JournalError, JournalStore, NewRow
from worlds.agenda import Agenda

STALLS = 0.08  # share of writes that take seconds, as SD cards do
LONGEST_STALL_S = 9.0


class Disk:
    """Survives power cuts; the `Recorder`s opened on it do not."""

    def __init__(self, agenda: Agenda, rng: random.Random) -> None:
        self.agenda, self.rng = agenda, rng
        self.store = JournalStore(sqlite3.connect(":memory:", isolation_level=None))
        self.stalls_s = LONGEST_STALL_S
        self.writes = 0

    def latency_s(self) -> float:
        self.writes += 1
        if self.rng.random() < STALLS:
            return self.rng.uniform(0.3, self.stalls_s)
        return self.rng.uniform(0.002, 0.03)


class WorldRecorder:
    """The controller's `Recorder` for one boot. `heard` is called after the controller was told."""

    def __init__(self, disk: Disk, heard: Callable[[], None]) -> None:
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
        if self._pending is not None and self._disk.rng.random() < 0.5:
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
        self._heard()

    def _commit(self, write: Write) -> None:
        rows = tuple(NewRow(entry.kind, entry.body) for entry in write.entries)
        self._disk.store.commit(Batch(rows, write.spends, dict(write.documents)))
