"""The time this kiosk knows it was at least: a lower bound that outlives a power cut and a clock without a battery.

It is learned from the Date of answers whose certificate was verified, and from nothing else. It never goes back.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from kiosk.tls import read_known_time
from kiosk.uplink.identity import write_whole

log = logging.getLogger("kiosk.uplink")

WRITE_EVERY = timedelta(hours=1)  # spares the SD card


class KnownTime:
    """Shared by the threads of all lanes. A file that cannot be written costs the bound of the next start only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._bound = self._written = read_known_time(path)

    def bound(self) -> datetime | None:
        return self._bound

    def learn(self, date: str | None, certificate_ends: datetime | None) -> None:
        """The Date header of a verified answer (RFC 9110, 6.6.1).

        A date beyond the end of the certificate it came with contradicts itself and is not believed: so no server
        with a wrong clock can push the bound beyond what its own next certificate reaches.
        """
        if date is None or certificate_ends is None:
            return
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        if told.tzinfo is None or told > certificate_ends:
            return
        with self._lock:
            if self._bound is None or told > self._bound:
                self._bound = told.astimezone(UTC)
                if self._written is None or self._bound - self._written >= WRITE_EVERY:
                    self._write(self._bound)

    def _write(self, moment: datetime) -> None:
        self._written = moment  # also where it fails: the next try is an hour away
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(self._path, moment.isoformat().encode("ascii") + b"\n", 0o644)
        except OSError as error:
            log.warning("%s: the known time is not written down: %s", self._path, error)
