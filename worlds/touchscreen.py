"""The kiosk's window as a person stands before it: a display, a finger, a camera.

Where there is a display the window opens on it; otherwise on an Xvfb of our own. Touches are real: xdotool presses the
button of the X server, at the place where the screen's own layout puts what is to be touched.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, ImageGrab

os.environ.update({"KIVY_NO_ARGS": "1", "KIVY_NO_FILELOG": "1", "KIVY_LOG_MODE": "PYTHON", "KIVY_NO_CONFIG": "1"})

from kiosk.session.snapshot import Snapshot
from kiosk.ui import faces
from kiosk.ui.acts import Act
from kiosk.ui.choose import choose
from kiosk.ui.layout import Pressing, Scene, lay_out
from kiosk.ui.navigation import Nav
from kiosk.ui.nodes import Text
from kiosk.ui.paint import text_width
from kiosk.ui.screens.all import draw
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.tokens import scale_of
from worlds.launcher import DIES_WITH_US

DISPLAY_PATIENCE_S = 20.0
FINGER_PATIENCE_S = 20.0


class NoTarget(LookupError):
    """The screen has no such button now."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A button as it stands on the window, in its pixels; `lines` are the words on it, an icon's are its act's."""

    act: Act
    lines: tuple[str, ...]
    left: int
    top: int
    width: int
    height: int

    @property
    def words(self) -> str:
        return " · ".join(self.lines)

    @property
    def middle(self) -> tuple[int, int]:
        return self.left + self.width // 2, self.top + self.height // 2

    def holds(self, x: int, y: int) -> bool:
        return 0 <= x - self.left < self.width and 0 <= y - self.top < self.height


@contextmanager
def display(size: tuple[int, int]) -> Iterator[tuple[str, bool]]:
    """The display's name, and whether it is the user's own."""
    if own := os.environ.get("DISPLAY"):
        yield own, True
        return
    read_end, write_end = os.pipe()
    screen = f"{size[0]}x{size[1]}x24"
    server = subprocess.Popen(
        [*DIES_WITH_US, "Xvfb", "-displayfd", str(write_end), "-screen", "0", screen, "-nolisten", "tcp"],
        pass_fds=(write_end,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(write_end)
    try:
        ready, _, _ = select.select([read_end], [], [], DISPLAY_PATIENCE_S)
        number = os.read(read_end, 16).decode().strip() if ready else ""
        if not number:
            raise OSError("Xvfb did not start; is the package xvfb installed?")
        yield f":{number}", False
    finally:
        os.close(read_end)
        server.terminate()
        server.wait()


PLAIN_LEAST = 200  # of 255: what cards and canvas have at least in some channel, and a filled button has not
BELOW_LABEL = 20  # pixels under a button's middle: past its words, still inside 56


class Touchscreen:
    """`size` in pixels, as the window was asked for; `pid` tells whose window it is, None while it is down."""

    def __init__(self, display: str, size: tuple[int, int], pid: Callable[[], int | None]) -> None:
        self._display, self._size, self._pid = display, size, pid
        self._env = {**os.environ, "DISPLAY": display}
        faces.register()

    def corner(self) -> tuple[int, int] | None:
        """Where the window's upper left corner is; None while there is no window."""
        pid = self._pid()
        if pid is None:
            return None
        window = self._xdotool("search", "--onlyvisible", "--pid", str(pid)).split()
        if not window:
            return None
        found = re.search(r"Position: (-?\d+),(-?\d+)", self._xdotool("getwindowgeometry", window[-1]))
        return (int(found[1]), int(found[2])) if found else None

    def touch(self, act: Act, snapshot: Snapshot, nav: Nav) -> None:
        """Put a finger on a button. Raises NoTarget."""
        self.press(*self._place_of(act, snapshot, nav))

    def press(self, x: int, y: int) -> None:
        """Put a finger on these pixels of the window."""
        left, top = self.corner() or (0, 0)
        words = ("mousemove", str(left + x), str(top + y), "sleep", "0.06", "mousedown", "1", "sleep", "0.06")
        self._xdotool(*words, "mouseup", "1")

    def has_painted(self, act: Act, snapshot: Snapshot, nav: Nav) -> bool:
        """Whether the window shows a filled button there by now, and no longer a plain card."""
        x, y = self._place_of(act, snapshot, nav)
        left, top = self.corner() or (0, 0)
        pixel = ImageGrab.grab(xdisplay=self._display).convert("RGB").getpixel((left + x, top + y + BELOW_LABEL))
        assert isinstance(pixel, tuple)
        return max(pixel) < PLAIN_LEAST

    def look(self) -> Image.Image:
        """What the window shows now."""
        left, top = self.corner() or (0, 0)
        box = (left, top, left + self._size[0], top + self._size[1])
        return ImageGrab.grab(xdisplay=self._display).convert("RGB").crop(box)

    def _place_of(self, act: Act, snapshot: Snapshot, nav: Nav) -> tuple[int, int]:
        """The middle of a button in the window's pixels, from the layout the screen itself uses."""
        scene, scale = self._scene(snapshot, nav)
        rect = next((target.rect for target in scene.targets if target.act == act), None)
        if rect is None:
            raise NoTarget(f"{act} is not on the screen; there are: {[target.act for target in scene.targets]}")
        return round((rect.x + rect.w / 2) * scale), round((rect.y + rect.h / 2) * scale)

    def buttons(self, snapshot: Snapshot, nav: Nav) -> list[Shown]:
        """What can be pressed now, in the order it is laid out."""
        scene, scale = self._scene(snapshot, nav)
        texts = [(placed.rect, placed.node.text) for placed in scene.placed if isinstance(placed.node, Text)]
        found = []
        for target in scene.targets:
            at = target.rect
            inside = [
                " ".join(text.split())
                for rect, text in texts
                if at.x <= rect.x + rect.w / 2 < at.x + at.w and at.y <= rect.y + rect.h / 2 < at.y + at.h
            ]
            lines = tuple(text for text in inside if text) or (type(target.act).__name__,)
            pixels = (round(value * scale) for value in (at.x, at.y, at.w, at.h))
            if target.is_enabled:
                found.append(Shown(target.act, lines, *pixels))
        return found

    def _scene(self, snapshot: Snapshot, nav: Nav) -> tuple[Scene, float]:
        scale = scale_of(*self._size)
        face = LANGUAGES[nav.language].face

        def measure(words: str, size: float, bold: bool) -> float:
            return text_width(face, words, size, bold)

        tree = draw(choose(snapshot, nav, nav.touched_at_s))
        return lay_out(tree, self._size[0] / scale, self._size[1] / scale, measure, Pressing()), scale

    def _xdotool(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self._env, capture_output=True, text=True, timeout=FINGER_PATIENCE_S, check=False
        )
        return done.stdout
