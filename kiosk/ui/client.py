"""The screen's end of the controller's socket.

Law: no error of this task may freeze the screen on an old number. Every error is caught, logged and retried with a
bounded back-off; how long nothing was heard is counted, so the screen can say that what it shows is old.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from contract.codec import WireError
from kiosk.session.snapshot import Snapshot
from kiosk.wire import ALIVE, LONGEST_LINE, Intent, Role, intent_line, pack, read_snapshot, unpack

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.25
LONGEST_RETRY_S = 4.0
# A controller that is there sends at least every second; one that holds the line and says nothing is left and called
# again.
SILENCE_S = 10.0
CONNECT_S = 5.0


class Client:
    """Keeps a connection and hands over snapshots. `heard_s` is the monotonic second of the newest, None before it."""

    def __init__(self, path: Path, on_snapshot: Callable[[Snapshot], None]) -> None:
        self.heard_s: float | None = None
        self._path = path
        self._on_snapshot = on_snapshot
        self._writer: asyncio.StreamWriter | None = None

    def silence_s(self) -> float:
        """Seconds since the last snapshot; 0 before the first."""
        return 0.0 if self.heard_s is None else time.monotonic() - self.heard_s

    def send(self, intent: Intent) -> bool:
        """Hand an intent over. False where nobody is there to take it: it is dropped, never kept for later."""
        if self._writer is None or self._writer.is_closing():
            log.warning("no controller: %s is not sent", type(intent).__name__)
            return False
        self._writer.write(pack(intent_line(intent)))
        return True

    def say_alive(self) -> None:
        """That the screen moves; nothing where nobody listens or does not read."""
        writer = self._writer
        if writer is not None and not writer.is_closing() and not writer.transport.get_write_buffer_size():
            writer.write(pack(ALIVE))

    async def run(self) -> None:
        """Connect, listen, and start again, for ever; ends only by being cancelled."""
        wait_s = FIRST_RETRY_S
        while True:
            heard_before = self.heard_s
            try:
                await self._listen()
                log.warning("the controller closed the connection")
            except TimeoutError:
                log.warning("%s: no answer in time", self._path)
            except (OSError, WireError, ValueError) as error:
                log.warning("%s: %s", self._path, error)
            except Exception:  # whatever it is: a screen that stays silent would show old numbers
                log.exception("%s: unexpected", self._path)
            finally:
                self._drop()
            wait_s = FIRST_RETRY_S if self.heard_s != heard_before else min(LONGEST_RETRY_S, wait_s * 2)
            await asyncio.sleep(wait_s)

    async def _listen(self) -> None:
        async with asyncio.timeout(CONNECT_S):
            reader, self._writer = await asyncio.open_unix_connection(self._path, limit=LONGEST_LINE)
        # With the first sign of life: a screen that freezes before its next one would not be missed.
        self._writer.write(pack({"hello": Role.SCREEN.value}) + pack(ALIVE))
        self._writer.write(pack(ALIVE))
        while True:
            async with asyncio.timeout(SILENCE_S):
                line = await reader.readline()
            if not line:
                return
            said = unpack(line)
            if "snapshot" in said:
                snapshot = read_snapshot(said)
                self.heard_s = time.monotonic()
                self._on_snapshot(snapshot)
            elif "refused" in said:
                raise WireError(f"the controller refused the screen: {said['refused']}")
            elif "error" in said:
                log.warning("the controller did not take a touch: %s", said["error"])
            else:
                log.warning("unknown line from the controller: %s", ", ".join(said))

    def _drop(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
