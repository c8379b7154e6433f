"""kiosk-ui: the touchscreen."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kiosk.config import ConfigError, Place, Screen, load
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.tokens import THEMES, scale_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`size` in pixels; `photos` is a folder or None."""

    socket: Path
    size: tuple[int, int]
    language: str
    theme: str
    photos: Path | None
    is_fullscreen: bool


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="kiosk-ui",
        description="The kiosk's touchscreen. What is not given is taken from the environment, then from the config.",
    )
    words.add_argument("--config", type=Path, help="kiosk.toml, for [kiosk] socket and [screen] (KIOSK_CONFIG)")
    words.add_argument("--socket", type=Path, help="the controller's socket (KIOSK_SOCKET)")
    words.add_argument("--size", metavar="WxH", help="window in pixels (KIOSK_UI_SIZE; 800x480)")
    words.add_argument("--language", help=f"of the first screen: {', '.join(LANGUAGES)} (KIOSK_UI_LANGUAGE; en)")
    words.add_argument("--theme", help="auto, light or dark; auto is dark from dusk till dawn (KIOSK_UI_THEME; light)")
    words.add_argument("--screenshots", type=Path, metavar="DIR", help="save a picture of each screen that appears")
    words.add_argument("--fullscreen", action="store_true", help="take the whole panel")
    return words


def settings(given: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """Arguments before environment before config. Raises ConfigError and ValueError."""
    path = given.config or environment.get("KIOSK_CONFIG")
    config = load(path) if path else None
    screen = config.screen if config else Screen()
    socket = config.kiosk.socket if config else Place().socket

    def wanted(name: str, variable: str, default: str) -> str:
        return str(getattr(given, name) or environment.get(variable) or default)

    language, theme = (
        wanted("language", "KIOSK_UI_LANGUAGE", screen.language),
        wanted("theme", "KIOSK_UI_THEME", screen.theme),
    )
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r}: want one of {', '.join(LANGUAGES)}")
    if theme not in ("auto", *THEMES):
        raise ValueError(f"theme {theme!r}: want auto, {' or '.join(THEMES)}")
    return Settings(
        Path(wanted("socket", "KIOSK_SOCKET", socket)),
        size(wanted("size", "KIOSK_UI_SIZE", screen.size)),
        language,
        theme,
        given.screenshots,
        given.fullscreen,
    )


def size(text: str) -> tuple[int, int]:
    """800x480. Raises ValueError for another form, less than 640×400 or more than 7680×4320."""
    parts = re.fullmatch(r"(\d{3,4})x(\d{3,4})", text)
    if parts is None or not (640 <= int(parts[1]) <= 7680 and 400 <= int(parts[2]) <= 4320):
        raise ValueError(f"size {text!r}: want 640x400 to 7680x4320")
    return int(parts[1]), int(parts[2])


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
    try:
        chosen = settings(parser().parse_args(arguments), os.environ)
    except (ConfigError, ValueError) as error:
        print(f"kiosk-ui: {error}", file=sys.stderr)
        return 2
    set_up_kivy(chosen.size, chosen.is_fullscreen)
    from kiosk.ui.app import Screen as Window
    from kiosk.ui.faces import FacesMissing

    logging.getLogger("kiosk").setLevel(logging.INFO)
    try:
        asyncio.run(Window(chosen.socket, chosen.language, chosen.theme, chosen.photos).run_with_client())
    except FacesMissing as error:
        print(f"kiosk-ui: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
