"""kiosk-billing serve as real processes: several workers on PostgreSQL, their end and their replacement, slow clients,
and what the access log tells."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, func, select

from billing import serving
from billing.api import gate
from billing.app import create_app
from billing.cli import main
from billing.database import Store, open_database
from billing.directory import add_kiosk, set_offer
from billing.intake import take_rows
from billing.ledger import check
from billing.quarantine import doubts_of
from billing.settings import Settings
from billing.tables import cdrs, events, kiosk_keys, transactions, used_nonces
from billing.vouchers import new_voucher
from contract.api import RowAnswer, RowBatch
from contract.codec import from_bytes
from contract.tokens import read_voucher
from tests.billing.client import Kiosk
from tests.billing.databases import SERVER_KEY, Databases
from tests.billing.stories import NOON, TARIFF, charge, rows_of

PATIENCE_S = 120.0
KIOSKS = ("hk-07", "hk-08", "hk-09")


@dataclass
class Place:
    """A data directory, its database, and the server that runs on it."""

    folder: Path
    url: str
    database_url: str
    process: subprocess.Popen[bytes]
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    @property
    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def kiosk(self, kiosk_id: str) -> Kiosk:
        """A connection of its own for each, so that any worker may have it."""
        return Kiosk(self.url, kiosk_id, self.keys[kiosk_id])

    def workers(self) -> set[int]:
        """The processes that answer, by their command line."""
        found = set()
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
                words = (status.parent / "cmdline").read_bytes()
            except OSError:
                continue  # it ended meanwhile
            if int(fields[1]) == self.process.pid and fields[0] != "Z" and b"spawn_main" in words:
                found.add(int(status.parent.name))
        return found


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def is_well(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def place(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("served") / "data"
    database_url = databases.fresh("postgresql")
    assert main(["init", "--data-dir", str(folder), "--database", database_url]) == 0
    (folder / "server.key").write_text(SERVER_KEY.private_bytes_raw().hex() + "\n")
    keys = {kiosk_id: Ed25519PrivateKey.generate() for kiosk_id in KIOSKS}
    engine = open_database(database_url)
    with engine.begin() as connection:
        for kiosk_id, key in keys.items():
            if kiosk_id != "hk-07":
                add_kiosk(connection, kiosk_id, NOON, kiosk_id=kiosk_id)
                set_offer(connection, kiosk_id, 1, TARIFF.id, NOON, parking_grace_s=600)
            row = {"kiosk_id": kiosk_id, "board_serial": Kiosk.serial, "enrolled_ms": 0, "revoked_ms": None}
            connection.execute(kiosk_keys.insert(), row | {"public_key": key.public_key().public_bytes_raw().hex()})
    engine.dispose()
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    words = ["serve", "--plain", "--port", str(port), "--workers", "2", "--access-log", str(folder / "access.log")]
    command = [sys.executable, "-m", "billing", *words, "--data-dir", str(folder), "--database", database_url]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: process.poll() is None and is_well(url))
        yield Place(folder, url, database_url, process, keys)
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        wait_for(lambda: not is_well(url))  # workers do not outlive it


def counted(database_url: str) -> tuple[int, int, int, list[str]]:
    engine = open_database(database_url)
    with engine.begin() as connection:

        def count(table: object) -> int:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]

        found = count(events), count(transactions), count(cdrs), [str(fault) for fault in check.faults_of(connection)]
    engine.dispose()
    return found


def test_two_workers_take_the_same_rows_from_everywhere_and_everything_is_there_once(place: Place) -> None:
    """Three kiosks, each sending all its charges from three connections at once, whole and in pieces."""
    stories = {kiosk_id: [charge(minutes=3) for _ in range(6)] for kiosk_id in KIOSKS}
    journals = {kiosk_id: rows_of([event for story in told for event in story]) for kiosk_id, told in stories.items()}

    def send(kiosk_id: str, piece: int) -> int:
        kiosk, rows, acknowledged = place.kiosk(kiosk_id), journals[kiosk_id], 0
        for start in range(0, len(rows), piece):
            answer = kiosk.send("POST", "/v1/rows", RowBatch("", tuple(rows[start : start + piece])))
            assert answer.status_code == 200, answer.text
            taken = from_bytes(RowAnswer, answer.content)
            assert not taken.quarantined
            acknowledged += len(taken.acknowledged)
        return acknowledged

    jobs = [(kiosk_id, piece) for piece in (1, 5, 100) for kiosk_id in KIOSKS]
    with ThreadPoolExecutor(len(jobs)) as threads:
        acknowledged = sum(threads.map(lambda job: send(*job), jobs))

    rows = sum(len(journal) for journal in journals.values())
    assert acknowledged == 3 * rows
    assert counted(place.database_url) == (rows, 18, 18, [])


def test_a_nonce_counts_at_every_worker_and_once_in_all(place: Place) -> None:
    kiosk = place.kiosk("hk-07")
    for _ in range(12):  # each over a new connection, so that either worker may get it
        kiosk.http = requests.Session()
        assert kiosk.send("GET", "/v1/list?after=0").status_code == 200
    used = kiosk.nonce
    assert kiosk.send("GET", "/v1/list?after=0").status_code == 200
    for _ in range(6):
        kiosk.nonce, kiosk.http = used, requests.Session()
        assert kiosk.send("GET", "/v1/list?after=0").status_code == 401


def test_the_access_log_names_routes_and_kiosks_and_never_an_address(place: Place) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    requests.get(f"{place.url}/r/{secret}?lang=de&s=TOKEN", timeout=30)
    requests.get(f"{place.url}/nothing/{secret}", timeout=30)
    kiosk = place.kiosk("hk-08")
    kiosk.send("POST", "/v1/rows", RowBatch("", ()))
    kiosk.send("GET", "/v1/list?after=0")
    asked = {"/v1/rows", "/v1/list"}
    wait_for(lambda: {line["route"] for line in place.log if line.get("kiosk_id") == "hk-08"} >= asked)

    text = (place.folder / "access.log").read_text()
    assert secret not in text and "TOKEN" not in text
    assert any(line["route"] == "(none)" for line in place.log)
    assert all(line["took_ms"] is not None for line in place.log)


def test_a_worker_that_dies_is_replaced_and_nobody_waits_for_it(place: Place) -> None:
    before = place.workers()
    assert len(before) == 2
    os.kill(min(before), signal.SIGKILL)

    assert is_well(place.url)
    wait_for(lambda: len(place.workers()) == 2 and place.workers() != before)
    assert place.kiosk("hk-09").send("GET", "/v1/list?after=0").status_code == 200


def test_a_signal_to_stop_ends_long_polls_at_once_and_the_rest_in_order(place: Place) -> None:
    answers: list[requests.Response] = []
    kiosk = place.kiosk("hk-07")
    assert kiosk.send("GET", "/v1/commands?wait_s=0").status_code == 200
    poll = threading.Thread(target=lambda: answers.append(kiosk.send("GET", "/v1/commands?wait_s=50")))
    before = _nonces_used(place)
    poll.start()
    wait_for(lambda: _nonces_used(place) > before)  # the poll has been taken in
    place.process.send_signal(signal.SIGTERM)

    poll.join(20)  # less than the 50 s it asked for
    assert answers and answers[0].status_code == 200
    assert place.process.wait(PATIENCE_S) in (0, -signal.SIGTERM)
    assert not is_well(place.url)


def _nonces_used(place: Place) -> int:
    engine = open_database(place.database_url)
    with engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(used_nonces)).scalar_one()
    engine.dispose()
    return int(count)


def test_several_workers_on_sqlite_are_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data-dir", str(tmp_path / "data")]
    assert main(["init", *words]) == 0
    capsys.readouterr()

    assert main(["serve", "--workers", "2", *words]) == 2
    assert "SQLite is written by one process" in capsys.readouterr().err
    assert main(["serve", "--workers", "0", *words]) == 2


# ---- slow clients ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server with little patience; its port."""
    monkeypatch.setattr(serving, "HEAD_PATIENCE_S", 0.3)
    monkeypatch.setattr(gate, "BODY_PATIENCE_S", 0.3)
    app = create_app(Settings(f"sqlite:///{tmp_path / 'b.db'}", SERVER_KEY), chores=())
    config = uvicorn.Config(app, port=0, http=serving.PatientProtocol, log_level="error", limit_concurrency=4)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(PATIENCE_S)


