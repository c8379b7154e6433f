"""A finger that is told words finds the button that says them, in the window's own pixels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.ui import acts
from kiosk.ui.acts import Page
from sim.control import Mistake
from tests.ui import samples as s
from tests.ui.cases import AT_1, NAV
from worlds.screen_commands import meant
from worlds.touchscreen import Touchscreen


def screen(width: int = 800, height: int = 480) -> Touchscreen:
    return Touchscreen(":none", (width, height), lambda: None)


@pytest.mark.parametrize(
    ("words", "act"),
    [("Choose 1", acts.Choose(1)), ("choose 2", acts.Choose(2)), ("Help", acts.Open(Page.HELP))],
)
def test_words_find_the_button_that_says_them(words: str, act: acts.Act) -> None:
    assert meant(screen().buttons(s.snapshot(), NAV), words).act == act


def test_a_digit_is_found_on_the_keypad_and_its_place_is_the_windows() -> None:
    keypad = replace(AT_1, page=Page.STOP)
    snapshot = s.snapshot(s.delivering(1), s.evse(2))
    small, large = (meant(screen(*size).buttons(snapshot, keypad), "5") for size in ((800, 480), (1280, 800)))

    assert small.act == large.act == acts.Digit("5")
    assert small.holds(*small.middle) and large.middle[0] > small.middle[0]


@pytest.mark.parametrize("words", ["Pay with gold", "Type 2", ""])
def test_words_that_no_button_or_several_say_are_refused_with_what_there_is(words: str) -> None:
    with pytest.raises(Mistake, match="Choose 1"):
        meant(screen().buttons(s.snapshot(), NAV), words)
