"""The real billing server on a real port, and an enrolled kiosk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import Engine

from billing.app import create_app
from billing.certificates import Served
from billing.database import open_database
from billing.enrolment import new_code
from billing.migrations import migrate
from billing.settings import Settings, server_time
from kiosk.tls import KNOWN_TIME_FILE, trust
from kiosk.uplink.exchange import Session
from kiosk.uplink.known_time import KnownTime
from tests.billing.conftest import furnish

SERVER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass
class Billing:
    """`app.state.server` is billing.api.gate.Server."""

    url: str
    engine: Engine
    app: FastAPI

    def code(self) -> str:
        with self.engine.begin() as connection:
            return new_code(connection, "hk-07", server_time())


def session(folder: Path, ca_file: Path | None = None) -> Session:
    """A kiosk's, with the system's clock and what it knew of time in `folder`."""
    known_time = KnownTime(folder / "uplink" / KNOWN_TIME_FILE)
    return Session(trust(ca_file, known_time.bound), known_time)


@pytest.fixture
def billing(tmp_path: Path) -> Iterator[Billing]:
    """Over plain HTTP on loopback: what these tests are about is inside."""
    with serving(tmp_path) as made:
        yield made


@contextmanager
def serving(folder: Path, served: Served | None = None) -> Iterator[Billing]:
    """The server, over TLS where it is given a certificate."""
    url = f"sqlite:///{folder / 'billing.db'}"
    engine = open_database(url)
    migrate(engine)
    with engine.begin() as connection:
        furnish(connection)
    app = create_app(Settings(url, SERVER_KEY))
    files = {} if served is None else {"ssl_certfile": served.certificate, "ssl_keyfile": served.key}
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", **files))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Billing(f"{'http' if served is None else 'https'}://127.0.0.1:{port}", engine, app)
    finally:
        server.should_exit = True
        thread.join(20)
        engine.dispose()
