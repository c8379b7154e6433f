"""The far end of sd_notify(3) for processes that are started here: ready, and moving.

Law: as systemd counts. The watch begins with READY=1; whoever has not said WATCHDOG=1 for `limit_s` since hangs.
"""

from __future__ import annotations

import secrets
import socket
import time

LONGEST_NOTE = 4_096
MICROSECONDS = 1_000_000


class Watchdog:
    """One process's socket. `environment` is what the process needs to find it."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._moved_s: float | None = None  # monotonic; None before READY=1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        name = f"kiosk-launcher-{secrets.token_hex(8)}"
        self._socket.bind("\0" + name)  # an abstract name: no file to clear away
        self.environment = {"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": str(round(limit_s * MICROSECONDS))}

    @property
    def is_ready(self) -> bool:
        return self._moved_s is not None

    def silent_s(self) -> float:
        """How long it has not said that it moves; 0 before it is ready."""
        while True:
            try:
                said = self._socket.recv(LONGEST_NOTE).decode(errors="replace").split("\n")
            except BlockingIOError:
                break
            if "READY=1" in said or ("WATCHDOG=1" in said and self.is_ready):
                self._moved_s = time.monotonic()
        return 0.0 if self._moved_s is None else time.monotonic() - self._moved_s

    def hangs(self) -> bool:
        return self.silent_s() > self._limit_s

    def close(self) -> None:
        self._socket.close()
