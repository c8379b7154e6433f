"""Hands at the kiosk's screen: real touches on the real window, or intents where no window can be touched.

`Finger` knows where the screen is because it applies the screen's own pure functions (kiosk.ui.navigation) to the
same snapshots and the same touches.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PIL import Image

from kiosk.session.events import ConnectorChosen, LimitChosen, NoticeDismissed, ReceiptDismissed
from kiosk.session.snapshot import Limit, LimitKind, Snapshot
from kiosk.session.states import State
from worlds.charges import Charges
from worlds.stage import NotTrue

os.environ.update({"KIVY_NO_ARGS": "1", "KIVY_NO_FILELOG": "1", "KIVY_LOG_MODE": "PYTHON", "KIVY_NO_CONFIG": "1"})

from kiosk.ui import acts
from kiosk.ui.acts import Act, Page
from kiosk.ui.navigation import Nav, settle, touch
from worlds.touchscreen import NoTarget, Touchscreen

TRIES = 3
EFFECT_PATIENCE_S = 4.0
WINDOW_PATIENCE_S = 30.0
LOOK_S = 0.25  # the screen looks at its snapshot five times a second
PHOTO_S = 0.4
PAINT_PATIENCE_S, REST_PATIENCE_S = 5.0, 1.0
KEY_S = 0.1
LONGEST_STEPS = 10


class Hands(Protocol):
    """What the tour does at the screen."""

    def wait_for_window(self) -> None: ...

    def wait_for_first_screen(self) -> None:
        """Until the window shows what the controller says."""

    def wait_for_charge(self, evse_id: int) -> None:
        """Until a window that has just opened shows the running charge, if need be by asking for it."""

    def look_around(self) -> None:
        """Help and languages, from the first screen and back to it."""

    def choose(self, evse_id: int) -> None: ...

    def set_limit(self, evse_id: int, energy_wh: int) -> None: ...

    def stop_with_code(self, evse_id: int) -> None: ...

    def dismiss_receipt(self, evse_id: int) -> None: ...

    def dismiss_notice(self) -> None: ...

    def go_home(self) -> None:
        """Back to the first screen, giving up what was chosen."""

    def show(self, evse_id: int) -> None:
        """Look at a connector that is busy or out of service."""

    def shoot(self, name: str) -> Path | None:
        """A picture of what the window shows now; None where there is no window."""


class Intents:
    """No window: what a touch would say is said to the controller."""

    def __init__(self, charges: Charges) -> None:
        self._charges = charges

    def wait_for_window(self) -> None:
        return

    def wait_for_first_screen(self) -> None:
        return

    def wait_for_charge(self, evse_id: int) -> None:
        return

    def look_around(self) -> None:
        return

    def choose(self, evse_id: int) -> None:
        self._charges.choose(evse_id)

    def set_limit(self, evse_id: int, energy_wh: int) -> None:
        limit = Limit(LimitKind.ENERGY, energy_wh)
        self._charges.touch(LimitChosen(evse_id, limit))
        self._charges.wait_for(
            evse_id, "has a limit", lambda e: e.transaction is not None and e.transaction.limit == limit
        )

    def stop_with_code(self, evse_id: int) -> None:
        self._charges.stop_with_code(evse_id)

    def dismiss_receipt(self, evse_id: int) -> None:
        self._charges.touch(ReceiptDismissed(evse_id))

    def dismiss_notice(self) -> None:
        self._charges.touch(NoticeDismissed())

    def go_home(self) -> None:
        self._charges.touch(ConnectorChosen(None))

    def show(self, evse_id: int) -> None:
        return

    def shoot(self, name: str) -> Path | None:
        return None


class Mirror:
    """Where the screen is, by its own rules. Give `saw` to the eyes as their `on_snapshot`."""

    def __init__(self, language: str) -> None:
        self._lock = threading.Lock()
        self._language = language
        self.start_anew()

    def start_anew(self) -> None:
        """The screen's process began again."""
        self.nav = Nav(self._language, self._language, touched_at_s=time.monotonic())
        self._before: Snapshot | None = None

    def saw(self, snapshot: Snapshot | None) -> None:
        with self._lock:
            self.nav = settle(self.nav, self._before, snapshot, time.monotonic()).nav
            self._before = snapshot

    def touched(self, act: Act) -> None:
        with self._lock:
            self.nav = touch(self.nav, act, self._before, time.monotonic()).nav


