"""The outermost layer of the web server: headers every answer has, and one line a request in the access log.

Law: the log names the route, never the address. Receipt keys, order links, payment codes and tokens of forms are in
addresses, and whoever reads a log must not be able to use them. Of an address only ids in NAMED are told.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMED = ("kiosk_id", "evse_id")  # path parameters that open nothing
LONGEST_NAME = 64
access_log = logging.getLogger("billing.access")
access_log.propagate = False

AddHeaders = Callable[[Scope, Message], None]  # the message that begins an answer


class Front:
    """`add_headers` is called once an answer begins; the log is written when it has ended."""

    def __init__(self, app: ASGIApp, add_headers: AddHeaders) -> None:
        self._app, self._add_headers = app, add_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status, size = time.perf_counter(), 500, 0

        async def send_on(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, message)
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            if access_log.handlers:
                access_log.info(_line(scope, status, size, time.perf_counter() - began_s))


def _line(scope: Scope, status: int, size: int, took_s: float) -> str:
    words: dict[str, Any] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "method": scope["method"],
        "route": getattr(scope.get("route"), "path", "(none)"),
        "status": status,
        "took_ms": round(took_s * 1000, 1),
        "bytes": size,
        "client": scope["client"][0] if scope.get("client") else None,
    }
    given = scope.get("path_params", {})
    words |= {name: str(given[name])[:LONGEST_NAME] for name in NAMED if name in given}
    for name, value in scope["headers"]:
        if name == b"kiosk-id":
            words["kiosk_id"] = value.decode("ascii", "replace")[:LONGEST_NAME]
    return json.dumps(words)


def log_to(where: str) -> None:
    """Write the access log to a file, or to standard output for "-". Raises OSError."""
    handler = logging.StreamHandler(sys.stdout) if where == "-" else logging.FileHandler(Path(where), encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    access_log.addHandler(handler)
    access_log.setLevel(logging.INFO)
