"""One client of the panel: lines in within a limit, lines out from bounded buffers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from contract.codec import WireError
from kiosk.wire import LONGEST_LINE, Role, pack

LONGEST_SHORT_LINE = 65_536  # of everybody but the uplink, who brings lists
MOST_LINES_WAITING = 512
SEND_PATIENCE_S = 10.0  # a client that reads nothing for so long is dropped


class Client:
    """Owned by the panel; `role` is None until hello."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.role: Role | None = None
        self.is_watching = False
        self.alive_s: float | None = None  # event loop second at which it last said that it moves; None: it never did
        self._reader, self._writer = reader, writer
        self._lines: deque[bytes] = deque()
        self._newest: bytes | None = None
        self._work = asyncio.Event()
        self._is_closing = False

    # ---- out ----------------------------------------------------------------------------------------------------

    def send(self, line: dict[str, Any]) -> bool:
        """Queue a line; False, and the client is dropped, where too many wait already."""
        if len(self._lines) >= MOST_LINES_WAITING:
            self.drop()
            return False
        self._lines.append(pack(line))
        self._work.set()
        return True

    @property
    def wants_a_snapshot(self) -> bool:
        """Whether it watches, and took the last one: for a client that stands still none is made."""
        return self.is_watching and self._newest is None

    def show(self, snapshot_line: bytes) -> None:
        """The newest snapshot takes the place of one that was not sent yet."""
        self._newest = snapshot_line
        self._work.set()

    async def send_all(self) -> None:
        """Until the client is closed. Raises OSError for a lost client, TimeoutError for one that does not read."""
        while not self._is_closing or self._lines:
            await self._work.wait()
            self._work.clear()
            while self._lines or self._newest is not None:
                if self._lines:
                    data = self._lines.popleft()
                else:
                    assert self._newest is not None
                    data, self._newest = self._newest, None
                self._writer.write(data)
                async with asyncio.timeout(SEND_PATIENCE_S):
                    await self._writer.drain()

    def finish(self) -> None:
        """Nothing more will be sent; what is queued still goes out."""
        self._is_closing = True
        self._work.set()

    def drop(self) -> None:
        """At once, whatever waits."""
        self._is_closing = True
        self._lines.clear()
        self._newest = None
        self._work.set()
        self._writer.transport.abort()

    # ---- in -----------------------------------------------------------------------------------------------------

    async def lines(self) -> AsyncIterator[bytes]:
        """Whole lines, without the newline. Raises WireError for one that is too long, OSError for a lost client."""
        waiting = bytearray()
        while data := await self._reader.read(65_536):
            searched = len(waiting)
            waiting += data
            while (end := waiting.find(b"\n", searched)) >= 0:
                line = bytes(waiting[:end])
                del waiting[: end + 1]
                searched = 0
                yield line
            longest = LONGEST_LINE if self.role is Role.UPLINK else LONGEST_SHORT_LINE
            if len(waiting) > longest:
                raise WireError(f"line of more than {longest} bytes")
