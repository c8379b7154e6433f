"""POST /hooks/social: what the payment app's server tells of its own accord.

It may come before the answer it belongs to, twice, and in any order: it is a sight like any other. What is not signed,
or was signed too long ago, is answered 400 and believed nothing of; the sender tries again. A payment that is none of
ours is answered 204: sending it again would not help.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from billing.api.gate import body_of, server_of
from billing.payments.social import LONGEST_WEBHOOK, BadWebhook, read_webhook

SIGNATURE = "Social-Signature"

router = APIRouter(prefix="/hooks")


@router.post("/social")
async def post_social(request: Request) -> Response:
    server = server_of(request)
    access = server.settings.social
    if access is None:
        return JSONResponse({"error": "no social server is set up here"}, 404)
    body = await body_of(request, LONGEST_WEBHOOK)
    header = request.headers.get(SIGNATURE, "")
    try:
        _, payment_id, sight = read_webhook(body, header, access.webhook_secret, server.now().timestamp())
    except BadWebhook as error:
        return JSONResponse({"error": str(error)}, 400)
    await asyncio.to_thread(server.till().tell, payment_id, sight)
    return Response(status_code=204)
