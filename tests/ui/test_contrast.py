"""Colours that carry words or mark what can be touched are told apart by everybody who must."""

from __future__ import annotations

import pytest

from kiosk.ui.tokens import THEMES, TOKENS, Theme, contrast

SERVICES = ("charge", "give", "swap", "rent", "stop", "warn")
GROUNDS = ("surface", "canvas", "sunken")
TEXT = [
    *((ink, ground) for ink in ("ink", "ink2") for ground in GROUNDS),
    *((ink, f"{service}_t") for ink in ("ink", "ink2") for service in SERVICES),
    *((service, "surface") for service in SERVICES),
    *((service, f"{service}_t") for service in SERVICES),
    *(("on", service) for service in SERVICES),
    ("stop_on", "stop_fill"),
    ("on", "brand"),
    ("on", "pressed"),
]
CONTROLS = [
    *(("line", ground) for ground in GROUNDS),
    *((service, "canvas") for service in SERVICES),
    ("stop_fill", "canvas"),
]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("kind", "pairs"), [("text", TEXT), ("control", CONTROLS)])
def test_no_pair_of_colours_is_too_weak(theme: str, kind: str, pairs: list[tuple[str, str]]) -> None:
    colors = Theme(theme)
    least = TOKENS["contrast"][kind]

    weak = {pair: contrast(*map(colors.hex, pair)) for pair in pairs if contrast(*map(colors.hex, pair)) < least}

    assert weak == {}


def test_black_on_white_is_twenty_one() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)


def test_both_themes_name_the_same_colours() -> None:
    assert TOKENS["light"].keys() == TOKENS["dark"].keys()
