"""`kiosk why`, `kiosk stop` and `kiosk reset`."""

from __future__ import annotations

import json
import os
import pwd
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.metering import Quality
from contract.tariff import TariffOffer
from contract.transaction import StoppedReason
from kiosk import wire
from kiosk.cli.causes import CAUSES, IDLE, STATES
from kiosk.cli.why import story
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import ReaderView
from kiosk.session.states import State
from tests.cli.conftest import ROOT, Run
from tests.cli.panel import Panel, delivering, evse, faulted, panel, snapshot


@pytest.mark.parametrize("code", FaultCode)
def test_every_fault_has_its_sentence_and_its_fix(
    tmp_path: Path, kiosk: Run, offer: TariffOffer, code: FaultCode
) -> None:
    with panel(tmp_path / "panel", snapshot(evse(1, offer), faulted(2, offer, code))):
        done = kiosk("why", "2")

    assert done.returncode == 1
    first, cause = done.stdout.splitlines()[:2]
    assert first == "EVSE 2 is out of service for 2 h 03 min: it may not deliver."
    assert cause == f"  cause  {CAUSES[code][0]} [fault:{code}] Since 2026-03-01 12:00:00Z."
    assert "line 17 is high" in done.stdout
    assert CAUSES[code][1].replace("EVSE", "2") in done.stdout


def test_every_state_says_what_moves_it_on() -> None:
    assert set(STATES) == set(State)


def test_every_code_the_core_can_give_is_explained() -> None:
    sources = [(ROOT / "kiosk/session/view.py").read_text(), (ROOT / "kiosk/interlock.py").read_text()]
    view = sources[0][sources[0].index("def _why(") :]
    given = set(re.findall(r'"([a-z]+(?:_[a-z]+)+|free)"', view)) | set(re.findall(r'return "(\w+)"', sources[1]))
    given |= {f"stopped:{reason}" for reason in StoppedReason}

    assert {"waiting_for_plug", "not_on_disk"} <= given
    assert given <= set(CAUSES)


@pytest.mark.parametrize(
    "code", ["no_offer", "blocked_by_operator", "reserved", "reserved_for_phone", "held_until_unplugged"]
)
def test_an_idle_evse_where_nothing_begins_is_not_called_free(offer: TariffOffer, code: str) -> None:
    told = wire.snapshot_line(snapshot(evse(1, None if code == "no_offer" else offer, why=(code,))))["snapshot"]
    one = story(told["evses"][0], told)

    assert (one["meaning"], one["moves_on"]) == IDLE[code]
    assert "free" not in one["meaning"]


@pytest.mark.parametrize(
    ("dead", "moves_on"),
    [
        ((), "a card, member code or voucher at the reader"),
        (("nfc",), "a code at the scanner"),
        (("qr",), "a card at the reader, a payment by phone"),
        (("nfc", "qr"), "no reader works"),
    ],
)
def test_a_car_that_nobody_has_paid_for_is_told_from_a_free_connector(
    offer: TariffOffer, dead: tuple[str, ...], moves_on: str
) -> None:
    readers = tuple(ReaderView(kind, kind, kind not in dead, "") for kind in ("nfc", "qr"))
    told = wire.snapshot_line(replace(snapshot(evse(1, offer, why=("plugged_in",))), readers=readers))["snapshot"]
    one = story(told["evses"][0], told)

    assert one["causes"][0]["sentence"] == "A vehicle is plugged in; nobody has paid or shown a card yet."
    assert one["meaning"] == "a vehicle waits for a card or a payment" and one["moves_on"].startswith(moves_on)
    assert "a payment by phone" in one["moves_on"]
    without = story(told["evses"][0], told | {"phone_problem": "not_taken"})["moves_on"]
    assert "phone" not in without and "a start command begins a session" in without


