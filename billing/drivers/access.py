"""Which driver is asking. Nobody has to be one: pages for everybody ask `driver_of` and take None for an answer."""

from __future__ import annotations

from fastapi import Request

from billing.api.gate import server_of
from billing.drivers.drivers import Driver, find_driver
from billing.people import sessions
from billing.people.cookies import DRIVER, read_cookie
from billing.people.sessions import Session


class NoDriver(Exception):
    """A page of an account, and nobody is signed in: billing.app leads to where one signs in."""


async def driver_of(request: Request) -> Driver | None:
    """The driver signed in with this browser."""
    found = await session_of_driver(request)
    return None if found is None else found[1]


async def driver(request: Request) -> Driver:
    """A dependency of routes. Raises NoDriver."""
    known = await driver_of(request)
    if known is None:
        raise NoDriver
    return known


async def session_of_driver(request: Request) -> tuple[Session, Driver] | None:
    token = read_cookie(request, DRIVER)
    if not token:
        return None
    server = server_of(request)
    now = server.now()
    session = await server.read(lambda c: sessions.find_session(c, token, now))
    if session is None or not session.holder.startswith("driver:"):
        return None
    known = await server.read(lambda c: find_driver(c, session.holder.removeprefix("driver:")))
    if known is None:
        return None
    if sessions.is_worth_noting(session, now):
        await server.write(lambda c: sessions.note_seen(c, session.session_hash, now))
    return session, known
