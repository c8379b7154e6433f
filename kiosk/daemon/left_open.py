"""A transaction that is open at an EVSE which has left the configuration.

Nobody can read that meter any more, so the controller refuses to start: the EVSE comes back into the configuration,
or somebody says by name that the last journaled reading shall stand.
"""

from __future__ import annotations

import getpass
import logging

from contract.api import RowKind
from contract.codec import to_bytes
from contract.records import AuditRecord
from kiosk.config import Config
from kiosk.daemon.clock import Clock
from kiosk.journal import Batch, JournalStore, NewRow, Projection
from kiosk.journal.mend import closing
from kiosk.journal.values import OpenTransaction

log = logging.getLogger("kiosk.daemon")


class LeftOpen(Exception):
    """A transaction is open at an EVSE the configuration does not have."""


def check(config: Config, found: Projection) -> None:
    """Raises LeftOpen, which names all of them and the way out."""
    known = {evse.evse_id for evse in config.evses}
    lost = [story for story in found.open_transactions if story.events[0].evse_id not in known]
    if not lost:
        return
    lines = [f"{_named(story)}, and the configuration has no EVSE {story.events[0].evse_id}." for story in lost]
    numbers = sorted({story.events[0].evse_id for story in lost})
    commands = ", ".join(f"kiosk journal close {number}" for number in numbers)
    lines.append(f"Put the EVSE back into the configuration, or let the last journaled reading stand: {commands}")
    raise LeftOpen("\n".join(lines))


def close(config: Config, store: JournalStore, found: Projection, evse_id: int, clock: Clock) -> int:
    """End what is open at an EVSE with its last journaled reading, audited. How many there were. Raises LeftOpen."""
    if evse_id in {evse.evse_id for evse in config.evses}:
        raise LeftOpen(f"EVSE {evse_id} is in the configuration: the controller reads its meter and ends what is open")
    stories = [story for story in found.open_transactions if story.events[0].evse_id == evse_id]
    for story in stories:
        what = f"closed with the last journaled reading: {_named(story)}"
        audit = AuditRecord(getpass.getuser(), what, clock.now().moment, evse_id)
        rows = (closing(story.events[-1]), audit)
        kinds = (RowKind.TRANSACTION, RowKind.AUDIT)
        store.commit(Batch(tuple(NewRow(kind, to_bytes(row)) for kind, row in zip(kinds, rows, strict=True))))
        log.info("%s", what)
    return len(stories)


def _named(story: OpenTransaction) -> str:
    started, last = story.events[0], story.events[-1]
    since = f"{started.at.wall:%Y-%m-%d %H:%M}Z"
    return (
        f"transaction {started.transaction_id} is open at EVSE {started.evse_id} since {since}, "
        f"{last.meter.import_wh - started.meter.import_wh} Wh so far"
    )
