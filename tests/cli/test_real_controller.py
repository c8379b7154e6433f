"""The technician's command beside a real controller, uplink, server and street."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.session.states import State
from tests.cli.conftest import ENVIRONMENT
from worlds.charges import Charges
from worlds.eyes import Eyes
from worlds.stage import Stage

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("street")]


@pytest.fixture(scope="module")
def charges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Charges]:
    root: Path = tmp_path_factory.mktemp("technician") / "stage"
    with Stage(root) as stage:
        stage.start_server_and_street()
        stage.start_kiosk()
        with Eyes(stage.places.panel) as eyes:
            yield Charges(stage, eyes)


def kiosk(charges: Charges, *words: str) -> subprocess.CompletedProcess[str]:
    places = charges.stage.places
    around = ENVIRONMENT | {"KIOSK_SOCKET": places.panel, "KIOSK_CONFIG": str(places.config)}
    command = [sys.executable, "-m", "kiosk.cli.main", *words]
    done = subprocess.run(command, env=around, capture_output=True, text=True, timeout=60, check=False)
    if shown := os.environ.get("KIOSK_SHOW"):
        with open(shown, "a", encoding="utf-8") as file:
            file.write(f"$ kiosk {' '.join(words)}\n{done.stdout}{done.stderr}[{done.returncode}]\n\n")
    return done


def test_a_technician_sees_explains_stops_and_finds_the_stop_in_the_journal(charges: Charges) -> None:
    charges.wait_until_ready(1)
    charges.wait_until_online()
    free = kiosk(charges, "status")
    charges.choose(1)
    charges.stage.street("tap", card="anna")
    charges.wait_for(1, "knows the card", lambda e: e.transaction is not None)
    waiting = kiosk(charges, "why", "1", "--json")
    charges.stage.street("plug", evse=1, car="zoe")
    charges.wait_until_delivering(1, least_wh=100)
    busy, why = kiosk(charges, "status"), kiosk(charges, "why", "1")
    stopped = kiosk(charges, "stop", "1")
    again = kiosk(charges, "stop", "1")
    parked = charges.wait_for(1, "is parked", lambda e: e.state is State.PARKED)
    charges.stage.street("unplug", evse=1)
    charges.wait_for(1, "is free again", lambda e: e.state is State.IDLE)
    charges.wait_until_sent()
    audits = kiosk(charges, "journal", "list", "--kind", "audit", "--json")
    listed = kiosk(charges, "journal", "list", "--limit", "10")
    outbox = kiosk(charges, "outbox", "--json")

    assert free.returncode == 0 and "server online" in free.stdout
    (cause, *_) = json.loads(waiting.stdout)["causes"]
    assert cause["code"] == "waiting_for_plug"
    assert "delivering" in busy.stdout and "closed" in busy.stdout
    assert "Energy flows. [charging_state:Charging]" in why.stdout
    assert (stopped.returncode, stopped.stdout) == (0, "EVSE 1: stopped; it is now parked, the contactor open.\n")
    assert again.returncode == 4 and "Unplug the cable" in again.stderr
    assert parked.transaction is not None
    rows = [row["body"] for row in json.loads(audits.stdout)]
    assert [(row["what"], row["evse_id"], row["by"] != "") for row in rows] == [("stop", 1, True)]
    assert "Started 0 Authorized" in listed.stdout
    assert json.loads(outbox.stdout)["waiting"] == 0


def test_an_emergency_stop_is_explained_and_reset_once_it_is_released(charges: Charges) -> None:
    charges.wait_until_ready(2)
    charges.stage.street("press-estop")
    charges.wait_for(2, "is out of service", lambda e: e.state is State.OUT_OF_SERVICE)
    too_early = kiosk(charges, "reset", "2", "--patience-s", "1")
    why = kiosk(charges, "why", "2")
    charges.stage.street("release-estop")
    charges.wait_for(2, "is seen released", lambda e: "cause_gone" in e.why)
    released = kiosk(charges, "why", "2")
    done = [kiosk(charges, "reset", evse_id) for evse_id in ("1", "2")]

    assert too_early.returncode == 4 and why.returncode == 1
    assert "[fault:emergency_stop]" in why.stdout and "Release the button" in why.stdout
    assert "it is released now" in released.stdout and "Release the button" not in released.stdout
    assert [one.returncode for one in done] == [0, 0]
    assert kiosk(charges, "status").returncode == 0


def test_doctor_beside_a_running_kiosk_finds_it_healthy_and_holds_nothing_up(charges: Charges) -> None:
    for evse_id in (1, 2):
        charges.wait_until_ready(evse_id)
    charges.wait_until_online()
    done = kiosk(charges, "doctor", "--json")

    looked_at = json.loads(done.stdout)["checks"]
    assert [one for one in looked_at if one["level"] == "fail"] == []
    assert {"controller", "relay and inputs", "reader", "device", "server", "enrolment"} <= {
        o["what"] for o in looked_at
    }
    assert done.returncode == 0
    kiosk(charges, "doctor")


def test_a_bus_and_a_reader_the_controller_holds_are_refused(charges: Charges) -> None:
    charges.wait_until_ready(1)
    busy = [kiosk(charges, *words) for words in (("meter", "read", "left"), ("nfc", "read"))]

    assert [one.returncode for one in busy] == [4, 4]
    assert "the controller holds bus '" in busy[0].stderr and "the controller holds reader '" in busy[1].stderr
