"""The screen and `kiosk why` give the same cause, for each row of docs/faults.md and in each language."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from contract.transaction import ClockQuality
from kiosk import wire
from kiosk.cli.causes import CAUSES
from kiosk.cli.why import story
from kiosk.drivers.modbus_errors import Place
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import DeviceView, NoticeCode, ReaderView, Snapshot
from kiosk.session.states import State
from kiosk.ui.choose import choose
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.views.charging import ChargingView
from kiosk.ui.views.trouble import FaultScreen
from tests.ui import samples
from tests.ui.cases import AT_1, NOW_S
from worlds.fault_rows import CONDITION_ROWS, Row


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


# ---- the kiosk besides its EVSEs: where the driver meets each condition, and that he reads of it there --------------

DEAD, WELL = ("gone", False), ("", True)


def readers(card: tuple[str, bool], code: tuple[str, bool]) -> dict[str, Any]:
    both = (ReaderView("front", "nfc", card[1], card[0]), ReaderView("scanner", "qr", code[1], code[0]))
    return {"readers": both}


def alone(because: str) -> list[Snapshot]:
    """The server is not reached while a card is asked for, a cable is waited for and a charge goes on."""
    away: dict[str, Any] = {"is_online": False, "offline_because": because}
    evses = (samples.evse(1, state=State.AUTHORIZING), samples.preparing(is_offline=True))
    return [samples.snapshot(evse, **away) for evse in (*evses, samples.delivering(1, is_offline=True))]


def broken(code: FaultCode, part: str, said: str) -> list[Snapshot]:
    """A part that is not well, and the fault that follows at its EVSE."""
    return [samples.snapshot(samples.broken(code), devices=(DeviceView(part, False, said),))]


def before_readers(card: tuple[str, bool], code: tuple[str, bool]) -> list[Snapshot]:
    return [samples.snapshot(**readers(card, code)), samples.snapshot(chosen_evse=1, **readers(card, code))]


LEFT = Place("meter", "left", "sdm630", "/dev/ttyRS485", 1)
NO_LINE = "contactor 1: cannot read GPIO 23: 'GPIO busy'"
JOURNAL, METER = FaultCode.JOURNAL_FAILED, FaultCode.METER_LOST
MET: dict[str, list[Snapshot]] = {
    "nfc_reader_dead": before_readers(DEAD, WELL),
    "scanner_gone": before_readers(WELL, DEAD),
    "reader_lost": before_readers(DEAD, DEAD),
    **{code: alone(code) for code in ("uplink_gone", "server_refuses", "certificate_expired", "certificate_refused")},
    "offline": alone("no_answer"),
    "clock_unknown": [
        samples.snapshot(clock_quality=ClockQuality.UNKNOWN, notice=samples.notice(NoticeCode.NO_PRICE)),
    ],
    "disk_full": broken(JOURNAL, "journal", "database or disk is full"),
    "disk_read_only": broken(JOURNAL, "journal", "attempt to write a readonly database"),
    "disk_stalled": broken(JOURNAL, "journal", "a write has not come back for 120 s: the disk hangs"),
    "port_gone": broken(METER, "meter 'left'", f"{LEFT}: /dev/ttyRS485 9600 8N1: there is no such port."),
    "bus_babbles": broken(METER, "meter 'left'", LEFT.drowned(9.0, 12.0)),
    "address_doubled": broken(METER, "meter 'left'", LEFT.garbled(9.0, 12.0, True)),
    "answers_late": broken(METER, "meter 'left'", LEFT.too_late(0.7, 0.5, 9.0, 12.0)),
    "wrong_device": broken(METER, "meter 'left'", LEFT.stranger(7, 9.0, 12.0)),
    "gpio_gone": [
        *broken(FaultCode.SAFETY_LINE_LOST, "contactor 1", NO_LINE),
        *broken(FaultCode.FEEDBACK_LOST, "contactor 1", NO_LINE),
    ],
}


@pytest.mark.parametrize("row", CONDITION_ROWS, ids=lambda row: row.code)
def test_where_a_driver_meets_a_condition_he_reads_of_it_and_why_names_it(row: Row) -> None:
    if not row.screen:
        assert row.silent and row.code not in MET
        return
    for language in LANGUAGES:
        read: list[str] = []
        for snapshot in MET[row.code]:
            told = wire.snapshot_line(snapshot)["snapshot"]
            assert row.code in [cause["code"] for cause in story(told["evses"][0], told)["causes"]]
            is_home = snapshot.chosen_evse is None and snapshot.evses[0].state is State.IDLE
            nav = replace(AT_1, language=language, focus=None if is_home else 1, touched_at_s=NOW_S - 60)
            read += words_in(choose(snapshot, nav, NOW_S, 0))
        for key in row.screen:
            pattern = re.sub(r"\\\{\w+\\\}", ".*", re.escape(LANGUAGES[language].texts[key]))
            assert any(re.fullmatch(pattern, words, re.DOTALL) for words in read), (key, read)


def words_in(shown: Any) -> list[str]:
    """Every text of a view."""
    if isinstance(shown, str):
        return [shown]
    if isinstance(shown, tuple):
        return [words for one in shown for words in words_in(one)]
    if is_dataclass(shown):
        return [words for field in fields(shown) for words in words_in(getattr(shown, field.name))]
    return []
