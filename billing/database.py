"""The database behind the server: SQLite or PostgreSQL; nothing above this file knows which.

Law:
- What was acknowledged survives a power cut: WAL and synchronous=FULL on SQLite, PostgreSQL's own default.
- A writing transaction says so at its start and waits its turn instead of failing half-way: BEGIN IMMEDIATE on SQLite,
  one advisory lock on PostgreSQL. So a job may read and then write what it decided, in any number of processes.
- Readers never block the writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import Table

from billing.schema import metadata

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
READERS = 4
WRITERS_LOCK = 0x6B696F736B  # whichever number, as long as every writer of this database takes the same
READ_ONLY = {"billing_reads": True}


def open_database(url: str) -> Engine:
    """An engine for `url`: sqlite:///path, sqlite:// (lives in memory with this engine), postgresql://…"""
    if not url.startswith("sqlite"):
        return _open_postgresql(url)
    in_memory = url in ("sqlite://", "sqlite:///:memory:")
    if in_memory:
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # BEGIN is ours, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("billing_reads", False)
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.cursor().execute("BEGIN" if reads else "BEGIN IMMEDIATE")  # before every job: as cheap as it can be

    return engine


def _open_postgresql(url: str) -> Engine:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True)

    @event.listens_for(engine, "begin")
    def take_turn(connection: Connection) -> None:
        if not connection.get_execution_options().get("billing_reads", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")

    return engine


def memory_database() -> Engine:
    """An empty database in memory with all tables: for worlds and tests."""
    engine = open_database("sqlite://")
    metadata.create_all(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads and blocks nobody."""
    with engine.connect().execution_options(**READ_ONLY) as connection, connection.begin():
        yield connection


def insert_if_absent(connection: Connection, table: Table) -> Any:
    """INSERT … ON CONFLICT DO NOTHING in the words of the database at hand."""
    return _insert_if_absent(connection.dialect.name, table)


@cache
def _insert_if_absent(dialect: str, table: Table) -> Any:
    insert = postgresql_insert if dialect == "postgresql" else sqlite_insert
    # An insert that returns keys forgets how many rows it made, unless told that somebody asks.
    return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


class Store:
    """The engine with its threads: one that writes, a few that read.

    Group commit has its place in `write`: take several jobs, commit once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="billing-writer")
        # A database in memory is one connection: readers would look into the writer's open transaction.
        shares_connection = isinstance(engine.pool, StaticPool)
        self._readers = self._writer if shares_connection else ThreadPoolExecutor(READERS, "billing-reader")

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Run `job` in its own transaction; it is committed when this returns."""
        return await asyncio.wrap_future(self._writer.submit(self._write, job))

    async def read(self, job: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._readers.submit(self._read, job))

    def close(self) -> None:
        self._readers.shutdown(wait=True)
        self._writer.shutdown(wait=True)

    def _write(self, job: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return job(connection)

    def _read(self, job: Callable[[Connection], T]) -> T:
        with reading(self._engine) as connection:
            return job(connection)
