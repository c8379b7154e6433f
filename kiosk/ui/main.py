"""kiosk-ui: the touchscreen."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kiosk.ui.texts import LANGUAGES
from kiosk.ui.tokens import THEMES, scale_of

SOCKET = Path("/run/kiosk/controller.sock")


def parser() -> argparse.ArgumentParser:
    env = os.environ
    words = argparse.ArgumentParser(prog="kiosk-ui", description="The kiosk's touchscreen.")
    words.add_argument(
        "--socket",
        type=Path,
        default=Path(env.get("KIOSK_SOCKET", SOCKET)),
        help="the controller's socket (KIOSK_SOCKET; default %(default)s)",
    )
    words.add_argument(
        "--size",
        type=size,
        default=size(env.get("KIOSK_UI_SIZE", "800x480")),
        help="window in pixels (KIOSK_UI_SIZE; default 800x480)",
    )
    words.add_argument(
        "--language",
        choices=sorted(LANGUAGES),
        default=env.get("KIOSK_UI_LANGUAGE", "en"),
        help="the language of the first screen (KIOSK_UI_LANGUAGE; default %(default)s)",
    )
    words.add_argument(
        "--theme",
        choices=("auto", *THEMES),
        default=env.get("KIOSK_UI_THEME", "auto"),
        help="auto is dark from dusk till dawn (KIOSK_UI_THEME; default %(default)s)",
    )
    words.add_argument(
        "--screenshots", type=Path, default=None, metavar="DIR", help="save a picture of each screen that appears"
    )
    words.add_argument("--fullscreen", action="store_true", help="take the whole panel instead of --size")
    return words


def size(text: str) -> tuple[int, int]:
    """800x480. Raises ValueError for less than 640×400 or more than 7680×4320."""
    width, _, height = text.partition("x")
    pixels = int(width), int(height)
    if not (640 <= pixels[0] <= 7680 and 400 <= pixels[1] <= 4320):
        raise ValueError(f"size {text}: want 640x400 to 7680x4320")
    return pixels


def set_up_kivy(pixels: tuple[int, int], fullscreen: bool) -> None:
    """Kivy reads its settings once, at its first import."""
    os.environ["KIVY_NO_ARGS"] = "1"
    os.environ.setdefault("KIVY_NO_FILELOG", "1")
    os.environ.setdefault("KIVY_NO_CONFIG", "1")
    os.environ["KIVY_METRICS_DENSITY"] = str(scale_of(*pixels))
    os.environ["KIVY_METRICS_FONTSCALE"] = "1"
    from kivy.config import Config

    graphics = {
        "width": pixels[0],
        "height": pixels[1],
        "borderless": 1,
        "fullscreen": "auto" if fullscreen else 0,
        "position": "custom",
        "left": 0,
        "top": 0,
        "multisamples": 0,
        "maxfps": 30,
        "resizable": 0,
        "show_cursor": 0 if fullscreen else 1,
        "allow_screensaver": 0,
    }
    for key, value in graphics.items():
        Config.set("graphics", key, str(value))
    Config.set("input", "mouse", "mouse,disable_multitouch")
    Config.set("kivy", "exit_on_escape", "0")
    Config.set("kivy", "log_level", "warning")


def main(arguments: Sequence[str] | None = None) -> int:
    words = parser().parse_args(arguments)
    set_up_kivy(words.size, words.fullscreen)
    from kiosk.ui.app import Screen
    from kiosk.ui.faces import FacesMissing

    logging.getLogger("kiosk").setLevel(logging.INFO)
    try:
        asyncio.run(Screen(words.socket, words.language, words.theme, words.screenshots).run_with_client())
    except FacesMissing as error:
        print(f"kiosk-ui: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
