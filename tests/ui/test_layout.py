"""Geometry and the looks of a button, without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.ui import acts
from kiosk.ui.acts import Page
from kiosk.ui.choose import choose
from kiosk.ui.layout import Pressing, Rect, Scene, lay_out
from kiosk.ui.nodes import FIT, Box, Button, Node, Space, Text, col, row
from kiosk.ui.screens.all import draw
from kiosk.ui.screens.parts import OWN_ACTS
from tests.ui.cases import CASES, NOW_S


def square(words: str, size: float, bold: bool) -> float:
    return len(words) * size


def laid(tree: Node, pressing: Pressing | None = None) -> Scene:
    return lay_out(tree, 800, 480, square, pressing or Pressing())


def test_fixed_sizes_come_first_and_the_rest_is_shared() -> None:
    scene = laid(row(Text("a", w=100), Text("b"), Text("c"), gap=10, pad=(20, 5)))

    assert [item.rect for item in scene.placed] == [
        Rect(20, 5, 100, 470),
        Rect(130, 5, 320, 470),
        Rect(460, 5, 320, 470),
    ]


def test_words_that_ask_for_their_own_width_get_it() -> None:
    scene = laid(row(Text("abcd", "body", w=FIT), Text("b")))

    assert scene.placed[0].rect.w == 82 and scene.placed[1].rect.w == 718


def test_a_fixed_height_in_a_row_stands_in_the_middle() -> None:
    assert laid(row(Text("a", h=80))).placed[0].rect == Rect(0, 200, 800, 80)
    assert laid(col(Space(), Text("a", h=80))).placed[0].rect == Rect(0, 400, 800, 80)


BUTTON = Button(acts.Home(), "Back", "why", kind="first")


def ground(button: Button, pressing: Pressing) -> tuple[str | None, bool, list[str]]:
    placed = laid(row(button), pressing).placed
    box = placed[0].node
    assert isinstance(box, Box)
    return box.ground, box.hatched, [item.node.text for item in placed if isinstance(item.node, Text)]


def test_a_button_shows_the_state_it_is_in() -> None:
    off = replace(BUTTON, is_enabled=False)

    assert ground(BUTTON, Pressing()) == ("charge", False, ["Back", "why"])
    assert ground(BUTTON, Pressing(pressed=acts.Home())) == ("pressed", False, ["Back", "why"])
    assert ground(BUTTON, Pressing(waiting=acts.Home(), one_moment="One moment")) == ("pressed", False, ["One moment"])
    assert ground(off, Pressing(pressed=acts.Home())) == ("sunken", True, ["Back", "why"])


@pytest.mark.parametrize("name", CASES)
def test_without_a_controller_only_what_needs_none_can_be_pressed(name: str) -> None:
    snapshot, nav, _ = CASES[name]
    scene = laid(draw(choose(snapshot, nav, NOW_S, 5.0)))

    assert [target.act for target in scene.targets if target.is_enabled and not isinstance(target.act, OWN_ACTS)] == []


@pytest.mark.parametrize("name", CASES)
def test_the_language_can_be_changed_on_every_screen(name: str) -> None:
    snapshot, nav, silence_s = CASES[name]
    acted = [target.act for target in laid(draw(choose(snapshot, nav, NOW_S, silence_s))).targets]

    assert acts.Open(Page.LANGUAGES) in acted or any(isinstance(act, acts.Speak) for act in acted)
