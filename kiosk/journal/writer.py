"""The journal's one writer: a thread, a bounded queue, several batches per flush to the disk.

Law: `append` and `do` never wait. What they were given is answered exactly once, through `done`, from the writer's
thread. Whether a failure is tried again is the caller's decision.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from kiosk.journal.store import JournalStore
from kiosk.journal.values import Batch, JournalError

T = TypeVar("T")
Done = Callable[[Exception | None], None]

MOST_QUEUED = 256
MOST_PER_FLUSH = 64
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)  # primary result codes


class JournalBusy(JournalError):
    """The writer's queue is full: the disk is slower than what happens here. Nothing was queued."""


class JournalWriter:
    """Owns the store from now on; the thread starts at once and ends with `close`."""

    def __init__(self, store: JournalStore) -> None:
        self._store = store
        self._queue: deque[tuple[Batch, Done] | Callable[[], None]] = deque()
        self._work = threading.Condition()
        self._closing = False
        self.damage = ""  # what SQLite said when it found the file damaged; only a new start mends that
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, batch: Batch, done: Done) -> None:
        """Commit soon; `done(None)` once it is on the disk, `done(error)` if nothing of it is."""
        if not self._put((batch, done)):
            done(JournalBusy(f"{MOST_QUEUED} batches wait for the disk"))

    def do(self, task: Callable[[JournalStore], T], done: Callable[[T | None, Exception | None], None]) -> None:
        """Run a short task on the store, after what was queued before it."""

        def run() -> None:
            try:
                result = task(self._store)
            except (JournalError, sqlite3.Error, OSError) as error:
                self._note_damage(error)
                done(None, error)
            else:
                done(result, None)

        if not self._put(run):
            done(None, JournalBusy(f"{MOST_QUEUED} batches wait for the disk"))

    def close(self, patience_s: float = 10.0) -> bool:
        """Write what is queued, then stop. Whether all was written within the patience."""
        with self._work:
            self._closing = True
            self._work.notify()
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    def _put(self, item: tuple[Batch, Done] | Callable[[], None]) -> bool:
        with self._work:
            if self._closing or len(self._queue) >= MOST_QUEUED:
                return False
            self._queue.append(item)
            self._work.notify()
            return True

    def _run(self) -> None:
        while True:
            with self._work:
                while not self._queue and not self._closing:
                    self._work.wait()
                if not self._queue:
                    break
                head = self._queue.popleft()
                group: list[tuple[Batch, Done]] = []
                if not callable(head):
                    group.append(head)
                    while self._queue and len(group) < MOST_PER_FLUSH and not callable(self._queue[0]):
                        group.append(self._queue.popleft())  # type: ignore[arg-type]
            if callable(head):
                head()
            else:
                self._flush(group)
            if self._store.spoiled and not self.damage:
                numbers = ", ".join(str(number) for number in sorted(self._store.spoiled))
                self.damage = f"row {numbers}: not what was written (checksum)"
        self._store.close()

    def _note_damage(self, error: Exception) -> None:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE:
            self.damage = str(error)

    def _flush(self, group: list[tuple[Batch, Done]]) -> None:
        results: list[Any]
        try:
            results = list(self._store.commit_many([batch for batch, _ in group]))
        except (sqlite3.Error, OSError) as error:
            self._note_damage(error)
            results = [error] * len(group)
        for (_, done), result in zip(group, results, strict=True):
            done(result if isinstance(result, Exception) else None)
