"""What stands in for the journal while its disk takes nothing at the start: empty, and it refuses every write.

Nothing that is not written down is sold, so a kiosk with it is out of service and says why. The real file is left
alone.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from kiosk.journal.boot import open_journal
from kiosk.journal.store import JournalStore
from kiosk.journal.values import JournalError


class UnwritableStore(JournalStore):
    """`why`: what the disk said; every write raises sqlite3.OperationalError with it."""

    def __init__(self, why: str) -> None:
        super().__init__(sqlite3.connect(":memory:", check_same_thread=False))
        self.why = why

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:  # type: ignore[override]
        raise sqlite3.OperationalError(self.why)


def opens_now(path: Path, now: datetime) -> bool:
    """Whether the journal can be opened for writing again."""
    try:
        open_journal(path, now).store.close()
    except (JournalError, sqlite3.Error, OSError):
        return False
    return True
