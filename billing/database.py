"""The database behind the server: SQLite or PostgreSQL; nothing above this file knows which.

Law:
- What was acknowledged survives a power cut: WAL and synchronous=FULL on SQLite, PostgreSQL's own default.
- A writing transaction says so at its start and waits its turn instead of failing half-way: BEGIN IMMEDIATE on SQLite,
  an advisory lock on PostgreSQL. So a job may read and then write what it decided, in any number of processes.
- A job that names its kiosk promises to change nothing but that kiosk's rows, and rows that come twice without harm.
  On PostgreSQL such jobs of different kiosks run side by side; every other job runs alone. On SQLite all take turns.
- On SQLite several jobs that wait are committed as one; a job that fails is rolled back alone.
- Readers never block the writer.
- A glance is statements that stand each for itself. What they write may be lost with the last second before a crash of
  PostgreSQL: the gate's, which sees every request.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import NullPool, StaticPool
from sqlalchemy.schema import Table

from billing.schema import metadata

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
READERS = 4
WRITERS = 4  # on PostgreSQL; SQLite has one
MOST_TOGETHER = 64  # jobs in one commit
WRITERS_LOCK = 0x6B696F736B  # whichever number, as long as every writer of this database takes the same
ACCOUNTS_LOCK = 0x6163636F756E74  # whoever opens accounts of the ledger
KIOSKS_LOCK = 0x6B69  # the first half of a kiosk's own lock
READ_ONLY = {"billing_reads": True}
TRUSTED_FOR_S = 5.0  # a connection that was of use so lately is not asked whether it still is


def open_database(url: str) -> Engine:
    """An engine for `url`: sqlite:///path, sqlite:// (lives in memory with this engine), postgresql://…"""
    if not url.startswith("sqlite"):
        return _open_postgresql(url)
    in_memory = url in ("sqlite://", "sqlite:///:memory:")
    if in_memory:
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(url, connect_args={"check_same_thread": False})
    return _with_our_begin(engine)


def _with_our_begin(engine: Engine) -> Engine:
    """An engine on SQLite whose transactions begin as this module's law says."""

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
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=READERS + WRITERS)
    _ask_the_idle_ones(engine)

    @event.listens_for(engine, "connect")
    def prepare(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.autocommit = True  # BEGIN is ours, below

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """BEGIN and the turn in one round trip."""
        options = connection.get_execution_options()
        words = "BEGIN"
        if not options.get("billing_reads", False):
            words += "; " + _turn(options.get("billing_kiosk"))
        driver = connection.connection.dbapi_connection
        assert driver is not None
        try:
            driver.cursor().execute(words, prepare=False)  # type: ignore[call-arg]
        except engine.dialect.loaded_dbapi.OperationalError as error:
            connection.invalidate(error)
            raise OperationalError(words, None, error, connection_invalidated=True) from error

    return engine


def _turn(kiosk_id: str | None) -> str:
    if kiosk_id is None:
        return f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})"
    # Everybody takes the common lock first, so nobody waits in a circle.
    common = f"SELECT pg_advisory_xact_lock_shared({WRITERS_LOCK})"
    return f"{common}, pg_advisory_xact_lock({KIOSKS_LOCK}, {_half_lock(kiosk_id)})"


def _for_glances(engine: Engine) -> Engine:
    """To the same PostgreSQL; every statement commits itself and waits for no disk."""
    glances = create_engine(
        engine.url,
        isolation_level="AUTOCOMMIT",
        pool_size=READERS,
        connect_args={"options": "-c synchronous_commit=off"},
    )
    _ask_the_idle_ones(glances)
    return glances


