"""A controller's end of the socket, scripted: publishes a snapshot as the panel does and keeps the intents it hears."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kiosk.session.snapshot import Snapshot
from kiosk.wire import ALIVE, LONGEST_LINE, Intent, Role, pack, read_intent, snapshot_line, unpack

EVERY_S = 0.25


class Controller:
    """Speaks kiosk.wire on a Unix socket in a thread of its own."""

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        self.intents: queue.Queue[Intent] = queue.Queue()
        self.greeted = threading.Event()
        self.alive = threading.Event()  # the screen has said that it moves
        self.is_mute = False
        self._path = path
        self._snapshot = snapshot
        self._beats = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Controller:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="controller", daemon=True)
        ready = threading.Event()
        self._on_ready: Callable[[], None] = ready.set
        self._thread.start()
        assert ready.wait(10)
        return self

    def stop(self) -> None:
        """As a kill: the socket is gone, nobody says good-bye."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._thread = None
        self.greeted.clear()

    def show(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._path.unlink(missing_ok=True)
        writers: list[asyncio.StreamWriter] = []

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            assert unpack(await reader.readline()) == {"hello": Role.SCREEN.value}
            self.greeted.set()
            publisher = asyncio.create_task(self._publish(writer))
            while line := await reader.readline():
                if (said := unpack(line)) == ALIVE:
                    self.alive.set()
                else:
                    self.intents.put(read_intent(said, Role.SCREEN))
            publisher.cancel()

        server = await asyncio.start_unix_server(meet, self._path, limit=LONGEST_LINE)
        self._on_ready()
        await self._stop.wait()
        server.close()
        for writer in writers:
            writer.close()
        self._path.unlink(missing_ok=True)

    async def _publish(self, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            if not self.is_mute:
                self._beats += 1
                beat = replace(self._snapshot, at_s=self._snapshot.at_s + self._beats * 0.001)
                writer.write(pack(snapshot_line(beat)))
                await writer.drain()
            await asyncio.sleep(EVERY_S)
