"""The operator's fleet, sessions, kiosk and lists in a real browser: fit for every reader, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from billing.alarms import raise_alarm
from billing.commands import answer_command
from billing.intake import take_rows
from billing.moments import to_ms
from billing.people import persons
from billing.people.roles import Role
from billing.tables import commands, kiosks
from contract.api import CommandAnswer, CommandStatus
from tests.billing.stories import NOON, batch, charge, corrected, rows_of
from tests.browser.conftest import PATIENCE_MS, Site, photograph
from tests.browser.judge import judge
from tests.browser.keys import press, tab_to, type_into
from tests.browser.staff import come_in

PAGES = {
    "fleet": "/operator",
    "sessions": "/operator/sessions",
    "session": "/operator/sessions/hk-07/t-paid",
    "session-doubted": "/operator/sessions/hk-07/t-doubted",
    "session-running": "/operator/sessions/hk-07/t-runs",
    "kiosk": "/operator/kiosks/hk-07",
    "unfinished": "/operator/unfinished",
    "quarantine": "/operator/quarantine",
}


@pytest.fixture(scope="module", autouse=True)
def a_day(site: Site) -> Iterator[None]:
    """One charge of each kind: whole, running, doubted, without its end, one that waits for a meter; and an alarm."""
    now = site.clock.at = NOON + timedelta(days=1, hours=2)
    with site.engine.begin() as connection:
        persons.add_person(connection, "ole", "Ole Olsen", Role.OPERATOR, NOON)
        stories = (
            charge(transaction_id="t-lost", evse_id=1)[:-1],
            charge(transaction_id="t-paid", evse_id=1, started_at=NOON + timedelta(hours=3), parked_minutes=25),
            charge(transaction_id="t-doubted", evse_id=2, total_incl_vat_minor=7),
            corrected(charge(transaction_id="t-dark", evse_id=2, started_at=NOON + timedelta(days=1)), more_wh=50)[:-1],
            charge(transaction_id="t-runs", evse_id=1, started_at=NOON + timedelta(days=1, hours=1))[:4],
        )
        for number, story in enumerate(stories):
            take_rows(connection, "hk-07", batch(rows_of(story, 1 + 100 * number)), now)
        raise_alarm(connection, "hk-07", "clock", "The clock was set by hand", now - timedelta(minutes=5))
        connection.execute(update(kiosks).values(last_contact_ms=to_ms(now), last_rows_ms=to_ms(now)))
    yield


@pytest.mark.parametrize("name", PAGES)
def test_the_operators_pages_are_fit_for_a_desk_and_a_phone(site: Site, desk: Page, phone: Page, name: str) -> None:
    for page, size in ((desk, "desk"), (phone, "phone")):
        come_in(site, page, "ole")
        page.goto(site.base_url + PAGES[name])
        photograph(page, f"operator-{name}-{size}")
        assert judge(page) == [], size


def test_a_keyboard_finds_a_session_from_the_fleet_and_reads_its_lines(site: Site, desk: Page) -> None:
    come_in(site, desk, "ole")
    desk.goto(f"{site.base_url}/operator")
    press(desk, desk.get_by_role("navigation").get_by_role("link", name="Sessions"))
    desk.wait_for_url("**/operator/sessions")
    press(desk, desk.locator("a[href$='/t-paid']"))
    desk.wait_for_url("**/t-paid")

    expect(desk.locator("body")).to_contain_text("Plugged in after charging")


def test_a_keyboard_acknowledges_an_alarm_and_takes_a_connector_out_of_service(site: Site, desk: Page) -> None:
    come_in(site, desk, "ole")
    desk.goto(f"{site.base_url}/operator")
    press(desk, desk.get_by_role("button", name="Acknowledge"))
    desk.get_by_role("heading", name="Alarms").wait_for(state="detached")
    press(desk, desk.get_by_role("link", name="HK-07"))
    desk.wait_for_url("**/kiosks/hk-07")
    press(desk, desk.get_by_role("button", name="Take out of service").first)
    desk.get_by_text("Sent; the kiosk's answer stands below").wait_for()

    newest = desk.locator("section", has_text="Newest orders")
    expect(newest).to_contain_text("waits for the kiosk")
    with site.engine.begin() as connection:
        order = (
            connection.execute(select(commands.c.command_id).order_by(commands.c.queued_ms.desc())).scalars().first()
        )
        assert order is not None
        answer_command(connection, "hk-07", CommandAnswer(order, CommandStatus.ACCEPTED), site.clock.at)
    expect(newest).to_contain_text("Accepted", timeout=PATIENCE_MS)  # by itself


def test_a_keyboard_reserves_a_connector_and_a_wrong_account_is_refused_beside_the_form(
    site: Site, phone: Page
) -> None:
    come_in(site, phone, "ole")
    phone.goto(f"{site.base_url}/operator/kiosks/hk-07")
    tab_to(phone, phone.get_by_label("EVSE"))
    type_into(phone, phone.get_by_label("Account"), "nobody")
    press(phone, phone.get_by_role("button", name="Reserve", exact=True))

    phone.locator(".note.bad").wait_for()
    assert judge(phone) == []
    type_into(phone, phone.get_by_label("Account"), "anna")
    press(phone, phone.get_by_role("button", name="Reserve", exact=True))
    phone.locator(".note.ok").wait_for()


def test_the_landing_pages_are_fit_for_a_desk_and_a_phone(site: Site, desk: Page, phone: Page) -> None:
    for page in (desk, phone):
        for path in ("/", "/r", "/r/not-a-receipt", "/nowhere"):
            page.goto(site.base_url + path)
            assert judge(page) == [], path
