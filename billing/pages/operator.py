"""/operator: fleet, sessions, one session, what is unfinished, quarantine. For staff."""

from __future__ import annotations

from collections import Counter
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.alarms import clear_alarms
from billing.api.gate import server_of
from billing.commands import NotReachable
from billing.directory import NotKnown
from billing.orders import Order, OrderKind, give_noted
from billing.pages.kiosk_view import kiosk_detail
from billing.pages.operator_frame import operator_page
from billing.pages.operator_view import KioskLine, fleet, kept_aside, open_alarms, sessions
from billing.pages.session_view import session_detail
from billing.pages.unfinished_view import unfinished
from billing.people.access import Person, checked_form, note, staff

LONGEST_SAID = 300

Staff = Annotated[Person, Depends(staff)]


router = APIRouter(prefix="/operator", dependencies=[Depends(staff)])


@router.get("")
async def get_fleet(request: Request) -> Response:
    server = server_of(request)
    now = server.now()
    lines = await server.read(lambda c: fleet(c, now))
    alarms = await server.read(lambda c: open_alarms(c, now))
    return await operator_page(request, "fleet", {"kiosks": lines, "alarms": alarms, "heading": _fleet_heading(lines)})


@router.post("/alarms/{kiosk_id}/clear")
async def post_clear(request: Request, kiosk_id: str, person: Staff) -> Response:
    server = server_of(request)
    await checked_form(request)
    now = server.now()

    def clear(connection: Connection) -> None:
        clear_alarms(connection, kiosk_id, now)
        note(connection, person, "acknowledged the alarms", kiosk_id, now)

    await server.write(clear)
    return RedirectResponse("/operator", 303)


@router.get("/sessions")
async def get_sessions(request: Request, kiosk: str | None = None) -> Response:
    server = server_of(request)
    lines = await server.read(lambda c: sessions(c, server.now(), kiosk))
    running = sum(1 for line in lines if line.state == "Open")
    heading = f"{running} open, {len(lines) - running} ended" if lines else "No sessions yet"
    return await operator_page(request, "sessions", {"sessions": lines, "heading": heading, "kiosk": kiosk})


@router.get("/sessions/{kiosk_id}/{transaction_id}")
async def get_session(request: Request, kiosk_id: str, transaction_id: str) -> Response:
    server = server_of(request)
    detail = await server.read(lambda c: session_detail(c, kiosk_id, transaction_id, server.now()))
    if detail is None:
        raise HTTPException(404, "no such session")
    return await operator_page(request, "session", {"session": detail, "heading": detail["title"]})


@router.get("/kiosks/{kiosk_id}")
async def get_kiosk(request: Request, kiosk_id: str, said: str = "", refused: int = 0) -> Response:
    server = server_of(request)
    detail = await server.read(lambda c: kiosk_detail(c, kiosk_id, server.now()))
    if detail is None:
        raise HTTPException(404, "no such kiosk")
    values = {"kiosk": detail, "heading": detail["name"], "said": said[:LONGEST_SAID], "is_refused": bool(refused)}
    return await operator_page(request, "kiosk", values)


@router.post("/kiosks/{kiosk_id}/order")
async def post_order(request: Request, kiosk_id: str, person: Staff) -> Response:
    server = server_of(request)
    now = server.now()
    try:
        order = _order(kiosk_id, await checked_form(request))
        await server.write(lambda c: give_noted(c, order, person, now))
    except (NotReachable, NotKnown, ValueError) as error:
        return _back(kiosk_id, str(error), True)
    return _back(kiosk_id, "Sent; the kiosk's answer stands below within seconds", False)


def _order(kiosk_id: str, fields: dict[str, str]) -> Order:
    """Raises ValueError."""
    kind = OrderKind(fields.pop("kind", ""))
    numbers = {name: int(fields.pop(name)) for name in ("evse_id", "minutes") if name in fields}
    texts = {name: fields.pop(name) for name in ("account_id", "transaction_id", "reservation_id") if name in fields}
    if fields:
        raise ValueError(f"{', '.join(fields)}: unknown field")
    return Order(kiosk_id, kind, **numbers, **texts)  # type: ignore[arg-type]


def _back(kiosk_id: str, said: str, is_refused: bool) -> Response:
    query = urlencode({"said": said, "refused": int(is_refused)})
    return RedirectResponse(f"/operator/kiosks/{quote(kiosk_id, safe='')}?{query}", 303)


@router.get("/unfinished")
async def get_unfinished(request: Request) -> Response:
    server = server_of(request)
    rows = await server.read(lambda c: unfinished(c, server.now()))
    asks = sum(row["chip"] != "stale" for row in rows)
    heading = f"{asks} need somebody, {len(rows) - asks} wait for a meter" if rows else "Everything that ended is here"
    return await operator_page(request, "unfinished", {"rows": rows, "heading": heading})


@router.get("/quarantine")
async def get_quarantine(request: Request) -> Response:
    server = server_of(request)
    rows = await server.read(lambda c: kept_aside(c, server.now()))
    held = sum(1 for row in rows if row["holds"])
    heading = "Nothing waits for a decision"
    if rows:
        heading = f"{len(rows)} kept aside, {held} holding a bill"
    return await operator_page(request, "quarantine", {"rows": rows, "heading": heading})


def _fleet_heading(lines: list[KioskLine]) -> str:
    if not lines:
        return "No kiosks yet"
    health = Counter(line.health.lower() for line in lines)
    parts = [f"{count} {word}" for word, count in health.most_common()]
    return f"{len(lines)} kiosk{'s' if len(lines) > 1 else ''}: {', '.join(parts)}"
