"""What the server does by itself, now and then: chores, each in one place at a time.

Law:
- Of several workers on PostgreSQL one keeps house: whoever holds the database's housekeeping lock. Its connection dies
  with it, and then another takes over. SQLite has one process, which always keeps house.
- A chore may be cut off anywhere and begun again elsewhere, and for a moment two workers may believe that they keep
  house. So a chore asks the database what is to be done, and does it by conditional updates and idempotent requests.
- A chore that fails is logged and comes again, later each time; the others go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger("billing.periodic")

Desk = TypeVar("Desk")  # what a chore works at: the server

HOUSEKEEPING_LOCK = 0x686F757365  # "house"; whichever number, as long as every worker of this database takes the same
LONGEST_PAUSE_S = 300.0  # of a chore that fails
ASK_AGAIN_S = 2.0  # who keeps house now?
NOT_OURS_S = 0.2


@dataclass(frozen=True, slots=True)
class Chore(Generic[Desk]):
    """`work` runs in a thread of its own, so it may wait for a network; `every_s` passes between its end and its next
    beginning. It reaches the database by `server.store.run`."""

    name: str
    every_s: float
    work: Callable[[Desk], object]


class Housekeeper:
    """Whether this process keeps house for the database behind `engine`. Used by one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._is_alone = engine.dialect.name != "postgresql"
        # A pool of its own, of one: the lock lives and dies with this connection.
        self._engine = (
            engine if self._is_alone else create_engine(engine.url, pool_size=1, isolation_level="AUTOCOMMIT")
        )
        self._connection: Connection | None = None
        self._keeps_house = self._is_alone

    def asks(self) -> bool:
        """Try to keep house, or see that it is still so."""
        if self._is_alone:
            return True
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            words = "SELECT 1" if self._keeps_house else f"SELECT pg_try_advisory_lock({HOUSEKEEPING_LOCK})"
            self._keeps_house = bool(self._connection.exec_driver_sql(words).scalar())
        except SQLAlchemyError as error:
            log.warning("keeping house: %s", error.__class__.__name__)
            self._keeps_house = False
            self.leaves()
        return self._keeps_house

    def leaves(self) -> None:
        """Let another do it, from this moment if the database can be told, else when it has noticed."""
        if self._is_alone or self._connection is None:
            return
        try:
            if self._keeps_house:
                self._connection.exec_driver_sql(f"SELECT pg_advisory_unlock({HOUSEKEEPING_LOCK})")
            self._connection.close()
        except SQLAlchemyError as error:
            log.warning("leaving house: %s", error.__class__.__name__)
            self._connection.invalidate()
        self._engine.dispose()
        self._connection, self._keeps_house = None, False


@dataclass(slots=True)
class House(Generic[Desk]):
    """Runs the chores until it is told to end; what is under way then is finished."""

    desk: Desk
    keeper: Housekeeper
    chores: Sequence[Chore[Desk]]
    _is_ours: bool = False
    _ends: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        """`go` comes back when the last chore has finished."""
        self._ends.set()

    async def go(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                for chore in self.chores:
                    group.create_task(self._rounds(chore))
        finally:
            self.keeper.leaves()

    async def _watch(self) -> None:
        while not self._ends.is_set():
            self._is_ours = await asyncio.to_thread(self.keeper.asks)
            await self._pause(ASK_AGAIN_S)

    async def _rounds(self, chore: Chore[Desk]) -> None:
        failures = 0
        while not self._ends.is_set():
            if not self._is_ours:
                await self._pause(NOT_OURS_S)
                continue
            try:
                await asyncio.to_thread(chore.work, self.desk)
                failures = 0
            except Exception:
                log.exception("%s", chore.name)
                failures += 1
            await self._pause(min(LONGEST_PAUSE_S, chore.every_s * 2.0 ** min(failures, 20)))

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ends.wait(), seconds)
