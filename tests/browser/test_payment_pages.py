"""The operator's pages of payments and refunds, and the simulated payment app's own, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page

from billing.checkout import refunds
from billing.checkout.refunds import Rule
from billing.people import persons
from billing.people.roles import Role
from sim.social.bank import HOLD_LIVES_S
from tests.billing.checkout.shop import Shop
from tests.billing.stories import NOON
from tests.browser.conftest import Site, photograph
from tests.browser.judge import judge
from tests.browser.keys import press, type_into
from tests.browser.staff import come_in
from tests.social_server import Running, running

DATABASE = "sqlite"


@pytest.fixture(scope="module")
def shop(site: Site) -> Iterator[Shop]:
    """One payment that was charged, one that is held, one that was refused."""
    shop = Shop(site.engine)
    with site.engine.begin() as connection:
        for login, name in (("fin", "Fina"), ("max", "Max")):
            persons.add_person(connection, login, name, Role.FINANCE, NOON)
    yield shop


@pytest.mark.walk
def test_a_refund_says_what_it_does_and_a_second_person_agrees(site: Site, shop: Shop, desk: Page, phone: Page) -> None:
    checkout, _ = shop.charged(minutes=60, wh_per_minute=360)
    shop.bank.open_account("mina", 10_000)
    shop.started()
    shop.bank.blocked.add("mina")
    shop.pay(shop.begin())
    shop.work()
    site.clock.at = shop.now
    come_in(site, desk, "fin")
    desk.goto(f"{site.base_url}/operator/payments")
    assert judge(desk) == []
    photograph(desk, "operator-payments-desk")
    press(desk, desk.get_by_role("link", name=checkout.payment_id))
    desk.wait_for_url(f"**/{checkout.payment_id}")
    assert judge(desk) == []
    photograph(desk, "operator-payment-desk")
    type_into(desk, desk.get_by_label("Amount, EUR"), "3.18")
    type_into(desk, desk.get_by_label("Reason; the payer"), "the place was iced over")
    desk.keyboard.press("Enter")
    desk.get_by_role("heading", name="back?").wait_for()
    assert judge(desk) == []
    photograph(desk, "operator-refund-desk")
    press(desk, desk.get_by_role("button", name="Give"))
    desk.get_by_text("It goes out now").wait_for()
    with site.engine.begin() as connection:
        refunds.ask(connection, checkout.payment_id, 200, Rule.SHARED, "the cable was wet", "Max", shop.now, 100)
    come_in(site, phone, "fin")
    phone.goto(f"{site.base_url}/operator/payments/{checkout.payment_id}")
    photograph(phone, "operator-payment-phone")
    assert judge(phone) == []
    press(phone, phone.get_by_role("button", name="Approve"))
    phone.get_by_text("Approved: it goes out now").wait_for()
    shop.work_until_rest()

    assert [move.amount_minor for move in shop.bank.moves if move.why == "refund"] != []
    assert sum(move.amount_minor for move in shop.bank.moves if move.why == "refund") == 318 + 200
    shop.check()


def test_an_amount_nobody_can_give_back_is_refused_in_words(site: Site, shop: Shop, desk: Page) -> None:
    shop.bank.blocked.clear()
    checkout, _ = shop.charged()
    come_in(site, desk, "max")
    desk.goto(f"{site.base_url}/operator/payments/{checkout.payment_id}")
    for wrong, words in (("1e9", "left of the capture"), ("all", "want a number"), ("0.001", "want a number")):
        desk.get_by_label("Amount, EUR").fill(wrong)
        desk.get_by_label("Reason; the payer").fill("because")
        desk.keyboard.press("Enter")
        desk.locator(".note.bad").get_by_text(words).wait_for()


def test_what_nobody_can_take_is_written_off_with_a_reason(site: Site, shop: Shop, phone: Page) -> None:
    checkout, start = shop.started()
    story = shop.story_of(start)
    shop.pass_time(HOLD_LIVES_S + 60)
    shop.upload(story)
    shop.work_until_rest()
    site.clock.at = shop.now
    come_in(site, phone, "fin")
    phone.goto(f"{site.base_url}/operator/payments/{checkout.payment_id}")
    assert judge(phone) == []
    photograph(phone, "operator-payment-owed-phone")
    type_into(phone, phone.get_by_label("Reason; the auditor"), "nobody to ask")
    phone.keyboard.press("Enter")
    phone.get_by_text("Written off: nothing is owed").wait_for()

    assert shop.owed_by(checkout) == 0


@pytest.fixture(scope="module")
def social() -> Iterator[Running]:
    with running() as server:
        yield server


def test_the_payment_app_confirms_and_comes_back_with_a_token(social: Running, phone: Page) -> None:
    query = {"amount_minor": 4_000, "currency": "EUR", "text": "HK-07, EVSE 1", "return_url": f"{social.url}/app?o=1"}
    phone.goto(f"{social.url}/app/pay?{urlencode(query)}")
    assert judge(phone) == []
    photograph(phone, "payment-app-pay")
    press(phone, phone.get_by_role("button", name="Confirm"))
    phone.wait_for_url("**/app?o=1&token=*")
    assert parse_qs(urlsplit(phone.url).query)["token"][0].startswith("spay:mina:")
    phone.go_back()
    press(phone, phone.get_by_role("button", name="Decline"))
    phone.wait_for_url("**/app?o=1&declined=1")


def test_the_payment_app_shows_a_code_and_the_account(social: Running, phone: Page) -> None:
    for path in ("code", "account"):
        phone.goto(f"{social.url}/app/{path}?person=mina")
        assert judge(phone) == []
        photograph(phone, f"payment-app-{path}")
    assert phone.goto(f"{social.url}/app/pay?amount_minor=1&currency=EUR&text=x&return_url=javascript:1").status == 400
