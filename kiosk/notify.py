"""What systemd wants to know of a process: sd_notify(3) without a library, and nothing at all where nobody listens.

Law: WATCHDOG=1 is said by the work that must not stand still, never by a timer beside it.
"""

from __future__ import annotations

import os
import socket


class Notify:
    """`watchdog_s` is how often WATCHDOG=1 is due at the latest; None without a watchdog."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        usec = os.environ.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(usec) / 2_000_000 if usec.isdigit() and self._address else None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    def send(self, state: str) -> None:
        """READY=1, WATCHDOG=1, STOPPING=1. A systemd that does not listen is no reason to stop."""
        if not self._address:
            return
        try:
            self._socket.sendto(state.encode(), self._address)
        except OSError:
            return  # told again at the next beat
