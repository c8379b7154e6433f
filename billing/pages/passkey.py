"""Passkeys over HTTP: a challenge, signing in, adding one, taking one away. For staff and hosts, and for drivers.

Where the browser has none, or no script, nothing of this shows and the other ways in are there.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.drivers import drivers
from billing.drivers.access import driver as signed_in_driver
from billing.drivers.drivers import Driver
from billing.pages import account
from billing.pages.entering import entered, open_for
from billing.pages.passkey_form import site_of
from billing.pages.sign_in import compare
from billing.people import pace, passkeys, persons
from billing.people.access import Person, anybody, checked_form, note, session_of
from billing.people.cookies import address_of
from billing.people.next_page import safe_next
from billing.people.passkeys import NotTaken
from billing.people.persons import Entry
from billing.people.sessions import Stage

LARGEST_FORM = 12_000

router = APIRouter()
Anybody = Annotated[Person, Depends(anybody)]
Signed = Annotated[Driver, Depends(signed_in_driver)]


@router.get("/passkey/challenge")
async def get_challenge(request: Request) -> Response:
    server = server_of(request)
    return JSONResponse({"challenge": server.nonces.issue(server.now())})


# ---- staff and hosts -----------------------------------------------------------------------------------------------


@router.post("/sign-in/passkey")
async def post_sign_in(request: Request) -> Response:
    server, site = server_of(request), site_of(request)
    fields = await checked_form(request, LARGEST_FORM)
    now = server.now()

    def let_in(connection: Connection) -> tuple[Entry, str] | None:
        if site is None:
            return None
        holder = passkeys.authenticate(connection, site, server.nonces, fields.get("answer", ""), now)
        entry = (
            persons.find_person(connection, holder.removeprefix("person:")) if holder.startswith("person:") else None
        )
        if entry is None or entry.is_disabled:
            return None
        return entry, open_for(connection, request, entry, Stage.FULL, now)

    try:
        done = await server.write(let_in)
    except NotTaken:
        done = None
    if done is None:
        return RedirectResponse("/sign-in?wrong=passkey", 303)
    return entered(request, done[0], Stage.FULL, done[1], safe_next(fields.get("next", "")))


@router.post("/sign-in/passkeys")
async def post_add(request: Request) -> Response:
    """Add one: whoever is signed in, or has to set up a second proof first."""
    server, site = server_of(request), site_of(request)
    fields = await checked_form(request, LARGEST_FORM)
    found = await session_of(request)
    if found is None or found[0].stage is Stage.CODE:
        return RedirectResponse("/sign-in", 303)
    session, entry = found
    now = server.now()
    if session.stage is Stage.FULL and not await _is_them(request, entry, fields.get("current", "")):
        return RedirectResponse("/me?wrong=current", 303)

    def add(connection: Connection) -> str:
        if site is None:
            raise NotTaken("no passkeys here")
        passkeys.register(
            connection, site, server.nonces, session.holder, fields.get("answer", ""), fields.get("label", ""), now
        )
        note(connection, entry.person, "added a passkey", entry.person.person_id, now)
        return open_for(connection, request, entry, Stage.FULL, now)

    try:
        token = await server.write(add)
    except NotTaken:
        way_back = "/me" if session.stage is Stage.FULL else "/sign-in/second-proof"
        return RedirectResponse(f"{way_back}?wrong=passkey", 303)
    return entered(request, entry, Stage.FULL, token, safe_next(fields.get("next", "")) or "/me?done=passkey")


async def _is_them(request: Request, entry: Entry, password: str) -> bool:
    """Who adds a key to the house shows again that it is theirs; a browser left open is not enough."""
    server = server_of(request)
    subject, now = pace.account_subject(f"password of {entry.person.person_id}"), server.now()
    try:
        attempt_no = await server.write(lambda c: pace.begin_attempt(c, subject, address_of(request), now))
    except pace.TooFast:
        return False
    is_right = await compare(password, entry)
    if is_right:
        await server.write(lambda c: pace.forgive(c, subject, attempt_no))
    return is_right


@router.post("/me/passkeys/remove")
async def post_remove(request: Request, person: Anybody) -> Response:
    """Who moves money keeps a second proof: the last passkey goes only where a generator is set up."""
    server = server_of(request)
    name = (await checked_form(request)).get("passkey", "")
    found = await session_of(request)
    assert found is not None
    session, entry = found
    now = server.now()

    def remove(connection: Connection) -> bool:
        is_last = passkeys.count(connection, session.holder) == 1
        if is_last and person.moves_money and not entry.has_generator:
            return False
        if passkeys.remove(connection, session.holder, name):
            note(connection, person, "removed a passkey", person.person_id, now)
        return True

    return RedirectResponse("/me?done=passkey_gone" if await server.write(remove) else "/me?wrong=last", 303)


# ---- drivers -------------------------------------------------------------------------------------------------------


@router.post("/account/passkey")
async def post_driver_sign_in(request: Request) -> Response:
    server, site = server_of(request), site_of(request)
    fields = await checked_form(request, LARGEST_FORM)
    now = server.now()

    def let_in(connection: Connection) -> str | None:
        if site is None:
            return None
        holder = passkeys.authenticate(connection, site, server.nonces, fields.get("answer", ""), now)
        known = (
            drivers.find_driver(connection, holder.removeprefix("driver:")) if holder.startswith("driver:") else None
        )
        return None if known is None else account.open_for(connection, request, known, now)

    try:
        token = await server.write(let_in)
    except NotTaken:
        token = None
    if token is None:
        return RedirectResponse("/account?wrong=passkey", 303)
    response = RedirectResponse(safe_next(fields.get("next", "")) or "/account", 303)
    account.carry(request, response, token)
    return response


@router.post("/account/passkeys")
async def post_driver_add(request: Request, driver: Signed) -> Response:
    server, site = server_of(request), site_of(request)
    fields = await checked_form(request, LARGEST_FORM)
    now, holder = server.now(), drivers.holder_of(driver.driver_id)

    def add(connection: Connection) -> None:
        if site is None:
            raise NotTaken("no passkeys here")
        passkeys.register(
            connection, site, server.nonces, holder, fields.get("answer", ""), fields.get("label", ""), now
        )

    try:
        await server.write(add)
    except NotTaken:
        return RedirectResponse("/account/settings?wrong=passkey", 303)
    return RedirectResponse("/account/settings?done=passkey", 303)


@router.post("/account/passkeys/remove")
async def post_driver_remove(request: Request, driver: Signed) -> Response:
    name = (await checked_form(request)).get("passkey", "")
    holder = drivers.holder_of(driver.driver_id)
    await server_of(request).write(lambda c: passkeys.remove(c, holder, name))
    return RedirectResponse("/account/settings?done=passkey_gone", 303)
