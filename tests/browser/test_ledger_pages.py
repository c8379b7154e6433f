"""The operator's page of one order's money: billed, paid, refunded, shared; to the cent, and readable by anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from billing.checkout import refunds
from billing.checkout.refunds import Rule
from billing.intake import take_rows
from billing.people import persons
from billing.people.roles import Role
from tests.billing.checkout.shop import Shop
from tests.billing.stories import NOON, batch, charge, corrected, rows_of
from tests.browser.conftest import Site, photograph
from tests.browser.judge import judge
from tests.browser.staff import come_in

YEARS_LATER = NOON + timedelta(days=800)


@pytest.fixture(scope="module")
def orders(site: Site) -> Iterator[dict[str, str]]:
    """A phone's charge with a host, a partner and a refund; and a corrected one on a card."""
    shop = Shop(site.engine)
    checkout, story = shop.charged(minutes=20, wh_per_minute=300)
    shop.work_until_rest()
    payment_id = checkout.payment_id
    shop.run(lambda c: refunds.ask(c, payment_id, 50, Rule.SHARED, "the cable was wet", "olga", shop.now))
    shop.work_until_rest()
    late = corrected(charge(evse_id=2, receipt_id="cd" * 16), more_wh=100)
    with site.engine.begin() as connection:
        persons.add_person(connection, "ole", "Ole Olsen", Role.OPERATOR, NOON)
        take_rows(connection, "hk-07", batch(rows_of(late, 1000)), NOON + timedelta(hours=3))
    site.clock.at = YEARS_LATER
    yield {"paid": story[0].order_id, "corrected": late[0].order_id, "receipt": "cd" * 16, "tx": late[0].transaction_id}


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_where_the_drivers_money_went_is_told_to_the_cent(site: Site, orders: dict[str, str], desk: Page) -> None:
    come_in(site, desk, "ole")
    desk.goto(f"{site.base_url}/operator/ledger/{orders['paid']}")
    words = plain(desk.locator("main").inner_text())

    assert "The driver paid € 3.34. This is where it went." in words, words
    assert "the cable was wet" in words
    assert "host rosa: per use 0.20 + per kWh 0.15" in words
    assert "zero" in words and words.count("0.00") >= 3, "every row's sum"
    photograph(desk, "ledger-order")
    assert judge(desk) == []
    found = json.loads(desk.request.get(f"{site.base_url}/operator/ledger/{orders['paid']}.json").text())
    for entry in found["entries"]:
        assert sum(entry["legs"].values()) == 0


def test_a_corrected_bill_is_three_entries_and_is_found_by_its_receipt(
    site: Site, orders: dict[str, str], desk: Page, phone: Page
) -> None:
    come_in(site, desk, "ole")
    desk.goto(f"{site.base_url}/operator/sessions/hk-07/{orders['tx']}")
    desk.get_by_role("link", name="where it went, to the cent").click()
    rows = desk.get_by_role("region").get_by_role("row").all_inner_texts()
    assert [part in row for row, part in zip(rows[1:4], ("+1.01", "−1.01", "+1.06"), strict=True)] == [True] * 3, rows
    assert "the driver owes € 1.06" in plain(desk.get_by_role("heading", level=1).inner_text())

    come_in(site, phone, "ole")
    phone.goto(f"{site.base_url}/operator/ledger")
    phone.get_by_label("Transaction, order, receipt, CDR or payment").fill(orders["receipt"])
    phone.get_by_role("button", name="Search").click()
    phone.wait_for_url(f"**/{orders['corrected']}")
    assert judge(phone) == []
    photograph(phone, "ledger-order-360")


def test_the_books_show_what_stands_where(site: Site, orders: dict[str, str], desk: Page) -> None:
    come_in(site, desk, "ole")
    desk.goto(f"{site.base_url}/operator/ledger?find=nothing-like-it")
    assert "no session, order, receipt, CDR or payment" in desk.get_by_role("alert").inner_text()
    assert orders["paid"] in desk.locator("main").inner_text()
    assert judge(desk) == []
    photograph(desk, "ledger")
