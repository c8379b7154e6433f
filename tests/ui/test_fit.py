"""Every screen, in every language, size and theme's geometry: words fit, nothing sticks out, targets are big enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.ui import faces
from kiosk.ui.choose import choose
from kiosk.ui.layout import Pressing, lay_out
from kiosk.ui.nodes import Button, Node, col, row
from kiosk.ui.paint import text_width
from kiosk.ui.screens.all import draw
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.tokens import scale_of
from tests.ui.cases import CASES, NOW_S
from tests.ui.check import faults

SIZES = ((800, 480), (1280, 800))


@pytest.fixture(scope="module", autouse=True)
def registered_faces() -> None:
    faces.register()


def measure(words: str, size: float, bold: bool) -> float:
    return text_width("JP", words, size, bold)


def faults_of(tree: Node, width: float, height: float) -> list[str]:
    return faults(lay_out(tree, width, height, measure, Pressing()), measure)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_screen_fits(language: str, size: tuple[int, int]) -> None:
    scale = scale_of(*size)
    found = {}
    for name, (snapshot, nav, silence_s) in CASES.items():
        view = choose(snapshot, replace(nav, language=language), NOW_S, silence_s)
        wrong = faults_of(draw(view), size[0] / scale, size[1] / scale)
        if wrong:
            found[name] = wrong

    assert found == {}


def test_the_check_sees_what_does_not_fit() -> None:
    from kiosk.ui.acts import Home

    tight = col(row(Button(Home(), "Donaudampfschifffahrtsgesellschaft", w=90), h=40), h=30)

    found = " ".join(faults_of(row(tight, w=100, h=30), 100, 30))

    assert "does not fit" in found and "sticks out" in found and "too small to touch" in found
