"""A driver buys a charge with a phone: real Chromium, real server, a payment app and a kiosk over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from contract.api import CommandStatus
from contract.commands import CommandKind
from contract.transaction import TransactionEvent
from tests.browser.conftest import photograph
from tests.browser.forecourt import PATIENCE_S, Forecourt, forecourt
from tests.browser.judge import judge
from tests.browser.keys import press, tab_to, type_into

ORDER = re.compile(r"/o/[0-9a-f]{32}(\?.*)?$")
HAS = 10_000  # what the driver's account holds, in cents


@pytest.fixture(scope="module")
def street(database_url: str) -> Iterator[Forecourt]:
    with forecourt(database_url) as place:
        yield place


@pytest.fixture
def place(street: Forecourt) -> Forecourt:
    """A connector of its own, a driver of its own with money, the kiosk in contact, the clock right."""
    street.clock.by = timedelta()
    street.evse_id += 1
    street.hear()
    street.waiting.clear()
    street.social.bank.open_account(street.driver, HAS)
    return street


def taken(place: Forecourt) -> int:
    """What has left the driver's account, or is held on it."""
    return HAS - place.social.bank.available(place.driver, time.time())


def catch_up(page: Page) -> None:
    """What the page does by itself every two seconds, now."""
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(re.escape(text)))


def chosen(page: Page, place: Forecourt) -> None:
    """From p1 into the payment app, by pointer."""
    page.get_by_role("textbox").fill(place.code)
    page.get_by_role("button", name=re.compile("Reserve and pay|Reservieren und|予約して")).last.click()


def confirmed(page: Page, place: Forecourt) -> None:
    """Confirm in the payment app."""
    page.get_by_label(place.driver, exact=True).check()
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(ORDER)


def begun(page: Page, place: Forecourt, **how: object) -> list[TransactionEvent]:
    """The kiosk keeps the connector, is told to start, and begins; what it will have written."""
    place.obey(CommandKind.RESERVE)
    story = place.story_of(place.obey(CommandKind.START), **how)
    place.upload(story[:3])
    return story


def reloaded_until(page: Page, words: str) -> None:
    """What a browser without script does every 15 seconds, sooner."""
    deadline = time.monotonic() + PATIENCE_S
    while page.get_by_text(words).count() == 0:
        assert time.monotonic() < deadline, f"never: {words}"
        page.wait_for_timeout(100)
        page.reload()


@pytest.mark.walk
def test_a_keyboard_buys_a_charge_from_the_sticker_to_the_receipt(place: Forecourt, phone: Page) -> None:
    phone.goto(place.address)
    heading(phone, f"HK-07 · Connector {place.evse_id}")
    slider = tab_to(phone, phone.get_by_role("slider"))
    phone.keyboard.press("ArrowRight")
    expect(phone.locator("output")).to_have_text("€\u00a016.00")
    assert slider.get_attribute("aria-valuetext") == "€\u00a016.00"
    type_into(phone, phone.get_by_role("textbox"), place.code)
    phone.keyboard.press("Enter")
    phone.wait_for_url("**/app/pay?**")
    press(phone, phone.get_by_label(place.driver, exact=True), "Space")
    press(phone, phone.get_by_role("button", name="Confirm"))
    phone.wait_for_url("**/o/*")
    place.obey(CommandKind.RESERVE)
    start = place.obey(CommandKind.START)
    story = place.story_of(start, minutes=5)
    place.upload(story[:3])
    catch_up(phone)
    heading(phone, "Charging")
    assert start.stop_code is not None and phone.locator(".stop-code").inner_text() == start.stop_code
    assert judge(phone) == []
    photograph(phone, "flow-charging")
    press(phone, phone.get_by_role("link", name="Stop charging…"))
    heading(phone, "Stop charging now?")
    press(phone, phone.get_by_role("button", name="Stop now"))
    phone.wait_for_url(ORDER)
    place.obey(CommandKind.STOP)
    place.upload(story[3:])
    catch_up(phone)
    expect(phone.get_by_text("Finished and paid")).to_be_visible()
    photograph(phone, "flow-finished")
    for told in ("Held", "Taken", "Released"):
        expect(phone.get_by_text(re.compile(f"^{told} [0-9]{{2}}:[0-9]{{2}}$"))).to_be_visible()

    total = story[-1].total_incl_vat_minor
    assert total is not None and taken(place) == total
    heading(phone, f"€\u00a0{total / 100:.2f}")
    assert place.checkout(phone.url).hold_minor == 1_600


