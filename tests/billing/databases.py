"""The two databases under test: each kind furnished once per process, and copied for whoever wants one of its own.

A copy costs a hundredth of the migrations on SQLite, and some 30 ms on PostgreSQL.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine

from billing.database import memory_database, open_database, sqlite_of
from billing.directory import add_account, add_kiosk, add_token, load_tariff, set_offer
from billing.migrations import migrate
from contract.identity import IdToken, TokenKind
from tests.billing.postgres import Postgres
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


def furnished(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        furnish(connection)


@contextmanager
def undone(engine: Engine) -> Iterator[Connection]:
    """A transaction of which nothing stays: for the many examples of a property, on either database."""
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


class Databases:
    """`postgres` gives the running server, which starts when it is asked for the first time."""

    def __init__(self, folder: Path, postgres: Callable[[], Postgres]) -> None:
        self._folder, self._postgres = folder, postgres
        self._numbers = itertools.count(1)

    def fresh(self, kind: str) -> str:
        """The URL of a furnished database that nobody else has; it stays to the end."""
        if kind == "postgresql":
            return self._postgres().fresh("furnished", furnished)
        template, path = self._folder / "furnished.db", self._new_file()
        if not template.exists():
            engine = open_database(f"sqlite:///{template}")
            furnished(engine)
            engine.dispose()
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    def empty(self, kind: str) -> str:
        return self._postgres().empty() if kind == "postgresql" else f"sqlite:///{self._new_file()}"

    @contextmanager
    def lent(self, kind: str) -> Iterator[str]:
        """As `fresh`, and gone afterwards."""
        with self._given_back(self.fresh(kind)) as url:
            yield url

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Of PostgreSQL, with all tables and nothing in them: what `kiosk-billing init` makes of an empty one."""
        with self._given_back(self._postgres().fresh("migrated", migrate)) as url:
            yield url

    @contextmanager
    def opened(self, kind: str) -> Iterator[Engine]:
        """A furnished database for this process alone: on SQLite it lives in memory."""
        if kind == "sqlite":
            engine = furnished_in_memory()
            yield engine
            engine.dispose()
            return
        with self.lent(kind) as url:
            engine = open_database(url)
            yield engine
            engine.dispose()

    def _new_file(self) -> Path:
        return self._folder / f"{next(self._numbers)}.db"

    @contextmanager
    def _given_back(self, url: str) -> Iterator[str]:
        try:
            yield url
        finally:
            if url.startswith("sqlite"):
                for part in ("", "-wal", "-shm"):
                    Path(url.removeprefix("sqlite:///") + part).unlink(missing_ok=True)
            else:
                self._postgres().drop(url)


def furnished_in_memory() -> Engine:
    engine = open_database("sqlite://")
    with engine.connect() as connection:
        sqlite_of(connection).deserialize(_furnished_bytes())
    return engine


@cache
def _furnished_bytes() -> bytes:
    engine = memory_database()
    with engine.begin() as connection:
        furnish(connection)
    with engine.connect() as connection:
        found = sqlite_of(connection).serialize()
    engine.dispose()
    return found
