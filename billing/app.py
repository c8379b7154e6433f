"""The web server put together: routes, pages, errors in one clear line, a fresh nonce on every answer."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import Message, Scope

from billing.api.gate import REFUSALS, Server, server_of
from billing.api.health import router as health
from billing.api.operator import router as operator_api
from billing.api.routes import router as api
from billing.api.rows import RowsFirst
from billing.api.webhooks import router as webhooks
from billing.checkout.providers import MakeProviders, providers_of
from billing.checkout.till import has_due_looks, has_due_payments
from billing.database import Store, open_database
from billing.directory import follow_tariffs
from billing.drivers.access import NoDriver
from billing.enrolment import Refused, SlowDown
from billing.facts import note_takes_phones
from billing.front import Front
from billing.mail.post import send_waiting
from billing.migrations import migrate
from billing.nonces import NonceBook, SharedNonces, forget_expired
from billing.pages.account import router as account_pages
from billing.pages.host import router as host_pages
from billing.pages.landing import landing
from billing.pages.landing import router as landing_page
from billing.pages.ledger import router as ledger_pages
from billing.pages.me import router as me_pages
from billing.pages.narrow import language_of
from billing.pages.operator import router as operator_pages
from billing.pages.operator_decisions import router as decision_pages
from billing.pages.operator_hosts import router as operator_host_pages
from billing.pages.operator_payouts import router as operator_payout_pages
from billing.pages.passkey import router as passkey_pages
from billing.pages.payments import router as payment_pages
from billing.pages.people import router as people_pages
from billing.pages.phone import router as phone_pages
from billing.pages.phone_shell import broken_response
from billing.pages.receipt import router as receipt_page
from billing.pages.render import POLICY
from billing.pages.second_proof import router as second_proof_pages
from billing.pages.sign_in import forbidden, wrong_form
from billing.pages.sign_in import router as sign_in_pages
from billing.pages.tariff_drafts import router as tariff_draft_pages
from billing.pages.tariffs import router as tariff_pages
from billing.people.access import Forbidden, NotSignedIn
from billing.people.cookies import FORM, set_cookie
from billing.people.forms import WrongForm
from billing.periodic import Chore, House, Housekeeper
from billing.settings import Settings

log = logging.getLogger("billing.app")
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


# What the server does by itself; one line each, in whichever process keeps house.
CHORES: tuple[Chore[Server], ...] = (
    Chore("starts nobody answered", 5.0, lambda server: server.till().expire()),
    Chore("checkouts and bills", 0.3, lambda server: server.is_due(has_due_looks) and server.till().look()),
    Chore("payments", 0.3, lambda server: server.is_due(has_due_payments) and server.till().pay()),
    Chore(
        "tariffs that come into force", 5.0, lambda server: server.store.run(lambda c: follow_tariffs(c, server.now()))
    ),
    Chore("mails", 0.5, send_waiting),
    Chore("forget used nonces", 60.0, lambda server: server.store.run(lambda c: forget_expired(c, server.now()))),
)


def create_app(
    settings: Settings, chores: Sequence[Chore[Server]] = CHORES, providers: MakeProviders = providers_of
) -> FastAPI:
    """The server as an ASGI application. It brings its database to the newest revision when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = open_database(settings.database_url)
        migrate(engine)
        with engine.begin() as connection:
            note_takes_phones(connection, settings.social is not None)
        store = Store(engine)
        is_shared = engine.dialect.name == "postgresql"
        nonces = SharedNonces(settings.server_key) if is_shared else NonceBook()
        server = app.state.server = Server(settings, engine, store, nonces, {}, providers=providers)
        house = House(server, Housekeeper(engine), chores)
        keeping = asyncio.create_task(house.go())
        watching = asyncio.create_task(server.watch.go(server))
        _tell_of_the_end(server)
        yield
        server.stopping.set()
        house.end()
        await asyncio.gather(keeping, watching)
        store.close()
        engine.dispose()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(api)
    app.include_router(operator_api)
    app.include_router(webhooks)
    app.include_router(health)
    app.include_router(landing_page)
    app.include_router(receipt_page)
    app.include_router(phone_pages)
    app.include_router(account_pages)
    app.include_router(sign_in_pages)
    app.include_router(second_proof_pages)
    app.include_router(passkey_pages)
    app.include_router(me_pages)
    app.include_router(people_pages)
    app.include_router(operator_pages)
    app.include_router(tariff_pages)
    app.include_router(tariff_draft_pages)
    app.include_router(ledger_pages)
    app.include_router(payment_pages)
    app.include_router(decision_pages)
    app.include_router(host_pages)
    app.include_router(operator_host_pages)
    app.include_router(operator_payout_pages)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")

    app.add_middleware(RowsFirst)
    app.add_middleware(Front, _add_headers)
    app.add_exception_handler(HTTPException, _say_to_reader)
    app.add_exception_handler(RequestValidationError, _say_validation)
    for kind, status in REFUSALS.items():
        app.add_exception_handler(kind, _say(status))
    app.add_exception_handler(SlowDown, _say_slow_down)
    app.add_exception_handler(Refused, _say(403))
    app.add_exception_handler(NotSignedIn, _say_sign_in)
    app.add_exception_handler(Forbidden, _say_forbidden)
    app.add_exception_handler(NoDriver, _say_account)
    app.add_exception_handler(WrongForm, _say_wrong_form)
    app.add_exception_handler(Exception, _say_broken)
    return app


