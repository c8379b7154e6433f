"""The window: newest snapshot in, screen out; touches in, intents out. Decides nothing itself."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from kivy.app import App
from kivy.clock import Clock
from kivy.core.window import Window

from kiosk.notify import Notify
from kiosk.session.snapshot import Snapshot
from kiosk.ui import faces
from kiosk.ui.acts import Act
from kiosk.ui.choose import View, choose
from kiosk.ui.client import Client
from kiosk.ui.formats import formats_for
from kiosk.ui.glass import Glass
from kiosk.ui.navigation import Moved, Nav, settle, touch
from kiosk.ui.nodes import Node, Space
from kiosk.ui.paint import Pen
from kiosk.ui.screens.all import draw, name_of
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.tokens import Theme, scale_of, theme_at
from kiosk.wire import ALIVE_EVERY_S

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2  # countdowns and the age of what is shown; nothing is painted where nothing changed
SETTLED_S = 0.4  # a screen that stood so long is photographed


class Screen(App):
    """`size` in real pixels; `photos` is a folder for one picture of each screen that appears, or None."""

    def __init__(self, socket: Path, language: str, theme: str, photos: Path | None) -> None:
        super().__init__()
        self._client = Client(socket, self._on_snapshot)
        self._wanted_theme = theme
        self._photos = photos
        self._photo_count = 0
        self._snapshot: Snapshot | None = None
        self._nav = Nav(language, language, touched_at_s=time.monotonic())
        self._glass: Glass | None = None
        self._view: View | None = None
        self._tree: Node = Space()
        self._shown: tuple[str, float, bool] = ("", 0.0, True)
        self._notify = Notify()
        self._alive_s: float | None = None  # said last; None: not painted yet

    def build(self) -> Glass:
        faces.register()
        self.title = "Charging kiosk"
        self._glass = Glass(self._on_act)
        Clock.schedule_interval(lambda _: self._look(), LOOK_EVERY_S)
        self._show()
        return self._glass

    async def run_with_client(self) -> None:
        """Until the window closes."""
        client = asyncio.create_task(self._client.run())
        try:
            await self.async_run(async_lib="asyncio")
        finally:
            client.cancel()
            await asyncio.gather(client, return_exceptions=True)

    def _look(self) -> None:
        """In the loop that paints, so what is said here is not said by a screen that hangs."""
        self._move(self._snapshot)
        now_s = time.monotonic()
        if self._alive_s is None:
            self._notify.send("READY=1")
        if self._alive_s is None or now_s - self._alive_s >= ALIVE_EVERY_S:
            self._alive_s = now_s
            self._notify.send("WATCHDOG=1")
            self._client.say_alive()

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self._move(snapshot)

    def _on_act(self, act: Act | None) -> None:
        now_s = time.monotonic()
        if act is None:
            self._nav = replace(self._nav, touched_at_s=now_s)
        else:
            self._take(touch(self._nav, act, self._snapshot, now_s))
        self._show()

    def _move(self, after: Snapshot | None) -> None:
        before, self._snapshot = self._snapshot, after
        self._take(settle(self._nav, before, after, time.monotonic()))
        self._show()

    def _take(self, moved: Moved) -> None:
        self._nav = moved.nav
        for intent in moved.intents:
            if not self._client.send(intent):
                self._nav = replace(self._nav, sent=None)

    def _show(self) -> None:
        if self._glass is None:
            return
        now_s = time.monotonic()
        view = choose(self._snapshot, self._nav, now_s, self._client.silence_s())
        sent = self._nav.sent.act if self._nav.sent is not None else None
        language = LANGUAGES[self._nav.language]
        pen = Pen(self._theme(), language.face, scale_of(*Window.size))
        if view != self._view:
            self._tree, self._view = draw(view), view
        self._glass.show(self._tree, pen, sent, language.say("frame.one_moment"))
        self._photograph(name_of(view), now_s)

    def _theme(self) -> Theme:
        if self._snapshot is None:
            return Theme("dark" if self._wanted_theme == "dark" else "light")
        formats = formats_for(LANGUAGES[self._nav.language].locale, self._snapshot.time_zone)
        return theme_at(formats.local(self._snapshot.at).hour, self._wanted_theme)

    def _photograph(self, name: str, now_s: float) -> None:
        if self._photos is None:
            return
        shown, since_s, is_taken = self._shown
        if shown != name:
            self._shown = (name, now_s, False)
        elif not is_taken and now_s - since_s >= SETTLED_S:
            self._shown = (name, since_s, True)
            self._photo_count += 1
            photograph(self._photos / f"{self._photo_count:02d}-{name}.png")


def photograph(path: Path) -> None:
    """Save what the window shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    taken: Any = Window.screenshot(name=str(path.parent / "shot.png"))
    if taken is None:
        log.warning("%s: no picture taken", path)
        return
    os.replace(taken, path)
