"""/operator: fleet, sessions, one session, what is unfinished, quarantine. One password behind HTTP Basic."""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from billing.alarms import clear_alarms
from billing.api.gate import body_of, server_of
from billing.commands import NotReachable
from billing.directory import NotKnown
from billing.orders import Order, OrderKind, give
from billing.pages.kiosk_view import kiosk_detail
from billing.pages.operator_view import KioskLine, counts, fleet, kept_aside, open_alarms, sessions
from billing.pages.render import page
from billing.pages.session_view import session_detail
from billing.pages.unfinished_view import unfinished
from billing.passwords import TooManyGuesses

LARGEST_FORM = 4_000
LONGEST_SAID = 300


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


@router.get("/kiosks/{kiosk_id}")
async def get_kiosk(request: Request, kiosk_id: str, said: str = "", refused: int = 0) -> Response:
    server = server_of(request)
    detail = await server.read(lambda c: kiosk_detail(c, kiosk_id, server.now()))
    if detail is None:
        raise HTTPException(404, "no such kiosk")
    values = {"kiosk": detail, "heading": detail["name"], "said": said[:LONGEST_SAID], "is_refused": bool(refused)}
    return await _page(request, "kiosk", values)


@router.post("/kiosks/{kiosk_id}/order")
async def post_order(request: Request, kiosk_id: str) -> Response:
    server = server_of(request)
    try:
        order = _order(kiosk_id, (await body_of(request, LARGEST_FORM)).decode())
        await server.write(lambda c: give(c, order, server.now()))
    except (NotReachable, NotKnown, ValueError) as error:
        return _back(kiosk_id, str(error), True)
    return _back(kiosk_id, "Sent; the kiosk's answer stands below within seconds", False)


def _order(kiosk_id: str, form: str) -> Order:
    """Raises ValueError."""
    fields = dict(parse_qsl(form, strict_parsing=True, max_num_fields=10))
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
    return await _page(request, "unfinished", {"rows": rows, "heading": heading})


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
        "here": {"session": "sessions", "kiosk": "fleet"}.get(name, name),
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