def test_what_moves_a_fault_on_says_whether_it_needs_a_reset(offer: TariffOffer) -> None:
    def moves_on(latched: bool, *why: str) -> str:
        broken = faulted(2, offer, FaultCode.METER_LOST)
        assert broken.fault is not None
        broken = replace(broken, fault=replace(broken.fault, is_latched=latched), why=why)
        told = wire.snapshot_line(snapshot(broken))["snapshot"]
        return str(story(told["evses"][0], told)["moves_on"])

    assert moves_on(False) == "it clears by itself once the fault's cause is gone"
    assert moves_on(True, "needs_reset") == "the fault's cause must go, and then: kiosk reset 2"
    assert moves_on(True, "cause_gone") == "kiosk reset 2"


def test_a_card_that_waits_is_told_where_it_would_start(offer: TariffOffer) -> None:
    free = (evse(1, offer, why=("free",)), evse(2, offer, why=("free",)))
    told = wire.snapshot_line(snapshot(*free, token_waits=True, token_waits_s=9.0, token_starts=(2,)))["snapshot"]
    one, two = (story(each, told) for each in told["evses"])

    assert [cause["code"] for cause in one["causes"]] == ["free"]
    assert [cause["code"] for cause in two["causes"]] == ["free", "token_would_start"]
    assert two["moves_on"] == "choosing connector 2 on the screen begins a session with the card or code that waits"


def test_status_calls_an_evse_held_only_while_nobody_charges(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(evse(1, offer, held=True), replace(delivering(2, offer), held=True))):
        done = kiosk("status")

    assert done.stdout.count("held until unplugged") == 1


