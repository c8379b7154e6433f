"""/me: what staff and hosts change about their own way in: password, second proof, and where they are signed in.

Law: what makes the way in weaker or gives it to another asks for the password or a code again.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.pages.me_texts import ME
from billing.pages.narrow import language_of, narrow_page, words_of
from billing.pages.passkey_form import passkey_lines, passkey_values
from billing.pages.render import clock_text, date_text
from billing.pages.second_proof import codes_page
from billing.pages.sign_in import compare, objection
from billing.people import pace, passkeys, passwords, persons, second_proof, sessions
from billing.people.access import Person, anybody, checked_form, note, session_of
from billing.people.browsers import browser_words
from billing.people.cookies import SESSION, address_of, drop_cookie
from billing.people.next_page import home_of
from billing.people.persons import Entry
from billing.people.sessions import Session

DONE = ("password", "ended", "removed", "passkey", "passkey_gone")

router = APIRouter(prefix="/me")
Anybody = Annotated[Person, Depends(anybody)]


@router.get("")
async def get_me(request: Request, person: Anybody) -> Response:
    return await _me_page(request)


@router.post("/password")
async def post_password(request: Request, person: Anybody) -> Response:
    fields = await checked_form(request)
    server, (session, entry) = server_of(request), await _mine(request)
    now, words = server.now(), words_of(request, ME)
    subject = pace.account_subject(f"password of {person.person_id}")
    try:
        attempt_no = await server.write(lambda c: pace.begin_attempt(c, subject, address_of(request), now))
    except pace.TooFast as error:
        return await _me_page(request, wrong=words["too_fast"].format(wait=error.wait_s), status=429)
    if not await compare(fields.get("current", ""), entry):
        return await _me_page(request, wrong=words["current_wrong"], status=403)
    if wrong := objection(request, entry, fields.get("password", ""), fields.get("again", "")):
        return await _me_page(request, wrong=wrong, status=422)
    new_hash = await passwords.hash_of(fields["password"])

    def change(connection: Connection) -> None:
        pace.forgive(connection, subject, attempt_no)
        persons.set_password(connection, person.person_id, new_hash)
        sessions.end_all(connection, session.holder, now, except_hash=session.session_hash)
        note(connection, person, "changed the password", person.person_id, now)

    await server.write(change)
    return _done("password")


@router.post("/sessions/end")
async def post_end(request: Request, person: Anybody) -> Response:
    fields = await checked_form(request)
    server, (session, _) = server_of(request), await _mine(request)
    now = server.now()

    def end(connection: Connection) -> None:
        if sessions.end_session(connection, fields.get("session", ""), session.holder, now):
            note(connection, person, "ended a session", person.person_id, now)

    await server.write(end)
    return _done("ended")


@router.post("/sessions/end-all")
async def post_end_all(request: Request, person: Anybody) -> Response:
    await checked_form(request)
    server, (session, _) = server_of(request), await _mine(request)
    now = server.now()

    def end(connection: Connection) -> None:
        sessions.end_all(connection, session.holder, now)
        note(connection, person, "signed out everywhere", person.person_id, now)

    await server.write(end)
    response = RedirectResponse("/sign-in?ended=1", 303)
    drop_cookie(request, response, SESSION)
    return response


@router.post("/recovery-codes")
async def post_recovery_codes(request: Request, person: Anybody) -> Response:
    return await _with_code(request, person, is_removal=False)


@router.post("/second-proof/remove")
async def post_remove(request: Request, person: Anybody) -> Response:
    return await _with_code(request, person, is_removal=True)


async def _with_code(request: Request, person: Person, *, is_removal: bool) -> Response:
    """What a code of the present generator is asked for again."""
    fields = await checked_form(request)
    server, (_, entry) = server_of(request), await _mine(request)
    now, words = server.now(), words_of(request, ME)
    if is_removal and person.moves_money:
        return await _me_page(request, wrong=words["keep_second"], status=403)
    subject = pace.account_subject(f"code of {person.person_id}")

    def work(connection: Connection) -> list[str] | None:
        typed, key = fields.get("code", ""), server.settings.server_key
        if not second_proof.take_code(connection, key, person.person_id, typed, now):
            return None
        pace.forgive(connection, subject, attempt_no)
        what = "removed the code generator" if is_removal else "made new recovery codes"
        note(connection, person, what, person.person_id, now)
        if is_removal:
            second_proof.remove(connection, person.person_id)
            return []
        return second_proof.new_recovery_codes(connection, person.person_id)

    try:
        attempt_no = await server.write(
            lambda c: pace.begin_attempt(c, subject, address_of(request), now, pace.OF_CODE)
        )
    except pace.TooFast as error:
        return await _me_page(request, wrong=words["too_fast"].format(wait=error.wait_s), status=429)
    codes = await server.write(work)
    if codes is None:
        return await _me_page(request, wrong=words["code_wrong"], status=403)
    return codes_page(request, entry, codes, "/me") if codes else _done("removed")


async def _mine(request: Request) -> tuple[Session, Entry]:
    found = await session_of(request)
    assert found is not None  # `anybody` has let them in
    return found


def _done(what: str) -> Response:
    return RedirectResponse(f"/me?done={what}", 303)


async def _me_page(request: Request, *, wrong: str = "", status: int = 200) -> Response:
    server, (session, entry) = server_of(request), await _mine(request)
    words, language, now = words_of(request, ME), language_of(request), server.now()
    live = await server.read(lambda c: sessions.live_sessions(c, session.holder, now))
    left = await server.read(lambda c: second_proof.recovery_codes_left(c, entry.person.person_id))
    keys = await server.read(lambda c: passkeys.passkeys_of(c, session.holder))
    done = request.query_params.get("done", "")
    if not wrong:
        why = {"passkey": "passkey_wrong", "last": "passkey_last", "current": "current_wrong"}
        wrong = words.get(why.get(request.query_params.get("wrong", ""), ""), "")
    values = {
        "entry": entry,
        "role": words[f"role_{entry.person.role.value}"],
        "home": home_of(entry.person),
        "wrong": wrong,
        "said": words.get(f"done_{done}", "") if done in DONE and not wrong else "",
        "left": left,
        "passkey": passkey_values(request, entry),
        "passkeys": passkey_lines(keys, words, language),
        "shortest": passwords.SHORTEST,
        "sessions": [
            {
                "hash": one.session_hash,
                "is_here": one.session_hash == session.session_hash,
                "browser": browser_words(one.browser) or words["some_browser"],
                "address": one.address,
                "seen": f"{date_text(one.seen, 'UTC', language)}, {clock_text(one.seen, 'UTC', language)} UTC",
            }
            for one in live
        ],
    }
    return narrow_page(request, "me.html", ME, values, status)