@pytest.mark.parametrize("head", [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: "])
def test_half_a_head_is_not_waited_for(hasty: int, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", hasty), timeout=PATIENCE_S) as line:
        line.sendall(head)
        assert _rest(line) == b""


def test_half_a_head_after_a_whole_request_is_not_waited_for_either(hasty: int) -> None:
    with socket.create_connection(("127.0.0.1", hasty), timeout=PATIENCE_S) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b'"ok"' in line.recv(4000)
        line.sendall(b"GET /hea")
        assert _rest(line) == b""


def test_a_body_that_does_not_come_is_answered_408(hasty: int) -> None:
    with socket.create_connection(("127.0.0.1", hasty), timeout=PATIENCE_S) as line:
        line.sendall(b"POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert line.recv(4000).startswith(b"HTTP/1.1 408")


def test_more_connections_than_are_allowed_are_told_to_come_back(hasty: int) -> None:
    lines = [socket.create_connection(("127.0.0.1", hasty), timeout=PATIENCE_S) for _ in range(5)]
    try:
        lines[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert lines[-1].recv(4000).startswith(b"HTTP/1.1 503")
    finally:
        for line in lines:
            line.close()


def _rest(line: socket.socket) -> bytes:
    """Whatever comes until the other side hangs up, which it may do roughly."""
    try:
        return line.recv(4000)
    except ConnectionResetError:
        return b""


# ---- two kiosks at one row -------------------------------------------------------------------------------------------


def test_a_voucher_spent_by_two_kiosks_at_one_moment_is_doubted_once(on_postgresql: Engine) -> None:
    """Each kiosk's rows are taken in its own turn, so the two transactions run side by side."""
    with on_postgresql.begin() as connection:
        add_kiosk(connection, "hk-08", NOON, kiosk_id="hk-08")
        set_offer(connection, "hk-08", 1, TARIFF.id, NOON, parking_grace_s=600)
        text = new_voucher(connection, "hk-07", 2_000, "EUR", NOON + timedelta(days=9), NOON, SERVER_KEY)
    voucher_id = read_voucher(text, [SERVER_KEY.public_key()]).voucher_id
    store, both = Store(on_postgresql), threading.Barrier(2)

    def take(kiosk_id: str) -> str:
        story = charge(transaction_id=kiosk_id, voucher_id=voucher_id)
        batch = RowBatch("", tuple(rows_of(story)))

        def job(connection: Connection) -> None:
            both.wait(PATIENCE_S)
            take_rows(connection, kiosk_id, batch, NOON)

        store.run(job, kiosk_id)
        return kiosk_id

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(take, ("hk-07", "hk-08")))
    with on_postgresql.begin() as connection:
        doubts = [doubt.code for kiosk_id in ("hk-07", "hk-08") for doubt in doubts_of(connection, kiosk_id, kiosk_id)]
        assert check.faults_of(connection) == []
    store.close()
    assert doubts.count("voucher_twice") == 1
