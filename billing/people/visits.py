"""Whose session a request carries in a cookie: the one look-up for people and for drivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from sqlalchemy import Connection

from billing.api.gate import server_of
from billing.people import sessions
from billing.people.cookies import read_cookie
from billing.people.sessions import Session

Holder = TypeVar("Holder")


async def visit(
    request: Request, cookie: str, kind: str, find: Callable[[Connection, str], Holder | None]
) -> tuple[Session, Holder] | None:
    """The live session in that cookie and whose it is; None without one, and where `find` knows nobody of that id.

    `kind`: what the holder's name begins with, as "person:". That the session was seen is noted now and then.
    """
    token = read_cookie(request, cookie)
    if not token:
        return None
    server = server_of(request)
    now = server.now()
    session = await server.read(lambda c: sessions.find_session(c, token, now))
    if session is None or not session.holder.startswith(kind):
        return None
    holder = await server.read(lambda c: find(c, session.holder.removeprefix(kind)))
    if holder is None:
        return None
    if sessions.is_worth_noting(session, now):
        await server.write(lambda c: sessions.note_seen(c, session.session_hash, now))
    return session, holder
