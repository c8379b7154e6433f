"""The host's pages in a real browser: fit for every reader at 360 and 1280 pixels, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page
from sqlalchemy import Connection

from billing.ledger import book
from billing.pages.render import LANGUAGES
from billing.people import persons
from billing.people.roles import Role
from billing.settlement.allowance import allowance_entry
from billing.settlement.sales import of_host
from tests.billing.hosts.boatyard import OTHER_IBAN
from tests.billing.hosts.spring import HALF_PAST_FOUR, at, furnish_oddities, furnish_spring
from tests.browser.conftest import Site, photograph
from tests.browser.judge import judge
from tests.browser.keys import press, type_into
from tests.browser.staff import come_in

PAGES = {
    "today": "/host",
    "uses": "/host/uses",
    "statements": "/host/statements",
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
        give_back(connection)
        persons.add_person(connection, "hanna", "Hanna Hansen", Role.HOST, HALF_PAST_FOUR, host_id="H-12")
        persons.add_person(connection, "fina", "Fina", Role.FINANCE, HALF_PAST_FOUR)
    yield


def give_back(connection: Connection) -> None:
    """Part of a use of this morning, an hour ago."""
    _, sold = of_host(connection, "H-12", at(5, 14, 0), timedelta(days=1))[0]
    draft = allowance_entry("allowance/p-1/1", sold.parties, [sold], 100, {}, "the cable was wet")
    book.post(connection, draft, HALF_PAST_FOUR - timedelta(hours=1))


@pytest.mark.parametrize("name", PAGES)
def test_the_hosts_pages_are_fit_for_a_desk_and_a_phone(site: Site, desk: Page, phone: Page, name: str) -> None:
    for page, size in ((desk, "desk"), (phone, "phone")):
        come_in(site, page, "hanna")
        page.goto(site.base_url + PAGES[name])
        assert judge(page) == [], size
        photograph(page, f"host-{name}-{size}")


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_today_is_fit_in_every_language(site: Site, phone: Page, language: str) -> None:
    come_in(site, phone, "hanna")
    phone.goto(f"{site.base_url}/host?lang={language}")
    assert judge(phone) == []
    photograph(phone, f"host-today-{language}")


def test_a_host_finds_a_months_statement_by_keyboard_and_takes_it_as_a_file(site: Site, phone: Page) -> None:
    come_in(site, phone, "hanna")
    phone.goto(f"{site.base_url}/host")
    press(phone, phone.get_by_role("link", name="Statements"))
    phone.wait_for_url("**/host/statements")
    press(phone, phone.get_by_role("link", name="May 2026"))
    phone.wait_for_url("**/2026-05")
    with phone.expect_download() as given:
        press(phone, phone.get_by_role("link", name="CSV"))

    lines = given.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert given.value.suggested_filename.endswith(".csv") and len(lines) > 10


@pytest.mark.walk
def test_a_host_changes_the_account_by_keyboard_and_takes_it_back(site: Site, desk: Page) -> None:
    come_in(site, desk, "hanna")
    desk.goto(f"{site.base_url}/host/account")
    type_into(desk, desk.get_by_label("Account holder"), "Boatyard")
    type_into(desk, desk.get_by_label("IBAN"), OTHER_IBAN[:-1] + "7")
    desk.keyboard.press("Enter")
    desk.get_by_role("alert").wait_for()
    assert judge(desk) == []
    photograph(desk, "host-account-wrong")
    type_into(desk, desk.get_by_label("IBAN"), OTHER_IBAN)
    press(desk, desk.get_by_role("button", name="Change account"))
    desk.get_by_text("A changed account waits: nothing is paid out").wait_for()
    assert judge(desk) == []
    photograph(desk, "host-account-waits")
    press(desk, desk.get_by_role("button", name="Withdraw the change"))
    desk.get_by_text("Paid to the account ending 3000").wait_for()


@pytest.mark.walk
def test_the_operators_pages_of_hosts_and_payouts_are_fit_and_say_what_they_will_do(
    site: Site, desk: Page, phone: Page
) -> None:
    come_in(site, desk, "fina")
    for name in ("hosts", "hosts/H-12"):
        desk.goto(f"{site.base_url}/operator/{name}")
        assert judge(desk) == [], name
        photograph(desk, f"operator-{name.replace('/', '-')}")
    desk.goto(f"{site.base_url}/operator/hosts/H-12/agree")
    type_into(desk, desk.get_by_label("Per use with energy"), "0.50")
    type_into(desk, desk.get_by_label("Price of a kWh"), "0.31")
    press(desk, desk.get_by_role("button", name="Compute"))
    desk.get_by_text("The host has").wait_for()
    assert judge(desk) == []
    photograph(desk, "operator-agreement")
    site.clock.at = at(6, 1, 9)
    come_in(site, desk, "fina")
    desk.goto(f"{site.base_url}/operator/payouts")
    press(desk, desk.get_by_role("button", name="Close May 2026"))
    desk.get_by_text("2026-05 is closed").wait_for()
    assert judge(desk) == []
    photograph(desk, "operator-payouts")
    press(desk, desk.get_by_role("button", name="Make the run"))
    press(desk, desk.get_by_role("link", name="PR-0003"))
    press(desk, desk.get_by_role("link", name="Rejected… PR-0003-001"))
    desk.get_by_text("is open again; the next run pays it").wait_for()
    assert judge(desk) == []
    come_in(site, phone, "fina")
    phone.goto(f"{site.base_url}/operator/payouts/PR-0003")
    assert judge(phone) == []
    photograph(phone, "operator-run-phone")
