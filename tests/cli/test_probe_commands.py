"""`kiosk relay`, `kiosk nfc` and `kiosk doctor` on a bench of simulated devices, the real command and real drivers."""

from __future__ import annotations

import http.server
import json
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contract.tariff import TariffOffer
from kiosk.journal import JournalStore, open_journal
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import DeviceView
from sim.lgpio_client import environment
from sim.nfc_tag import Ntag215
from tests.cli.bench import COIL, RCD, STOP, Bench, bench
from tests.cli.conftest import ENVIRONMENT, Run
from tests.cli.panel import evse, faulted, panel, snapshot

pytestmark = pytest.mark.bytes


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def audits(desk: Bench) -> list[dict[str, Any]]:
    path = desk.folder / "state" / "journal.db"
    if not path.exists():
        return []
    store = JournalStore(path, read_only=True)
    try:
        return [json.loads(row.body) for row in store.rows()]
    finally:
        store.close()


def closings(desk: Bench) -> int:
    return sum(is_closed for _, is_closed in desk.contactor.changes)


# ---- relay ----------------------------------------------------------------------------------------------------------


def test_a_relay_test_closes_once_sees_both_ends_and_is_audited(desk: Bench, kiosk: Run) -> None:
    done = kiosk("relay", "1", "test", "--yes", "--json", pi=desk.pi)

    result = json.loads(done.stdout)
    assert (done.returncode, result["is_good"], result["trouble"]) == (0, True, "")
    assert 0 < result["closed_after_s"] < 3 and 0 < result["opened_after_s"] < 2
    assert closings(desk) == 1 and not desk.contactor.is_closed
    assert not desk.lines.level(COIL)
    (row,) = audits(desk)
    assert (row["what"], row["evse_id"], row["by"] != "") == ("relay test", 1, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_journal_that_root_begins_belongs_to_the_folders_owner(desk: Bench, kiosk: Run) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(desk.folder / "state", nobody, -1)

    done = kiosk("relay", "1", "off", pi=desk.pi)

    assert done.returncode == 0
    assert (desk.folder / "state" / "journal.db").stat().st_uid == nobody


def test_without_a_yes_nothing_moves(desk: Bench, kiosk: Run) -> None:
    done = kiosk("relay", "1", "test", stdin="no\n", pi=desk.pi)

    assert done.returncode == 4
    assert "makes the outlet of EVSE 1 live" in done.stderr and "not confirmed" in done.stderr
    assert closings(desk) == 0 and audits(desk) == []


def test_a_connected_vehicle_is_refused_unless_forced(desk: Bench, kiosk: Run) -> None:
    desk.evse.vehicle_state = "B"

    refused = kiosk("relay", "1", "test", "--yes", pi=desk.pi)
    forced = kiosk("relay", "1", "test", "--yes", "--force", pi=desk.pi)

    assert refused.returncode == 4 and "pilot B: unplug the vehicle" in refused.stderr
    assert forced.returncode == 0
    assert closings(desk) == 1


@pytest.mark.parametrize(("pin", "name"), [(STOP, "emergency stop"), (RCD, "RCD of EVSE 1")])
def test_a_safety_input_is_obeyed_even_with_force(desk: Bench, kiosk: Run, pin: int, name: str) -> None:
    desk.lines.drive(pin, None)  # a cut wire

    done = kiosk("relay", "1", "test", "--yes", "--force", pi=desk.pi)

    assert done.returncode == 4 and name in done.stderr
    assert closings(desk) == 0


def test_a_running_controller_keeps_its_lines(desk: Bench, kiosk: Run, offer: TariffOffer) -> None:
    with panel(desk.folder / "panel", snapshot(evse(1, offer))):
        done = kiosk("relay", "1", "on", "--yes", pi=desk.pi)

    assert done.returncode == 4 and "the controller holds the lines" in done.stderr
    assert closings(desk) == 0


def test_a_contactor_that_stays_open_is_told_with_the_likely_cause(desk: Bench, kiosk: Run) -> None:
    desk.contactor.is_jammed = True

    done = kiosk("relay", "1", "test", "--yes", pi=desk.pi)

    assert done.returncode == 1
    assert "feedback still open after 3 s: see safety relay" in done.stdout
    assert not desk.lines.level(COIL)


def test_a_welded_contactor_is_told_and_left_to_the_safety_relay(desk: Bench, kiosk: Run) -> None:
    desk.contactor.is_welded = True

    done = kiosk("relay", "1", "test", "--yes", pi=desk.pi)

    assert done.returncode == 1
    assert "feedback still closed after 2 s: welded" in done.stdout
    assert not desk.lines.level(COIL)


def test_a_terminated_probe_opens_the_contactor_before_it_goes(desk: Bench, tmp_path: Path) -> None:
    places = {"KIOSK_SOCKET": str(tmp_path / "panel"), "KIOSK_CONFIG": str(tmp_path / "kiosk.toml")}
    words = [sys.executable, "-m", "kiosk.cli.main", "relay", "1", "on", "--yes", "--for-s", "60"]
    with subprocess.Popen(words, env=environment(desk.pi, ENVIRONMENT) | places, stderr=subprocess.DEVNULL) as running:
        wait_until(lambda: desk.contactor.is_closed)
        running.send_signal(signal.SIGTERM)
        running.wait(20)

    assert not desk.lines.level(COIL)
    wait_until(lambda: not desk.contactor.is_closed)


def wait_until(is_true: Any) -> None:
    end_s = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


# ---- nfc ------------------------------------------------------------------------------------------------------------


def test_nfc_read_shows_uid_and_kind_of_the_card(desk: Bench, kiosk: Run) -> None:
    desk.nfc.tag = Ntag215()

    done = kiosk("nfc", "read", "--json")

    assert json.loads(done.stdout) == {"reader": "front", "uid": "04A1B2C3D4E5F6", "kind": "NXP NTAG215", "says": ""}
    assert done.returncode == 0


def test_no_card_in_time_ends_with_1_and_a_dead_reader_with_3(desk: Bench, kiosk: Run) -> None:
    nothing = kiosk("nfc", "read", "--timeout-s", "0.1")
    desk.nfc.is_mute = True
    dead = kiosk("nfc", "read", "--timeout-s", "0.1")

    assert nothing.returncode == 1 and "the reader works; no card" in nothing.stdout
    assert dead.returncode == 3 and f"front: pn532 at {desk.folder}/nfc" in dead.stderr


@pytest.mark.parametrize(
    ("words", "held"),
    [
        (("nfc", "read"), "reader 'front' ("),
        (("meter", "read"), "bus 'main' ("),
        (("meter", "scan", "--bus", "main"), "bus 'main' ("),
        (("meter", "scan", "--device", "{folder}/rs485"), "bus 'main' ("),
    ],
)
def test_beside_a_controller_a_device_of_its_own_is_refused_by_name_before_anything_is_tried(
    desk: Bench, kiosk: Run, offer: TariffOffer, words: tuple[str, ...], held: str
) -> None:
    with panel(desk.folder / "panel", snapshot(evse(1, offer))):
        done = kiosk(*(word.format(folder=desk.folder) for word in words))

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert f"the controller holds {held}" in done.stderr and "systemctl stop kiosk-controller" in done.stderr
    assert desk.rs485.heard == 0


# ---- doctor ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(desk: Bench) -> Iterator[str]:
    """Answers as the server does to a question for a nonce."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204 if self.path == "/v1/nonce" else 404)
            self.send_header("Kiosk-Nonce", "n")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{listening.server_port}"
    desk.configure(f'[server]\nurl = "{url}"')
    text = json.dumps({"kiosk_id": "K-7", "server_keys": [], "server_url": url})
    (desk.folder / "state" / "enrolment.json").write_text(text)
    yield url
    listening.shutdown()
    listening.server_close()


def checks(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What was looked at → its level; the worst where there are several."""
    order = ["ok", "warn", "fail"]
    found: dict[str, str] = {}
    for one in json.loads(done.stdout)["checks"]:
        found[one["what"]] = max(found.get(one["what"], "ok"), one["level"], key=order.index)
    return found


def test_doctor_looks_at_everything_and_finds_a_healthy_kiosk_healthy(desk: Bench, kiosk: Run, server: str) -> None:
    JournalStore(desk.folder / "state" / "journal.db").close()

    done = kiosk("doctor", "--json", pi=desk.pi)

    levels = checks(done)
    levels.pop("time sync")  # the build machine's own affair
    assert levels.pop("controller") == "warn"
    assert levels.pop("phone pages") == "warn"  # this machine's own address
    assert set(levels) == {
        "configuration", "clock", "disk", "disk writes", "database", "outbox", "server", "enrolment", "bus", "meter",
        "pilot board", "emergency stop", "RCD", "relay, feedback", "heartbeat", "NFC reader", "scanner",
    }  # fmt: skip
    assert {what: level for what, level in levels.items() if level == "fail"} == {}
    assert done.returncode == 0


def test_doctor_names_every_broken_part_with_cause_and_fix(desk: Bench, kiosk: Run, server: str) -> None:
    desk.rs485.devices.pop(0)  # the meter
    desk.evse.vehicle_state = "E"
    desk.lines.drive(STOP, None)
    desk.contactor.stuck_feedback = True
    desk.cabinet.touch()
    desk.nfc.is_mute = True
    desk.scanner.unplug()
    (desk.folder / "state" / "journal.db").write_bytes(b"no database " * 400)
    (desk.folder / "state" / "enrolment.json").unlink()
    desk.configure('[server]\nurl = "http://127.0.0.1:9"')

    done = kiosk("doctor", pi=desk.pi)

    assert done.returncode == 1
    assert done.stderr == "", "a library speaks beside the findings"
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    for what in (
        "meter", "pilot board", "emergency stop", "relay, feedback", "NFC reader", "scanner", "database", "enrolment",
        "server",
    ):  # fmt: skip
        (line,) = [line for line in failed if line[6:].startswith(what)]
        assert "| likely: " in line and "| fix: " in line
    assert len(failed) == 9


def test_with_the_controller_running_doctor_asks_it_for_the_devices_it_holds(
    desk: Bench, kiosk: Run, server: str, offer: TariffOffer
) -> None:
    silent = DeviceView("meter 'left'", False, "meter 'left' (sdm630, address 1): no answer for 5 s")
    whole = replace(snapshot(evse(1, offer), faulted(2, offer, FaultCode.RCD_TRIPPED)), devices=(silent,))
    with panel(desk.folder / "panel", whole):
        done = kiosk("doctor", pi=desk.pi)

    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert len(failed) == 2 and done.returncode == 1
    assert "kiosk why" not in failed[0]
    assert "current leaked to earth. | fix: Do not just switch it on again" in failed[0] and "reset 2" in failed[0]
    assert "EVSE 2: rcd_tripped, latched" in failed[0] and "meter 'left': no answer for 5 s" in failed[1]
    assert desk.rs485.heard == 0


def test_a_controller_that_starts_while_doctor_does_is_no_failure_and_keeps_its_devices(
    desk: Bench, tmp_path: Path, offer: TariffOffer
) -> None:
    fields = {"command": "doctor", "config": str(tmp_path / "kiosk.toml"), "socket": str(tmp_path / "panel")}
    asked = json.dumps(fields | {"no_controller": "nothing listens there", "nobody_listened": True})
    with panel(desk.folder / "panel", snapshot(evse(1, offer))):
        words = [sys.executable, "-m", "kiosk.probe", asked]
        done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)

    (line,) = [line for line in done.stdout.splitlines() if line[6:].startswith("controller")]
    assert line.startswith("warn") and "just started" in line
    assert desk.rs485.heard == 0


