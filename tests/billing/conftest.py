"""A server with one kiosk, one tariff and one member, on SQLite and on PostgreSQL; no HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from tests.billing.databases import DATABASES, SERVER_KEY, Databases, furnish, furnished, undone

__all__ = ["DATABASES", "SERVER_KEY", "furnish", "furnished", "undone"]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A furnished database in a file of its own, or on the PostgreSQL server."""
    with databases.lent(request.param) as url:
        yield url


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Engine]:
    with databases.opened(request.param) as engine:
        yield engine


@pytest.fixture
def on_postgresql(databases: Databases) -> Iterator[Engine]:
    """For what only several processes or writers can show."""
    with databases.opened("postgresql") as engine:
        yield engine


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


@pytest.fixture(params=DATABASES)
def at_database(request: pytest.FixtureRequest, databases: Databases) -> Iterator[list[str]]:
    """The words that name the database to kiosk-billing: none for the SQLite file in the data directory."""
    if request.param == "sqlite":
        yield []
        return
    with databases.migrated() as url:
        yield ["--database", url]
