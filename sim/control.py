"""The street's control socket: one JSON object per line in, one per line out. Server and client.

A request is `{"do": NAME, …}`; the answer is `{"ok": true, …}` or `{"error": why}`. A mistake of the asker never
stops the street.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

LONGEST_LINE = 1_000_000
MOST_CLIENTS = 16
ANSWER_PATIENCE_S = 30.0

Act = Callable[[dict[str, Any]], dict[str, Any]]


class Mistake(ValueError):
    """A request that cannot be followed; the sentence is for whoever asked."""


class ControlServer:
    """Serves `act` on a Unix socket until `close`. `act` may be called from several threads at once."""

    def __init__(self, path: str, act: Act) -> None:
        self.path = path
        self._act = act
        self._places = threading.BoundedSemaphore(MOST_CLIENTS)
        if os.path.exists(path):
            os.unlink(path)  # left by a street that was killed
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(MOST_CLIENTS)
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        # On Linux a blocked accept() returns only when the socket is shut down, not when it is closed.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=2.0)
        self._listener.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            if not self._places.acquire(blocking=False):
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), name="control-client", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as lines:
                while line := lines.readline(LONGEST_LINE):
                    client.sendall(json.dumps(self._answer(line)).encode() + b"\n")
        except OSError:
            return  # the client left
        finally:
            self._places.release()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict) or not isinstance(request.get("do"), str):
                raise Mistake('want {"do": NAME, …}')
            return {"ok": True, **self._act(request)}
        except (ValueError, TypeError, KeyError) as error:  # Mistake and broken JSON are ValueErrors
            return {"error": str(error) or type(error).__name__}


def ask(path: str, request: dict[str, Any], patience_s: float = ANSWER_PATIENCE_S) -> dict[str, Any]:
    """One request to a control socket. Raises Mistake for a refusal, OSError where nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(patience_s)
        sock.connect(path)
        sock.sendall(json.dumps(request).encode() + b"\n")
        with sock.makefile("rb") as lines:
            line = lines.readline(LONGEST_LINE)
    if not line:
        raise ConnectionError(f"{path}: hung up without an answer")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise Mistake(answer["error"])
    return answer
