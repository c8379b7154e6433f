"""/sign-in, /sign-out, /sign-up/TOKEN: how staff and hosts come in and go.

Law:
- An answer tells neither by its words nor by its time whether a name exists.
- Whoever signs in gets a new session; what the browser brought along ends.
- Nothing typed here is ever logged.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.pages.entering import entered, known_number, next_step, open_for, stage_after_password
from billing.pages.narrow import narrow_page, words_of
from billing.pages.passkey_form import passkey_values
from billing.pages.sign_in_texts import SIGN_IN
from billing.people import invitations, pace, passwords, persons, sessions
from billing.people.access import Forbidden, checked_form, note, session_of
from billing.people.cookies import SESSION, address_of, drop_cookie
from billing.people.next_page import home_of, safe_next
from billing.people.persons import Entry

router = APIRouter()


@router.get("/sign-in")
async def get_sign_in(request: Request, next: str = "") -> Response:
    found = await session_of(request)
    if found is not None:
        return RedirectResponse(next_step(found[1], found[0].stage, safe_next(next)), 303)
    return _sign_in_page(request, next_=safe_next(next))


@router.post("/sign-in")
async def post_sign_in(request: Request) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    login, password = persons.login_of(fields.get("login", "")), fields.get("password", "")
    next_ = safe_next(fields.get("next", ""))
    now = server.now()
    entry = await server.read(lambda c: persons.find_login(c, login))
    subject = pace.account_subject(login, known_number(request, entry))
    try:
        attempt_no = await server.write(lambda c: pace.begin_attempt(c, subject, address_of(request), now))
    except pace.TooFast as error:
        said = words_of(request, SIGN_IN)["too_fast"].format(wait=error.wait_s)
        answer = _sign_in_page(request, login=login, next_=next_, wrong=said, status=429)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer
    is_right = await compare(password, entry)
    if entry is None or not is_right or entry.is_disabled:
        if entry is not None:
            what = f"was refused from {address_of(request)}"
            await server.write(lambda c: note(c, entry.person.name, what, entry.person.person_id, now))
        said = words_of(request, SIGN_IN)["wrong"]
        return _sign_in_page(request, login=login, next_=next_, wrong=said, status=403)
    stage = stage_after_password(entry)
    new_hash = None
    if passwords.is_outdated(entry.password_hash or ""):
        new_hash = await passwords.hash_of(password)

    def let_in(connection: Connection) -> str:
        pace.forgive(connection, subject, attempt_no)
        if new_hash is not None:
            persons.set_password(connection, entry.person.person_id, new_hash)
        return open_for(connection, request, entry, stage, now)

    return entered(request, entry, stage, await server.write(let_in), next_)


@router.post("/sign-out")
async def post_sign_out(request: Request) -> Response:
    server = server_of(request)
    await checked_form(request)
    found = await session_of(request)
    if found is not None:
        session, entry = found
        now = server.now()

        def end(connection: Connection) -> None:
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
    if wrong := objection(request, entry, fields.get("password", ""), fields.get("again", "")):
        return _sign_up_page(request, entry, wrong=wrong)
    new_hash = await passwords.hash_of(fields["password"])
    stage = stage_after_password(entry)

    def take(connection: Connection) -> tuple[Entry, str] | None:
        taken = invitations.take_up(connection, token, new_hash, now)
        return None if taken is None else (taken, open_for(connection, request, taken, stage, now))

    done = await server.write(take)
    return _lost(request) if done is None else entered(request, done[0], stage, done[1], "")


async def compare(password: str, entry: Entry | None) -> bool:
    """Whether it is theirs; as slow for nobody as for somebody."""
    return await passwords.matches(password, None if entry is None else entry.password_hash)


def objection(request: Request, entry: Entry, password: str, again: str) -> str:
    """Why this is not taken as a new password, in the reader's language; "" where it is."""
    words = words_of(request, SIGN_IN)
    try:
        passwords.check_choice(password, entry.login, entry.person.name, server_of(request).settings.operator_name)
    except passwords.Weak as error:
        limits = {"shortest": passwords.SHORTEST, "longest": passwords.LONGEST, "fewest": passwords.FEWEST_LETTERS}
        return words[error.reason].format(**limits)
    return "" if password == again else words["not_the_same"]


def forbidden(request: Request, error: Forbidden) -> Response:
    """The page of somebody who is signed in and may not."""
    words, person = words_of(request, SIGN_IN), request.state.person
    values = {
        "heading": words["forbidden_heading"],
        "means": words[f"forbidden_{error.who}"].format(name=person.name),
        "is_signed_in": True,
        "home": home_of(person),
    }
    return narrow_page(request, "refusal.html", SIGN_IN, values, 403)


def wrong_form(request: Request) -> Response:
    return _refusal(request, "wrong_form", 403)


def _lost(request: Request) -> Response:
    return _refusal(request, "lost", 404)


def _refusal(request: Request, what: str, status: int) -> Response:
    words = words_of(request, SIGN_IN)
    values = {"heading": words[f"{what}_heading"], "means": words[f"{what}_means"], "is_signed_in": False}
    return narrow_page(request, "refusal.html", SIGN_IN, {**values, "home": "/sign-in"}, status)


def _sign_in_page(
    request: Request, *, login: str = "", next_: str = "", wrong: str = "", status: int = 200
) -> Response:
    words = words_of(request, SIGN_IN)
    if request.query_params.get("wrong") == "passkey" and not wrong:
        wrong = words["passkey_wrong"]
    said = words["ended"] if "ended" in request.query_params and not wrong else ""
    kept = {"next": next_} if next_ else {}
    values = {
        "login": login,
        "next": next_,
        "wrong": wrong,
        "said": said,
        "kept": kept,
        "passkey": passkey_values(request),
        "is_marked": bool(wrong) and wrong != words["passkey_wrong"],
    }
    return narrow_page(request, "sign_in.html", SIGN_IN, values, status)


def _sign_up_page(request: Request, entry: Entry, *, wrong: str = "") -> Response:
    title = words_of(request, SIGN_IN)["sign_up_title"]
    values = {"entry": entry, "wrong": wrong, "shortest": passwords.SHORTEST, "title": title}
    return narrow_page(request, "sign_up.html", SIGN_IN, values, 422 if wrong else 200)
