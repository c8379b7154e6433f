"""GET /healthz, for a proxy or a watchdog: can this worker serve, now?

| answer | status | when |
|---|---|---|
| {"status": "ok"} | 200 | it reads from its database |
| {"status": "no database"} | 503 | it does not, within PATIENCE_S |
| {"status": "stopping"} | 503 | it was told to stop: send it nothing new |
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from billing.api.gate import server_of

PATIENCE_S = 5.0

router = APIRouter()


@router.get("/healthz")
async def get_health(request: Request) -> Response:
    server = server_of(request)
    if server.stopping.is_set():
        return JSONResponse({"status": "stopping"}, 503)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await server.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())
    except (SQLAlchemyError, TimeoutError):
        return JSONResponse({"status": "no database"}, 503)
    return JSONResponse({"status": "ok"})
