"""Which driver is asking. Nobody has to be one: pages for everybody ask `driver_of` and take None for an answer."""

from __future__ import annotations

from fastapi import Request

from billing.drivers.drivers import Driver, find_driver
from billing.people.cookies import DRIVER
from billing.people.sessions import Session
from billing.people.visits import visit


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
    return await visit(request, DRIVER, "driver:", find_driver)
