"""`kiosk-controller --config FILE`: exit 0 after SIGTERM, 1 when something broke, 2 for a wrong configuration.

`--close EVSE` starts nothing: see left_open.py.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import gc
import logging
import os
import signal
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

from kiosk.config import Config, ConfigError, load
from kiosk.daemon import left_open
from kiosk.daemon.clock import Clock
from kiosk.daemon.left_open import LeftOpen
from kiosk.daemon.loop import Daemon
from kiosk.daemon.parts import build
from kiosk.drivers.register_map import MapError
from kiosk.journal import JournalError, Opened, Projection, open_journal
from kiosk.journal.unwritable import UnwritableStore
from kiosk.panel import Access
from kiosk.panel.access import access

log = logging.getLogger("kiosk.daemon")

SWITCH_S = 0.001  # how long a thread that computes may keep the loop from looking at the safety lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="kiosk-controller", description="Runs the kiosk's EVSEs.")
    parser.add_argument("--config", default=os.environ.get("KIOSK_CONFIG", "/etc/kiosk/kiosk.toml"))
    parser.add_argument(
        "--close", metavar="EVSE", type=int, help="end what is open at an EVSE that left the configuration, and exit"
    )
    options = parser.parse_args()
    # journald adds time and process.
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(levelname)s: %(message)s")
    try:
        config = load(options.config)
        allowed = _allowed(config)
        return asyncio.run(_run(config, allowed, options.close))
    except (ConfigError, MapError, LeftOpen) as error:
        print(error, file=sys.stderr)
        return 2
    except (JournalError, sqlite3.Error, OSError) as error:
        log.error("%s", error)
        return 1


async def _run(config: Config, allowed: Access, close: int | None = None) -> int:
    state_dir = Path(config.kiosk.state_dir)
    state_dir.mkdir(parents=True, exist_ok=True)
    lock = _lock_file(state_dir)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.error("another controller runs with %s", state_dir)
        return 1
    why = ""
    try:
        opened = open_journal(config.kiosk.journal, datetime.now(UTC))
    except (sqlite3.OperationalError, OSError) as error:
        if close is not None:
            raise
        why = f"{config.kiosk.journal}: {error}"
        log.error("%s; out of service until the disk takes it", why)
        opened = Opened(UnwritableStore(why), Projection(), None)
    if opened.setback is not None:
        log.error("%s", opened.setback)
    clock = Clock(config.clock.rate, config.clock.trusted, _latest_time(opened.found))
    if close is not None:
        closed = left_open.close(config, opened.store, opened.found, close, clock)
        opened.store.close()
        print(f"EVSE {close}: {closed or 'no'} transaction{'' if closed == 1 else 's'} closed")
        return 0 if closed else 1
    left_open.check(config, opened.found)
    daemon = Daemon(config, build(config, clock.s), opened.store, opened.found, clock, allowed)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, daemon.stop)
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()  # what is here stays; the collector need not look at it again
    if why:
        daemon.wait_for_journal(why)
    await daemon.run()
    os.close(lock)
    if daemon.journal_is_back:
        log.info("%s opens again: a new start", config.kiosk.journal)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return 0


def _lock_file(state_dir: Path) -> int:
    """To be locked by one controller; on a disk that takes no new file the directory does as well."""
    try:
        return os.open(state_dir / "controller.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _latest_time(found: Projection) -> datetime | None:
    """The latest wall time on disk: the note made now and then, or an open transaction's newest event."""
    known = [story.events[-1].at.wall for story in found.open_transactions]
    if found.last_wall is not None:
        known.append(found.last_wall)
    return max(known, default=None)


def _allowed(config: Config) -> Access:
    """A name the system does not know opens no door; that is no reason to sell nothing."""
    panel = config.panel
    try:
        return access(panel.screen_user, panel.uplink_user, panel.technician_group)
    except LookupError as error:
        log.error("%s; only root and this user may use the socket", error)
        return Access()


if __name__ == "__main__":
    sys.exit(main())
