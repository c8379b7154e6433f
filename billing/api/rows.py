"""POST /v1/rows, which is nearly all a server hears: past the routing table and, for its signature, past the database.

Law: the signature is checked against the key as it was read last. The transaction that takes the rows asks whether that
key holds, and uses up the nonce: a revoked key takes no row, and a request counts once with what it does.
"""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from billing.api.batches import read_batch
from billing.api.gate import REFUSALS, Server, answer, body_of, note_contact, server_of, signed_by
from billing.intake import take_upload
from billing.received import read_upload
from billing.signatures import KioskKey, NotAuthentic, SignedRequest, confirm, is_signed, key_of
from contract.api import RowAnswer

PATH = "/v1/rows"
ROWS_BODY = 4_000_000


class RowsFirst:
    """Answers what is posted to PATH, and hands everything else on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = ROUTE  # for the access log
        try:
            response = await post_rows(Request(scope, receive))
        except tuple(REFUSALS) as error:
            response = JSONResponse({"error": str(error)}, REFUSALS[type(error)])
        await response(scope, receive, send)


async def post_rows(request: Request) -> Response:
    server = server_of(request)
    signed = signed_by(request.scope, await body_of(request, ROWS_BODY))
    now = server.now()
    key = await _key_that_signed(server, signed)
    await note_contact(server, signed, key.board_serial, now)
    upload = read_upload(signed.kiosk_id, *read_batch(signed.body))

    def take(connection: Connection) -> RowAnswer:
        confirm(connection, signed, key, server.nonces, now)
        return take_upload(connection, signed.kiosk_id, upload, server.now())

    try:
        return answer(await server.write(take, signed.kiosk_id))
    except NotAuthentic:
        server.keys.pop(signed.kiosk_id, None)
        raise


async def _key_that_signed(server: Server, signed: SignedRequest) -> KioskKey:
    """Raises NotAuthentic."""
    known = server.keys.get(signed.kiosk_id)
    if known is not None and known.board_serial == signed.board_serial and is_signed(signed, known):
        return known
    key = await server.glance(lambda c: key_of(c, signed.kiosk_id))
    if not is_signed(signed, key):
        raise NotAuthentic("the signature does not match")
    server.keys[signed.kiosk_id] = key
    return key


# In the routing table for other methods, and for whoever reads it.
ROUTE = Route(PATH, post_rows, methods=["POST"])
