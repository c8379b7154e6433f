"""From a proof to a session: what everybody who signs in at a page of staff and hosts passes."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.people import known_browsers, persons, sessions
from billing.people.access import note
from billing.people.cookies import KNOWN, SESSION, address_of, browser_of, read_cookie, set_cookie
from billing.people.next_page import home_of
from billing.people.persons import Entry
from billing.people.sessions import Stage

STEPS = {Stage.CODE: "/sign-in/code", Stage.ENROL: "/sign-in/second-proof"}


def stage_after_password(entry: Entry) -> Stage:
    """A password alone is enough only for whoever moves no money and has set up no generator.

    A passkey is a way in of its own; where money is moved it is the second proof besides.
    """
    if entry.has_generator or (entry.has_passkey and entry.person.moves_money):
        return Stage.CODE
    return Stage.ENROL if entry.person.moves_money else Stage.FULL


def open_for(connection: Connection, request: Request, entry: Entry, stage: Stage, now: datetime) -> str:
    """The token of a new session; the one this browser had before ends."""
    former = read_cookie(request, SESSION)
    if former and (session := sessions.find_session(connection, former, now)) is not None:
        sessions.end_session(connection, session.session_hash, session.holder, now)
    lives = sessions.STAFF_LIVES if entry.person.is_staff else sessions.HOST_LIVES
    if stage is not Stage.FULL:
        lives = sessions.UNFINISHED_LIVES
    else:
        note(connection, entry.person, f"signed in from {address_of(request)}", entry.person.person_id, now)
    holder = persons.holder_of(entry.person.person_id)
    address, browser = address_of(request), browser_of(request)
    return sessions.open_session(connection, holder, stage, lives, now, address=address, browser=browser)


def next_step(entry: Entry, stage: Stage, next_: str) -> str:
    """Where a browser goes now."""
    if stage is Stage.FULL:
        return next_ or home_of(entry.person)
    return STEPS[stage] + (f"?{urlencode({'next': next_})}" if next_ else "")


def entered(request: Request, entry: Entry, stage: Stage, token: str, next_: str) -> Response:
    response = RedirectResponse(next_step(entry, stage, next_), 303)
    carry(request, response, entry, stage, token)
    return response


def carry(request: Request, response: Response, entry: Entry, stage: Stage, token: str) -> None:
    """The cookies of somebody who just proved something."""
    set_cookie(request, response, SESSION, token)
    if stage is Stage.FULL:
        sign = known_browsers.new_sign(server_of(request).settings.server_key, entry.person.person_id)
        set_cookie(request, response, KNOWN, sign, known_browsers.LIVES_S)


def known_number(request: Request, entry: Entry | None) -> str:
    """The number of a browser that this person has signed in with before; "" for a strange one."""
    if entry is None:
        return ""
    key = server_of(request).settings.server_key
    return known_browsers.number_of(key, read_cookie(request, KNOWN), entry.person.person_id)
