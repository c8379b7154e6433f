"""/operator: fleet, sessions, one session, quarantine. One password behind HTTP Basic until accounts come."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from billing.alarms import clear_alarms
from billing.api.gate import server_of
from billing.pages.operator_view import KioskLine, counts, fleet, kept_aside, open_alarms, sessions
from billing.pages.render import page
from billing.pages.session_view import session_detail
from billing.passwords import TooManyGuesses


def require_operator(request: Request) -> None:
    server = server_of(request)
    header = request.headers.get("Authorization", "")
    try:
        is_admitted = server.doorkeeper.admits(header, server.settings.operator_password_hash, server.now())
    except TooManyGuesses as error:
        raise HTTPException(429, str(error)) from error
    if not is_admitted:
        challenge = {"WWW-Authenticate": 'Basic realm="operator", charset="UTF-8"'}
        raise HTTPException(401, "operator and password, please", challenge)
    if request.method != "GET" and request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise HTTPException(403, "this form was sent from another site")


router = APIRouter(prefix="/operator", dependencies=[Depends(require_operator)])


@router.get("")
async def get_fleet(request: Request) -> Response:
    server = server_of(request)
    now = server.now()
    lines = await server.read(lambda c: fleet(c, now))
    alarms = await server.read(lambda c: open_alarms(c, now))
    return await _page(request, "fleet", {"kiosks": lines, "alarms": alarms, "heading": _fleet_heading(lines)})


@router.post("/alarms/{kiosk_id}/clear")
async def post_clear(request: Request, kiosk_id: str) -> Response:
    server = server_of(request)
    await server.write(lambda c: clear_alarms(c, kiosk_id, server.now()))
    return RedirectResponse("/operator", 303)


@router.get("/sessions")
async def get_sessions(request: Request, kiosk: str | None = None) -> Response:
    server = server_of(request)
    lines = await server.read(lambda c: sessions(c, server.now(), kiosk))
    running = sum(1 for line in lines if line.state == "Open")
    heading = f"{running} open, {len(lines) - running} ended" if lines else "No sessions yet"
    return await _page(request, "sessions", {"sessions": lines, "heading": heading, "kiosk": kiosk})


@router.get("/sessions/{kiosk_id}/{transaction_id}")
async def get_session(request: Request, kiosk_id: str, transaction_id: str) -> Response:
    server = server_of(request)
    detail = await server.read(lambda c: session_detail(c, kiosk_id, transaction_id, server.now()))
    if detail is None:
        raise HTTPException(404, "no such session")
    return await _page(request, "session", {"session": detail, "heading": detail["title"]})


@router.get("/quarantine")
async def get_quarantine(request: Request) -> Response:
    server = server_of(request)
    rows = await server.read(lambda c: kept_aside(c, server.now()))
    held = sum(1 for row in rows if row["holds"])
    heading = "Nothing waits for a decision"
    if rows:
        heading = f"{len(rows)} kept aside, {held} holding a bill"
    return await _page(request, "quarantine", {"rows": rows, "heading": heading})


async def _page(request: Request, name: str, values: dict[str, object]) -> Response:
    server = server_of(request)
    shared = {
        "here": "sessions" if name == "session" else name,
        "counts": await server.read(counts),
        "operator_name": server.settings.operator_name,
        "now_text": server.now().strftime("%A %d %B %Y, %H:%M UTC"),
    }
    return page(f"operator_{name}.html", {**shared, **values})


def _fleet_heading(lines: list[KioskLine]) -> str:
    if not lines:
        return "No kiosks yet"
    health = Counter(line.health.lower() for line in lines)
    parts = [f"{count} {word}" for word, count in health.most_common()]
    return f"{len(lines)} kiosk{'s' if len(lines) > 1 else ''}: {', '.join(parts)}"
