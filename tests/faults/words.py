"""A fault in the three places where people read of it: screen, `kiosk why` and `kiosk doctor`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kiosk.cli.causes import CAUSES
from kiosk.cli.doctor import advice
from kiosk.cli.why import story
from kiosk.probe.checks_snapshot import all_of
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import Snapshot
from kiosk.ui.choose import choose
from kiosk.ui.navigation import Nav
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.views.trouble import FaultScreen, reference_number
from kiosk.wire import snapshot_line


def one_cause(snapshot: Snapshot | None, evse_id: int, code: FaultCode, condition: str = "") -> None:
    """All three give the same cause; `condition`: the row of the kiosk's own table beside it. Raises AssertionError."""
    assert snapshot is not None
    shown = snapshot_line(snapshot)["snapshot"]
    evse = next(evse for evse in shown["evses"] if evse["evse_id"] == evse_id)
    first, *others = story(evse, shown)["causes"]
    assert first["code"] == f"fault:{code}"
    assert condition in (*(other["code"] for other in others), "")
    _screen_says(snapshot, evse_id, code)
    _doctor_says(shown, evse_id, first, condition)


def _screen_says(snapshot: Snapshot, evse_id: int, code: FaultCode) -> None:
    """Whoever stands before this connector reads of the fault, in every language."""
    for name, language in LANGUAGES.items():
        view = choose(replace(snapshot, notice=None, token_waits=False), Nav(name, name, focus=evse_id), 0.0)
        assert isinstance(view, FaultScreen)
        what, _, do = view.answers
        assert what.text == language.say(f"fault.{code}.what", number=evse_id)
        assert what.detail == language.say(f"fault.{code}.detail", number=evse_id)
        assert do.text == language.say(f"fault.{code}.do", number=evse_id)
        assert view.say.endswith(f"-{evse_id}-F{reference_number(code)}")


def _doctor_says(shown: dict[str, Any], evse_id: int, cause: dict[str, Any], condition: str) -> None:
    """A line with the same cause, and one of the part that the condition is about."""
    lines = [str(finding) for finding in all_of(shown, advice(shown))]
    (line,) = (line for line in lines if line.startswith(f"FAIL  relay and inputs EVSE {evse_id}: "))
    assert cause["code"].removeprefix("fault:") in line and cause["sentence"] in line
    if condition:
        assert any("FAIL  device" in line and CAUSES[condition][0] in line for line in lines)
