"""A driver's account in a real browser: by keyboard from the mailed link to the last page, in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Page

from billing.database import open_database
from billing.drivers import cards, drivers
from billing.intake import take_rows
from billing.pages.render import LANGUAGES
from billing.people import sessions
from billing.settings import Settings
from tests.billing.client import running
from tests.billing.databases import SERVER_KEY
from tests.billing.mailbox import Mailbox, open_mailbox
from tests.billing.stories import NOON, batch, charge, rows_of
from tests.browser.conftest import Clock, Site, photograph
from tests.browser.judge import judge
from tests.browser.keys import press, type_into

DATABASE = "sqlite"
PAGES = ("", "/history", "/cards", "/household", "/settings")


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def site(database_url: str, mailbox: Mailbox) -> Iterator[Site]:
    """As the folder's, with a mail server; Anna has charged twice and charges now."""
    engine = open_database(database_url)
    finished = [*charge(transaction_id="t-1", receipt_id="ab" * 16)]
    running_now = charge(transaction_id="t-2", receipt_id="cd" * 16, evse_id=2)[:4]
    with engine.begin() as connection:
        take_rows(connection, "hk-07", batch([*rows_of(finished), *rows_of(running_now, 101)]), NOON)
        for mail in ("anna@example.org", "ben@example.org"):
            driver = drivers.find_or_add(connection, mail, "en", NOON)
            drivers.join_household(connection, driver, "household-1", NOON)
        anna = drivers.find_by_mail(connection, "anna@example.org")
        assert anna is not None
        cards.claim(connection, anna, cards.new_claim(connection, "anna", NOON), NOON)
    clock = Clock()
    settings = Settings(
        database_url,
        SERVER_KEY,
        help_contact="+49 40 555 0107",
        now=clock,
        mail_server=mailbox.url,
        mail_from="k@harbour.example",
    )
    with running(settings) as base_url:
        yield Site(base_url, engine, clock, settings)
    engine.dispose()


def come_in(site: Site, page: Page, mail: str, now: datetime = NOON) -> None:
    with site.engine.begin() as connection:
        driver = drivers.find_or_add(connection, mail, "en", now)
        holder, lives = drivers.holder_of(driver.driver_id), sessions.DRIVER_LIVES
        browser = (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605.1.15 Version/20.0 Safari/604.1"
        )
        token = sessions.open_session(
            connection, holder, sessions.Stage.FULL, lives, now, address="192.0.2.7", browser=browser
        )
    page.context.add_cookies([{"name": "driver", "value": token, "url": site.base_url, "httpOnly": True}])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_an_account_is_fit_for_every_reader(site: Site, phone: Page, language: str) -> None:
    phone.goto(f"{site.base_url}/account?lang={language}")
    assert judge(phone) == [], "sign-in"
    photograph(phone, f"account-sign-in-{language}")
    come_in(site, phone, "anna@example.org")
    for path in PAGES:
        phone.goto(f"{site.base_url}/account{path}?lang={language}")
        for summary in phone.locator("summary").all():
            summary.click()
        assert judge(phone) == [], path
        photograph(phone, f"account{path.replace('/', '-')}-{language}")


def test_an_account_without_anything_says_what_will_be_there(site: Site, phone: Page) -> None:
    come_in(site, phone, "new@example.org")
    for path in PAGES:
        phone.goto(f"{site.base_url}/account{path}")
        assert judge(phone) == [], path
        photograph(phone, f"account-empty{path.replace('/', '-')}")


def test_a_keyboard_signs_in_by_mail_and_deletes_the_account(site: Site, phone: Page, mailbox: Mailbox) -> None:
    phone.goto(f"{site.base_url}/account/cards")
    type_into(phone, phone.get_by_label("Mail address"), "cleo@example.org")
    phone.keyboard.press("Enter")
    phone.get_by_text("Look into your mail").wait_for()
    assert judge(phone) == []
    photograph(phone, "account-sent")
    (link,) = re.findall(r"http://\S+", mailbox.next_to("cleo@example.org").get_content())
    phone.goto(link)
    assert judge(phone) == []
    photograph(phone, "account-enter")
    press(phone, phone.get_by_role("button", name="Sign in"))
    phone.wait_for_url("**/account/cards")
    type_into(phone, phone.get_by_label("Code, 12 letters"), "AAAA-BBBB-CCCC")
    phone.keyboard.press("Enter")
    phone.get_by_role("alert").wait_for()
    assert judge(phone) == []
    photograph(phone, "account-cards-wrong")
    phone.goto(f"{site.base_url}/account/settings")
    press(phone, phone.locator("summary"))
    type_into(phone, phone.get_by_label("Type your mail address"), "cleo@example.org")
    phone.keyboard.press("Enter")
    phone.get_by_role("heading", name="Your account is deleted").wait_for()
    assert judge(phone) == []


def test_an_invitation_says_who_and_what_before_anything_is_joined(site: Site, phone: Page, mailbox: Mailbox) -> None:
    come_in(site, phone, "anna@example.org")
    phone.goto(f"{site.base_url}/account/household")
    type_into(phone, phone.get_by_label("Mail address"), "dora@example.org")
    phone.keyboard.press("Enter")
    phone.get_by_role("status").wait_for()
    (link,) = re.findall(r"http://\S+", mailbox.next_to("dora@example.org").get_content())
    phone.goto(link)
    assert judge(phone) == []
    photograph(phone, "account-invited")


def test_an_account_needs_no_javascript(site: Site, plain: Page, mailbox: Mailbox) -> None:
    plain.goto(f"{site.base_url}/account")
    plain.get_by_label("Mail address").fill("eva@example.org")
    plain.keyboard.press("Enter")
    plain.get_by_text("Look into your mail").wait_for()
    (link,) = re.findall(r"http://\S+", mailbox.next_to("eva@example.org").get_content())
    plain.goto(link)
    plain.get_by_role("button", name="Sign in").click()
    plain.wait_for_url("**/account")
