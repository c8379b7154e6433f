"""A serial device that ends in a pseudo-terminal, under a path that stays the same while it is unplugged and back."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

LOOK_AGAIN_S = 0.1


class SerialDevice:
    """`on_bytes` gets what the host wrote, in the device's own thread; `send` writes to the host, from any thread.

    `path` is a symbolic link to the terminal. A host that has it open when the device is unplugged gets what a pulled
    USB adapter gives: an input/output error.
    """

    def __init__(self, path: str, on_bytes: Callable[[bytes], None] | None = None) -> None:
        self.path = path
        self._on_bytes = on_bytes or (lambda data: None)
        self._lock = threading.Lock()
        self._near = -1  # our end; -1: unplugged
        self._far = -1  # held open, so that our end does not see a hang-up while no host has it open
        self._is_running = True
        self.plug()
        self._thread = threading.Thread(target=self._run, name=f"serial {Path(path).name}", daemon=True)
        self._thread.start()

    def plug(self) -> None:
        with self._lock:
            if self._near >= 0:
                return
            self._near, self._far = os.openpty()
            tty.setraw(self._far)
            os.set_blocking(self._near, False)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            os.symlink(os.ttyname(self._far), self.path)

    def unplug(self) -> None:
        with self._lock:
            if self._near < 0:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            os.close(self._far)
            os.close(self._near)
            self._near = self._far = -1

    def send(self, data: bytes) -> None:
        """Bytes for which no host makes room are lost, as on a wire."""
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._near >= 0:
                os.write(self._near, data)

    def close(self) -> None:
        self._is_running = False
        self._thread.join(timeout=2.0)
        self.unplug()

    def __enter__(self) -> SerialDevice:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        pause = threading.Event()
        while self._is_running:
            data = self._read()
            if data:
                self._on_bytes(data)
            else:
                pause.wait(0 if data is None else LOOK_AGAIN_S)

    def _read(self) -> bytes | None:
        """What the host wrote; None: nothing yet; empty: unplugged."""
        with self._lock:
            near = self._near
            if near < 0:
                return b""
        try:
            if not select.select([near], [], [], LOOK_AGAIN_S)[0]:
                return None
            with self._lock:
                return os.read(near, 4096) if near == self._near else None
        except (OSError, ValueError):
            return b""  # unplugged while we looked
