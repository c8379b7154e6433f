"""The screen and `kiosk why` give the same cause, for each fault there is and in each language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk import wire
from kiosk.cli.causes import CAUSES
from kiosk.cli.why import story
from kiosk.session.faults import FaultCode
from kiosk.ui.choose import choose
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.views.charging import ChargingView
from kiosk.ui.views.trouble import FaultScreen
from tests.ui import samples
from tests.ui.cases import AT_1, NOW_S


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", FaultCode)
def test_the_screen_says_what_why_says(code: FaultCode, language: str) -> None:
    snapshot = samples.snapshot(replace(samples.broken(code), why=(f"fault:{code.value}",)), samples.evse(2))
    view = choose(snapshot, replace(AT_1, language=language), NOW_S, 0)
    told = wire.snapshot_line(snapshot)["snapshot"]
    cause = story(told["evses"][0], told)["causes"][0]

    assert cause["code"] == f"fault:{code.value}"
    assert cause["sentence"] == CAUSES[code.value][0]
    assert isinstance(view, FaultScreen)
    texts = LANGUAGES[language].texts
    what, _, do = view.answers
    key = cause["code"].replace("fault:", "fault.")
    assert what.text == texts[f"{key}.what"].format(number=1)
    assert what.detail == texts[f"{key}.detail"].format(number=1)
    assert do.text == texts[f"{key}.do"].format(number=1)


@pytest.mark.parametrize("cause", ["heat:half", "heat:least", "heat:board"])
def test_less_current_for_heat_is_told_by_both_and_is_no_fault(cause: str) -> None:
    warm = replace(samples.delivering(1), why=("charging_state:Charging", cause))
    snapshot = samples.snapshot(warm, samples.evse(2), minutes=18.7)
    told = wire.snapshot_line(snapshot)["snapshot"]
    view = choose(snapshot, AT_1, NOW_S, 0)

    assert cause in [one["code"] for one in story(told["evses"][0], told)["causes"]]
    assert isinstance(view, ChargingView)
    assert view.note.text == LANGUAGES["en"].texts["charging.note_hot"]