def test_without_javascript_the_same_charge_is_bought_in_german(place: Forecourt, plain: Page) -> None:
    plain.goto(f"{place.address}?lang=de")
    plain.get_by_role("button", name="Mehr").click()
    expect(plain.locator("output")).to_have_text("16,00\u00a0€")
    plain.get_by_role("button", name="Schätzung aktualisieren").click()
    chosen(plain, place)
    confirmed(plain, place)
    heading(plain, "Die Station startet")
    story = begun(plain, place)
    reloaded_until(plain, "Es lädt")
    assert 'http-equiv="refresh" content="15"' in plain.content()
    plain.get_by_role("link", name="Laden beenden …").click()
    plain.get_by_role("button", name="Jetzt beenden").click()
    expect(plain.get_by_text("Stopp gesendet um")).to_be_visible()
    place.obey(CommandKind.STOP)
    place.upload(story[3:])
    reloaded_until(plain, "Abgeschlossen und bezahlt")

    assert taken(place) == story[-1].total_incl_vat_minor


def test_a_scanned_screen_needs_no_code_and_its_language_stays(place: Forecourt, phone: Page) -> None:
    phone.goto(place.scanned)
    press(phone, phone.get_by_role("link", name="日本語"))
    expect(phone.get_by_text("画面を読み取り済み")).to_be_visible()
    phone.get_by_role("button", name="予約して支払う").last.click()
    confirmed(phone, place)
    heading(phone, "充電機が開始しています")
    story = begun(phone, place)
    catch_up(phone)
    heading(phone, "充電中")
    photograph(phone, "flow-charging-ja")
    late = phone.request.post(f"{phone.url}/cancel")
    place.hear()
    assert "充電はすでに始まっています" in late.text()
    assert all(command.kind is not CommandKind.STOP for command in place.waiting)
    place.upload(story[3:])
    catch_up(phone)
    expect(phone.get_by_text("完了・支払い済み")).to_be_visible()

    assert taken(place) == story[-1].total_incl_vat_minor


def test_a_refused_payment_comes_back_with_its_reason_and_keeps_amount_and_code(place: Forecourt, phone: Page) -> None:
    place.social.bank.open_account(place.driver, 700 - HAS)
    phone.goto(place.address)
    chosen(phone, place)
    phone.get_by_label(place.driver, exact=True).check()
    phone.get_by_role("button", name="Confirm").click()
    expect(phone.get_by_text("The payment was refused")).to_be_visible()
    expect(phone.get_by_text("not enough money for €\u00a015.00")).to_be_visible()
    expect(phone.get_by_text("Nothing was taken.")).to_be_visible()
    expect(phone.locator("output")).to_have_text("€\u00a015.00")
    assert phone.get_by_role("textbox").count() == 0
    assert judge(phone) == []
    for _ in range(9):
        phone.get_by_role("button", name="Less").click()
    place.obey(CommandKind.CANCEL_RESERVATION)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    confirmed(phone, place)
    heading(phone, "The kiosk is starting")

    assert place.checkout(phone.url).hold_minor == 600


def test_a_refusal_that_comes_late_leads_back_to_a_form_that_works(place: Forecourt, phone: Page) -> None:
    place.social.bank.open_account(place.driver, 700 - HAS)
    trouble = place.social.server.mood.trouble
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    trouble.is_down = True
    try:
        confirmed(phone, place)
        heading(phone, "Waiting for the payment")
        assert judge(phone) == []
    finally:
        trouble.is_down = False
    phone.wait_for_url("**/d/hk-07/*", timeout=30_000)
    expect(phone.get_by_text("not enough money for €\u00a015.00")).to_be_visible()
    phone.get_by_role("button", name="More").click()

    expect(phone.locator("output")).to_have_text("€\u00a016.00")


def test_declining_in_the_payment_app_holds_nothing(place: Forecourt, phone: Page) -> None:
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    phone.get_by_role("button", name="Decline").click()

    expect(phone.get_by_text("You did not confirm in the payment app.")).to_be_visible()
    assert taken(place) == 0


def test_a_wrong_code_is_explained_beside_it_and_costs_a_try(place: Forecourt, phone: Page) -> None:
    phone.goto(place.address)
    right = place.code
    phone.get_by_role("textbox").fill("000000" if right != "000000" else "000001")
    phone.get_by_role("button", name="Reserve and pay").last.click()

    field = phone.get_by_role("textbox")
    assert field.get_attribute("aria-invalid") == "true" and field.input_value() in ("000000", "000001")
    assert "4 tries left" in phone.locator("#cw").inner_text()
    assert judge(phone) == []


def test_a_kiosk_that_is_not_in_contact_offers_no_start(place: Forecourt, phone: Page) -> None:
    place.clock.by = timedelta(minutes=5)
    phone.goto(place.address)

    expect(phone.get_by_text("The kiosk cannot be reached")).to_be_visible()
    assert phone.get_by_role("button").count() == 0
    assert judge(phone) == []


