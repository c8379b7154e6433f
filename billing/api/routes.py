"""One function per line of contract.api's table."""

from __future__ import annotations

import asyncio
from datetime import datetime

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from billing.api.gate import Server, answer, body_of, server_of, signed_body
from billing.api.rows import ROUTE as ROWS
from billing.authorization import authorize, begin_payment, disclaim
from billing.checkout import direct
from billing.commands import answer_command, has_commands, take_commands
from billing.enrolment import Refused, check_pace, enrol, note_failure
from billing.lists import newest_list
from billing.orders import release_hold
from contract.api import AuthorizeRequest, CommandAnswer, Commands, CommandStatus, Disclaim, EnrolRequest
from contract.codec import WireError, from_bytes
from contract.identity import TokenKind

SMALL_BODY = 64_000
LONGEST_POLL_S = 55  # below the 60 s after which proxies cut
LOOK_FOR_IT_EVERY_S = 5.0  # the kiosk may have hung up meanwhile

router = APIRouter(prefix="/v1")


@router.get("/nonce")
async def get_nonce() -> Response:
    return Response(status_code=204)  # every answer carries a nonce; this one carries nothing else


@router.post("/enrol")
async def post_enrol(request: Request) -> Response:
    server = server_of(request)
    asked = from_bytes(EnrolRequest, await body_of(request, SMALL_BODY))
    address = request.client.host if request.client is not None else "unknown"
    await server.read(lambda c: check_pace(c, address, server.now()))
    try:
        return answer(await server.write(lambda c: enrol(c, asked, server.now(), server.settings.server_key)))
    except Refused:
        await server.write(lambda c: note_failure(c, address, server.now()))
        raise


@router.post("/authorize")
async def post_authorize(request: Request) -> Response:
    server = server_of(request)
    kiosk_id, body = await signed_body(request, SMALL_BODY)
    asked = from_bytes(AuthorizeRequest, body)
    for name in ("transaction_id", "order_id", "receipt_id"):
        if not 1 <= len(getattr(asked, name)) <= 64:
            raise WireError(f"AuthorizeRequest.{name}: want 1 to 64 characters")
    key = server.settings.server_key
    if asked.token_kind is TokenKind.DIRECT_PAYMENT:
        await _hold_first(server, kiosk_id, asked)
    return answer(await server.write(lambda c: authorize(c, kiosk_id, asked, server.now(), key)))


async def _hold_first(server: Server, kiosk_id: str, asked: AuthorizeRequest) -> None:
    """A payment code: the provider is asked before the answer is decided, and not waited for longer than said."""
    till = server.till(direct.ANSWER_WITHIN_S / 2)
    if not till.provider:
        return
    payment_id = await server.write(lambda c: begin_payment(c, kiosk_id, asked, till.provider, server.now()))
    if payment_id is None:
        return
    try:
        async with asyncio.timeout(direct.ANSWER_WITHIN_S):
            await asyncio.to_thread(till.ask_now, payment_id)
    except TimeoutError:
        pass  # decided by what is known by then: nothing; what is held later is released


@router.post("/disclaim")
async def post_disclaim(request: Request) -> Response:
    server = server_of(request)
    kiosk_id, body = await signed_body(request, SMALL_BODY)
    asked = from_bytes(Disclaim, body)
    await server.write(lambda c: disclaim(c, kiosk_id, asked, server.now()))
    return Response(status_code=204)


router.routes.append(ROWS)


@router.get("/list")
async def get_list(request: Request, after: int = 0) -> Response:
    server = server_of(request)
    kiosk_id, _ = await signed_body(request, 0)
    if not 0 <= after < 2**31:
        raise WireError("after: want 0 to 2^31")
    key = server.settings.server_key
    text = await server.write(lambda c: newest_list(c, kiosk_id, after, server.now(), key), kiosk_id)
    return Response(status_code=204) if text is None else Response(text, media_type="text/plain")


@router.get("/commands")
async def get_commands(request: Request, wait_s: float = 0) -> Response:
    """Long poll: answers as soon as there is a command, or with none after `wait_s` (at most 55)."""
    server = server_of(request)
    kiosk_id, _ = await signed_body(request, 0)
    key = server.settings.server_key
    if not 0 <= wait_s <= 3600:
        raise WireError("wait_s: want 0 to 3600")
    loop = asyncio.get_running_loop()
    until = loop.time() + min(wait_s, LONGEST_POLL_S)
    while True:
        if await server.read(lambda c: has_commands(c, kiosk_id, server.now())):
            return answer(await server.write(lambda c: take_commands(c, kiosk_id, server.now(), key), kiosk_id))
        left_s = until - loop.time()
        if left_s <= 0 or server.stopping.is_set() or await request.is_disconnected():
            return answer(Commands(()))
        await server.watch.wait(kiosk_id, min(LOOK_FOR_IT_EVERY_S, left_s))


@router.post("/commands/answer")
async def post_command_answer(request: Request) -> Response:
    server = server_of(request)
    kiosk_id, body = await signed_body(request, SMALL_BODY)
    given = from_bytes(CommandAnswer, body)
    # A command this database does not know (restored backup) is answered all the same: nothing could be repaired
    # by hearing it again.
    await server.write(lambda c: _take_answer(c, kiosk_id, given, server.now()), kiosk_id)
    return Response(status_code=204)


def _take_answer(connection: Connection, kiosk_id: str, given: CommandAnswer, now: datetime) -> None:
    if answer_command(connection, kiosk_id, given, now) and given.status is not CommandStatus.ACCEPTED:
        release_hold(connection, given.command_id, now)
