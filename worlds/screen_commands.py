"""`kiosk-sim touch` and `kiosk-sim picture`: the demo's screen for whoever has no display, over the launcher's socket.

Where the buttons are is known by the screen's own rules from the same snapshots (worlds.hands.Mirror); a screen that
was started anew is followed anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kiosk.session.snapshot import Snapshot
from sim.control import Mistake
from worlds.hands import LOOK_S, PHOTO_S, Mirror
from worlds.touchscreen import Shown, Touchscreen


class ScreenCommands:
    """One finger and one camera; `seen` gives the newest snapshot, `pid` the screen's process."""

    def __init__(
        self,
        screen: Touchscreen,
        mirror: Mirror,
        seen: Callable[[], Snapshot | None],
        pid: Callable[[], int | None],
    ) -> None:
        self._screen, self._mirror, self._seen, self._pid = screen, mirror, seen, pid
        self._known_pid = pid()
        self._lock = threading.Lock()

    def touch(self, where: str) -> dict[str, Any]:
        """`where` is what stands on a button, or part of it, or two numbers: pixels of the window. Raises Mistake."""
        with self._lock:
            buttons = self._look()
            numbers = where.split()
            if len(numbers) == 2 and all(number.isdecimal() and len(number) < 6 for number in numbers):
                x, y = (int(number) for number in numbers)
                button = next((one for one in buttons if one.holds(x, y)), None)
            else:
                button = meant(buttons, where)
                x, y = button.middle
            self._screen.press(x, y)
            if button is not None:
                self._mirror.touched(button.act)
            time.sleep(LOOK_S)  # the screen paints what came of it
        return {"touched": "nothing that can be pressed" if button is None else button.words, "x": x, "y": y}

    def picture(self, file: str) -> dict[str, Any]:
        """Save what the window shows as PNG. Raises Mistake."""
        with self._lock:
            time.sleep(PHOTO_S)
            try:
                Path(file).parent.mkdir(parents=True, exist_ok=True)
                self._screen.look().save(file)
            except (OSError, ValueError) as error:
                raise Mistake(f"picture: {file}: {error}") from error
            buttons = [] if self._seen() is None else self._look()
        return {"saved": file, "buttons": [one.words for one in buttons]}

    def _look(self) -> list[Shown]:
        snapshot = self._seen()
        if snapshot is None:
            raise Mistake("no controller is there, so the screen has nothing to touch")
        if (pid := self._pid()) != self._known_pid:
            self._known_pid = pid
            self._mirror.start_anew()
        return self._screen.buttons(snapshot, self._mirror.nav)


def meant(buttons: list[Shown], words: str) -> Shown:
    """The one button that says exactly this, else the one that says it among other words. Raises Mistake."""
    wanted = " ".join(words.split()).casefold()
    exact = [one for one in buttons if wanted in (line.casefold() for line in one.lines)]
    found = exact or [one for one in buttons if wanted in one.words.casefold()]
    if wanted and len(found) == 1:
        return found[0]
    there = "; ".join(one.words for one in buttons)
    raise Mistake(f"{'several buttons say' if found else 'no button says'} {words!r}; there are: {there}")
