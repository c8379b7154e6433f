"""A kiosk's side of the API over real sockets: requests, its own key, the server's nonces."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing.api.gate import Server
from billing.app import CHORES, create_app
from billing.periodic import Chore
from billing.settings import Settings
from contract.api import request_bytes
from contract.codec import to_bytes


@contextmanager
def running(settings: Settings, chores: Sequence[Chore[Server]] = CHORES) -> Iterator[str]:
    """A real server on a free port, which does those chores by itself. Yields its base URL."""
    app = create_app(settings, chores)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


@dataclass
class Kiosk:
    """Signs every request with the nonce of the last answer."""

    base_url: str
    kiosk_id: str = "hk-07"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    boot_id: str = "boot-1"
    serial: str = "10000000abcdef01"
    nonce: str = ""
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def public_key(self) -> str:
        return self.key.public_key().public_bytes_raw().hex()

    def send(self, method: str, target: str, value: Any = None, **headers: str) -> requests.Response:
        if not self.nonce:
            self.nonce = self.http.get(f"{self.base_url}/v1/nonce", timeout=30).headers["Kiosk-Nonce"]
        body = value if isinstance(value, bytes) else b"" if value is None else to_bytes(value)
        signed = request_bytes(method, target, self.kiosk_id, self.boot_id, self.serial, self.nonce, body)
        sent = {
            "Kiosk-Id": self.kiosk_id,
            "Kiosk-Boot": self.boot_id,
            "Kiosk-Serial": self.serial,
            "Kiosk-Nonce": self.nonce,
            "Kiosk-Signature": self.key.sign(signed).hex(),
            **headers,
        }
        response = self.http.request(method, self.base_url + target, data=body, headers=sent, timeout=30)
        self.nonce = response.headers["Kiosk-Nonce"]
        return response
