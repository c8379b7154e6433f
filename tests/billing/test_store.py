"""The store: what waits is committed together, what fails is undone alone, and kiosks do not wait for each other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.exc import IntegrityError, OperationalError

from billing import database
from billing.database import MOST_TOGETHER, Store, memory_database, open_database
from billing.migrations import migrate
from billing.moments import to_ms
from billing.tables import boots, facts, kiosks
from tests.billing.stories import NOON

PATIENCE_S = 30.0


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    engine = open_database(database_url)
    store = Store(engine)
    yield store
    store.close()
    engine.dispose()


def note(name: str, then: Exception | None = None) -> object:
    def job(connection: Connection) -> str:
        connection.execute(facts.insert(), {"name": name, "value": "1"})
        if then is not None:
            raise then
        return name

    return job


def noted(connection: Connection) -> set[str]:
    return {name for name in connection.execute(select(facts.c.name)).scalars() if name.startswith("n")}


async def together(store: Store, jobs: list[object]) -> list[object]:
    """Let all the jobs wait behind one that holds the writer, then let them go."""
    begun, gate = threading.Event(), threading.Event()
    first = asyncio.ensure_future(store.write(lambda _: begun.set() or gate.wait(PATIENCE_S)))  # type: ignore[func-returns-value]
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    waiting = [asyncio.ensure_future(store.write(job)) for job in jobs]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    gate.set()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_jobs_that_wait_are_committed_together_and_in_bounded_groups(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'b.db'}")
    facts.create(engine)
    commits: list[int] = []
    event.listen(engine, "commit", lambda _: commits.append(1))
    store = Store(engine)
    names = [f"n{number}" for number in range(2 * MOST_TOGETHER)]

    assert asyncio.run(together(store, [note(name) for name in names])) == names
    store.close()
    with engine.begin() as connection:
        assert noted(connection) == set(names)
    engine.dispose()
    assert len(commits) == 1 + 2 + 1  # the one that held the writer, two full groups, and this test's look


def test_a_job_that_fails_undoes_its_own_work_and_no_others(store: Store) -> None:
    jobs = [note("n1"), note("n2", ValueError("mine")), note("n3"), note("n1")]
    first, bad, good, twin = asyncio.run(together(store, jobs))

    assert good == "n3" and isinstance(bad, ValueError) and str(bad) == "mine"
    assert sum(isinstance(one, IntegrityError) for one in (first, twin)) == 1  # the database's own word: it is taken
    assert store.run(noted) == {"n1", "n3"}


def test_a_job_nobody_waits_for_any_more_is_not_begun(store: Store) -> None:
    async def go() -> None:
        gate = threading.Event()
        holds = [asyncio.ensure_future(store.write(lambda _: gate.wait(PATIENCE_S))) for _ in range(8)]
        leaves = asyncio.ensure_future(store.write(note("n9")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        leaves.cancel()
        await asyncio.gather(leaves, return_exceptions=True)  # a job learns of it one turn of the loop later
        gate.set()
        await asyncio.gather(*holds)

    asyncio.run(go())
    assert store.run(noted) == set()


def test_when_the_commit_fails_everybody_of_the_group_is_told(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'b.db'}")
    migrate(engine)
    store = Store(engine)

    def dangles(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # found at the commit, not before
        connection.execute(boots.insert(), {"kiosk_id": "nobody", "boot_id": "b", "first_ms": 0})

    found = asyncio.run(together(store, [note("n1"), dangles, note("n2")]))

    assert [type(one) for one in found] == [IntegrityError] * 3
    assert store.run(noted) == set() and store.run(note("n1")) == "n1"  # type: ignore[arg-type]
    store.close()
    engine.dispose()


def test_a_database_in_memory_is_read_between_the_writers_jobs() -> None:
    store = Store(memory_database())

    async def go() -> set[str]:
        await store.write(note("n1"))  # type: ignore[arg-type]
        return await store.read(noted)

    assert asyncio.run(go()) == {"n1"}
    store.close()


def test_a_connection_that_postgresql_closed_is_replaced_before_it_is_used(
    on_postgresql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TRUSTED_FOR_S", 0.0)
    cut_off(on_postgresql)

    with on_postgresql.begin() as connection:
        assert noted(connection) == set()


def test_one_that_was_of_use_a_moment_ago_fails_once_and_the_next_is_another(
    on_postgresql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TRUSTED_FOR_S", 3600.0)
    cut_off(on_postgresql)

    with pytest.raises(OperationalError), on_postgresql.begin():
        pass
    with on_postgresql.begin() as connection:
        assert noted(connection) == set()


def cut_off(engine: Engine) -> None:
    """The pool's one connection is dead and does not know it."""
    with engine.begin() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    other = create_engine(engine.url)
    with other.connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 10000)")
    other.dispose()


def test_what_a_glance_wrote_stands_whatever_comes_after_it(on_postgresql: Engine) -> None:
    store = Store(on_postgresql)
    with pytest.raises(ValueError, match="later"):
        asyncio.run(store.glance(note("n1", ValueError("later"))))  # type: ignore[arg-type]

    assert store.run(noted) == {"n1"}
    store.close()


def test_jobs_of_two_kiosks_run_side_by_side_and_others_wait_for_both(on_postgresql: Engine) -> None:
    store, both, go_on = Store(on_postgresql), threading.Event(), threading.Event()
    inside = threading.Barrier(2, both.set)

    def of_one(connection: Connection) -> bool:
        inside.wait(PATIENCE_S)  # both are in their transactions now
        return go_on.wait(PATIENCE_S)

    def alone(connection: Connection) -> int:
        contacts = connection.execute(select(kiosks.c.last_contact_ms)).scalars()
        return max(value or 0 for value in contacts)

    def touch(connection: Connection) -> bool:
        connection.execute(kiosks.update().values(last_contact_ms=to_ms(NOON)))
        return of_one(connection)

    async def run() -> tuple[bool, bool, int]:
        first = asyncio.ensure_future(store.write(touch, "hk-07"))
        second = asyncio.ensure_future(store.write(of_one, "hk-08"))
        assert await asyncio.to_thread(both.wait, PATIENCE_S)
        third = asyncio.ensure_future(store.write(alone))
        go_on.set()
        return await first, await second, await third

    assert asyncio.run(run()) == (True, True, to_ms(NOON))
    store.close()