def test_the_interlocks_word_and_the_fault_are_told_once(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    both = replace(
        faulted(1, offer, FaultCode.RCD_TRIPPED), why=("fault:rcd_tripped", "needs_reset", "interlock:rcd_tripped")
    )
    with panel(tmp_path / "panel", snapshot(both)):
        done = kiosk("why", "1", "--json")

    assert [cause["code"] for cause in json.loads(done.stdout)["causes"]] == ["fault:rcd_tripped", "needs_reset"]


@pytest.mark.parametrize("code", [FaultCode.EMERGENCY_STOP, FaultCode.RCD_TRIPPED])
def test_a_latched_fault_whose_cause_is_gone_asks_for_nothing_but_the_reset(
    tmp_path: Path, kiosk: Run, offer: TariffOffer, code: FaultCode
) -> None:
    gone = replace(faulted(1, offer, code), why=(f"fault:{code}", "cause_gone"))
    with panel(tmp_path / "panel", snapshot(gone)):
        done = kiosk("why", "1")

    assert done.returncode == 1
    assert f"{CAUSES[f'{code}:gone'][0]} [fault:{code}] Since" in done.stdout
    assert CAUSES[code][0] not in done.stdout and "Now: kiosk reset 1" in done.stdout


def test_why_also_names_what_only_the_snapshot_shows(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    busy = delivering(1, offer, meter_quality=Quality.STALE)
    free = evse(2, None, why=("no_offer", "free"))
    dead = ReaderView("front", "nfc", False, "no answer")
    with panel(tmp_path / "panel", snapshot(busy, free, is_online=False, readers=(dead,))):
        done = kiosk("why", "--json")

    codes = [[cause["code"] for cause in one["causes"]] for one in json.loads(done.stdout)]
    besides = ["nfc_reader_dead", "reader_lost", "offline"]
    assert codes == [["meter_stale", *besides], ["no_offer", "free", *besides]]
    assert done.returncode == 1


def test_an_unknown_code_is_shown_as_it_is(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(evse(1, offer, why=("moon_in_the_way",)))):
        done = kiosk("why", "1")

    assert "moon in the way. [moon_in_the_way]" in done.stdout
    assert done.returncode == 0


def test_an_evse_that_is_not_there_is_a_usage_error(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(evse(1, offer), evse(2, offer))):
        done = kiosk("why", "7")

    assert done.returncode == 2
    assert "EVSE 7: this kiosk has no such EVSE; it has: 1, 2" in done.stderr


def _obeys(line: dict[str, Any], made: Panel) -> list[dict[str, Any]]:
    if "intent" in line:
        wire.read_intent(line, wire.Role.TECHNICIAN)
        return []
    free = replace(made.snapshot.evses[0], state=State.IDLE, fault=None, transaction=None, contactor_closed=False)
    return [wire.snapshot_line(made.snapshot), wire.snapshot_line(replace(made.snapshot, evses=(free,)))]


def test_stop_ends_well_once_a_snapshot_shows_it(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(delivering(1, offer)), _obeys) as made:
        done = kiosk("stop", "1")

    assert (done.returncode, done.stdout) == (0, "EVSE 1: stopped; it is now idle, the contactor open.\n")
    (intent,) = [line for line in made.heard if "intent" in line]
    by = pwd.getpwuid(os.getuid()).pw_name
    assert intent == {"intent": "StopCommanded", "transaction_id": None, "evse_id": 1, "by": by}


def test_a_stop_whose_contactor_stays_closed_is_none(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    busy = delivering(1, offer)
    ramping = replace(busy, state=State.PARKED, why=("stopped:Remote", "ramping_down"))

    def parks(line: dict[str, Any], made: Panel) -> list[dict[str, Any]]:
        return [] if "intent" in line else [wire.snapshot_line(replace(made.snapshot, evses=(ramping,)))]

    with panel(tmp_path / "panel", snapshot(busy), parks):
        done = kiosk("stop", "1", "--patience-s", "0.3")

    assert done.returncode == 4
    assert "not stopped within 0.3 s: it is parked, the contactor still closed" in done.stderr
    assert "stopped, the contactor still closed, and the cable still in" in done.stdout
    assert "The current is falling; the contactor is still closed" in done.stdout


def test_why_reads_the_feedback_of_a_parked_evse(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    parked = [
        replace(delivering(number, offer), state=State.PARKED, contactor_closed=closed, wants_contactor_closed=False)
        for number, closed in ((1, False), (2, True), (3, None))
    ]
    with panel(tmp_path / "panel", snapshot(*parked)):
        why, status = kiosk("why").stdout, kiosk("status").stdout

    meanings = [line for line in why.splitlines() if line.startswith("EVSE")]
    for meaning, word in zip(
        meanings, ("contactor open,", "contactor still closed,", "unknown (no feedback),"), strict=True
    ):
        assert word in meaning
    assert status.count("CONTACTOR STILL CLOSED") == status.count("CONTACTOR UNKNOWN") == 1


def test_reset_ends_well_once_the_fault_is_gone(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(faulted(1, offer, FaultCode.RCD_TRIPPED)), _obeys):
        done = kiosk("reset", "1", "--json")

    answer = json.loads(done.stdout)
    assert (done.returncode, answer["reset"], answer["by"] != "") == (0, True, True)


def test_a_reset_without_effect_is_refused_with_the_cause(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(faulted(1, offer, FaultCode.EMERGENCY_STOP))):
        done = kiosk("reset", "1", "--patience-s", "0.2")

    assert done.returncode == 4
    assert "Release the button" in done.stdout
    assert "not reset within 0.2 s" in done.stderr


def test_an_error_of_the_controller_is_handed_on(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(delivering(1, offer)), lambda *_: [{"error": "read-only socket"}]):
        done = kiosk("stop", "1")

    assert (done.returncode, done.stderr) == (4, "kiosk: controller: read-only socket\n")


def test_stopping_what_does_not_run_is_refused_before_anything_is_sent(
    tmp_path: Path, kiosk: Run, offer: TariffOffer
) -> None:
    with panel(tmp_path / "panel", snapshot(evse(1, offer))) as made:
        done = kiosk("stop", "1")

    assert done.returncode == 4
    assert made.heard == [{"hello": "technician"}]
