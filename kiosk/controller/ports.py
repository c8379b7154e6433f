"""What stands around the controller: the journal, the uplink, who the kiosk is, what was found at boot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from contract.api import AuthorizeRequest, CommandAnswer, RowKind
from contract.transaction import TransactionEvent
from kiosk.session.memory import Memories
from kiosk.session.snapshot import DeviceView


@dataclass(frozen=True, slots=True)
class Entry:
    """One row to be written: its kind and its exact bytes. `may_wait`: the server need not have it at once."""

    kind: RowKind
    body: bytes
    may_wait: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Rows, spent vouchers (voucher_id, order_id) and documents that become durable together or not at all."""

    entries: tuple[Entry, ...]
    spends: tuple[tuple[str, str], ...] = ()
    documents: tuple[tuple[str, str], ...] = ()

    @property
    def may_wait(self) -> bool:
        return all(entry.may_wait for entry in self.entries)


class Recorder(Protocol):
    """The journal as the controller needs it. `done(None)` or `done(error)` comes later, through the inbox."""

    def write(self, write: Write, done: Callable[[Exception | None], None]) -> None: ...

    def waiting(self) -> int:
        """Rows the server has not acknowledged; a cached number, never a query."""


class Uplink(Protocol):
    """The uplink process as the controller sees it. Calls only queue a line."""

    def is_online(self) -> bool: ...

    def ask(self, request: AuthorizeRequest) -> None: ...

    def disclaim(self, transaction_ids: tuple[str, ...]) -> None: ...

    def answer(self, answer: CommandAnswer) -> None: ...

    def refresh_list(self, version: int) -> None:
        """Ask the server now for a list newer than `version`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this kiosk is, for the snapshot."""

    place: str
    operator: str
    helpline: str
    address: str
    time_zone: str


@dataclass(slots=True)
class Notes:
    """What the composition root knows besides; shown, and nothing is decided by it."""

    journal: str = ""  # of damage found earlier
    refused_row: str = ""  # the newest row that the server does not take
    offline_because: str = ""
    processes: tuple[DeviceView, ...] = ()  # screen and uplink, and the computer's clock


@dataclass(frozen=True, slots=True)
class Found:
    """What the journal held at boot."""

    open_transactions: tuple[tuple[TransactionEvent, ...], ...] = ()
    asked: tuple[str, ...] = ()  # transaction ids asked for, neither Started nor disclaimed
    answers: Mapping[str, CommandAnswer] = field(default_factory=dict)  # to commands, by id
    memories: Memories = field(default_factory=Memories)  # what the core remembers besides
    overrides: Mapping[str, str] = field(default_factory=dict)  # of the settings, by the server
