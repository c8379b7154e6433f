"""Every route of the server that is not for everybody asks who is there, and every form for its browser's token.

The routes are read off the program itself, so that one added tomorrow is tried too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest
import requests
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from billing.app import create_app
from billing.drivers import drivers
from billing.people import sessions
from billing.people.roles import Role
from billing.settings import Settings
from tests.billing.databases import DATABASES, SERVER_KEY, Databases
from tests.billing.desk import Desk, open_desk
from tests.billing.people import Browser
from tests.billing.stories import NOON

# For everybody: receipts, phones with their order's link, and the ways in. A name that ends in a slash opens all below.
OPEN = (
    "/", "/r", "/r/", "/R/", "/d/", "/o/", "/sign-in", "/sign-in/", "/sign-out", "/sign-up/", "/passkey/", "/account",
    "/account/link", "/account/enter/", "/account/passkey", "/account/sign-out", "/account/sign-out-everywhere",
    "/v1/", "/hooks/", "/healthz",
)  # fmt: skip
STAFF = ("/operator", "/host")
ROOMS = ("/operator", "/host", "/me", "/account")


def _routes() -> list[tuple[str, str]]:
    def walk(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
        for route in routes:
            if isinstance(route, APIRoute):
                yield route
            else:  # a router that was taken in whole
                yield from walk(getattr(getattr(route, "original_router", None), "routes", ()))

    app = create_app(Settings("sqlite://", SERVER_KEY))
    found = {(method, route.path) for route in walk(app.routes) for method in route.methods}
    return sorted((method, path) for method, path in found if method in ("GET", "POST"))


def is_open(path: str) -> bool:
    return any(path == one or (len(one) > 1 and one.endswith("/") and path.startswith(one)) for one in OPEN)


def is_guarded(path: str) -> bool:
    return any(path == room or path.startswith(f"{room}/") for room in ROOMS) and not is_open(path)


ROUTES = _routes()
GUARDED = [(method, path) for method, path in ROUTES if is_guarded(path)]
# A guest's forms have no token: billing.pages.phone says why. Machines sign or carry a key.
FORMS = [path for method, path in ROUTES if method == "POST" and not path.startswith(("/v1/", "/hooks/", "/d/", "/o/"))]


@pytest.fixture(scope="module", params=DATABASES)
def desk(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Desk]:
    with open_desk(databases.fresh(request.param)) as desk:
        yield desk


@pytest.fixture(scope="module")
def everybody(desk: Desk) -> dict[str, Browser]:
    """Somebody who may, for each room."""
    with desk.engine.begin() as connection:
        anna = drivers.find_or_add(connection, "anna@example.org", "en", NOON)
        holder = drivers.holder_of(anna.driver_id)
        token = sessions.open_session(connection, holder, sessions.Stage.FULL, sessions.DRIVER_LIVES, NOON)
    driver = desk.browser()
    driver.cookies.set("driver", token, domain="127.0.0.1", path="/")
    admin = desk.of(Role.ADMIN)
    return {"/operator": admin, "/me": admin, "/host": desk.of(Role.HOST, "pier-4"), "/account": driver}


def filled(path: str) -> str:
    """A path with something in each of its places."""
    return re.sub(r"{[^}]+}", "1", path)


def test_every_route_is_known_here_as_open_or_guarded() -> None:
    unknown = [path for _, path in ROUTES if not is_open(path) and not is_guarded(path)]

    assert unknown == [] and len(GUARDED) > 40


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_stranger_is_led_to_the_sign_in_page(desk: Desk, method: str, path: str) -> None:
    answer = requests.request(method, desk.url + filled(path), allow_redirects=False, timeout=30)

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/account" if path.startswith("/account") else "/sign-in")


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_its_token_changes_nothing(desk: Desk, everybody: dict[str, Browser], path: str) -> None:
    room = next((room for room in everybody if path.startswith(room)), None)
    browser = everybody[room] if room is not None else desk.browser()
    answer = requests.Session.request(
        browser, "POST", desk.url + filled(path), data={"anything": "1"}, allow_redirects=False, timeout=30
    )

    assert answer.status_code == 403, answer.text[:200]
    assert "Nothing was changed" in answer.text


@pytest.mark.parametrize("path", [path for method, path in GUARDED if method == "GET" and path.startswith(STAFF)])
def test_nobody_comes_into_anothers_room(desk: Desk, everybody: dict[str, Browser], path: str) -> None:
    """A host not to staff's, staff not to a host's, a driver to neither."""
    room = "/operator" if path.startswith("/operator") else "/host"
    other = everybody["/host" if room == "/operator" else "/operator"]

    assert other.get(filled(path)).status_code == 403
    assert everybody["/account"].get(filled(path), allow_redirects=False).status_code == 303
