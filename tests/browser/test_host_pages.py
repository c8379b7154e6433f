"""The host's pages in a real browser: fit for every reader at 360 and 1280 pixels, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from billing.pages.render import LANGUAGES
from billing.people import persons, sessions
from billing.people.roles import Role
from tests.billing.hosts.boatyard import OTHER_IBAN
from tests.billing.hosts.spring import HALF_PAST_FOUR, furnish_oddities, furnish_spring
from tests.browser.conftest import Site
from tests.browser.judge import judge
from tests.browser.keys import press, type_into

PAGES = {
    "today": "/host",
    "statement": "/host/statements/2026-05",
    "agreement": "/host/agreement",
    "account": "/host/account",
}


@pytest.fixture(scope="module", autouse=True)
def spring(site: Site) -> Iterator[None]:
    site.clock.at = HALF_PAST_FOUR
    with site.engine.begin() as connection:
        furnish_spring(connection)
        furnish_oddities(connection)
        persons.add_person(connection, "hanna", "Hanna Hansen", Role.HOST, HALF_PAST_FOUR, host_id="H-12")
    yield


def come_in(site: Site, page: Page) -> None:
    with site.engine.begin() as connection:
        holder = persons.holder_of(persons.known_login(connection, "hanna").person.person_id)
        token = sessions.open_session(
            connection, holder, sessions.Stage.FULL, sessions.STAFF_LIVES, HALF_PAST_FOUR, address="", browser=""
        )
    page.context.add_cookies([{"name": "session", "value": token, "url": site.base_url, "httpOnly": True}])


@pytest.mark.parametrize("name", PAGES)
def test_the_hosts_pages_are_fit_for_a_desk_and_a_phone(
    site: Site, desk: Page, phone: Page, gallery: Path, name: str
) -> None:
    for page, size in ((desk, "desk"), (phone, "phone")):
        come_in(site, page)
        page.goto(site.base_url + PAGES[name])
        assert judge(page) == [], size
        page.screenshot(path=gallery / f"host-{name}-{size}.png", full_page=True)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_today_is_fit_in_every_language(site: Site, phone: Page, gallery: Path, language: str) -> None:
    come_in(site, phone)
    phone.goto(f"{site.base_url}/host?lang={language}")
    assert judge(phone) == []
    phone.screenshot(path=gallery / f"host-today-{language}.png", full_page=True)


def test_a_host_changes_the_account_by_keyboard_and_takes_it_back(site: Site, desk: Page, gallery: Path) -> None:
    come_in(site, desk)
    desk.goto(f"{site.base_url}/host/account")
    type_into(desk, desk.get_by_label("Account holder"), "Boatyard")
    type_into(desk, desk.get_by_label("IBAN"), OTHER_IBAN[:-1] + "7")
    desk.keyboard.press("Enter")
    desk.get_by_role("alert").wait_for()
    assert judge(desk) == []
    desk.screenshot(path=gallery / "host-account-wrong.png", full_page=True)
    type_into(desk, desk.get_by_label("IBAN"), OTHER_IBAN)
    press(desk, desk.get_by_role("button", name="Change account"))
    desk.get_by_text("A changed account waits: nothing is paid out").wait_for()
    assert judge(desk) == []
    desk.screenshot(path=gallery / "host-account-waits.png", full_page=True)
    press(desk, desk.get_by_role("button", name="Withdraw the change"))
    desk.get_by_text("Paid to the account ending 3000").wait_for()
