"""The journal, which is also the outbox: one append-only SQLite table with one writer.

Law:
- Committed before any output engages; what `commit` returned is on the disk, whatever happens next.
- A row's bytes are stored once and sent as they are, for ever.
- A row leaves only after the server acknowledged it, and then not before 30 days.
"""

from kiosk.journal.boot import Opened, damage, open_journal, suspect
from kiosk.journal.store import JournalStore
from kiosk.journal.values import (
    Batch,
    JournalDamaged,
    JournalError,
    JournalTooNew,
    NewRow,
    OpenTransaction,
    Projection,
    Setback,
    VoucherAlreadySpent,
)
from kiosk.journal.writer import JournalBusy, JournalWriter

__all__ = [
    "Batch",
    "JournalBusy",
    "JournalDamaged",
    "JournalError",
    "JournalStore",
    "JournalTooNew",
    "JournalWriter",
    "NewRow",
    "OpenTransaction",
    "Opened",
    "Projection",
    "Setback",
    "VoucherAlreadySpent",
    "damage",
    "open_journal",
    "suspect",
]
