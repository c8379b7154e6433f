"""Signed requests against the real billing server, and answers no server should give."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing.nonces import NonceBook
from contract.api import (
    AuthorizeAnswer,
    AuthorizeRequest,
    AuthorizeStatus,
    CommandAnswer,
    Commands,
    CommandStatus,
    Disclaim,
    Row,
    RowAnswer,
    RowBatch,
    RowKind,
)
from contract.codec import to_bytes
from contract.identity import TokenKind
from contract.tokens import read_list
from kiosk.config import NotEnrolled
from kiosk.uplink import exchange as exchange_module
from kiosk.uplink.drain import AskRequest, LetterRequest, ListRequest, PollRequest, RowsRequest
from kiosk.uplink.enrol import EnrolmentFailed, enrol
from kiosk.uplink.exchange import Exchange, RefusedByServer, Unreachable
from kiosk.uplink.identity import Identity, load_identity, read_board_serial
from kiosk.wire import OfflineCause
from tests.billing.stories import CARD
from tests.journal.rows import started
from tests.uplink.conftest import SERVER_KEY, Billing, session

BOARD = "10000000abcdef01"


@pytest.fixture
def exchange(billing: Billing, tmp_path: Path) -> Iterator[Exchange]:
    enrol(billing.url, billing.code(), tmp_path, BOARD)
    identity, enrolment = load_identity(tmp_path, BOARD)
    made = Exchange(enrolment.server_url, identity, 10, session(tmp_path))
    yield made
    made.close()


def ask(token: str) -> AskRequest:
    return AskRequest(AuthorizeRequest("t-" + token, "o1", "r-" + token, 1, TokenKind.ISO14443, token))


def test_a_card_is_asked_for(exchange: Exchange) -> None:
    known, unknown = exchange.carry(ask(CARD)), exchange.carry(ask("04FFFFFFFFFFFF"))

    assert isinstance(known, AuthorizeAnswer) and isinstance(unknown, AuthorizeAnswer)
    assert (known.status, unknown.status) == (AuthorizeStatus.ACCEPTED, AuthorizeStatus.UNKNOWN)
    assert known.offer is not None


def test_a_list_comes_once_and_is_signed(exchange: Exchange) -> None:
    text = exchange.carry(ListRequest(0))
    assert isinstance(text, str)
    known = read_list(text, [SERVER_KEY.public_key()])

    assert known.kiosk_id == "hk-07"
    assert exchange.carry(ListRequest(known.version)) is None


def test_rows_are_acknowledged_with_the_epoch_and_twice_is_once(exchange: Exchange) -> None:
    batch = RowBatch("", (Row(1, RowKind.TRANSACTION, to_bytes(started("t1")).decode()), Row(2, RowKind.STATUS, "{}")))
    first, second = exchange.carry(RowsRequest(batch)), exchange.carry(RowsRequest(batch))

    assert isinstance(first, RowAnswer) and isinstance(second, RowAnswer)
    assert first.acknowledged == second.acknowledged == (1, 2)
    assert first.epoch


def test_letters_and_polls_are_answered(exchange: Exchange) -> None:
    assert exchange.carry(LetterRequest(Disclaim(("t9",)))) is None
    assert exchange.carry(LetterRequest(CommandAnswer("c9", CommandStatus.EXPIRED))) is None
    assert exchange.carry(PollRequest(0)) == Commands(())


def test_a_server_that_forgot_its_nonces_costs_one_more_try(exchange: Exchange, billing: Billing) -> None:
    exchange.carry(PollRequest(0))
    billing.app.state.server.nonces = NonceBook()

    assert exchange.carry(PollRequest(0)) == Commands(())


def test_a_foreign_key_is_not_let_in(exchange: Exchange, billing: Billing, tmp_path: Path) -> None:
    stranger = Exchange(
        billing.url, Identity("hk-07", "boot", BOARD, Ed25519PrivateKey.generate()), 10, session(tmp_path)
    )

    with pytest.raises(Unreachable, match="401") as caught:
        stranger.carry(PollRequest(0))
    stranger.close()
    assert caught.value.because is OfflineCause.SERVER_REFUSES


def test_a_request_the_server_cannot_read_is_refused_not_repeated(exchange: Exchange) -> None:
    with pytest.raises(RefusedByServer, match="422"):
        exchange.carry(AskRequest(AuthorizeRequest("x" * 65, "o", "r", 1, TokenKind.ISO14443, "04")))


def test_no_server_says_why_in_short(tmp_path: Path) -> None:
    nobody = Exchange("http://127.0.0.1:9", Identity("k", "b", "s", Ed25519PrivateKey.generate()), 1, session(tmp_path))

    with pytest.raises(Unreachable, match=r"^http://127\.0\.0\.1:9: .*refused$") as caught:
        nobody.carry(PollRequest(0))
    assert caught.value.because is OfflineCause.NO_ANSWER


def test_enrolment_makes_a_key_that_only_the_kiosk_reads(billing: Billing, tmp_path: Path) -> None:
    code = billing.code()
    enrolment = enrol(billing.url, code, tmp_path, BOARD)
    key = tmp_path / "uplink" / "key.pem"

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "uplink").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "enrolment.json").stat().st_mode) == 0o644
    assert (enrolment.kiosk_id, enrolment.server_url) == ("hk-07", billing.url)
    assert enrol(billing.url, code, tmp_path, BOARD) == enrolment  # its answer may have been lost


def test_a_wrong_code_enrols_nothing(billing: Billing, tmp_path: Path) -> None:
    with pytest.raises(EnrolmentFailed, match="403"):
        enrol(billing.url, "AAAA-AAAA-AAAA", tmp_path, BOARD)

    with pytest.raises(NotEnrolled, match="kiosk enrol"):
        load_identity(tmp_path, BOARD)


def test_an_enrolment_file_that_is_torn_is_named(tmp_path: Path) -> None:
    (tmp_path / "enrolment.json").write_text('{"kiosk_id": "k"')

    with pytest.raises(NotEnrolled, match=r"enrolment\.json.*enrol again"):
        load_identity(tmp_path, BOARD)


def test_a_board_without_a_number_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nSerial\t\t: 10000000abcdef01\n")
    monkeypatch.setattr("kiosk.uplink.identity.DEVICE_TREE_SERIAL", tmp_path / "none")
    monkeypatch.setattr("kiosk.uplink.identity.CPU_INFO", tmp_path / "cpuinfo")
    assert read_board_serial() == "10000000abcdef01"

    (tmp_path / "cpuinfo").write_text("processor : 0\n")
    with pytest.raises(NotEnrolled, match="board_serial"):
        read_board_serial()


class OddServer(BaseHTTPRequestHandler):
    """Answers every request as `say` says, after giving a nonce."""

    say: tuple[int, bytes, str] = (200, b"", "")
    seen: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.seen.append(self.path)
        status, body, location = (204, b"", "") if self.path == "/v1/nonce" else self.say
        self.send_response(status)
        self.send_header("Kiosk-Nonce", "n")
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "body", "location", "complaint"),
    [
        (200, b"<html>captive portal</html>", "", "cannot be read"),
        (200, b'{"commands": [], "more": 1}', "", "unknown key"),
        (302, b"", "/elsewhere", "302"),
        (500, b"oh", "", "500 oh"),
        (429, b"slow down", "", "429"),
        (401, b"no", "", "401"),
        (204, b"", "", "204 where 200"),
        (200, b"x" * 2_000, "", "more than 1000 bytes"),
    ],
)
def test_an_odd_answer_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, body: bytes, location: str, complaint: str
) -> None:
    monkeypatch.setattr(exchange_module, "LONGEST_SIGNED_TEXT", 1_000)
    monkeypatch.setattr(OddServer, "say", (status, body, location))
    monkeypatch.setattr(OddServer, "seen", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), OddServer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    identity = Identity("k", "b", "s", Ed25519PrivateKey.generate())
    odd = Exchange(f"http://127.0.0.1:{server.server_port}", identity, 5, session(tmp_path))
    try:
        with pytest.raises(Unreachable, match=complaint):
            odd.carry(PollRequest(0))
    finally:
        odd.close()
        server.shutdown()
        thread.join()
        server.server_close()

    assert "/elsewhere" not in OddServer.seen
    assert len(OddServer.seen) == (3 if status == 401 else 2)