def _add_headers(scope: Scope, message: Message) -> None:
    path: str = scope["path"]
    if path.startswith("/v1/"):
        server: Server = scope["app"].state.server
        message["headers"] = [*message["headers"], (b"kiosk-nonce", server.nonces.issue(server.now()).encode())]
    elif not path.startswith("/static/"):
        request, headers = Request(scope), MutableHeaders(scope=message)
        for name, value in PAGE_HEADERS.items():
            headers.setdefault(name, value)
        if form_key := getattr(request.state, "new_form_key", ""):
            carrier = Response()
            set_cookie(request, carrier, FORM, form_key)
            headers.append("Set-Cookie", carrier.headers["Set-Cookie"])


def _tell_of_the_end(server: Server) -> None:
    """Long polls end at the signal to stop, not when they are over; the web server waits for them."""
    if threading.current_thread() is not threading.main_thread():
        return  # no signals there: tests and worlds
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        former = signal.getsignal(number)

        def stop(number: int, frame: FrameType | None, former: Any = former) -> None:
            loop.call_soon_threadsafe(server.stopping.set)
            if callable(former):
                former(number, frame)

        signal.signal(number, stop)


Handler = Callable[[Request, Exception], Awaitable[Response]]


def _say(status: int) -> Handler:
    async def handle(_request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, status)

    return handle


async def _say_to_reader(request: Request, error: Exception) -> Response:
    """A page for a person whose link names none; JSON for machines, and on the operator's pages."""
    assert isinstance(error, HTTPException)
    is_machine = request.url.path.startswith(("/v1/", "/operator", "/static/", "/hooks/"))
    if error.status_code == 404 and not is_machine and "text/html" in request.headers.get("Accept", ""):
        return landing(request, is_lost=True)
    return await http_exception_handler(request, error)


async def _say_sign_in(request: Request, _error: Exception) -> Response:
    """Pages lead to the sign-in page and back; a program is told that it needs a key."""
    if request.url.path.startswith("/v1/"):
        return JSONResponse({"error": "want Authorization: Bearer KEY; kiosk-billing api-key add makes one"}, 401)
    return RedirectResponse(f"/sign-in{_back_to(request)}", 303)


def _back_to(request: Request) -> str:
    """Where to return after signing in; a form is not sent again."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"?{urlencode({'next': asked})}" if request.method == "GET" else ""


async def _say_account(request: Request, _error: Exception) -> Response:
    return RedirectResponse(f"/account{_back_to(request)}", 303)


async def _say_forbidden(request: Request, error: Exception) -> Response:
    assert isinstance(error, Forbidden)
    if request.url.path.startswith("/v1/"):
        return JSONResponse({"error": str(error)}, 403)
    return forbidden(request, error)


async def _say_wrong_form(request: Request, _error: Exception) -> Response:
    return wrong_form(request)


async def _say_broken(request: Request, error: Exception) -> Response:
    """Last of all: a failure nobody foresaw, with a reference that also stands in the log."""
    reference = uuid.uuid4().hex[:8]
    log.error("%s: %s %s: %s", reference, request.method, request.url.path, type(error).__name__)
    if request.url.path.startswith(("/v1/", "/hooks/")):
        return JSONResponse({"error": f"the server failed; reference {reference}"}, 500)
    settings = server_of(request).settings
    response = broken_response(reference, language_of(request), settings.operator_name, settings.help_contact)
    for name, value in PAGE_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _say_slow_down(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SlowDown)
    return JSONResponse({"error": str(error)}, 429, {"Retry-After": str(error.wait_s)})


async def _say_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return JSONResponse({"error": f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"}, 422)
