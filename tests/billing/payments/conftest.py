"""A social server over real HTTP, with a receiver for its webhooks."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import uvicorn

from billing.payments.social import SocialAccess, SocialProvider
from sim.social.bank import Bank
from sim.social.postman import HEADER, Webhook
from sim.social.server import SocialServer

SECRET = b"hook"
START_PATIENCE_S = 20.0


@dataclass
class Running:
    server: SocialServer
    provider: SocialProvider
    got: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def bank(self) -> Bank:
        return self.server.bank


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
    social_server = SocialServer(bank, "shop", Webhook(f"http://127.0.0.1:{receiver.server_port}/", SECRET))
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(social_server.app(), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_PATIENCE_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    access = SocialAccess(f"http://127.0.0.1:{port}", "shop", SECRET, "operator")
    yield Running(social_server, SocialProvider(access), got)
    server.should_exit = True
    thread.join(10)
    receiver.shutdown()
