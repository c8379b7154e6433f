"""/sign-in/code and /sign-in/second-proof: the code of a generator, and how one is set up.

Law:
- Codes are guessed slower than passwords: there are only a million of them.
- A secret is kept only after a code made from it has come back, so that nobody locks themselves out.
- Who has a generator gives one of its codes before it is replaced.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.pages.entering import carry, entered, known_number, next_step, open_for
from billing.pages.narrow import narrow_page, words_of
from billing.pages.passkey_form import passkey_values
from billing.pages.qr import qr_svg
from billing.pages.second_proof_texts import SECOND_PROOF
from billing.people import pace, second_proof, sessions, totp
from billing.people.access import checked_form, note, session_of
from billing.people.cookies import address_of
from billing.people.next_page import safe_next
from billing.people.persons import Entry
from billing.people.sessions import Stage

router = APIRouter(prefix="/sign-in")


@router.get("/code")
async def get_code(request: Request, next: str = "") -> Response:
    found = await session_of(request)
    if found is None or found[0].stage is not Stage.CODE:
        return RedirectResponse("/sign-in", 303)
    return _code_page(request, found[1], next_=safe_next(next))


@router.post("/code")
async def post_code(request: Request) -> Response:
    fields = await checked_form(request)
    found = await session_of(request)
    if found is None or found[0].stage is not Stage.CODE:
        return RedirectResponse("/sign-in", 303)
    entry, next_, now = found[1], safe_next(fields.get("next", "")), server_of(request).now()
    try:
        token = await _prove(request, entry, fields.get("code", ""))
    except pace.TooFast as error:
        said = words_of(request, SECOND_PROOF)["too_fast"].format(wait=error.wait_s)
        return _code_page(request, entry, next_=next_, wrong=said, status=429)
    if token is None:
        what = f"gave a wrong code from {address_of(request)}"
        await server_of(request).write(lambda c: note(c, entry.person, what, entry.person.person_id, now))
        return _code_page(request, entry, next_=next_, wrong=words_of(request, SECOND_PROOF)["wrong"], status=403)
    return entered(request, entry, Stage.FULL, token, next_)


@router.get("/second-proof")
async def get_second_proof(request: Request, next: str = "") -> Response:
    found = await session_of(request)
    if found is None or found[0].stage is Stage.CODE:
        return RedirectResponse("/sign-in", 303)
    wrong = words_of(request, SECOND_PROOF)["passkey_wrong"] if request.query_params.get("wrong") == "passkey" else ""
    return _setup_page(request, found[1], totp.new_secret(), next_=safe_next(next), wrong=wrong)


@router.post("/second-proof")
async def post_second_proof(request: Request) -> Response:
    server = server_of(request)
    fields = await checked_form(request)
    found = await session_of(request)
    if found is None or found[0].stage is Stage.CODE:
        return RedirectResponse("/sign-in", 303)
    session, entry = found
    next_, now, secret = safe_next(fields.get("next", "")), server.now(), fields.get("secret", "")
    words = words_of(request, SECOND_PROOF)
    if not totp.is_secret(secret):
        return _setup_page(request, entry, totp.new_secret(), next_=next_, wrong=words["setup_wrong"], status=422)
    if entry.has_generator:
        try:
            is_proved = await _prove(request, entry, fields.get("current", "")) is not None
        except pace.TooFast as error:
            said = words["too_fast"].format(wait=error.wait_s)
            return _setup_page(request, entry, secret, next_=next_, wrong=said, status=429)
        if not is_proved:
            return _setup_page(request, entry, secret, next_=next_, wrong=words["current_wrong"], status=403)
    step = totp.step_of_code(secret, fields.get("code", ""), now, None)
    if step is None:
        return _setup_page(request, entry, secret, next_=next_, wrong=words["setup_wrong"], status=422)

    def enrol(connection: Connection) -> tuple[list[str], str]:
        key = server.settings.server_key
        codes = second_proof.enrol(connection, key, entry.person.person_id, secret, step)
        note(connection, entry.person, "set up a code generator", entry.person.person_id, now)
        sessions.end_all(connection, session.holder, now)
        return codes, open_for(connection, request, entry, Stage.FULL, now)

    codes, token = await server.write(enrol)
    response = codes_page(request, entry, codes, next_)
    carry(request, response, entry, Stage.FULL, token)
    return response


def codes_page(request: Request, entry: Entry, codes: list[str], next_: str = "") -> Response:
    """Recovery codes, shown this once."""
    values = {"codes": codes, "go_on": next_step(entry, Stage.FULL, next_)}
    return narrow_page(request, "recovery_codes.html", SECOND_PROOF, values)


async def _prove(request: Request, entry: Entry, typed: str) -> str | None:
    """The token of a full session, where the code was right. Raises TooFast."""
    server = server_of(request)
    now, person_id = server.now(), entry.person.person_id
    subject = pace.account_subject(f"code of {person_id}", known_number(request, entry))
    attempt_no = await server.write(lambda c: pace.begin_attempt(c, subject, address_of(request), now, pace.OF_CODE))

    def take(connection: Connection) -> str | None:
        how = second_proof.take_code(connection, server.settings.server_key, person_id, typed, now)
        if not how:
            return None
        pace.forgive(connection, subject, attempt_no)
        if how == "recovery code":
            note(connection, entry.person, "used a recovery code", person_id, now)
        return open_for(connection, request, entry, Stage.FULL, now)

    return await server.write(take)


def _code_page(request: Request, entry: Entry, *, next_: str, wrong: str = "", status: int = 200) -> Response:
    values = {
        "next": next_,
        "wrong": wrong,
        "kept": {"next": next_} if next_ else {},
        "entry": entry,
        "passkey": passkey_values(request) if entry.has_passkey else None,
    }
    return narrow_page(request, "sign_in_code.html", SECOND_PROOF, values, status)


def _setup_page(
    request: Request, entry: Entry, secret: str, *, next_: str, wrong: str = "", status: int = 200
) -> Response:
    words = words_of(request, SECOND_PROOF)
    issuer = server_of(request).settings.operator_name
    values = {
        "title": words["setup_title"],
        "entry": entry,
        "passkey": None if entry.has_generator or entry.has_passkey else passkey_values(request, entry),
        "secret": secret,
        "secret_words": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        "picture": qr_svg(totp.address_of(secret, entry.login, issuer), words["picture"]),
        "next": next_,
        "wrong": wrong,
        "kept": {"next": next_} if next_ else {},
    }
    return narrow_page(request, "second_proof.html", SECOND_PROOF, values, status)
