"""Kiosks that wait for commands at this worker: one look at the database for all of them, twice a second."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from billing.commands import kiosks_with_commands

if TYPE_CHECKING:
    from billing.api.gate import Server

LOOK_EVERY_S = 0.5
log = logging.getLogger("billing.watch")


class CommandWatch:
    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    async def wait(self, kiosk_id: str, seconds: float) -> bool:
        """True as soon as there is a command for the kiosk, or the server stops; False after `seconds`."""
        called = asyncio.Event()
        self._waiting.setdefault(kiosk_id, set()).add(called)
        try:
            await asyncio.wait_for(called.wait(), seconds)
            return True
        except TimeoutError:
            return False
        finally:
            others = self._waiting[kiosk_id]
            others.discard(called)
            if not others:
                del self._waiting[kiosk_id]

    async def go(self, server: Server) -> None:
        """Look until the server stops; then nobody waits any more."""
        while not server.stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(server.stopping.wait(), LOOK_EVERY_S)
            if self._waiting:
                await self._look(server)
        self._call(list(self._waiting))

    async def _look(self, server: Server) -> None:
        kiosk_ids = list(self._waiting)
        try:
            self._call(await server.read(lambda c: kiosks_with_commands(c, kiosk_ids, server.now())))
        except SQLAlchemyError as error:
            log.warning("looking for commands: %s", error.__class__.__name__)  # they wait on, and the next look tells

    def _call(self, kiosk_ids: list[str]) -> None:
        for kiosk_id in kiosk_ids:
            for called in self._waiting.get(kiosk_id, ()):
                called.set()
