"""A technician's line to the controller. Reads plain JSON and builds no dataclass: `kiosk status` starts in no time.

Law: imports nothing but socket and json; every wait has a limit; a line longer than the controller may send ends the
connection.
"""

from __future__ import annotations

import json
import socket
import time

from kiosk.cli.exits import REFUSED, UNREACHABLE, Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

ROLE = "technician"  # kiosk.wire.Role.TECHNICIAN; importing that costs more than all the rest of `kiosk status`
LONGEST_LINE = 8_000_000  # kiosk.wire.LONGEST_LINE
PATIENCE_S = 5.0


class Link:
    """One connection; `first` is the snapshot the controller greets with. Raises Trouble."""

    def __init__(self, path: str, patience_s: float = PATIENCE_S) -> None:
        self.path = path
        self._received = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(patience_s)
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise _no_connection(path, error) from error
        try:
            self.send({"hello": ROLE})
            self.first: dict[str, Any] = self._greeting(patience_s)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, line: dict[str, Any]) -> None:
        """Raises Trouble where the controller went away."""
        try:
            self._socket.sendall(json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise Trouble(UNREACHABLE, f"controller at {self.path}: connection lost while sending ({error})") from error

    def line(self, patience_s: float) -> dict[str, Any] | None:
        """The next line, or None when `patience_s` passed without one. Raises Trouble on a lost or odd connection."""
        deadline_s = time.monotonic() + patience_s
        while b"\n" not in self._received:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return None
            self._socket.settimeout(left_s)
            try:
                part = self._socket.recv(262_144)
            except TimeoutError:
                return None
            except OSError as error:
                raise Trouble(UNREACHABLE, f"controller at {self.path}: connection lost ({error})") from error
            if not part:
                raise Trouble(UNREACHABLE, f"controller at {self.path}: it closed the connection")
            self._received += part
            if len(self._received) > LONGEST_LINE:
                raise Trouble(UNREACHABLE, f"controller at {self.path}: a line of more than {LONGEST_LINE} bytes")
        text, self._received = self._received.split(b"\n", 1)
        try:
            parsed = json.loads(text)
        except ValueError as error:
            raise Trouble(UNREACHABLE, f"controller at {self.path}: answered no JSON ({error})") from error
        if not isinstance(parsed, dict):
            raise Trouble(UNREACHABLE, f"controller at {self.path}: answered something that is no object")
        return parsed

    def snapshot(self, patience_s: float) -> dict[str, Any] | None:
        """The next snapshot, or None when time is up. Raises Trouble(REFUSED) where the controller says no."""
        deadline_s = time.monotonic() + patience_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            line = self.line(left_s)
            if line is None:
                return None
            if "error" in line:
                raise Trouble(REFUSED, f"controller: {line['error']}")
            found = line.get("snapshot")
            if isinstance(found, dict):
                return found
        return None

    def _greeting(self, patience_s: float) -> dict[str, Any]:
        line = self.line(patience_s)
        if line is None:
            raise Trouble(
                UNREACHABLE,
                f"controller at {self.path}: connected, but no answer within {patience_s:g} s. "
                "It is stuck or very busy: systemctl status kiosk-controller",
            )
        if "refused" in line:
            raise Trouble(REFUSED, f"controller at {self.path}: refused: {line['refused']}")
        found = line.get("snapshot")
        if not isinstance(found, dict):
            raise Trouble(UNREACHABLE, f"controller at {self.path}: greeted without a snapshot")
        return found


def _no_connection(path: str, error: OSError) -> Trouble:
    if isinstance(error, PermissionError):
        return Trouble(
            REFUSED, f"controller at {path}: no permission. Join the group that owns the socket, or use sudo"
        )
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
        return Trouble(
            UNREACHABLE,
            f"controller at {path}: nothing listens there. Start it (systemctl start kiosk-controller), "
            "name another socket (--socket), or look without it: kiosk doctor",
        )
    return Trouble(UNREACHABLE, f"controller at {path}: {error.strerror or error}")