class Finger:
    """Real touches. `pictures` gets SERIES-NN-name.png."""

    def __init__(
        self, charges: Charges, screen: Touchscreen, mirror: Mirror, pictures: Path, series: str = "screen"
    ) -> None:
        self._charges, self._screen, self._mirror = charges, screen, mirror
        self._pictures, self._series = pictures, series
        self._shots = 0
        self._before: Image.Image | None = None  # the last touch

    def wait_for_window(self) -> None:
        self._charges.stage.wait_for("the window is there", self._screen.corner, WINDOW_PATIENCE_S, "ui")
        time.sleep(LOOK_S)

    def wait_for_first_screen(self) -> None:
        def is_painted() -> bool | None:
            return self._shows(acts.Choose(1), self._mirror.nav) or None

        self._charges.stage.wait_for("the first screen is painted", is_painted, WINDOW_PATIENCE_S, "ui")

    def wait_for_charge(self, evse_id: int) -> None:
        """A window that opens on a running charge may have seen it begin, or not: then it is at the first screen."""
        self._mirror.start_anew()
        home = self._mirror.nav
        there = replace(home, focus=evse_id)
        seen = self._charges.eyes.snapshot
        others = [evse.evse_id for evse in (seen.evses if seen else ()) if evse.evse_id != evse_id]

        def is_there() -> bool | None:
            if self._shows(acts.Open(Page.STOP), there):
                self._mirror.nav = there
                return True
            if any(self._shows(acts.Choose(other), home) for other in others):
                self._mirror.nav = home
                self._tap(acts.Show(evse_id))
            return None

        self._charges.stage.wait_for("the charge is painted", is_there, WINDOW_PATIENCE_S, "ui")

    def _shows(self, act: Act, nav: Nav) -> bool:
        seen = self._charges.eyes.snapshot
        try:
            return seen is not None and self._screen.has_painted(act, seen, nav)
        except NoTarget:
            return False  # not this screen

    def look_around(self) -> None:
        self._tap(acts.Open(Page.HELP))
        self.shoot("help")
        self._tap(acts.Close())
        self._tap(acts.Open(Page.LANGUAGES))
        self.shoot("languages")
        for language in ("ja", "de"):
            self._tap(acts.Speak(language))
            self.shoot(f"home-{language}")
            self._tap(acts.Open(Page.LANGUAGES))
        self._tap(acts.Speak("en"))

    def choose(self, evse_id: int) -> None:
        if self._mirror.nav.focus is not None:
            self._tap(acts.Home())
        eyes = self._charges.eyes
        self._tap_until(
            acts.Choose(evse_id), lambda: (seen := eyes.snapshot) is not None and seen.chosen_evse == evse_id
        )

    def set_limit(self, evse_id: int, energy_wh: int) -> None:
        limit = Limit(LimitKind.ENERGY, energy_wh)

        def is_set() -> bool:
            evse = self._charges.eyes.evse(evse_id)
            return evse is not None and evse.transaction is not None and evse.transaction.limit == limit

        self._tap(acts.Open(Page.LIMIT))
        for _ in range(LONGEST_STEPS):
            if (steps := self._mirror.nav.limit_steps * 5_000) == energy_wh:
                break
            self._tap(acts.StepLimit(-1 if steps > energy_wh else 1), KEY_S)
        self.shoot("limit")
        evse = self._charges.wait_for(evse_id, "has a transaction", lambda e: e.transaction is not None)
        assert evse.transaction is not None
        for _ in range(TRIES):
            if self._mirror.nav.page is Page.MAIN:  # it came just after the moment of being believed, and waits
                self._tap(acts.Open(Page.LIMIT))
            self._tap(acts.SetLimit(evse_id))
            if self._mirror.nav.page is Page.LIMIT_CODE:
                break
            end_s = time.monotonic() + EFFECT_PATIENCE_S  # right after the start whoever stands there is believed
            while time.monotonic() < end_s:
                if is_set():
                    return
                time.sleep(0.03)
        for digit in evse.transaction.stop_code:
            self._tap(acts.Digit(digit), KEY_S)
        self.shoot("limit-code")
        self._tap_until(acts.ConfirmLimit(evse_id), is_set)

    def stop_with_code(self, evse_id: int) -> None:
        evse = self._charges.wait_for(evse_id, "has a transaction", lambda e: e.transaction is not None)
        assert evse.transaction is not None
        self._tap(acts.Open(Page.STOP))
        for digit in evse.transaction.stop_code:
            self._tap(acts.Digit(digit), KEY_S)
        self.shoot("stop")
        eyes = self._charges.eyes
        self._tap_until(
            acts.Stop(evse_id),
            lambda: (now := eyes.evse(evse_id)) is not None and now.state is not State.DELIVERING,
        )

    def dismiss_receipt(self, evse_id: int) -> None:
        eyes = self._charges.eyes
        self._tap_until(
            acts.DismissReceipt(evse_id), lambda: (now := eyes.evse(evse_id)) is not None and now.receipt is None
        )

    def dismiss_notice(self) -> None:
        eyes = self._charges.eyes
        self._tap_until(acts.DismissNotice(), lambda: (now := eyes.snapshot) is not None and now.notice is None)

    def go_home(self) -> None:
        eyes = self._charges.eyes

        def is_home() -> bool:
            return (now := eyes.snapshot) is not None and now.chosen_evse is None and not now.token_waits

        if not is_home():  # what nobody chose is forgotten by itself, sixty times as fast as outside a demo
            self._tap_until(acts.Home(), is_home)

    def show(self, evse_id: int) -> None:
        self._tap(acts.Show(evse_id))

    def shoot(self, name: str) -> Path | None:
        picture = self._settled()
        self._shots += 1
        path = self._pictures / f"{self._series}-{self._shots:02d}-{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
        return path

    def _settled(self) -> Image.Image:
        """A picture that shows something else than before the last touch, and no longer moves: a slow machine paints
        late. What moves for ever is taken as it is."""
        began_s = time.monotonic()
        seen = self._screen.look()
        while time.monotonic() < began_s + PAINT_PATIENCE_S and (_is_blank(seen) or seen == self._before):
            time.sleep(LOOK_S)
            seen = self._screen.look()
        until_s = time.monotonic() + REST_PATIENCE_S
        while True:
            time.sleep(PHOTO_S)
            before, seen = seen, self._screen.look()
            if seen == before or time.monotonic() >= until_s:
                self._before = None
                return seen

    def _tap(self, act: Act, pause_s: float = LOOK_S) -> None:
        """A touch once the screen has painted what is true, and time for it to paint the effect."""
        time.sleep(pause_s)
        snapshot = self._charges.eyes.snapshot
        if snapshot is None:
            raise NotTrue(f"no controller to touch {act} for")
        self._before = self._screen.look()
        try:
            self._screen.touch(act, snapshot, self._mirror.nav)
        except NoTarget as error:
            raise NotTrue(f"{error}\n---- where the screen should be: {self._mirror.nav}") from error
        self._mirror.touched(act)

    def _tap_until(self, act: Act, is_true: Callable[[], bool]) -> None:
        """Touch until the kiosk shows the effect: a finger may land between two pictures."""
        for _ in range(TRIES):
            self._tap(act)
            end_s = time.monotonic() + EFFECT_PATIENCE_S
            while time.monotonic() < end_s:
                if is_true():
                    return
                time.sleep(0.03)
        words = self._charges.stage.last_words("ui", "controller")
        raise NotTrue(
            f"{act} was touched {TRIES} times without effect; the screen should be {self._mirror.nav}\n{words}"
        )


def _is_blank(picture: Image.Image) -> bool:
    """A window that has painted nothing yet."""
    return len(picture.getcolors(2) or ()) == 1
