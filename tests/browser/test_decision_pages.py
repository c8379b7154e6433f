"""The operator decides what no rule settles: by keyboard, on a desk and at 360 pixels, with a second person above the
limit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from billing.decisions import cases, decide
from billing.decisions.choice import Choice
from billing.intake import take_rows
from billing.people import audit, persons
from billing.people.roles import Role
from tests.billing.checkout.shop import Shop
from tests.billing.checkout.test_decisions import jumped
from tests.billing.stories import NOON, batch, charge, rows_of
from tests.browser.conftest import Site, photograph
from tests.browser.judge import judge
from tests.browser.keys import press, type_into
from tests.browser.staff import come_in

RECEIPT = "de" * 16


@pytest.fixture(scope="module")
def shop(site: Site) -> Iterator[Shop]:
    """A phone's charge whose meter jumped, one whose end was lost, one whose beginning never came."""
    shop = Shop(site.engine)
    with site.engine.begin() as connection:
        for login, name in (("fin", "Fina"), ("max", "Max")):
            persons.add_person(connection, login, name, Role.FINANCE, NOON)
    _, start = shop.started()
    story = jumped(shop.story_of(start, minutes=40, wh_per_minute=300, transaction_id="jumped", receipt_id=RECEIPT))
    shop.upload(story)
    lost = charge(transaction_id="lost", evse_id=2, minutes=30)[:-1]
    headless = charge(transaction_id="headless", evse_id=2, started_at=NOON - timedelta(hours=2))[1:]
    with site.engine.begin() as connection:
        take_rows(connection, "hk-07", batch(rows_of(lost, 500) + rows_of(headless, 600)), NOON)
    shop.pass_time(days=1, seconds=60)
    shop.work_until_rest()
    site.clock.at = shop.now
    yield shop


def test_a_page_with_nothing_to_decide_says_what_would_be_there(site: Site, desk: Page) -> None:
    with site.engine.begin() as connection:
        persons.add_person(connection, "ole", "Ole", Role.OPERATOR, NOON)
    come_in(site, desk, "ole")
    desk.goto(f"{site.base_url}/operator/decisions")

    assert desk.get_by_role("heading", level=1).inner_text() == "Nothing waits for a decision"
    assert "Everything else settles by itself" in desk.locator(".empty").inner_text()
    assert judge(desk) == []
    photograph(desk, "operator-decisions-empty-desk")


def test_each_choice_says_what_it_does_and_is_made_by_keyboard(site: Site, shop: Shop, phone: Page, desk: Page) -> None:
    come_in(site, desk, "fin")
    desk.goto(f"{site.base_url}/operator/decisions")
    assert desk.get_by_role("heading", level=1).inner_text() == "3 wait for a decision"
    assert "The register rises by" in desk.locator("main").inner_text()
    assert judge(desk) == []
    photograph(desk, "operator-decisions-desk")
    come_in(site, phone, "fin")
    phone.goto(f"{site.base_url}/operator/decisions")
    assert judge(phone) == []
    photograph(phone, "operator-decisions-phone")
    press(phone, phone.get_by_role("link", name="jumped"))
    phone.wait_for_url("**/jumped")
    words = phone.locator("form fieldset").inner_text().replace("\u00a0", " ")
    assert "Payer: € 6.92 of the € 40.00 held is taken, € 33.08 is free again." in words, words
    assert "Host rosa: paid € 0.49 for 11.700 kWh." in words and "Needs a second person" not in words
    assert judge(phone) == []
    photograph(phone, "operator-decision-phone")
    desk.goto(phone.url)
    assert judge(desk) == []
    photograph(desk, "operator-decision-desk")
    type_into(phone, phone.get_by_label("Reason; it goes"), "the register cannot rise so fast")
    phone.keyboard.press("Enter")
    phone.get_by_text("Decided and carried out").wait_for()
    shop.work_until_rest()

    assert (shop.mina_paid, shop.mina_held) == (692, 0)
    phone.goto(f"{site.base_url}/r/{RECEIPT}")
    assert "a person decided this bill" in phone.locator("main").inner_text()
    photograph(phone, "receipt-decided-phone")
    told = "Fina decided: bill what is proved, 6.92 EUR: the register cannot rise so fast"
    for path, name in (("sessions/hk-07/jumped", "session"), ("ledger?find=jumped", "ledger")):
        phone.goto(f"{site.base_url}/operator/{path}")
        assert told in phone.locator("main").inner_text()
        photograph(phone, f"operator-{name}-decided-phone")
        assert judge(phone) == []
    shop.check()


def test_a_decision_without_a_reason_or_days_is_refused_in_words(site: Site, shop: Shop, phone: Page) -> None:
    come_in(site, phone, "max")
    phone.goto(f"{site.base_url}/operator/decisions/hk-07/headless")
    choice = phone.get_by_role("radio", name="Bill nothing")
    press(phone, choice, "ArrowDown")
    assert phone.get_by_role("radio", name="Wait some days").is_checked()
    type_into(phone, phone.get_by_label("Days to wait"), "99")
    type_into(phone, phone.get_by_label("Reason; it goes"), "the kiosk is in repair")
    phone.keyboard.press("Enter")
    phone.locator(".note.bad").get_by_text("want 1 to 30").wait_for()
    assert phone.get_by_label("Reason; it goes").input_value() == "the kiosk is in repair"
    assert phone.get_by_role("radio", name="Wait some days").is_checked() and judge(phone) == []
    type_into(phone, phone.get_by_label("Days to wait"), "5")
    phone.keyboard.press("Enter")
    phone.get_by_role("status").get_by_text("Comes back on 20 May 2026").wait_for()

    assert "Waited for" in phone.locator("main").inner_text()
    assert judge(phone) == []
    photograph(phone, "operator-decisions-waited-phone")


def test_a_second_person_agrees_on_the_page_and_the_audit_log_has_both(site: Site, shop: Shop, phone: Page) -> None:
    with site.engine.begin() as connection:
        asked = ("hk-07", "lost", Choice.NOTHING, "the driver was told it is free", "Max", shop.now, 100)
        decide.ask(connection, *asked)
    come_in(site, phone, "fin")
    phone.goto(f"{site.base_url}/operator/decisions/hk-07/lost")
    assert "Max asks for Bill nothing: € 0.00" in phone.locator("main").inner_text().replace("\u00a0", " ")
    assert judge(phone) == []
    photograph(phone, "operator-decision-second-phone")
    press(phone, phone.get_by_role("button", name="Agree"))
    phone.get_by_role("status").get_by_text("Decided and carried out").wait_for()

    with site.engine.begin() as connection:
        known = [f"{deed.who} {deed.what}" for deed in audit.deeds(connection, 5, "lost")]
        assert [one.decided_by for one in cases.decided(connection, "hk-07", "lost")] == ["Fina"]
    assert known == ["Fina agreed to: bill nothing"]
