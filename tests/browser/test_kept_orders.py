"""A driver who is signed in pays by phone: the order stands in their account while it runs and in the history after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from billing.drivers import drivers
from tests.browser.conftest import Site, photograph
from tests.browser.forecourt import Forecourt, forecourt
from tests.browser.judge import judge
from tests.browser.test_account_pages import come_in
from tests.browser.test_phone_purchase import begun, confirmed

DATABASE = "sqlite"


@pytest.fixture(scope="module")
def place(database_url: str) -> Iterator[Forecourt]:
    with forecourt(database_url) as place:
        for place.evse_id in (2, 1):
            place.social.bank.open_account(place.driver, 10_000)
        yield place


def test_an_order_paid_while_signed_in_stands_in_the_account_and_then_in_the_history(
    place: Forecourt, phone: Page
) -> None:
    site = Site(place.base_url, place.engine, place.clock, None)  # type: ignore[arg-type]
    come_in(site, phone, "mina@example.org", place.clock())
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    confirmed(phone, place)
    story = begun(phone, place)
    order = phone.url
    phone.goto(order)
    expect(phone.get_by_text("In your account’s history")).to_be_visible()
    phone.goto(f"{place.base_url}/account")
    expect(phone.get_by_text("held, not taken")).to_be_visible()
    assert judge(phone) == []
    photograph(phone, "account-open-order")
    phone.get_by_role("link", name="See it").click()
    expect(phone).to_have_url(f"{order}?lang=en")
    place.upload(story[3:])
    phone.goto(f"{place.base_url}/account/history")
    total = story[-1].total_incl_vat_minor
    assert total is not None
    expect(phone.get_by_text(f"€\u00a0{total / 100:.2f}")).to_be_visible()


def test_an_order_belongs_to_whoever_kept_it_first(place: Forecourt, phone: Page) -> None:
    with place.engine.begin() as connection:
        first, second = (
            drivers.find_or_add(connection, f"{name}@example.org", "en", place.clock()) for name in ("ada", "bo")
        )
        assert drivers.keep_order(connection, first.driver_id, "link", place.clock())
        assert drivers.keep_order(connection, first.driver_id, "link", place.clock())

        assert not drivers.keep_order(connection, second.driver_id, "link", place.clock())
        assert drivers.is_kept(connection, first.driver_id, "link")
        assert not drivers.is_kept(connection, second.driver_id, "link")


def test_an_order_paid_as_a_guest_is_kept_afterwards_by_whoever_has_its_link(place: Forecourt, phone: Page) -> None:
    place.evse_id = 2
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    confirmed(phone, place)
    order = phone.url
    site = Site(place.base_url, place.engine, place.clock, None)  # type: ignore[arg-type]
    come_in(site, phone, "nina@example.org", place.clock())
    phone.goto(order)
    phone.get_by_role("link", name="Keep in my account").click()
    expect(phone.get_by_role("heading", name="Keep this order?")).to_be_visible()
    assert judge(phone) == []
    phone.get_by_role("button", name="Keep in my account").click()
    phone.wait_for_url("**/account/history")
    phone.goto(f"{place.base_url}/account")

    expect(phone.get_by_text("Charging, HK-07 · 2")).to_be_visible()
