"""A display of our own, the real kiosk-ui in a process of its own, and a finger."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageGrab

from kiosk.session.snapshot import Snapshot
from kiosk.ui.acts import Act
from kiosk.ui.choose import choose
from kiosk.ui.layout import Pressing, Rect, lay_out
from kiosk.ui.navigation import Nav
from kiosk.ui.paint import text_width
from kiosk.ui.screens.all import draw
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.tokens import scale_of

PATIENCE_S = 20.0


@contextmanager
def display(width: int, height: int) -> Iterator[str]:
    """Xvfb on a number it finds itself."""
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"],
        pass_fds=(write_end,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        ready, _, _ = select.select([read_end], [], [], PATIENCE_S)
        assert ready, "Xvfb did not start"
        yield f":{os.read(read_end, 16).decode().strip()}"
    finally:
        os.close(read_end)
        server.terminate()
        server.wait(10)


@dataclass
class Window:
    """The running screen as somebody stands before it."""

    display: str
    size: tuple[int, int]
    process: subprocess.Popen[bytes]
    log: Path

    def look(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self.display).convert("RGB").crop((0, 0, *self.size))

    def place_of(self, act: Act, snapshot: Snapshot, nav: Nav) -> Rect:
        """Where a button stands on the screen, in pixels."""
        scale = scale_of(*self.size)

        def measure(words: str, size: float, bold: bool) -> float:
            return text_width(LANGUAGES[nav.language].face, words, size, bold)

        tree = draw(choose(snapshot, nav, nav.touched_at_s))
        scene = lay_out(tree, self.size[0] / scale, self.size[1] / scale, measure, Pressing())
        rect = next(target.rect for target in scene.targets if target.act == act)
        return Rect(*(value * scale for value in (rect.x, rect.y, rect.w, rect.h)))

    def touch(self, act: Act, snapshot: Snapshot, nav: Nav) -> None:
        rect = self.place_of(act, snapshot, nav)
        self.tap(rect.x + rect.w / 2, rect.y + rect.h / 2)

    def tap(self, x: float, y: float) -> None:
        self._finger(
            "mousemove", str(int(x)), str(int(y)), "sleep", "0.06", "mousedown", "1", "sleep", "0.06", "mouseup", "1"
        )

    def press(self, x: float, y: float) -> None:
        self._finger("mousemove", str(int(x)), str(int(y)), "sleep", "0.06", "mousedown", "1")

    def release(self) -> None:
        self._finger("mouseup", "1")

    def _finger(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env={**os.environ, "DISPLAY": self.display}, check=True, timeout=20)


@contextmanager
def kiosk_ui(on_display: str, size: tuple[int, int], socket: Path, *more: str) -> Iterator[Window]:
    log = socket.with_suffix(".log")
    environment = {**os.environ, "DISPLAY": on_display, "KIVY_NO_ARGS": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}
    words = ["--socket", str(socket), "--size", f"{size[0]}x{size[1]}", "--theme", "light", *more]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kiosk.ui.main", *words], env=environment, stdout=out, stderr=out
        )
    try:
        yield Window(on_display, size, process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def until(holds: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait, looking ten times a second."""
    end_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end_s, f"waited {patience_s:.0f} s: {what}"
        time.sleep(0.1)
