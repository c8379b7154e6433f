"""Staff and hosts who have signed in already."""

from __future__ import annotations

from playwright.sync_api import Page

from billing.people import persons, sessions
from tests.browser.conftest import Site

BROWSER = "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Mobile Safari"


def come_in(site: Site, page: Page, login: str) -> None:
    """`page` carries a session of that person from now on."""
    with site.engine.begin() as connection:
        holder = persons.holder_of(persons.known_login(connection, login).person.person_id)
        full, lives = sessions.Stage.FULL, sessions.STAFF_LIVES
        token = sessions.open_session(
            connection, holder, full, lives, site.clock(), address="192.0.2.7", browser=BROWSER
        )
    page.context.add_cookies([{"name": "session", "value": token, "url": site.base_url, "httpOnly": True}])
