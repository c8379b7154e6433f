"""/operator/ledger: the books, and one order's money to the cent. For staff."""

from __future__ import annotations

import json
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from billing import money_story
from billing.api.gate import server_of
from billing.directory import NotKnown
from billing.pages import ledger_view as view
from billing.pages.decisions_view import waits_in_words
from billing.pages.operator_frame import operator_page
from billing.people.access import staff

router = APIRouter(prefix="/operator/ledger", dependencies=[Depends(staff)])


@router.get("")
async def get_ledger(request: Request, find: str = "") -> Response:
    server = server_of(request)
    wrong = ""
    if find.strip():
        try:
            order_id = await server.read(lambda c: money_story.order_of(c, find))
            return RedirectResponse(f"/operator/ledger/{quote(order_id, safe='')}", 303)
        except NotKnown as error:
            wrong = str(error)
    values: dict[str, object] = {
        "find": find[:80],
        "wrong": wrong,
        "orders": await server.read(view.newest),
        "balances": await server.read(view.balances),
        "heading": "The books",
    }
    return await operator_page(request, "ledger", values, 404 if wrong else 200)


@router.get("/{order_id}.json")
async def get_story_json(request: Request, order_id: str) -> Response:
    story = await _story(request, order_id)
    body = json.dumps(money_story.as_data(story), indent=2, ensure_ascii=False)
    return Response(body, media_type="application/json")


@router.get("/{order_id}")
async def get_story(request: Request, order_id: str) -> Response:
    story, server = await _story(request, order_id), server_of(request)
    waits = await server.read(lambda c: waits_in_words(c, order_id, server.now()))
    return await operator_page(request, "ledger_order", {**view.story_view(story), "waits": waits})


async def _story(request: Request, order_id: str) -> money_story.Story:
    story = await server_of(request).read(lambda c: money_story.story_of(c, order_id))
    if not (story.entries or story.parts or story.holds or story.payments):
        raise HTTPException(404, "no such order")
    return story
