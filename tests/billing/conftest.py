"""A server with one kiosk, one tariff and one member, on SQLite and on PostgreSQL; no HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine

from billing.database import memory_database, open_database
from billing.directory import add_account, add_kiosk, add_token, load_tariff, set_offer
from billing.migrations import migrate
from contract.identity import IdToken, TokenKind
from tests.billing.postgres import Postgres, programs, running_postgres
from tests.billing.stories import CARD, NOON, TARIFF

SERVER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DATABASES = ("sqlite", "postgresql")


def furnish(connection: Connection) -> None:
    """Kiosk hk-07 with two EVSEs, and Anna with a card."""
    add_kiosk(connection, "HK-07", NOON, place="Pier 4 North", time_zone="Europe/Berlin")
    load_tariff(connection, TARIFF, NOON)
    for evse_id in (1, 2):
        set_offer(connection, "hk-07", evse_id, TARIFF.id, NOON, parking_grace_s=600)
    add_account(connection, "anna", NOON, offline_cap_minor=2_000)
    add_token(connection, IdToken(TokenKind.ISO14443, CARD), "anna", NOON)


@contextmanager
def undone(engine: Engine) -> Iterator[Connection]:
    """A transaction of which nothing stays: for the many examples of a property, on either database."""
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


def furnished(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        furnish(connection)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with running_postgres() as server:
        yield server


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A furnished database in a file of its own, or on the PostgreSQL server."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").fresh(furnished)  # type: ignore[no-any-return]
    url = f"sqlite:///{tmp_path / 'billing.db'}"
    engine = open_database(url)
    furnished(engine)
    engine.dispose()
    return url


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "postgresql":
        engine = open_database(request.getfixturevalue("postgres").fresh(furnished))
    else:
        engine = memory_database()
        with engine.begin() as connection:
            furnish(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def on_postgresql(postgres: Postgres) -> Iterator[Engine]:
    """For what only several processes or writers can show."""
    engine = open_database(postgres.fresh(furnished))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection
