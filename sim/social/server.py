"""The social server as a process: the bank behind HTTP, webhooks out, and a back door to make it misbehave.

`/v1/…` is what a merchant sees, `/app/…` what a person's phone sees, `/sim/…` what only a test or demo may touch.
Amounts are minor units. Every request under /v1 carries the merchant's secret as a bearer token.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, fields
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from sim.social.bank import Bank, Refusal
from sim.social.pages import add_pages
from sim.social.postman import Postman, Webhook
from sim.social.trouble import Mood, Trouble

FATES = {"unknown_hold": 404, "unknown_person": 404, "key_reused": 409, "hold_ended": 409}


class HoldWish(BaseModel):
    token: str
    amount_minor: int
    currency: str
    reference: str


class CaptureWish(BaseModel):
    amount_minor: int
    split: dict[str, int]
    fee_account: str
    text: str


class RefundWish(BaseModel):
    amount_minor: int
    split: dict[str, int]
    why: str


class SocialServer:
    """One bank, one merchant, one webhook address. Runs on one event loop; the bank is never touched elsewhere."""

    def __init__(self, bank: Bank, merchant_secret: str, webhook: Webhook, seed: int = 1) -> None:
        self.bank = bank
        self._merchant_secret = merchant_secret
        self.mood = Mood(Trouble(), seed)
        self._postman = Postman(bank, webhook, self.mood)

    def send_webhooks_to(self, webhook: Webhook) -> None:
        self._postman.webhook = webhook

    def app(self) -> FastAPI:
        @asynccontextmanager
        async def life(_: FastAPI) -> AsyncIterator[None]:
            delivering = asyncio.create_task(self._postman.go())
            yield
            delivering.cancel()

        app = FastAPI(title="Social server (simulated)", lifespan=life)
        app.middleware("http")(self._misbehave)
        app.exception_handler(Refusal)(_refused)
        self._merchant_routes(app)
        self._back_door(app)
        add_pages(app, self.bank)
        return app

    def _merchant_routes(self, app: FastAPI) -> None:
        bank = self.bank

        @app.post("/v1/holds")
        async def hold(request: Request, wish: HoldWish) -> dict[str, Any]:
            return bank.hold(_key(request), wish.token, wish.amount_minor, wish.currency, wish.reference, time.time())

        @app.get("/v1/holds")
        async def hold_by_key(key: str) -> dict[str, Any]:
            found = bank.find_by_key(key)
            if found is None:
                raise HTTPException(404, "nothing was done under that key")
            return bank.find(found["hold_id"], time.time())

        @app.get("/v1/holds/{hold_id}")
        async def find(hold_id: str) -> dict[str, Any]:
            return bank.find(hold_id, time.time())

        @app.post("/v1/holds/{hold_id}/capture")
        async def capture(request: Request, hold_id: str, wish: CaptureWish) -> dict[str, Any]:
            key, now_s = _key(request), time.time()
            return bank.capture(key, hold_id, wish.amount_minor, wish.split, wish.fee_account, wish.text, now_s)

        @app.post("/v1/holds/{hold_id}/release")
        async def release(request: Request, hold_id: str) -> dict[str, Any]:
            return bank.release(_key(request), hold_id, time.time())

        @app.post("/v1/holds/{hold_id}/refund")
        async def refund(request: Request, hold_id: str, wish: RefundWish) -> dict[str, Any]:
            return bank.refund(_key(request), hold_id, wish.amount_minor, wish.split, wish.why, time.time())

    def _back_door(self, app: FastAPI) -> None:
        bank = self.bank

        @app.post("/app/people/{person}/tokens")
        async def token(person: str) -> dict[str, str]:
            return {"token": bank.issue_token(person, time.time())}

        @app.get("/app/people/{person}")
        async def account(person: str) -> dict[str, Any]:
            notices = [asdict(notice) for notice in bank.notices if notice.person == person]
            return {"available_minor": bank.available(person, time.time()), "notices": notices}

        @app.post("/sim/people/{person}")
        async def open_account(person: str, money_minor: int) -> dict[str, int]:
            bank.open_account(person, money_minor)
            return {"balance_minor": bank.balance(person)}

        @app.post("/sim/trouble")
        async def trouble(wish: dict[str, Any]) -> dict[str, Any]:
            unknown = set(wish) - {field.name for field in fields(Trouble)}
            if unknown:
                raise HTTPException(422, f"unknown trouble: {sorted(unknown)}")
            for name, value in wish.items():
                setattr(self.mood.trouble, name, value)
            return asdict(self.mood.trouble)

        @app.post("/sim/holds/{hold_id}/chargeback")
        async def charge_back(hold_id: str) -> dict[str, Any]:
            return bank.charge_back(hold_id, time.time())

        @app.get("/v1/statement")
        async def statement() -> dict[str, Any]:
            return bank.statement(time.time())

        @app.get("/sim/books")
        async def books() -> dict[str, Any]:
            return {"moves": [asdict(move) for move in bank.moves], "holds": [h.words() for h in bank.holds.values()]}

    async def _misbehave(self, request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        if not request.url.path.startswith("/v1/"):
            return await go_on(request)
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given, f"Bearer {self._merchant_secret}"):
            return JSONResponse({"code": "unauthorised", "why": "no such merchant"}, 401)
        if self.mood.refuses():
            return JSONResponse({"code": "unavailable", "why": "try again later"}, 503)
        if self.mood.trouble.slow_s:
            await asyncio.sleep(self.mood.trouble.slow_s)
        answer = await go_on(request)
        if request.method == "POST" and self.mood.loses_answer():
            return JSONResponse({"code": "gateway_timeout", "why": "the answer was lost on its way"}, 504)
        return answer


def _key(request: Request) -> str:
    return request.headers.get("idempotency-key", "")


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return JSONResponse({"code": refusal.code, "why": str(refusal)}, FATES.get(refusal.code, 402))
