"""The socket server: greets, checks roles, passes on what clients say, publishes snapshots."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from contract.codec import WireError
from kiosk.panel.access import Access, peer_of
from kiosk.panel.client import Client
from kiosk.wire import (
    ALIVE,
    Intent,
    Role,
    Snapshot,
    UplinkHears,
    UplinkSays,
    hears_line,
    pack,
    read_intent,
    read_says,
    snapshot_line,
    unpack,
)

log = logging.getLogger("kiosk.panel")

MOST_CLIENTS = 16
HELLO_PATIENCE_S = 5.0
QUERY_PATIENCE_S = 10.0


class QueryRefused(Exception):
    """A technician's question that has no answer; str() says why."""


class Desk(Protocol):
    """What stands behind the socket. No method blocks."""

    def snapshot(self) -> Snapshot: ...

    def intended(self, intent: Intent, role: Role) -> str | None:
        """Take an intent; or say why not."""

    async def query(self, name: str, fields: dict[str, Any]) -> Any:
        """The answer, ready for JSON. Raises QueryRefused."""

    def uplink_came(self) -> None: ...

    def uplink_went(self) -> None: ...

    def uplink_said(self, said: UplinkSays) -> None: ...


class Panel:
    """One socket. Every method is called from the event loop's thread."""

    def __init__(self, path: Path | str, allowed: Access, desk: Desk) -> None:
        self._path, self._allowed, self._desk = Path(path), allowed, desk
        self._clients: set[Client] = set()
        self._uplink: Client | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open the socket, in place of one a dead controller left. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=65_536)
        os.chmod(self._path, 0o666)  # everybody may knock; who may come in is the peer's credentials' business

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.drop()
        self._path.unlink(missing_ok=True)

    def publish(self, snapshot: Snapshot) -> None:
        """The newest snapshot, to all who watch."""
        lines: dict[bool, bytes] = {}
        for client in self._clients:
            if client.is_watching:
                is_screen = client.role is Role.SCREEN
                if is_screen not in lines:
                    lines[is_screen] = _line_for(client.role, snapshot)
                client.show(lines[is_screen])

    @property
    def is_watched(self) -> bool:
        """Whether somebody watches and took what was shown last."""
        return any(client.wants_a_snapshot for client in self._clients)

    @property
    def roles(self) -> frozenset[Role]:
        """Who is here now."""
        return frozenset(client.role for client in self._clients if client.role is not None)

    def silent_s(self, now_s: float) -> dict[Role, float]:
        """For how long nobody in a role has said that he moves; of those who say so at all. `now_s`: monotonic."""
        heard: dict[Role, float] = {}
        for client in self._clients:
            if client.role is not None and client.alive_s is not None:
                heard[client.role] = max(client.alive_s, heard.get(client.role, client.alive_s))
        return {role: max(0.0, now_s - alive_s) for role, alive_s in heard.items()}

    def to_uplink(self, heard: UplinkHears) -> bool:
        """Queue a line for the uplink; False where there is none."""
        return self._uplink is not None and self._uplink.send(hears_line(heard))

    # ---- one client ---------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(reader, writer)
        if len(self._clients) >= MOST_CLIENTS:
            writer.write(pack({"refused": f"{MOST_CLIENTS} clients are here already"}))
            writer.close()
            return
        self._clients.add(client)
        sending = asyncio.create_task(client.send_all())
        sending.add_done_callback(lambda task: _sent(task, client))
        try:
            await self._converse(client, writer)
        except WireError as error:
            client.send({"error": str(error)})
        except OSError as error:
            log.info("%s lost: %s", client.role or "client", error)
        finally:
            self._clients.discard(client)
            if client is self._uplink:
                self._uplink = None
                self._desk.uplink_went()
            client.finish()
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                await sending
            writer.close()

    async def _converse(self, client: Client, writer: asyncio.StreamWriter) -> None:
        lines = client.lines()
        try:
            async with asyncio.timeout(HELLO_PATIENCE_S):
                first = await anext(lines)
        except (TimeoutError, StopAsyncIteration):
            client.send({"refused": f'no {{"hello": ROLE}} within {HELLO_PATIENCE_S:g} s'})
            return
        refused = self._greet(client, first, writer)
        if refused is not None:
            client.send({"refused": refused})
            return
        async for line in lines:
            try:
                await self._heard(client, unpack(line))
            except WireError as error:
                client.send({"error": str(error)})
            except QueryRefused as error:
                client.send({"error": str(error)})
            except TimeoutError:
                client.send({"error": f"no answer within {QUERY_PATIENCE_S:g} s: the disk is very slow"})

    def _greet(self, client: Client, line: bytes, writer: asyncio.StreamWriter) -> str | None:
        """Take the client in, or say why not."""
        hello = unpack(line)
        if set(hello) != {"hello"} or hello["hello"] not in tuple(Role):
            return f'want {{"hello": ROLE}}, ROLE one of {", ".join(Role)}'
        role = Role(hello["hello"])
        peer = peer_of(writer.get_extra_info("socket"))
        if not self._allowed.allows(role, peer):
            log.warning("role %s refused to user %d (process %d)", role, peer.uid, peer.pid)
            return f"user {peer.uid} may not be {role}; see [panel] in the configuration"
        client.role = role
        if role is Role.UPLINK:
            if self._uplink is not None:
                log.warning("a second uplink takes the place of the first")
                self._uplink.drop()
            self._uplink = client
            self._desk.uplink_came()
        else:
            client.is_watching = role is Role.SCREEN
            log.log(logging.INFO if client.is_watching else logging.DEBUG, "%s is here", role)
            client.show(_line_for(role, self._desk.snapshot()))
        return None

    async def _heard(self, client: Client, line: dict[str, Any]) -> None:
        """Raises WireError, QueryRefused, TimeoutError."""
        assert client.role is not None
        if client.role is Role.UPLINK:
            if client is self._uplink:
                self._desk.uplink_said(read_says(line))
        elif client.role is Role.SCREEN and line == ALIVE:
            client.alive_s = asyncio.get_running_loop().time()
        elif "intent" in line:
            refused = self._desk.intended(read_intent(line, client.role), client.role)
            if refused is not None:
                client.send({"error": refused})
        elif client.role is Role.TECHNICIAN and line == {"watch": True}:
            client.is_watching = True
        elif client.role is Role.TECHNICIAN and isinstance(name := line.get("query"), str):
            fields = {key: value for key, value in line.items() if key != "query"}
            async with asyncio.timeout(QUERY_PATIENCE_S):
                answer = await self._desk.query(name, fields)
            client.send({"answer": answer})
        else:
            raise WireError(f"a {client.role} may not say {', '.join(line) or 'nothing'}")


def _line_for(role: Role | None, snapshot: Snapshot) -> bytes:
    """A stop code is for the driver at the screen alone: nobody else is shown it, however he asks."""
    if role is not Role.SCREEN:
        evses = tuple(
            evse if evse.transaction is None else replace(evse, transaction=replace(evse.transaction, stop_code=""))
            for evse in snapshot.evses
        )
        snapshot = replace(snapshot, evses=evses)
    return pack(snapshot_line(snapshot))


def _sent(task: asyncio.Task[None], client: Client) -> None:
    """A client that is lost, or does not read, goes."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.info("%s dropped: %s", client.role or "client", str(error) or type(error).__name__)
        client.drop()
