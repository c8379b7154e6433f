"""A pair of eyes on a running kiosk: a client of the controller's socket in the role of the screen.

It comes back by itself when the controller does. While there is none, `snapshot` is None: an old picture is no
answer to a question about now.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from contract.codec import WireError
from kiosk.session.snapshot import EvseView, Snapshot
from kiosk.wire import Intent, intent_line, pack, read_snapshot, unpack

RECONNECT_S = 0.05
CHUNK = 262_144


class Eyes:
    """Use as a context manager. `on_snapshot` is called in the thread that looks; None: the controller is gone."""

    def __init__(self, path: str, on_snapshot: Callable[[Snapshot | None], None] | None = None) -> None:
        self._path = path
        self._on_snapshot = on_snapshot or (lambda snapshot: None)
        self._socket: socket.socket | None = None
        self._newest: Snapshot | None = None
        self._is_running = True
        self.complaints: list[str] = []  # what the controller refused
        self._thread = threading.Thread(target=self._run, name="eyes", daemon=True)
        self._thread.start()

    def __enter__(self) -> Eyes:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_running = False
        if (sock := self._socket) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=2.0)

    @property
    def snapshot(self) -> Snapshot | None:
        return self._newest

    def evse(self, evse_id: int) -> EvseView | None:
        newest = self._newest
        return None if newest is None else next((e for e in newest.evses if e.evse_id == evse_id), None)

    def send(self, intent: Intent) -> bool:
        """A touch, in effect; False where there is no controller."""
        sock = self._socket
        if sock is None:
            return False
        try:
            sock.sendall(pack(intent_line(intent)))
        except OSError:
            return False
        return True

    def _run(self) -> None:
        pause = threading.Event()
        while self._is_running:
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                    sock.connect(self._path)
                    sock.sendall(pack({"hello": "screen"}))
                    self._socket = sock
                    self._look(sock)
            except OSError:
                pass  # no controller now; the pause follows
            finally:
                self._socket = self._newest = None
                self._on_snapshot(None)
            pause.wait(RECONNECT_S)

    def _look(self, sock: socket.socket) -> None:
        """Until the controller hangs up. Raises OSError."""
        held = b""
        while data := sock.recv(CHUNK):
            held += data
            *lines, held = held.split(b"\n")
            for line in lines:
                try:
                    said = unpack(line)
                    if "snapshot" in said:
                        self._newest = read_snapshot(said)
                        self._on_snapshot(self._newest)
                    else:
                        self.complaints.append(str(said))
                except WireError as error:
                    self.complaints.append(str(error))
