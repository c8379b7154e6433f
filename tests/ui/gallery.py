"""Photograph screens: python -m tests.ui.gallery DIR [--size 800x480] [--language en] [--theme light] [CASE …]

Needs a display, for example: xvfb-run -s "-screen 0 1280x800x24" python -m tests.ui.gallery build/gallery
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from kiosk.ui.main import set_up_kivy, size


def main() -> int:
    words = argparse.ArgumentParser()
    words.add_argument("folder", type=Path)
    words.add_argument("--size", type=size, default=(800, 480))
    words.add_argument("--language", default="en")
    words.add_argument("--theme", default="light")
    words.add_argument("cases", nargs="*")
    asked = words.parse_intermixed_args()
    set_up_kivy(asked.size, False)
    from kivy.app import App
    from kivy.clock import Clock

    from kiosk.ui import faces
    from kiosk.ui.app import photograph
    from kiosk.ui.choose import choose
    from kiosk.ui.glass import Glass
    from kiosk.ui.paint import Pen
    from kiosk.ui.screens.all import draw
    from kiosk.ui.texts import LANGUAGES
    from kiosk.ui.tokens import Theme, scale_of
    from tests.ui.cases import CASES, NOW_S

    names = [name for name in CASES if not asked.cases or any(name.startswith(wanted) for wanted in asked.cases)]
    language = LANGUAGES[asked.language]
    asked.folder.mkdir(parents=True, exist_ok=True)

    class Gallery(App):  # type: ignore[misc]
        def build(self) -> Glass:
            faces.register()
            self.glass = Glass(lambda act: None)
            Clock.schedule_once(self.show_next, 0.2)
            return self.glass

        def show_next(self, _: Any) -> None:
            if not names:
                self.stop()
                return
            self.shown = names.pop(0)
            snapshot, nav, silence_s = CASES[self.shown]
            view = choose(snapshot, replace(nav, language=asked.language), NOW_S, silence_s)
            pen = Pen(Theme(asked.theme), language.face, scale_of(*asked.size))
            sent = nav.sent.act if nav.sent else None
            self.glass.show(draw(view), pen, sent, language.say("frame.one_moment"))
            Clock.schedule_once(self.shoot, 0.06)

        def shoot(self, _: Any) -> None:
            photograph(asked.folder / f"{self.shown}.png")
            Clock.schedule_once(self.show_next, 0)

    Gallery().run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
