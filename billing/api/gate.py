"""The gate every signed request passes: size, signature, nonce, board, and which kiosk it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from fastapi import Request, Response
from sqlalchemy import Connection, Engine
from starlette.types import Scope

from billing.api.watch import CommandWatch
from billing.checkout.providers import ANSWER_PATIENCE_S, MakeProviders, providers_of
from billing.checkout.till import Till
from billing.database import Store, reading
from billing.nonces import Nonces
from billing.settings import Settings
from billing.signatures import KioskKey, NotAuthentic, SignedRequest, WrongBoard, check_signature, note_use
from contract.codec import WireError, to_bytes

T = TypeVar("T")

CONTACT_IS_NOTED_EVERY = timedelta(seconds=10)
LONGEST_HEADER = 200
# In the order of SignedRequest.
HEADERS = (b"kiosk-id", b"kiosk-boot", b"kiosk-serial", b"kiosk-nonce", b"kiosk-signature")


BODY_PATIENCE_S = 30.0  # 4 MB over the slowest line a kiosk is served on


class TooLarge(Exception):
    """A request body above its route's limit."""


class TooSlow(Exception):
    """A request body that did not come within BODY_PATIENCE_S."""


REFUSALS: dict[type[Exception], int] = {WireError: 422, TooLarge: 413, TooSlow: 408, NotAuthentic: 401, WrongBoard: 403}


@dataclass(slots=True)
class Server:
    """What the routes share in one process."""

    settings: Settings
    engine: Engine
    store: Store
    nonces: Nonces
    contacts: dict[str, tuple[str, str, datetime]]  # kiosk → boot, board, when this process last wrote it down
    providers: MakeProviders = providers_of
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # who waits for long gives up
    watch: CommandWatch = field(default_factory=CommandWatch)
    keys: dict[str, KioskKey] = field(default_factory=dict)  # as read last; who relies on one confirms it (signatures)

    def now(self) -> datetime:
        return self.settings.now()

    async def write(self, job: Callable[[Connection], T], of: str | None = None) -> T:
        """`of`: the kiosk whose rows alone the job changes (billing.database)."""
        return await self.store.write(job, of)

    def is_due(self, asks: Callable[[Connection, datetime], bool]) -> bool:
        """Whether a chore has anything to do: a look that blocks nobody."""
        with reading(self.engine) as connection:
            return asks(connection, self.now())

    def till(self, patience_s: float = ANSWER_PATIENCE_S) -> Till:
        """A till for one thread; `patience_s` for each answer of a payment provider."""
        return Till(self.store.run, self.providers(self.settings, patience_s), self.now)

    async def read(self, job: Callable[[Connection], T]) -> T:
        return await self.store.read(job)

    async def glance(self, job: Callable[[Connection], T]) -> T:
        return await self.store.glance(job)


def server_of(request: Request) -> Server:
    server = request.app.state.server
    assert isinstance(server, Server)
    return server


async def body_of(request: Request, limit: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it is, whatever Content-Length said, and TooSlow."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_PATIENCE_S):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise TooLarge(f"body above {limit} bytes")
                parts.append(part)
    except TimeoutError as error:
        raise TooSlow(f"{size} bytes came within {BODY_PATIENCE_S:.0f} s, and no end") from error
    return b"".join(parts)


async def signed_body(request: Request, limit: int) -> tuple[str, bytes]:
    """(kiosk id, body) of an authentic request. Raises TooLarge, NotAuthentic, WrongBoard."""
    server = server_of(request)
    signed = signed_by(request.scope, await body_of(request, limit))
    now = server.now()
    bound_serial = await server.glance(lambda c: check_signature(c, signed, server.nonces, now))
    await note_contact(server, signed, bound_serial, now)
    return signed.kiosk_id, signed.body


def signed_by(scope: Scope, body: bytes) -> SignedRequest:
    """What the headers say of a request. Raises NotAuthentic where they cannot be."""
    found = dict.fromkeys(HEADERS, b"")
    for name, value in scope["headers"]:
        if name in found:
            found[name] = value
    words = []
    for name, value in found.items():
        word = value.decode("latin-1")
        if not 1 <= len(word) <= LONGEST_HEADER or not word.isprintable():
            title = name.decode().title()
            raise NotAuthentic(f"header {title}: want 1 to {LONGEST_HEADER} printable characters")
        words.append(word)
    query: bytes = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    kiosk_id, boot_id, board_serial, nonce, signature = words
    method, path = scope["method"], target.decode("ascii", "replace")
    return SignedRequest(method, path, kiosk_id, boot_id, board_serial, nonce, signature, body)


async def note_contact(server: Server, signed: SignedRequest, bound_serial: str, now: datetime) -> None:
    """Write down now and then that a kiosk is alive, and at once that it is another boot or board. Raises
    WrongBoard."""
    kiosk_id, boot_id, serial = signed.kiosk_id, signed.boot_id, signed.board_serial
    last = server.contacts.get(kiosk_id)
    if last is None or last[:2] != (boot_id, serial) or now - last[2] > CONTACT_IS_NOTED_EVERY:
        is_own_board = await server.write(lambda c: note_use(c, kiosk_id, boot_id, serial, bound_serial, now), kiosk_id)
        if not is_own_board:
            raise WrongBoard(f"this key is bound to board {bound_serial}; enrol this board")
        server.contacts[kiosk_id] = (boot_id, serial, now)


def answer(value: object, status: int = 200) -> Response:
    return Response(to_bytes(value), status, media_type="application/json")
