"""The look's numbers, read once from tokens.toml, and the contrast between two of its colours."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

TOKENS: dict[str, Any] = tomllib.loads((files("kiosk.ui") / "tokens.toml").read_text(encoding="utf-8"))
TYPE: dict[str, int] = TOKENS["type"]
RADIUS: dict[str, int] = TOKENS["radius"]
TARGET: dict[str, int] = TOKENS["target"]
BORDER: dict[str, int] = TOKENS["border"]
SECONDS: dict[str, int] = TOKENS["time"]
THEMES = ("light", "dark")
LOGICAL_SIZE = (800.0, 480.0)


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours, by token name."""

    name: str

    def hex(self, token: str) -> str:
        value: str = TOKENS[self.name][token]
        return value

    def rgba(self, token: str, alpha: float = 1.0) -> tuple[float, float, float, float]:
        """Channels from 0 to 1. Raises KeyError for a colour that is not in tokens.toml."""
        value = self.hex(token)
        red, green, blue = (int(value[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return red, green, blue, alpha


def theme_at(local_hour: int, wanted: str) -> Theme:
    """The theme for `wanted` light, dark or auto: dark from dusk till dawn by the local clock."""
    if wanted != "auto":
        return Theme(wanted)
    dusk = TOKENS["dusk"]
    return Theme("dark" if local_hour >= dusk["from"] or local_hour < dusk["until"] else "light")


def scale_of(width: float, height: float) -> float:
    """Real pixels per logical pixel."""
    return min(width / LOGICAL_SIZE[0], height / LOGICAL_SIZE[1])


def contrast(one: str, other: str) -> float:
    """Ratio of two #RRGGBB colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(value: str) -> float:
    """WCAG 2.2, "relative luminance"."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(value[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
