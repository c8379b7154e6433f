"""The controller's process where no hardware is there: it says so, keeps everything open, and ends well."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from kiosk.cli.conditions import standing
from kiosk.journal import Batch, JournalStore
from kiosk.journal.refused_rows import note_refused
from tests.journal.rows import asked_row, row, started, updated

pytestmark = pytest.mark.bytes

PATIENCE_S = 30

CONFIG = """
[kiosk]
place = "nowhere"
state_dir = "{folder}/state"
socket = "{folder}/c.sock"

[clock]
trusted = true

[patience]
end_s = 0.2
feedback_stale_s = 0.1

[[bus]]
name = "rs485"
device = "{folder}/absent-bus"

[[meter]]
name = "left"
bus = "rs485"
address = 1
map = "sdm630"

[[board]]
name = "left"
kind = "evse_din"
bus = "rs485"
address = 2

[gpio]
heartbeat_pin = 17
emergency_stop_pin = 27

[[evse]]
evse_id = 1
meter = "left"
pilot = "left"
contactor = {{ pin = 22, feedback_pin = 23 }}

[[reader]]
name = "nfc"
kind = "pn532"
device = "{folder}/absent-reader"

[[reader]]
name = "qr"
kind = "qr_scanner"
device = "{folder}/absent-scanner"
"""


class Controller:
    """One run of kiosk-controller; `notices` is what it told systemd."""

    def __init__(self, folder: Path, around: Mapping[str, str] = MappingProxyType({})) -> None:
        self.folder = folder
        (folder / "kiosk.toml").write_text(CONFIG.format(folder=folder))
        (folder / "notify").unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        self._notify.settimeout(PATIENCE_S)
        env = os.environ | {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000", **around}
        argv = [sys.executable, "-m", "kiosk.daemon.main", "--config", str(folder / "kiosk.toml")]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=env)

    def notice(self) -> str:
        return self._notify.recv(100).decode()

    def call(self, role: str) -> Caller:
        return Caller(str(self.folder / "c.sock"), role)

    def stop(self) -> str:
        """Its last words, after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return errors

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        if self.process.stderr is not None:
            self.process.stderr.close()
        self._notify.close()