def _ask_the_idle_ones(engine: Engine) -> None:
    """SQLAlchemy's own pre-ping asks every time: a round trip for each request."""

    @event.listens_for(engine, "connect")
    @event.listens_for(engine, "checkin")
    def note(_dbapi_connection: Any, record: Any) -> None:
        record.info["used_s"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info["used_s"] < TRUSTED_FOR_S:
            return
        try:
            engine.dialect.do_ping(dbapi_connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("this connection is gone; the pool takes another") from error


def _half_lock(kiosk_id: str) -> int:
    """A 32-bit signed number of a kiosk. Two kiosks that share one wait for each other, no more."""
    return zlib.crc32(kiosk_id.encode()) - 2**31


def memory_database() -> Engine:
    """An empty database in memory with all tables: for tests."""
    engine = open_database("sqlite://")
    metadata.create_all(engine)
    return engine


def memory_connection() -> Connection:
    """A connection to an empty database of its own in memory, with all tables; it is gone with the connection.

    For worlds: tables and compiled statements are made once for all of a process.
    """
    connection = _of_many_in_memory().connect()
    sqlite_of(connection).deserialize(_empty_in_memory())
    return connection


def sqlite_of(connection: Connection) -> sqlite3.Connection:
    """SQLite's own connection beneath, for copying a database as a whole."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


@cache
def _of_many_in_memory() -> Engine:
    """Every connection is another database."""
    return _with_our_begin(create_engine("sqlite://", poolclass=NullPool))


@cache
def _empty_in_memory() -> bytes:
    with _of_many_in_memory().connect() as connection:
        metadata.create_all(connection)
        connection.commit()
        return sqlite_of(connection).serialize()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads and blocks nobody."""
    with engine.connect().execution_options(**READ_ONLY) as connection, connection.begin():
        yield connection


def hold_until_commit(connection: Connection, lock: int) -> None:
    """Take a lock beside the writers' turns. Nothing on SQLite, where jobs take turns anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")


def insert_if_absent(connection: Connection, table: Table) -> Any:
    """INSERT … ON CONFLICT DO NOTHING in the words of the database at hand."""
    return insert_if_absent_on(connection.dialect.name, table)


@cache
def insert_if_absent_on(dialect: str, table: Table) -> Any:
    """The same in the words of a database named."""
    insert = postgresql_insert if dialect == "postgresql" else sqlite_insert
    # An insert that returns keys forgets how many rows it made, unless told that somebody asks.
    return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


class Store:
    """The engine with its threads: those that write, and a few that read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._group: _Group | None = None
        self._writers: ThreadPoolExecutor | None = None
        if engine.dialect.name == "sqlite":
            self._group = _Group(engine)
        else:
            self._writers = ThreadPoolExecutor(WRITERS, "billing-writer")
        self._glances = None if engine.dialect.name == "sqlite" else _for_glances(engine)
        # A database in memory is one connection: readers would look into the writer's open transaction.
        shares_connection = isinstance(engine.pool, StaticPool)
        self._readers = None if shares_connection else ThreadPoolExecutor(READERS, "billing-reader")

    async def write(self, job: Callable[[Connection], T], of: str | None = None) -> T:
        """Run `job` in a transaction; it is committed when this returns. `of` names the kiosk whose rows alone it
        changes, see the law above."""
        if self._group is None:
            return await asyncio.wrap_future(self._submit(job, of))
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._group.put(job, future)
        return await future

    def run(self, job: Callable[[Connection], T], of: str | None = None) -> T:
        """`write` for a thread that may wait: chores, not the event loop."""
        return self._submit(job, of).result()

    async def read(self, job: Callable[[Connection], T]) -> T:
        if self._readers is None:
            return await self.write(job)
        return await asyncio.wrap_future(self._readers.submit(self._read, job))

    async def glance(self, job: Callable[[Connection], T]) -> T:
        """As the law says; on SQLite a `read`."""
        if self._glances is None or self._readers is None:
            return await self.read(job)
        return await asyncio.wrap_future(self._readers.submit(self._glance, self._glances, job))

    def close(self) -> None:
        """Ends when everything that was asked is done."""
        if self._readers is not None:
            self._readers.shutdown(wait=True)
        if self._writers is not None:
            self._writers.shutdown(wait=True)
        if self._group is not None:
            self._group.close()
        if self._glances is not None:
            self._glances.dispose()

    def _submit(self, job: Callable[[Connection], T], of: str | None) -> Future[T]:
        if self._group is not None:
            future: Future[T] = Future()
            self._group.put(job, future)
            return future
        assert self._writers is not None
        return self._writers.submit(self._write, job, of)

    def _write(self, job: Callable[[Connection], T], of: str | None) -> T:
        with self._engine.connect().execution_options(billing_kiosk=of) as connection, connection.begin():
            return job(connection)

    def _read(self, job: Callable[[Connection], T]) -> T:
        with reading(self._engine) as connection:
            return job(connection)

    @staticmethod
    def _glance(glances: Engine, job: Callable[[Connection], T]) -> T:
        with glances.connect() as connection, connection.begin():
            return job(connection)


Asked = Future[Any] | asyncio.Future[Any]  # by a thread, or by an event loop


class _Group:
    """SQLite's one writer: a thread that takes whatever waits, up to MOST_TOGETHER jobs, and commits once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: SimpleQueue[tuple[Callable[[Connection], Any], Asked] | None] = SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="billing-writer", daemon=True)
        self._thread.start()

    def put(self, job: Callable[[Connection], Any], future: Asked) -> None:
        """Raises RuntimeError after `close`."""
        if self._is_closed:
            raise RuntimeError("the store is closed")
        self._waiting.put((job, future))

    def close(self) -> None:
        self._is_closed = True
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        is_open = True
        while is_open:
            group = []
            item = self._waiting.get()
            try:
                while item is not None:
                    if not item[1].cancelled():  # else nobody waits for it any more
                        group.append(item)
                    if len(group) >= MOST_TOGETHER:
                        break
                    item = self._waiting.get_nowait()
                is_open = item is not None
            except Empty:
                pass
            if group:
                self._commit(group)

    def _commit(self, group: list[tuple[Callable[[Connection], Any], Asked]]) -> None:
        """Run the jobs and tell each what came of it, once it is certain."""
        try:
            with self._engine.begin() as connection:
                results = [_alone(connection, job, is_only=len(group) == 1) for job, _ in group]
        except BaseException as error:  # noqa: BLE001 - not committed: everybody who waits is told
            results = [_Failed(error)] * len(group)
        of_loops: dict[asyncio.AbstractEventLoop, list[tuple[Asked, Any]]] = {}
        for (_, future), result in zip(group, results, strict=True):
            if isinstance(future, asyncio.Future):
                of_loops.setdefault(future.get_loop(), []).append((future, result))
            else:
                _tell([(future, result)])
        for loop, told in of_loops.items():  # woken once for all
            if not loop.is_closed():
                loop.call_soon_threadsafe(_tell, told)


def _tell(results: list[tuple[Asked, Any]]) -> None:
    for future, result in results:
        if future.cancelled():
            continue
        if isinstance(result, _Failed):
            future.set_exception(result.error)
        else:
            future.set_result(result)


class _Failed:
    """A job of a group that was rolled back alone."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _alone(connection: Connection, job: Callable[[Connection], Any], *, is_only: bool) -> Any:
    """The job's result, or _Failed; what it changed is undone then, and nothing else."""
    if is_only:
        return job(connection)
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.cursor().execute("SAVEPOINT job")
    try:
        result = job(connection)
    except BaseException as error:  # noqa: BLE001 - its own caller is told, and no other's work is lost
        driver.cursor().execute("ROLLBACK TO job")
        result = _Failed(error)
    driver.cursor().execute("RELEASE job")
    return result
