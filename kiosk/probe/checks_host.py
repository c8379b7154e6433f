"""Checks of the computer itself: clock, disk, journal."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from datetime import UTC, datetime, timedelta

from contract.codec import WireError, utc_from_text
from kiosk.config import Config
from kiosk.journal import JournalError, JournalStore
from kiosk.journal.refused_rows import refused_rows
from kiosk.probe.audit import is_synchronised
from kiosk.probe.findings import Finding, fail, ok, warn

MANY_ROWS = 5_000
LEAST_FREE = 100_000_000  # bytes; below, the journal may stop
FEW_FREE = 1_000_000_000
SLOW_WRITE_S = 0.25
DEAD_WRITE_S = 2.0
WRITES = 5
EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)  # this program is younger
BACKWARDS = timedelta(seconds=5)


def clock(config: Config | None) -> list[Finding]:
    """The wall clock against the journal's last row, and whether anything keeps it right."""
    now = datetime.now(UTC)
    shown = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    set_it = "check the network and: timedatectl status"
    findings = []
    last = None if config is None else _last_wall(config)
    if now < EARLIEST:
        findings.append(
            fail("clock", "", f"{shown}: before this program was written", "no battery, no network", set_it)
        )
    elif last is not None and now < last - BACKWARDS:
        says = f"{shown}: behind the journal's last row of {last.isoformat()}"
        findings.append(fail("clock", "", says, "the clock was set back", set_it))
    else:
        findings.append(ok("clock", "", shown))
    synchronised = is_synchronised()
    if config is not None and config.clock.trusted:
        findings.append(ok("time sync", "", "not asked: [clock] trusted says that other means keep the clock right"))
    elif synchronised:
        findings.append(ok("time sync", "", "the kernel calls its clock synchronised"))
    else:
        says = "the kernel calls its clock not synchronised" if synchronised is False else "the kernel does not say"
        findings.append(warn("time sync", "", says, "no NTP server answers (UDP 123)", "timedatectl timesync-status"))
    return findings


def disk(config: Config) -> list[Finding]:
    """Space, and whether and how fast a small write reaches the disk."""
    where = config.kiosk.state_dir
    folder = where
    while not os.path.isdir(folder) and folder != "/":
        folder = os.path.dirname(folder) or "/"
    if folder != where:
        return [
            fail(
                "disk", where, "there is no such folder", "not installed, or a wrong state_dir", "see docs/installer.md"
            )
        ]
    findings = []
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    says = f"{free / 1e9:.1f} GB free"
    clean = "journalctl --vacuum-size=100M; see what fills it: du -xh / | sort -h | tail"
    if status.f_flag & os.ST_RDONLY:
        dying = "the card is failing and the kernel protects it"
        findings.append(fail("disk", where, "mounted read-only", dying, "replace the card; dmesg tells"))
        return findings
    if free < LEAST_FREE:
        findings.append(fail("disk", where, says, "logs, or another program", clean))
    elif free < FEW_FREE:
        findings.append(warn("disk", where, says, "logs, or another program", clean))
    else:
        findings.append(ok("disk", where, says))
    findings.append(_write_latency(where))
    return findings


def journal(config: Config) -> list[Finding]:
    """Whether the database is sound, and how much waits for the server."""
    path = config.kiosk.journal
    if not path.exists():
        return [warn("database", str(path), "not there yet", "the controller never ran here", "start the controller")]
    put_aside = "systemctl restart kiosk-controller: it keeps the file aside and goes on; then: kiosk doctor"
    try:
        store = JournalStore(path, read_only=True)
        try:
            problems = store.integrity()
            waiting = store.waiting()
            refused = {} if problems else refused_rows(store)
        finally:
            store.close()
    except sqlite3.OperationalError as error:
        return [fail("database", str(path), str(error), "this user may not read it", "use sudo")]
    except JournalError as error:
        return [fail("database", str(path), str(error), "a dying card, or an older program", put_aside)]
    if problems:
        return [fail("database", str(path), "; ".join(problems)[:200], "a dying card", put_aside)]
    findings = [ok("database", str(path), "sound")]
    if refused:
        number, reason = next(iter(refused.items()))
        says = f"the server refuses {len(refused)} rows; row {number}: {reason}"
        findings.append(
            warn(
                "outbox",
                str(path),
                says,
                "the server's release does not fit this one's",
                "tell the operator; kiosk outbox",
            )
        )
    elif waiting >= MANY_ROWS:
        findings.append(
            warn("outbox", str(path), f"{waiting} rows wait for the server", "long offline, or the uplink is down",
                 "systemctl status kiosk-uplink; kiosk outbox")
        )  # fmt: skip
    else:
        findings.append(ok("outbox", str(path), f"{waiting} rows wait for the server"))
    return findings


def _write_latency(folder: str) -> Finding:
    """The worst of a few 4 KiB writes that are waited for, as the journal waits for its own."""
    worst_s = 0.0
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for _ in range(WRITES):
                before_s = time.monotonic()
                os.pwrite(file.fileno(), b"\0" * 4096, 0)
                os.fdatasync(file.fileno())
                worst_s = max(worst_s, time.monotonic() - before_s)
    except PermissionError as error:
        return warn("disk writes", folder, str(error.strerror), "this user may not write there", "use sudo")
    except OSError as error:
        return fail("disk writes", folder, str(error.strerror), "a full or dying card", "dmesg tells; replace the card")
    says = f"slowest of {WRITES} writes took {worst_s * 1000:.0f} ms"
    if worst_s >= DEAD_WRITE_S:
        return fail("disk writes", folder, says, "a dying card", "replace the card; dmesg tells")
    if worst_s >= SLOW_WRITE_S:
        return warn(
            "disk writes", folder, says, "a worn or cheap card, or a busy one", "use an industrial card or an SSD"
        )
    return ok("disk writes", folder, says)


def _last_wall(config: Config) -> datetime | None:
    """When the journal's newest row was written, as far as it says."""
    path = config.kiosk.journal
    if not path.exists() or config.clock.rate != 1:  # a demo's journal runs ahead
        return None
    try:
        store = JournalStore(path, read_only=True)
        try:
            rows = store.newest_rows(1)
        finally:
            store.close()
        at = json.loads(rows[0].body).get("at") if rows else None
        return utc_from_text(at["wall"]) if isinstance(at, dict) else None
    except (sqlite3.Error, JournalError, ValueError, WireError, KeyError):
        return None  # the database check says what is wrong with it
