"""Two pseudo-terminals joined by a wire, for a device that is a program of its own and opens a serial port."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class PtyPair:
    """What is written to `near` is read from `far` and the other way round. `tap(is_request, data)` may change or
    drop (b"") what passes; near to far is a request."""

    tap: Callable[[bool, bytes], bytes] | None = None
    near: str = ""
    far: str = ""
    _fds: list[int] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> PtyPair:
        near_master, near_slave = os.openpty()
        far_master, far_slave = os.openpty()
        self._fds = [near_master, near_slave, far_master, far_slave]
        for descriptor in self._fds:
            tty.setraw(descriptor)
        self.near, self.far = os.ttyname(near_slave), os.ttyname(far_slave)
        self._thread = threading.Thread(target=self._run, args=(near_master, far_master), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)
        for descriptor in self._fds:
            os.close(descriptor)

    def _run(self, near: int, far: int) -> None:
        while not self._stopping.is_set():
            readable, _, _ = select.select([near, far], [], [], 0.05)
            for source in readable:
                with contextlib.suppress(OSError):  # a closed end: nothing to carry
                    data = os.read(source, 4096)
                    if self.tap is not None:
                        data = self.tap(source == near, data)
                    if data:
                        os.write(far if source == near else near, data)