class Caller:
    def __init__(self, path: str, role: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(path)
        self._file = self._socket.makefile("rwb")
        self.say({"hello": role})

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def say(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def hear(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._file.readline())
        return found

    def ask(self, name: str, **fields: Any) -> dict[str, Any]:
        self.say({"query": name, **fields})
        return self.hear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.fixture
def controller(folder: Path) -> Iterator[Controller]:
    made = Controller(folder)
    try:
        yield made
    finally:
        made.close()


def test_absent_hardware_is_named_and_nothing_crashes(controller: Controller) -> None:
    assert controller.notice() == "READY=1"
    assert controller.notice() == "WATCHDOG=1"

    with controller.call("screen") as screen:
        snapshot = screen.hear()["snapshot"]
        while len([device for device in snapshot["devices"] if "absent-bus" in device["message"]]) < 2:
            snapshot = screen.hear()["snapshot"]
        bad = {device["name"] for device in snapshot["devices"] if not device["is_good"]}

        assert bad == {"contactor 1", "meter 'left'", "board 'left'", "emergency stop", "heartbeat"}
        assert [reader["is_good"] for reader in snapshot["readers"]] == [False, False]
        assert snapshot["evses"][0]["state"] == "out_of_service"
        assert snapshot["clock_quality"] == "synchronised"

    errors = controller.stop()
    assert controller.process.returncode == 0
    assert "Traceback" not in errors
    assert "not enrolled; enrol with: kiosk enrol" in errors
    notices = [controller.notice()]
    while notices[-1] != "STOPPING=1":
        notices.append(controller.notice())
    assert not (controller.folder / "c.sock").exists()


def test_a_transaction_cut_by_a_kill_is_ended_at_the_next_start(folder: Path) -> None:
    store = JournalStore(folder / "state" / "journal.db")
    start = started("cut")
    store.commit(Batch((row(start), row(updated(start, 1)), asked_row("never-started"))))
    store.close()

    controller = Controller(folder)
    try:
        assert controller.notice() == "READY=1"
        with controller.call("technician") as technician:
            technician.hear()
            deadline_s = time.monotonic() + PATIENCE_S
            bodies: list[dict[str, Any]] = []
            while len(bodies) < 5:
                assert time.monotonic() < deadline_s, bodies
                bodies = [json.loads(kept["body"]) for kept in technician.ask("journal", after=0)["answer"]]
            ended = next(body for body in bodies if body.get("event_type") == "Ended")
            assert (ended["seq_no"], ended["stopped_reason"]) == (2, "PowerLoss")
            assert any(body.get("step") == "disclaimed" for body in bodies)

            assert technician.ask("row", journal_no=1)["answer"]["kind"] == "transaction"
            assert "no row 999" in technician.ask("row", journal_no=999)["error"]
            assert [kept["journal_no"] for kept in technician.ask("journal", limit=1)["answer"]] == [len(bodies)]
            assert technician.ask("outbox")["answer"]["waiting"] == len(bodies)
            assert technician.ask("snapshot")["answer"]["place"] == "nowhere"
            assert "kind: want one of" in technician.ask("journal", kind="x")["error"]
            assert "x: unknown key" in technician.ask("journal", x=1)["error"]
            assert "query 'weather'" in technician.ask("weather")["error"]
        with controller.call("uplink") as uplink:
            assert uplink.hear() == {"disclaim": ["never-started"]}
            assert uplink.hear() == {"list_version": 0, "is_due": False}
            assert uplink.hear() == {"rows_waiting": len(bodies), "may_wait": False}
            uplink.say({"fetch": 2})
            rows = uplink.hear()
            assert [kept["journal_no"] for kept in rows["rows"]] == [1, 2]
            uplink.say({"acknowledged": [1, 2], "epoch": "e1"})
            assert uplink.hear() == {"rows_waiting": len(bodies) - 2, "may_wait": True}
            uplink.say({"list": "KL1.forged.text"})
            uplink.say({"fetch": 1})
            heard = [uplink.hear(), uplink.hear()]  # in either order: a list is read in a thread
            assert {"list_version": 0, "is_due": False} in heard and any(line.get("epoch") == "e1" for line in heard)
    finally:
        controller.close()


def test_a_row_the_server_refuses_is_told_to_the_technician_until_it_goes_out_again(controller: Controller) -> None:
    assert controller.notice() == "READY=1"
    deadline_s = time.monotonic() + PATIENCE_S
    with controller.call("technician") as technician:
        technician.hear()
        with controller.call("uplink") as uplink:
            uplink.hear()
            uplink.say({"set_aside": 1, "reason": "422: meter: unknown key"})
            while not (told := _outbox(technician)):
                assert time.monotonic() < deadline_s
            assert told == ["outbox: the server refuses row 1, which stays here: 422: meter: unknown key"]
            assert "row_refused" in standing(technician.ask("snapshot")["answer"])
        with controller.call("uplink") as uplink:  # started anew: all rows go out again
            uplink.hear()
            while _outbox(technician):
                assert time.monotonic() < deadline_s


def test_refused_rows_go_out_again_though_the_disk_took_no_writes_when_the_uplink_came(folder: Path) -> None:
    journal = folder / "state" / "journal.db"
    store = JournalStore(journal)
    store.commit(Batch((row(started("kept")),)))
    note_refused(store, 1, "400: not now")
    store.close()
    controller = Controller(folder)
    try:
        assert controller.notice() == "READY=1"
        with closing(sqlite3.connect(journal, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # nobody else can write from now on
            with controller.call("uplink") as uplink:
                uplink.say({"fetch": 100})
                assert 1 not in _numbers(uplink)
                other.execute("ROLLBACK")
                uplink.say({"fetch": 100})
                assert 1 in _numbers(uplink)
    finally:
        controller.close()


def _numbers(uplink: Caller) -> list[int]:
    """Of the next batch."""
    while "rows" not in (heard := uplink.hear()):
        pass
    return [kept["journal_no"] for kept in heard["rows"]]


def _outbox(technician: Any) -> list[str]:
    return [part["message"] for part in technician.ask("snapshot")["answer"]["devices"] if part["name"] == "outbox"]


def test_a_second_controller_does_not_start_beside_the_first(controller: Controller) -> None:
    assert controller.notice() == "READY=1"

    argv = [sys.executable, "-m", "kiosk.daemon.main", "--config", str(controller.folder / "kiosk.toml")]
    second = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert (second.returncode, controller.process.poll()) == (1, None)
    assert "another controller runs" in second.stderr


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("baud", "bawd", ""),
        ('map = "sdm630"', 'map = "sdm631"', "no map 'sdm631'"),
        ("address = 1", "adress = 1", "did you"),
    ],
)
def test_a_wrong_configuration_ends_at_once_with_two(folder: Path, old: str, new: str, complaint: str) -> None:
    text = CONFIG.format(folder=folder).replace(old, new) + ("" if old in CONFIG else f"\n[{new}]\n")
    (folder / "kiosk.toml").write_text(text)
    argv = [sys.executable, "-m", "kiosk.daemon.main", "--config", str(folder / "kiosk.toml")]

    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_damaged_journal_is_kept_named_and_begun_anew(folder: Path) -> None:
    journal = folder / "state" / "journal.db"
    store = JournalStore(journal)
    start = started("cut")
    store.commit(Batch((row(start), row(updated(start, 1)))))
    store.close()
    spoiled = bytes(100) + journal.read_bytes()[100:]
    journal.write_bytes(spoiled)

    controller = Controller(folder)
    try:
        assert controller.notice() == "READY=1"
        with controller.call("technician") as technician:
            snapshot = technician.hear()["snapshot"]
            device = next(device for device in snapshot["devices"] if device["name"] == "journal")
            assert "journal_damaged" in standing(snapshot)
            assert not device["is_good"] and "2 of them still for the server" in device["message"]
            rows = technician.ask("journal", after=0)["answer"]
            bodies = [json.loads(kept["body"]) for kept in rows]
            assert [kept["body"].encode() for kept in rows[:2]] == [row(start).body, row(updated(start, 1)).body]
            assert (bodies[2]["event_type"], bodies[2]["seq_no"], bodies[2]["final"]) == ("Ended", 2, False)
            assert "was damaged" in bodies[3]["what"]
        errors = controller.stop()
        assert "was damaged" in errors and "Traceback" not in errors
        (kept_file,) = (folder / "state" / "damaged").glob("*/journal.db")
        assert kept_file.read_bytes() == spoiled
    finally:
        controller.close()


def test_a_journal_of_a_newer_program_is_named_and_left_alone(folder: Path) -> None:
    journal = folder / "state" / "journal.db"
    JournalStore(journal).close()
    with closing(sqlite3.connect(journal)) as db:
        db.execute("PRAGMA user_version = 99")
    before = journal.read_bytes()

    controller = Controller(folder)
    try:
        _, errors = controller.process.communicate(timeout=PATIENCE_S)
        assert controller.process.returncode == 1
        assert "schema 99 is newer" in errors and "Traceback" not in errors
        assert journal.read_bytes() == before
    finally:
        controller.close()
