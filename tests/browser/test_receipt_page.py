"""The receipt in a real browser: every state, every language, both themes; also without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from billing.intake import take_rows
from billing.pages.render import LANGUAGES
from contract.api import Row
from tests.billing.stories import NOON, batch, charge, rows_of
from tests.browser.conftest import Site, photograph
from tests.browser.judge import judge
from tests.browser.keys import press

DATABASE = "sqlite"

KEYS = {"finished": "ab" * 16, "running": "cd" * 16, "unknown": "ef" * 16}
RUNNING = charge(receipt_id=KEYS["running"], evse_id=2)


def upload(site: Site, rows: list[Row]) -> None:
    with site.engine.begin() as connection:
        take_rows(connection, "hk-07", batch(rows), NOON)


@pytest.fixture(scope="module", autouse=True)
def charges(site: Site) -> None:
    finished = charge(receipt_id=KEYS["finished"], parked_minutes=25)
    upload(site, [*rows_of(finished), *rows_of(RUNNING[:4], first_no=101)])


@pytest.mark.parametrize("state", KEYS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_receipt_is_fit_for_every_reader(site: Site, phone: Page, state: str, language: str) -> None:
    phone.goto(f"{site.base_url}/r/{KEYS[state]}?lang={language}")

    assert judge(phone) == []
    photograph(phone, f"receipt-{state}-{language}")


def test_the_receipt_is_fit_for_a_desk(site: Site, desk: Page) -> None:
    desk.goto(f"{site.base_url}/r/{KEYS['finished']}")

    assert judge(desk) == []


def test_a_keyboard_changes_the_language(site: Site, phone: Page) -> None:
    phone.goto(f"{site.base_url}/r/{KEYS['finished']}")
    press(phone, phone.get_by_role("link", name="日本語"))
    phone.wait_for_url("**?lang=ja")

    assert phone.locator("html").get_attribute("lang") == "ja"


def test_the_receipt_needs_no_javascript(site: Site, plain: Page) -> None:
    plain.goto(f"{site.base_url}/r/{KEYS['finished']}")

    assert "€" in plain.locator("h1").inner_text()


def test_an_open_page_catches_up_by_itself_and_says_what_changed(site: Site, phone: Page) -> None:
    phone.goto(f"{site.base_url}/r/{KEYS['running']}?lang=en")
    total, before = phone.locator("h1"), phone.locator("h1").inner_text()
    upload(site, rows_of(RUNNING[4:], first_no=105))
    phone.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect(total).not_to_have_text(before)

    expect(phone.locator("#said")).to_have_text(total.inner_text())
    assert judge(phone) == []


def test_the_judge_sees_what_is_wrong(site: Site, phone: Page) -> None:
    phone.goto(f"{site.base_url}/r/{KEYS['finished']}")
    phone.locator("main").evaluate("e => { e.innerHTML = `<h1>${'W'.repeat(200)}</h1><h1>2</h1><img><button>` }")
    said = "\n".join(judge(phone))

    assert "scrolls sideways" in said and "not exactly one h1" in said
    assert "light: image-alt" in said and "light: button-name" in said