def test_an_old_value_says_its_age_and_a_stop_that_cannot_be_sent_says_so(place: Forecourt, phone: Page) -> None:
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    confirmed(phone, place)
    story = begun(phone, place)
    phone.reload()
    heading(phone, "Charging")
    expect(phone.get_by_text("Live")).to_be_visible()
    place.clock.by = timedelta(minutes=5)
    catch_up(phone)
    expect(phone.get_by_text("5 min old")).to_be_visible()
    expect(phone.get_by_text("No news from the kiosk for 5 min.")).to_be_visible()
    assert judge(phone) == []
    press(phone, phone.get_by_role("link", name="Stop charging…"))
    press(phone, phone.get_by_role("button", name="Stop now"))
    expect(
        phone.get_by_text("The kiosk cannot be reached, so nothing was sent. Stop at the kiosk with code")
    ).to_be_visible()
    photograph(phone, "flow-stale")
    place.clock.by = timedelta()
    place.upload(story[3:])
    catch_up(phone)
    expect(phone.get_by_text("Finished and paid")).to_be_visible()


def test_a_phone_that_lost_its_connection_says_since_when_and_finds_back(place: Forecourt, phone: Page) -> None:
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    place.obey(CommandKind.RESERVE)
    confirmed(phone, place)
    heading(phone, "The kiosk is starting")
    phone.context.set_offline(True)
    try:
        for _ in range(3):
            catch_up(phone)
        expect(phone.get_by_text("Your phone has had no connection since")).to_be_visible()
        assert re.search("[0-9]:[0-9]{2}", phone.locator("[data-silent] time").inner_text())
    finally:
        phone.context.set_offline(False)
    catch_up(phone)
    expect(phone.get_by_text("Your phone has had no connection since")).to_be_hidden()


def test_a_taken_connector_gives_the_money_back_and_says_so(place: Forecourt, phone: Page) -> None:
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    place.obey(CommandKind.RESERVE, CommandStatus.REJECTED, "a cable is in")
    confirmed(phone, place)

    heading(phone, "The connector was taken in between")
    expect(phone.get_by_text("You pay nothing and need do nothing.")).to_be_visible()
    expect(phone.get_by_text("Released", exact=True)).to_be_visible()
    assert taken(place) == 0
    assert judge(phone) == []


def test_a_kiosk_that_never_hears_the_start_gives_the_money_back_and_says_when(place: Forecourt, phone: Page) -> None:
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    place.obey(CommandKind.RESERVE)
    confirmed(phone, place)
    heading(phone, "The kiosk is starting")
    press(phone, phone.get_by_role("link", name="Cancel and release €\u00a015.00"))
    press(phone, phone.get_by_role("button", name="Cancel and release"))
    expect(phone.get_by_text("The cancel is under way")).to_be_visible()
    assert phone.get_by_role("link", name="Cancel").count() == 0
    place.clock.by = timedelta(seconds=25)
    catch_up(phone)
    heading(phone, "The kiosk has not answered")
    expect(phone.get_by_text("Held, not taken")).to_be_visible()
    expect(phone.get_by_text("the start is cancelled and the hold released")).to_be_visible()
    assert judge(phone) == []
    place.clock.by = timedelta(seconds=65)
    catch_up(phone)
    heading(phone, "The kiosk did not answer in time")
    expect(phone.get_by_text("Released", exact=True)).to_be_visible()
    photograph(phone, "flow-start-lost")

    assert taken(place) == 0


def test_a_car_that_stays_plugged_in_is_told_until_when_that_is_free(place: Forecourt, phone: Page) -> None:
    phone.goto(place.scanned)
    phone.get_by_role("button", name="Reserve and pay").last.click()
    confirmed(phone, place)
    story = begun(phone, place, minutes=3, parked_minutes=2)
    place.upload(story[3:5])
    catch_up(phone)
    heading(phone, "Charged: please unplug")
    expect(phone.get_by_text(re.compile("Free until [0-9:]+, then €\u00a00.06"))).to_be_visible()
    assert judge(phone) == []
    place.upload(story[5:])
    catch_up(phone)
    expect(phone.get_by_text("Finished and paid")).to_be_visible()


def test_a_link_that_names_no_order_says_what_to_do(place: Forecourt, phone: Page) -> None:
    phone.goto(f"{place.base_url}/o/{'0' * 32}")
    heading(phone, "This link names no order")
    assert judge(phone) == []
    phone.goto(f"{place.base_url}/d/nowhere/1")
    heading(phone, "This address names no connector")
