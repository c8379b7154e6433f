"""A social server over real HTTP for as long as a test runs, with a receiver for its webhooks."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import uvicorn

from sim.social.bank import Bank
from sim.social.postman import HEADER, Webhook
from sim.social.server import SocialServer

MERCHANT_SECRET, WEBHOOK_SECRET = "shop", b"hook"
START_PATIENCE_S = 30.0


@dataclass
class Running:
    """`got`: each webhook's signature header and body, in the order they came."""

    url: str
    server: SocialServer
    got: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def bank(self) -> Bank:
        return self.server.bank

    def wait_for_webhooks(self, count: int) -> None:
        deadline = time.monotonic() + START_PATIENCE_S
        while len(self.got) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.got) >= count


@contextmanager
def running() -> Iterator[Running]:
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
    webhook = Webhook(f"http://127.0.0.1:{receiver.server_port}/", WEBHOOK_SECRET)
    social = SocialServer(bank, MERCHANT_SECRET, webhook)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(social.app(), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_PATIENCE_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    yield Running(f"http://127.0.0.1:{port}", social, got)
    server.should_exit = True
    thread.join(10)
    receiver.shutdown()
