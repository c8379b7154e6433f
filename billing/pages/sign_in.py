"""/sign-in, /sign-out, /sign-up/TOKEN: how staff and hosts come in and go.

Law:
- An answer tells neither by its words nor by its time whether a name exists.
- Whoever signs in gets a new session; what the browser brought along ends.
- Nothing typed here is ever logged.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import Server, server_of
from billing.pages.render import LANGUAGES, choose_language, page
from billing.pages.sign_in_texts import SIGN_IN
from billing.people import invitations, known_browsers, pace, passwords, persons, sessions
from billing.people.access import Forbidden, checked_form, csrf_field, note, session_of
from billing.people.cookies import KNOWN, SESSION, address_of, browser_of, drop_cookie, read_cookie, set_cookie
from billing.people.next_page import home_of, safe_next
from billing.people.persons import Entry
from billing.people.sessions import Stage

COMPARED_AT_A_TIME = 2  # a comparison takes 64 MiB

router = APIRouter()
_comparing = asyncio.Semaphore(COMPARED_AT_A_TIME)


@router.get("/sign-in")
async def get_sign_in(request: Request, next: str = "") -> Response:
    found = await session_of(request)
    if found is not None and found[0].stage is Stage.FULL:
        return RedirectResponse(safe_next(next) or home_of(found[1].person), 303)
    return _sign_in_page(request, next=safe_next(next))


@router.post("/sign-in")
async def post_sign_in(request: Request) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    login, password, next_ = (
        persons.login_of(fields.get("login", "")),
        fields.get("password", ""),
        fields.get("next", ""),
    )
    next_ = safe_next(next_)
    now = server.now()
    entry = await server.read(lambda c: persons.find_login(c, login))
    known = (
        ""
        if entry is None
        else known_browsers.number_of(server.settings.server_key, read_cookie(request, KNOWN), entry.person.person_id)
    )
    subject = pace.account_subject(login, known)
    try:
        attempt_no = await server.write(lambda c: pace.begin_attempt(c, subject, address_of(request), now))
    except pace.TooFast as error:
        said = _words(request)["too_fast"].format(wait=error.wait_s)
        answer = _sign_in_page(request, login=login, next=next_, wrong=said, status=429)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer
    async with _comparing:
        is_right = await asyncio.to_thread(
            passwords.password_matches, password[: passwords.LONGEST + 1], entry.password_hash if entry else None
        )
    if entry is None or not is_right or entry.is_disabled:
        if entry is not None:
            what = f"was refused from {address_of(request)}"
            await server.write(lambda c: note(c, entry.person.name, what, entry.person.person_id, now))
        return _sign_in_page(request, login=login, next=next_, wrong=_words(request)["wrong"], status=403)

    def let_in(connection: Connection) -> str:
        pace.forgive(connection, subject, attempt_no)
        if passwords.is_outdated(entry.password_hash or ""):
            persons.set_password(connection, entry.person.person_id, password)
        return open_for(connection, request, entry, now)

    token = await server.write(let_in)
    return entered(request, server, entry, token, next_)


@router.post("/sign-out")
async def post_sign_out(request: Request) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    found = await session_of(request)
    if found is not None:
        session, entry = found
        now = server.now()

        def end(connection: Connection) -> None:
            if "everywhere" in fields:
                sessions.end_all(connection, session.holder, now)
            sessions.end_session(connection, session.session_hash, session.holder, now)
            note(connection, entry.person, "signed out", entry.person.person_id, now)

        await server.write(end)
    response = RedirectResponse("/sign-in?ended=1", 303)
    drop_cookie(request, response, SESSION)
    return response


@router.get("/sign-up/{token}")
async def get_sign_up(request: Request, token: str) -> Response:
    server = server_of(request)
    entry = await server.read(lambda c: invitations.invited(c, token, server.now()))
    return _lost(request) if entry is None else _sign_up_page(request, entry)


@router.post("/sign-up/{token}")
async def post_sign_up(request: Request, token: str) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    now = server.now()
    entry = await server.read(lambda c: invitations.invited(c, token, now))
    if entry is None:
        return _lost(request)
    password = fields.get("password", "")
    words = _words(request)
    try:
        passwords.check_choice(password, entry.login, entry.person.name, server.settings.operator_name)
    except passwords.Weak as error:
        limits = {"shortest": passwords.SHORTEST, "longest": passwords.LONGEST, "fewest": passwords.FEWEST_LETTERS}
        return _sign_up_page(request, entry, wrong=words[error.reason].format(**limits))
    if password != fields.get("again", ""):
        return _sign_up_page(request, entry, wrong=words["not_the_same"])

    def take(connection: Connection) -> tuple[Entry, str] | None:
        taken = invitations.take_up(connection, token, password, now)
        return None if taken is None else (taken, open_for(connection, request, taken, now))

    done = await server.write(take)
    return _lost(request) if done is None else entered(request, server, done[0], done[1], "")


def open_for(connection: Connection, request: Request, entry: Entry, now: datetime) -> str:
    """A new session for somebody who has proved who they are; what this browser had before ends."""
    former = read_cookie(request, SESSION)
    holder = persons.holder_of(entry.person.person_id)
    if former and (session := sessions.find_session(connection, former, now)) is not None:
        sessions.end_session(connection, session.session_hash, session.holder, now)
    lives = sessions.STAFF_LIVES if entry.person.is_staff else sessions.HOST_LIVES
    note(connection, entry.person, f"signed in from {address_of(request)}", entry.person.person_id, now)
    return sessions.open_session(
        connection, holder, Stage.FULL, lives, now, address=address_of(request), browser=browser_of(request)
    )


def entered(request: Request, server: Server, entry: Entry, token: str, next_: str) -> Response:
    response = RedirectResponse(next_ or home_of(entry.person), 303)
    set_cookie(request, response, SESSION, token)
    sign = known_browsers.new_sign(server.settings.server_key, entry.person.person_id)
    set_cookie(request, response, KNOWN, sign, known_browsers.LIVES_S)
    return response


def forbidden(request: Request, error: Forbidden) -> Response:
    """The page of somebody who is signed in and may not."""
    words = _words(request)
    name = request.state.person.name
    means = words[f"forbidden_{error.who}"].format(name=name)
    return _refusal(
        request, words["forbidden_heading"], means, 403, is_signed_in=True, home=home_of(request.state.person)
    )


def wrong_form(request: Request) -> Response:
    words = _words(request)
    return _refusal(request, words["wrong_form_heading"], words["wrong_form_means"], 403)


def _lost(request: Request) -> Response:
    words = _words(request)
    return _refusal(request, words["lost_heading"], words["lost_means"], 404)


def _refusal(
    request: Request, heading: str, means: str, status: int, *, is_signed_in: bool = False, home: str = "/sign-in"
) -> Response:
    values = {"heading": heading, "means": means, "is_signed_in": is_signed_in, "home": home}
    return _page(request, "refusal.html", values, status)


def _sign_in_page(request: Request, *, login: str = "", next: str = "", wrong: str = "", status: int = 200) -> Response:
    said = _words(request)["ended"] if "ended" in request.query_params and not wrong else ""
    kept = {"next": next} if next else {}
    values: dict[str, object] = {"login": login, "next": next, "wrong": wrong, "said": said, "kept": kept}
    return _page(request, "sign_in.html", values, status)


def _sign_up_page(request: Request, entry: Entry, *, wrong: str = "") -> Response:
    values = {"entry": entry, "wrong": wrong, "shortest": passwords.SHORTEST}
    return _page(request, "sign_up.html", values, 422 if wrong else 200)


def _page(request: Request, template: str, values: dict[str, object], status: int) -> Response:
    shared = {
        "words": _words(request),
        "language": _language(request),
        "languages": LANGUAGES,
        "operator_name": server_of(request).settings.operator_name,
        "csrf": csrf_field(request),
    }
    return page(template, {**shared, **values}, status)


def _words(request: Request) -> dict[str, str]:
    return SIGN_IN[_language(request)]


def _language(request: Request) -> str:
    return choose_language(request.query_params.get("lang"), request.headers.get("Accept-Language", ""))
