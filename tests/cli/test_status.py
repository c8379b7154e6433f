"""`kiosk status` and `kiosk watch` against a controller's socket."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.codec import to_wire
from contract.metering import Quality
from contract.tariff import TariffOffer
from kiosk import wire
from kiosk.cli import link
from kiosk.cli.status import PHONE_PROBLEMS
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import DeviceView, PhoneProblem
from tests.cli.conftest import ROOT, Run
from tests.cli.panel import delivering, evse, faulted, panel, snapshot


def test_status_shows_every_evse_with_state_power_energy_cost_and_age(
    tmp_path: Path, kiosk: Run, offer: TariffOffer
) -> None:
    with panel(tmp_path / "panel", snapshot(delivering(1, offer), evse(2, offer))):
        done = kiosk("status")

    assert (done.returncode, done.stderr) == (0, "")
    busy = next(line for line in done.stdout.splitlines() if line.startswith("1 "))
    free = next(line for line in done.stdout.splitlines() if line.startswith("2 "))
    for cell in ("delivering", "12 min", " C ", "closed", "16 A", "11.04 kW", "2.205 kWh", "EUR 1.13", "0.4 s"):
        assert cell in busy
    assert "idle" in free and "open" in free
    assert "kiosk K-7 · Bahnhofstraße 3 · server online · outbox 0 rows · clock synchronised" in done.stdout


@pytest.mark.parametrize("problem", PhoneProblem)
def test_status_says_why_nobody_can_pay_by_phone_now_and_it_is_no_finding(
    tmp_path: Path, kiosk: Run, offer: TariffOffer, problem: PhoneProblem
) -> None:
    with panel(tmp_path / "panel", snapshot(evse(1, offer), phone_problem=problem)):
        done = kiosk("status")

    assert done.returncode == 0
    assert f"pay by phone: not now, {PHONE_PROBLEMS[problem]}" in done.stdout


def test_status_shows_who_pays_by_phone_and_for_whom_a_connector_is_kept(
    tmp_path: Path, kiosk: Run, offer: TariffOffer
) -> None:
    busy = delivering(1, offer)
    assert busy.transaction is not None
    busy = replace(busy, transaction=replace(busy.transaction, is_by_phone=True))
    kept = replace(evse(2, offer), reserved_until=datetime(2026, 3, 1, 12, 2, tzinfo=UTC), reserved_for_phone=True)
    with panel(tmp_path / "panel", snapshot(busy, kept)):
        done = kiosk("status")

    assert "paid by phone" in next(line for line in done.stdout.splitlines() if line.startswith("1 "))
    assert "EVSE 2: reserved until 2026-03-01 12:02Z while somebody pays by phone" in done.stdout


def test_a_fault_or_a_silent_device_makes_status_end_with_1_and_be_named(
    tmp_path: Path, kiosk: Run, offer: TariffOffer
) -> None:
    silent = DeviceView("meter 'main'", False, "meter 'main' (sdm630, /dev/ttyRS485, address 1): no answer for 5 s")
    whole = snapshot(faulted(1, offer, FaultCode.RCD_TRIPPED), devices=(silent,))
    with panel(tmp_path / "panel", whole):
        done = kiosk("status")

    assert done.returncode == 1
    assert "FAULT rcd_tripped (latched)" in done.stdout
    assert f"FAIL {silent.message}" in done.stdout


def test_a_stale_reading_is_shown_as_stale(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    old = delivering(1, offer, power_w=None, meter_age_s=7.25, meter_quality=Quality.STALE)
    with panel(tmp_path / "panel", snapshot(old)):
        done = kiosk("status")

    assert "7.2 s STALE" in done.stdout
    assert "11.04" not in done.stdout


def test_a_token_that_waits_for_a_connector_has_a_line(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(evse(1, offer), token_waits=True, token_waits_s=42.0)):
        done = kiosk("status")

    assert "a card or code waits for its cable to be chosen, 42 s left" in done.stdout.splitlines()


def test_status_as_json_is_the_snapshot_itself(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    whole = snapshot(delivering(1, offer))
    with panel(tmp_path / "panel", whole):
        done = kiosk("status", "--json")

    assert json.loads(done.stdout) == to_wire(whole)


def test_without_a_controller_status_says_so_in_one_line_and_ends_with_3(kiosk: Run) -> None:
    done = kiosk("status")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert "nothing listens there" in done.stderr and "kiosk doctor" in done.stderr


def test_a_refused_hello_ends_with_4(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    with panel(tmp_path / "panel", snapshot(evse(1, offer))) as made:
        made.greeting = {"refused": "uid 1000 is not in group kiosk"}
        done = kiosk("status")

    assert done.returncode == 4
    assert "uid 1000 is not in group kiosk" in done.stderr


def test_watch_shows_every_snapshot_as_one_json_line(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    first = snapshot(evse(1, offer))
    second = replace(first, outbox_rows=5)
    with panel(tmp_path / "panel", first, lambda line, _: [wire.snapshot_line(second)]) as made:
        done = kiosk("watch", "--json", "--count", "2")

    assert [json.loads(line)["outbox_rows"] for line in done.stdout.splitlines()] == [0, 5]
    assert made.heard == [{"hello": "technician"}, {"watch": True}]
    assert done.returncode == 0


def test_a_wrong_word_on_the_command_line_ends_with_2(kiosk: Run) -> None:
    assert kiosk("stauts").returncode == 2
    assert kiosk("stop").returncode == 2


def test_help_names_every_command_and_every_exit_code(kiosk: Run) -> None:
    done = kiosk("--help")

    assert done.returncode == 0
    for word in ("status", "watch", "why", "stop", "reset", "doctor", "journal", "outbox", "enrol", "meter", "nfc"):
        assert word in done.stdout
    for line in ("  0  done", "  1  done", "  2  the", "  3  the", "  4  refused"):
        assert line in done.stdout


def test_the_link_speaks_the_words_of_the_wire() -> None:
    assert link.ROLE == wire.Role.TECHNICIAN
    assert link.LONGEST_LINE == wire.LONGEST_LINE


def test_status_imports_nothing_heavy() -> None:
    code = (
        "import sys; from kiosk.cli import main, status; main.parser(['status']).parse_args(['status']);"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())

    assert "socket" in loaded
    assert not loaded & {
        "asyncio", "cryptography", "dataclasses", "inspect", "kiosk.wire", "pydantic", "pymodbus", "requests",
        "shutil", "sqlite3", "subprocess", "tempfile", "typing",
    }  # fmt: skip


def test_what_the_server_has_ordered_and_set_is_shown(tmp_path: Path, kiosk: Run, offer: TariffOffer) -> None:
    reserved = replace(evse(1, offer), reserved_until=datetime(2026, 11, 21, 14, 30, tzinfo=UTC))
    blocked = replace(evse(2, offer), is_blocked=True)
    with panel(tmp_path / "panel", snapshot(reserved, blocked, overrides=("patience.plug_in_s=120",))):
        said = kiosk("status").stdout

    assert "EVSE 1: reserved until 2026-11-21 14:30Z" in said
    assert "EVSE 2: taken out of service by order" in said
    assert "set by the server: patience.plug_in_s=120" in said
