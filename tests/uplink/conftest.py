"""The real billing server on a real port, and an enrolled kiosk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import Engine

from billing.app import create_app
from billing.database import open_database
from billing.enrolment import new_code
from billing.migrations import migrate
from billing.settings import Settings, server_time
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


@pytest.fixture
def billing(tmp_path: Path) -> Iterator[Billing]:
    url = f"sqlite:///{tmp_path / 'billing.db'}"
    engine = open_database(url)
    migrate(engine)
    with engine.begin() as connection:
        furnish(connection)
    app = create_app(Settings(url, SERVER_KEY))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Billing(f"http://127.0.0.1:{port}", engine, app)
    finally:
        server.should_exit = True
        thread.join(20)
        engine.dispose()