def test_a_check_that_hangs_is_a_finding_and_holds_up_nobody(desk: Bench, kiosk: Run) -> None:
    os.mkfifo(desk.folder / "state" / "enrolment.json")  # reading it waits for ever

    done = kiosk("doctor", "--limit-s", "4", pi=desk.pi)

    assert done.returncode == 1
    assert "FAIL  enrolment        no end within 4 s" in done.stdout
    assert "ok    NFC reader" in done.stdout


def test_a_wrong_configuration_is_a_finding_and_the_rest_is_still_looked_at(desk: Bench, kiosk: Run) -> None:
    (desk.folder / "kiosk.toml").write_text('[kiosk]\nplase = "x"\n')

    done = kiosk("doctor")

    assert done.returncode == 1
    assert "kiosk.plase: unknown key; did you mean 'place'?" in done.stdout
    assert "clock" in done.stdout


def test_a_command_that_needs_the_configuration_says_how_to_name_another(tmp_path: Path, kiosk: Run) -> None:
    done = kiosk("nfc", "read")

    assert done.returncode == 2
    assert done.stderr == f"kiosk: no such file: {tmp_path}/kiosk.toml; use --config FILE or KIOSK_CONFIG\n"


def test_without_a_configuration_doctor_names_the_file_and_invents_no_failure(tmp_path: Path, kiosk: Run) -> None:
    done = kiosk("doctor")

    (failed,) = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert done.returncode == 1
    assert f"{tmp_path}/kiosk.toml: no such file" in failed and "use --config FILE or KIOSK_CONFIG" in failed
    assert "/var/lib" not in done.stdout and "enrolment.json" not in done.stdout


def test_doctor_tells_of_journals_kept_aside_and_when_the_next_would_stop_the_kiosk(desk: Bench, kiosk: Run) -> None:
    journal = desk.folder / "state" / "journal.db"
    journal.write_bytes(b"no database " * 400)
    open_journal(journal, datetime(2026, 11, 21, 12, tzinfo=UTC)).store.close()

    once = kiosk("doctor", pi=desk.pi).stdout
    for number in range(7):
        journal.write_bytes(b"no database " * (400 + number))
        open_journal(journal, datetime(2026, 11, 22, 12, tzinfo=UTC)).store.close()
    often = kiosk("doctor", pi=desk.pi).stdout

    (warned,) = [line for line in once.splitlines() if line[6:].startswith("kept aside")]
    assert warned.startswith("warn") and "1 of at most 8" in warned and "0 are lost" in warned
    (failed,) = [line for line in often.splitlines() if line[6:].startswith("kept aside")]
    assert failed.startswith("FAIL") and "replace the card" in failed
