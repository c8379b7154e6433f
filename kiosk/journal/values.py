"""What goes into the journal, what comes out, and what can go wrong.

JournalError
├── JournalDamaged       the file is no sound database: put it aside, never delete it
├── JournalTooNew        written by a newer version of this program
├── VoucherAlreadySpent  the commit would spend a voucher twice; nothing of its batch was written
└── JournalBusy          the writer's queue is full; nothing was queued (writer.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from contract.api import CommandAnswer, RowKind
from contract.records import AuthorizationRecord
from contract.transaction import TransactionEvent

NO_DOCUMENTS: Mapping[str, str] = MappingProxyType({})

LIST = "authorization_list"  # the signed authorisation list, as text
EPOCH = "epoch"  # the server's, as last heard
LAST_WALL = "last_wall"  # RFC 3339: time was at least this
DRAWN = "drawn_offline"  # JSON: account → minor units used on the own list's word and not yet on the server
VOUCHERS_IN_DOUBT = "vouchers_in_doubt"  # "yes": spent ones may be unknown here, until the server was reached
MEMORY = "memory"  # JSON: what the core remembers besides its events (kiosk.session.memory)
OVERRIDES = "overrides"  # JSON: what the server has changed of the settings
SETBACK = "setback"  # the last Setback, as JSON


class JournalError(Exception):
    """The journal could not do what was asked; nothing of the batch was written."""


class JournalDamaged(JournalError):
    """The file is no sound database."""


class JournalTooNew(JournalError):
    """The file's schema is newer than this program."""


class VoucherAlreadySpent(JournalError):
    """The voucher was spent by another order."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to append; `body` is stored and sent exactly so."""

    kind: RowKind
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written together or not at all.

    `spends`: (voucher_id, order_id). `documents`: by name, whole texts that replace the former ones.
    """

    rows: tuple[NewRow, ...] = ()
    spends: tuple[tuple[str, str], ...] = ()
    documents: Mapping[str, str] = field(default_factory=lambda: NO_DOCUMENTS)


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction without Ended: all its events, Started first."""

    events: tuple[TransactionEvent, ...]


@dataclass(frozen=True, slots=True)
class Projection:
    """What a controller has to know when it starts."""

    open_transactions: tuple[OpenTransaction, ...] = ()
    asked: tuple[AuthorizationRecord, ...] = ()  # neither Started nor disclaimed
    spent_vouchers: frozenset[str] = frozenset()
    list_text: str | None = None
    epoch: str = ""
    last_wall: datetime | None = None
    used_command_ids: frozenset[str] = frozenset()  # named by a Started or an audit row
    answers: Mapping[str, CommandAnswer] = field(default_factory=dict)  # what those commands were answered, by id
    vouchers_in_doubt: bool = False
    drawn_minor: Mapping[str, int] = field(default_factory=dict)  # by account
    memory_text: str | None = None
    overrides_text: str | None = None


@dataclass(frozen=True, slots=True)
class Setback:
    """A damaged journal was put aside, and this is what became of it. Counts are rows.

    `safe`: not readable, but the server has them. `lost`: not readable, and the server may not have them; whether the
    very newest are missing nobody can know.
    """

    at: datetime
    kept_as: str  # the folder the damaged files stand in
    why: str
    carried: int
    waiting: int  # of those carried, not acknowledged yet
    safe: int
    lost: int
    mended: int  # written besides, to close stories with holes
    has_list: bool
    vouchers_in_doubt: bool

    def __str__(self) -> str:
        text = (
            f"the journal was damaged ({self.why}) and is kept in {self.kept_as}; {self.carried} rows were carried "
            f"over, {self.waiting} of them still for the server, {self.safe} unreadable ones the server has, "
            f"{self.lost} are lost"
        )
        if not self.has_list:
            text += "; the card list must come anew"
        if self.vouchers_in_doubt:
            text += "; vouchers wait for the server"
        return text


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row as the technician sees it."""

    journal_no: int
    kind: RowKind
    body: str
    acknowledged_at: datetime | None
    is_sound: bool = True  # its bytes are what was written
