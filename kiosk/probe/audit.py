"""The audit row of a change made by hand, written before the change, while no controller writes."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

from contract.api import RowKind
from contract.codec import to_bytes
from contract.records import AuditRecord
from contract.transaction import ClockQuality, Moment
from kiosk.config import Config
from kiosk.journal import Batch, JournalError, JournalStore, NewRow
from kiosk.probe.ends import UNREACHABLE, Trouble

TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def write(config: Config, by: str, what: str, evse_id: int) -> int:
    """The row's number, once it is on disk. Raises Trouble where it cannot be written: then nothing may be changed."""
    path = config.kiosk.journal
    record = AuditRecord(by, what, moment(), evse_id)
    try:
        is_new = not path.exists()
        store = JournalStore(path)
        if is_new and os.geteuid() == 0:
            folder = path.parent.stat()
            os.chown(path, folder.st_uid, folder.st_gid)  # the controller, no root, goes on with this file
        try:
            (number,) = store.commit(Batch((NewRow(RowKind.AUDIT, to_bytes(record)),)))
        finally:
            store.close()
    except (sqlite3.Error, JournalError, OSError) as error:
        raise Trouble(
            UNREACHABLE, f"{path}: the audit row cannot be written ({error}), so nothing is changed. Use sudo"
        ) from error
    return number


def moment() -> Moment:
    """Now, as the journal tells it."""
    quality = ClockQuality.SYNCHRONISED if is_synchronised() else ClockQuality.UNKNOWN
    boot_id = BOOT_ID.read_text(encoding="ascii").strip().replace("-", "") if BOOT_ID.exists() else "unknown"
    return Moment(datetime.now(UTC), quality, boot_id, int(time.monotonic() * 1000))


def is_synchronised() -> bool | None:
    """What the kernel says of its clock (adjtimex); None where it does not say."""
    try:
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)))  # modes 0: only asks
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != TIME_ERROR
