"""The database: migrations give exactly the tables, SQLite is durable, the nonce book forgets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from billing.database import open_database
from billing.migrations import migrate, newest_revision, revision_of
from billing.nonces import NONCE_LIVES, NonceBook, SharedNonces, forget_expired
from billing.people.passwords import hash_password, password_matches
from billing.schema import metadata
from tests.billing.databases import DATABASES, SERVER_KEY, Databases
from tests.billing.stories import NOON


@pytest.mark.parametrize("kind", DATABASES)
def test_the_migrations_end_in_exactly_the_tables(databases: Databases, kind: str) -> None:
    engine = open_database(databases.empty(kind))
    assert revision_of(engine) is None
    assert migrate(engine) == migrate(engine) == newest_revision() == revision_of(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_sqlite_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'b.db'}")
    with engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    engine.dispose()

    assert found == ["wal", 2, 1, 5000]


def test_a_nonce_is_taken_once_within_its_time_by_its_own_book() -> None:
    book = NonceBook()
    nonce = book.issue(NOON)

    assert not NonceBook().take(None, nonce, NOON)
    assert book.take(None, nonce, NOON) and not book.take(None, nonce, NOON)
    assert not book.take(None, nonce + "=", NOON)
    assert not book.take(None, book.issue(NOON), NOON + NONCE_LIVES)
    assert not book.take(None, "", NOON) and not book.take(None, "é" * 30, NOON)


def test_workers_of_one_key_take_each_others_nonces_once_in_all(on_postgresql: Engine) -> None:
    one, other, stranger = (
        SharedNonces(SERVER_KEY),
        SharedNonces(SERVER_KEY),
        SharedNonces(Ed25519PrivateKey.generate()),
    )
    nonce = one.issue(NOON)
    taken = []
    for nonces in (stranger, other, one, other):
        with on_postgresql.begin() as connection:
            taken.append(nonces.take(connection, nonce, NOON))

    assert taken == [False, True, False, False]
    with on_postgresql.begin() as connection:
        assert forget_expired(connection, NOON) == 0 and forget_expired(connection, NOON + NONCE_LIVES) == 1
        assert not one.take(connection, nonce, NOON + NONCE_LIVES)


def test_used_nonces_are_forgotten_when_they_have_expired() -> None:
    book = NonceBook(lives=timedelta(seconds=10))
    for second in range(100):
        now = NOON + timedelta(seconds=second)
        assert book.take(None, book.issue(now), now)

    assert len(book._used) <= 11


def test_a_password_is_stored_as_a_hash_that_only_it_matches() -> None:
    stored = hash_password("Fähre")

    assert "Fähre" not in stored and stored.startswith("$argon2id$v=19$m=65536,t=3,")
    assert password_matches("Fähre", stored) and not password_matches("Faehre", stored)
