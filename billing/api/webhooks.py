"""POST /hooks/social, /hooks/stripe: what payment providers tell of their own accord.

It may come before the answer it belongs to, twice, and in any order: it is a sight like any other. What is not signed,
or was signed too long ago, is answered 400 and believed nothing of; the sender tries again. A payment that is none of
ours is answered 204: sending it again would not help.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from billing.api.gate import body_of, server_of
from billing.payments.provider import Sight
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
        _, payment_id, sight = read_webhook(
            body, header, access.webhook_secret, server.now().timestamp(), access.fee_account
        )
    except BadWebhook as error:
        return JSONResponse({"error": str(error)}, 400)
    await asyncio.to_thread(server.till().tell, payment_id, sight)
    return Response(status_code=204)


@router.post("/stripe")
async def post_stripe(request: Request) -> Response:
    server = server_of(request)
    access = server.settings.stripe
    if access is None:
        return JSONResponse({"error": "Stripe is not set up here"}, 404)
    from billing.payments.stripe_provider import LONGEST_WEBHOOK as LONGEST_EVENT
    from billing.payments.stripe_provider import BadStripeWebhook, StripeProvider

    body = await body_of(request, LONGEST_EVENT)
    header = request.headers.get("Stripe-Signature", "")

    def hear() -> None:
        told = StripeProvider(access).read_webhook(body, header)
        if told is not None and isinstance(told[2], Sight):
            server.till().tell(told[1], told[2])

    try:
        await asyncio.to_thread(hear)
    except BadStripeWebhook as error:
        return JSONResponse({"error": str(error)}, 400)
    return Response(status_code=204)
