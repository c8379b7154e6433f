"""Chores: done by one process at a time, again after a failure, and by another when the one that did them is gone."""

from __future__ import annotations

import asyncio
import threading
import time

from sqlalchemy import Engine

from billing.periodic import Chore, House, Housekeeper

PATIENCE_S = 30.0


def test_one_keeps_house_and_the_next_takes_over(on_postgresql: Engine) -> None:
    first, second = Housekeeper(on_postgresql), Housekeeper(on_postgresql)
    assert first.asks() and not second.asks() and first.asks()

    first.leaves()
    assert second.asks() and not first.asks()
    second.leaves()


def test_a_keeper_whose_connection_broke_does_not_believe_to_keep_house(on_postgresql: Engine) -> None:
    first, second = Housekeeper(on_postgresql), Housekeeper(on_postgresql)
    assert first.asks()
    with on_postgresql.connect() as connection:
        kill = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        connection.exec_driver_sql(kill)

    assert not first.asks()
    deadline = time.monotonic() + PATIENCE_S
    while not second.asks():  # once the database has noticed
        assert time.monotonic() < deadline
    second.leaves()


def test_a_chore_that_fails_comes_again_and_holds_up_no_other(engine: Engine) -> None:
    done, failed = threading.Event(), threading.Event()
    count = 0

    def stubborn(_: str) -> None:
        nonlocal count
        count += 1
        if count == 1:
            failed.set()
            raise OSError("not yet")
        done.set()

    other = threading.Event()
    chores = (Chore("stubborn", 0.01, stubborn), Chore("other", 0.01, lambda _: other.set()))

    async def go() -> None:
        house = House("desk", Housekeeper(engine), chores)
        keeping = asyncio.create_task(house.go())
        assert await asyncio.to_thread(lambda: all(e.wait(PATIENCE_S) for e in (failed, done, other)))
        house.end()
        await asyncio.wait_for(keeping, PATIENCE_S)

    asyncio.run(go())


def test_a_chore_that_is_under_way_at_the_end_is_finished(engine: Engine) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(_: str) -> None:
        begun.set()
        if may_end.wait(PATIENCE_S):
            ended.set()

    async def go() -> None:
        house = House("desk", Housekeeper(engine), (Chore("slow", 0.01, slow),))
        keeping = asyncio.create_task(house.go())
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        house.end()
        may_end.set()
        await asyncio.wait_for(keeping, PATIENCE_S)

    asyncio.run(go())
    assert ended.is_set()
