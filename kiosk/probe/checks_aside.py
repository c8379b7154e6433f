"""Damaged journals that were kept aside, and what the newest one cost."""

from __future__ import annotations

import sqlite3

from contract.codec import WireError
from kiosk.config import Config
from kiosk.journal import JournalError, JournalStore
from kiosk.journal.aside import MOST_KEPT, kept
from kiosk.probe.findings import Finding, fail, warn


def kept_aside(config: Config) -> list[Finding]:
    """Nothing to say where there are none."""
    aside = kept(config.kiosk.journal)
    if not aside.count:
        return []
    says = f"{aside.count} of at most {MOST_KEPT} damaged journals, {aside.size / 1e6:.1f} MB; {_newest(config)}"
    cause = "a power cut on a bad card, or a dying card"
    fix = f"copy {aside.folder} to a safe place, send it in, then delete it here; damaged twice: replace the card"
    if aside.count >= MOST_KEPT:
        return [fail("kept aside", str(aside.folder), says, cause, "replace the card: the next damage stops the kiosk")]
    return [warn("kept aside", str(aside.folder), says, cause, fix)]


def _newest(config: Config) -> str:
    try:
        store = JournalStore(config.kiosk.journal, read_only=True)
        try:
            setback = store.setback()
        finally:
            store.close()
    except (JournalError, sqlite3.Error, WireError) as error:
        return f"the journal does not tell of the newest: {error}"
    return "" if setback is None else f"{setback.at.isoformat(timespec='seconds')}: {setback}"
