"""Signing in, the second proof, one's own sign-in and the administrator's pages in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from billing.pages.render import LANGUAGES
from billing.people import invitations, persons, totp
from billing.people.passwords import hash_password
from billing.people.roles import Role
from tests.billing.stories import NOON
from tests.browser.conftest import Site, photograph
from tests.browser.judge import judge
from tests.browser.keys import press, type_into
from tests.browser.staff import come_in

PASSWORD = "seven kiosks in the harbour"


@pytest.fixture(scope="module", autouse=True)
def staff(site: Site) -> Iterator[None]:
    with site.engine.begin() as connection:
        for login, name, role in (("ole@harbour.example", "Ole Olsen", Role.OPERATOR), ("fin", "Fina", Role.FINANCE)):
            person = persons.add_person(connection, login, name, role, NOON)
            persons.set_password(connection, person.person_id, hash_password(PASSWORD))
        persons.add_person(connection, "ada@harbour.example", "Ada Adams", Role.ADMIN, NOON)
        persons.add_person(connection, "hanna@pier.example", "Hanna Host", Role.HOST, NOON, host_id="pier-4")
    yield


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_ways_in_are_fit_for_every_reader(site: Site, phone: Page, language: str) -> None:
    with site.engine.begin() as connection:
        ole = persons.known_login(connection, "ole@harbour.example").person
        link = invitations.invite(connection, ole.person_id, NOON)
    for name, path in (("sign-in", "/sign-in"), ("sign-up", link), ("sign-up-lost", "/sign-up/none")):
        phone.goto(f"{site.base_url}{path}?lang={language}")
        assert judge(phone) == [], name
        photograph(phone, f"{name}-{language}")
    come_in(site, phone, "ole@harbour.example")
    for name, path in (("me", "/me"), ("second-proof", "/sign-in/second-proof")):
        phone.goto(f"{site.base_url}{path}?lang={language}")
        assert judge(phone) == [], name
        photograph(phone, f"{name}-{language}")


def test_a_keyboard_signs_in_sets_up_a_generator_and_signs_out(site: Site, desk: Page) -> None:
    desk.goto(f"{site.base_url}/operator/sessions")
    type_into(desk, desk.get_by_label("Sign-in name"), "fin")
    type_into(desk, desk.get_by_label("Password"), "not the password")
    desk.keyboard.press("Enter")
    desk.get_by_role("alert").wait_for()
    assert judge(desk) == []
    photograph(desk, "sign-in-wrong")
    type_into(desk, desk.get_by_label("Password"), PASSWORD)
    desk.keyboard.press("Enter")
    desk.get_by_text("Your role moves money").wait_for()
    secret = desk.locator("[name=secret]").input_value()
    type_into(desk, desk.get_by_label("The six digits"), totp.code_of(secret, totp.step_at(site.clock())))
    desk.keyboard.press("Enter")
    desk.get_by_text("Keep these recovery codes").wait_for()
    recovery = desk.locator("li.mono").first.inner_text()
    assert judge(desk) == []
    photograph(desk, "recovery-codes")
    press(desk, desk.get_by_role("link", name="I have kept them"))
    desk.wait_for_url("**/operator/sessions")
    press(desk, desk.get_by_role("button", name="Sign out"))
    desk.get_by_text("You are signed out").wait_for()
    type_into(desk, desk.get_by_label("Sign-in name"), "fin")
    type_into(desk, desk.get_by_label("Password"), PASSWORD)
    desk.keyboard.press("Enter")
    desk.get_by_text("Now the code").wait_for()
    assert judge(desk) == []
    photograph(desk, "sign-in-code")
    type_into(desk, desk.get_by_label("Code"), recovery)
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/operator")


@pytest.mark.parametrize("path", ["people", "audit"])
def test_the_administrators_pages_are_fit_for_a_desk_and_a_phone(
    site: Site, desk: Page, phone: Page, path: str
) -> None:
    for page, size in ((desk, "desk"), (phone, "phone")):
        come_in(site, page, "ada@harbour.example")
        page.goto(f"{site.base_url}/operator/{path}")
        assert judge(page) == [], size
        photograph(page, f"operator-{path}-{size}")


def test_an_administrator_invites_somebody_by_keyboard(site: Site, desk: Page) -> None:
    come_in(site, desk, "ada@harbour.example")
    desk.goto(f"{site.base_url}/operator/people")
    type_into(desk, desk.get_by_label("Sign-in name"), "eva@harbour.example")
    desk.keyboard.press("Enter")
    desk.get_by_text("Send this link to").wait_for()
    assert judge(desk) == []
    photograph(desk, "operator-people-link")


def test_who_may_not_see_a_page_is_told_so(site: Site, phone: Page) -> None:
    come_in(site, phone, "hanna@pier.example")
    phone.goto(f"{site.base_url}/operator")
    assert judge(phone) == []
    photograph(phone, "forbidden")


def test_signing_in_needs_no_javascript(site: Site, plain: Page) -> None:
    plain.goto(f"{site.base_url}/sign-in?next=/operator/quarantine")
    plain.get_by_label("Sign-in name").fill("ole@harbour.example")
    plain.get_by_label("Password").fill(PASSWORD)
    plain.keyboard.press("Enter")
    plain.wait_for_url("**/operator/quarantine")
