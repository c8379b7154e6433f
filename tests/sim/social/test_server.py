"""The social server over real HTTP: it acts once though its answers are lost, and its webhooks arrive signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
import uvicorn

from sim.social.bank import Bank
from sim.social.postman import HEADER, Webhook
from sim.social.server import SocialServer

SECRET = b"hook"


@dataclass
class Running:
    url: str
    bank: Bank
    got: list[tuple[str, bytes]] = field(default_factory=list)

    def post(self, path: str, key: str = "", **words: object) -> requests.Response:
        headers = {"Authorization": "Bearer shop", "Idempotency-Key": key}
        return requests.post(self.url + path, json=words, headers=headers, timeout=10)


@pytest.fixture
def social() -> Iterator[Running]:
    got: list[tuple[str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.headers[HEADER], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    bank = Bank()
    bank.open_account("mina", 10_000)
    app = SocialServer(bank, "shop", Webhook(f"http://127.0.0.1:{receiver.server_port}/", SECRET)).app()
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Running(f"http://127.0.0.1:{port}", bank, got)
    server.should_exit = True
    thread.join(10)
    receiver.shutdown()


def test_a_hold_whose_answer_was_lost_is_found_by_its_key_and_made_once(social: Running) -> None:
    token = social.post("/app/people/mina/tokens").json()["token"]
    wish = {"token": token, "amount_minor": 500, "currency": "EUR", "reference": "o1"}
    social.post("/sim/trouble", loses_answer=1.0)
    assert social.post("/v1/holds", "k", **wish).status_code == 504
    social.post("/sim/trouble", loses_answer=0.0)

    again = social.post("/v1/holds", "k", **wish)

    assert again.status_code == 200 and len(social.bank.holds) == 1
    headers = {"Authorization": "Bearer shop"}
    found = requests.get(social.url + "/v1/holds", {"key": "k"}, headers=headers, timeout=10)
    assert found.json() == again.json()


def test_strangers_nonsense_and_refusals_have_their_own_status(social: Running) -> None:
    assert requests.post(social.url + "/v1/holds", json={}, timeout=10).status_code == 401
    assert social.post("/v1/holds", "k", token="x").status_code == 422
    refused = social.post("/v1/holds", "k", token="x", amount_minor=1, currency="EUR", reference="o")
    assert (refused.status_code, refused.json()["code"]) == (402, "unknown_token")
    social.post("/sim/trouble", is_down=True)
    assert social.post("/v1/holds/h1/release", "r").status_code == 503


def test_webhooks_arrive_signed_though_they_are_repeated(social: Running) -> None:
    social.post("/sim/trouble", repeats_webhook=1.0)
    token = social.post("/app/people/mina/tokens").json()["token"]
    hold = social.post("/v1/holds", "k", token=token, amount_minor=500, currency="EUR", reference="o1").json()
    deadline = time.monotonic() + 20
    while len(social.got) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)

    assert {json.loads(body)["hold"]["hold_id"] for _, body in social.got} == {hold["hold_id"]}
    for header, body in social.got:
        sent, _, mac = header.partition(",v1=")
        signed = sent.removeprefix("t=").encode() + b"." + body
        assert hmac.compare_digest(mac, hmac.new(SECRET, signed, hashlib.sha256).hexdigest())
