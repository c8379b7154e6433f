"""The operator's tariff pages in a real browser: a draft by keyboard, mistakes at their fields, trial, publishing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from billing.directory import newest_tariff
from billing.intake import take_rows
from billing.people import persons
from billing.people.roles import Role
from tests.billing.stories import NOON, TARIFF, batch, charge, rows_of
from tests.browser.conftest import Site, photograph
from tests.browser.judge import judge
from tests.browser.staff import come_in

DATABASE = "sqlite"

HOME = f"/operator/tariffs/{TARIFF.id}"


@pytest.fixture(scope="module", autouse=True)
def furniture(site: Site) -> Iterator[None]:
    with site.engine.begin() as connection:
        persons.add_person(connection, "ole", "Ole Olsen", Role.OPERATOR, NOON)
        persons.add_person(connection, "fina", "Fina", Role.FINANCE, NOON)
        story = charge(transaction_id="t-1", minutes=50, wh_per_minute=373, parked_minutes=22)
        take_rows(connection, "hk-07", batch(rows_of(story)), NOON)
    yield


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.walk
def test_a_tariff_is_drafted_tried_and_published(site: Site, desk: Page) -> None:
    come_in(site, desk, "fina")
    desk.goto(f"{site.base_url}{HOME}")
    press(desk, "Draft the next version")
    desk.get_by_label("per kWh, price").fill("0.57")
    desk.get_by_label("after charging, price").fill("0.09")
    desk.get_by_label("once per charge, price").fill("0,30")
    desk.locator('[name="t.session"]').select_option("t-1")
    press(desk, "Compute")

    comparison = desk.get_by_role("region", name="Comparison").inner_text().replace("\u00a0", " ")
    assert "Energy\t10.0710\t10.6305\t+0.5595" in comparison, comparison
    assert "Rounded once\t€ 11.39\t€ 12.01\t+€ 0.62" in comparison, comparison
    assert desk.get_by_text("Checks passed").is_visible()
    lines = desk.get_by_role("region", name="Lines").last.inner_text()
    assert "14:50:00–15:12:00\t0.2000 h\tmeasured" in lines, lines
    desk.get_by_label("per kWh, price").fill("57")
    press(desk, "Save draft")
    field = desk.get_by_label("per kWh, price")
    described = desk.locator(f'[id="{field.get_attribute("aria-describedby")}"]').inner_text()
    assert "106 times the price in force" in described.replace("\u00a0", " "), described
    assert desk.get_by_text("Checks passed").count() == 0
    photograph(desk, "tariff-slip")
    assert judge(desk) == []
    field.fill("0.57")
    press(desk, "Price them again")
    again = desk.locator("#again").inner_text().replace("\u00a0", " ")
    assert "1 dearer. € 11.39 would have been € 12.01 (+5.4 %)." in again and "most added: +€ 0.62" in again, again
    photograph(desk, "tariff-draft")
    assert judge(desk) == []

    press(desk, "Publish…")
    assert "2 EVSEs follow" in desk.locator("main").inner_text()
    photograph(desk, "tariff-publish")
    assert judge(desk) == []
    press(desk, "Publish version 2")
    assert "version 2 is in force" in desk.get_by_role("heading", level=1).inner_text()
    with site.engine.begin() as connection:
        assert newest_tariff(connection, TARIFF.id, NOON).version == 2
    photograph(desk, "tariff-one")
    assert judge(desk) == []


def test_mistakes_stand_at_their_fields_and_nothing_typed_is_lost(site: Site, phone: Page) -> None:
    come_in(site, phone, "ole")
    phone.goto(f"{site.base_url}/operator/tariffs")
    phone.get_by_label("Name, as operators call it").fill("pier-night")
    press(phone, "Begin a draft")
    phone.get_by_label("per kWh, price").fill("0.5x")
    phone.get_by_text("Only at certain times").click()
    phone.get_by_label("from, 22:00").fill("22:00")
    phone.get_by_label("Sunday").check()
    phone.get_by_label("In force from, UTC").fill("2020-01-01T00:00")
    press(phone, "Save draft")

    field = phone.get_by_label("per kWh, price")
    assert field.get_attribute("aria-invalid") == "true" and field.input_value() == "0.5x"
    assert phone.get_by_role("alert").inner_text().count("want an amount") == 1
    assert phone.get_by_label("Sunday").is_checked()
    past = phone.get_by_label("In force from, UTC")
    assert past.get_attribute("aria-invalid") == "true" and "is past" in phone.get_by_role("alert").inner_text()
    photograph(phone, "tariff-mistake-360")
    assert judge(phone) == []

    past.fill("")
    field.fill("0.57")
    phone.get_by_label("per kWh, VAT in percent").fill("19")
    press(phone, "Add a case")
    phone.get_by_label("per kWh, price").nth(1).fill("0.79")
    press(phone, "Publish…")
    assert phone.get_by_role("button", name="Publish version").count() == 0, "an operator may not publish"
    assert "role finance or admin" in phone.locator("main").inner_text()
    photograph(phone, "tariff-publish-360")
    assert judge(phone) == []


def test_a_tariff_object_of_ocpi_becomes_a_draft_or_a_sentence(site: Site, desk: Page) -> None:
    come_in(site, desk, "ole")
    desk.goto(f"{site.base_url}/operator/tariffs")
    desk.get_by_label("Tariff object").fill('{"id": "x", "currency": "EUR", "elements": [{"price_components": 1}]}')
    press(desk, "Read it")
    assert "elements[0].price_components" in desk.get_by_role("alert").inner_text()
    assert judge(desk) == []
    part = '{"type": "ENERGY", "price": 0.25, "vat": 20, "step_size": 1}'
    desk.get_by_label("Tariff object").fill(
        f'{{"id": "ocpi-1", "currency": "EUR", "elements": [{{"price_components": [{part}]}}]}}'
    )
    press(desk, "Read it")
    assert desk.get_by_label("per kWh, price").input_value() == "0.3"
    desk.goto(f"{site.base_url}/operator/tariffs")
    photograph(desk, "tariffs")
    assert judge(desk) == []
