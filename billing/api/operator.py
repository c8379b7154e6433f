"""Orders for programs with a key (`kiosk-billing api-key add`).

POST /v1/operator/orders answers at once, GET /v1/operator/orders/{id} what became of one.

| answer                                  | status | when                                                   |
|-----------------------------------------|--------|--------------------------------------------------------|
| {"status": "Queued", "command_id"}      | 202    | the kiosk listens; it answers within seconds           |
| {"status": "NotReachable", "last_heard"}| 409    | it does not; nothing was queued                        |
| {"status": null or Accepted …, "reason"}| 200    | to the GET; null: not answered yet                     |
| {"error"}                               | 404, 422 | no such kiosk, account or transaction; a wrong field |
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select

from billing import orders
from billing.api.gate import body_of, server_of
from billing.commands import NotReachable
from billing.directory import NotKnown
from billing.people.access import Person, staff
from billing.tables import commands
from contract.codec import from_bytes

LARGEST_ORDER = 20_000

router = APIRouter(prefix="/v1/operator", dependencies=[Depends(staff)])


@router.post("/orders")
async def post_order(request: Request, person: Annotated[Person, Depends(staff)]) -> Response:
    server = server_of(request)
    now = server.now()
    order = from_bytes(orders.Order, await body_of(request, LARGEST_ORDER))
    try:
        command_id = await server.write(lambda c: orders.give_noted(c, order, person, now))
    except NotReachable as error:
        heard = None if error.last_heard is None else error.last_heard.isoformat()
        return JSONResponse({"status": "NotReachable", "kiosk_id": error.kiosk_id, "last_heard": heard}, 409)
    except NotKnown as error:
        return JSONResponse({"error": str(error)}, 404)
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 422)
    return JSONResponse({"status": "Queued", "command_id": command_id}, 202)


@router.get("/orders/{command_id}")
async def get_order(request: Request, command_id: str) -> Response:
    c = commands.c
    query = select(c.kind, c.status, c.reason, c.transaction_id).where(c.command_id == command_id)
    found = await server_of(request).read(lambda connection: connection.execute(query).mappings().one_or_none())
    if found is None:
        return JSONResponse({"error": f"no order {command_id!r}"}, 404)
    return JSONResponse(dict(found))
