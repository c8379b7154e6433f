"""Passkeys with Chromium's own virtual authenticator: made, used, taken away; for staff and for drivers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Page, expect

from billing.drivers import drivers
from billing.moments import to_ms
from billing.people import persons, sessions
from billing.people.passwords import hash_password
from billing.people.roles import Role
from billing.people.tables import passkeys
from tests.billing.stories import NOON
from tests.browser.conftest import Site, photograph
from tests.browser.judge import judge
from tests.browser.keys import press, type_into

DATABASE = "sqlite"

PASSWORD = "seven kiosks in the harbour"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """An authenticator built into the browser's machine."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        session.send("WebAuthn.enable")
        self._id = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]

    def verifies(self, is_verified: bool) -> None:
        """Whether its user's finger is the right one."""
        about = {"authenticatorId": self._id, "isUserVerified": is_verified}
        self._session.send("WebAuthn.setUserVerified", about)

    def close(self) -> None:
        self._session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._id})
        self._session.send("WebAuthn.disable")
        self._session.detach()


@pytest.fixture
def device(desk: Page) -> Iterator[Device]:
    device = Device(desk.context.new_cdp_session(desk))
    yield device
    device.close()


@pytest.fixture(scope="module")
def home(site: Site) -> str:
    """A passkey is made for a name; an address of numbers is none."""
    with site.engine.begin() as connection:
        for login, role in (("fin", Role.FINANCE), ("ole", Role.OPERATOR)):
            person = persons.add_person(connection, login, login.title(), role, NOON)
            persons.set_password(connection, person.person_id, hash_password(PASSWORD))
    return site.base_url.replace("127.0.0.1", "localhost")


def sign_out(page: Page, home: str) -> None:
    page.goto(f"{home}/me")
    page.get_by_role("button", name="Sign out", exact=True).last.click()
    page.wait_for_url("**/sign-in?ended=1")


def with_password(page: Page, home: str, login: str) -> None:
    page.goto(f"{home}/sign-in")
    page.get_by_label("Sign-in name").fill(login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_the_pages_of_passkeys_are_fit_for_every_reader(home: str, site: Site, phone: Page) -> None:
    """Without a device: the judge's own line to the browser and a device's do not live together."""
    with site.engine.begin() as connection:
        ole = persons.known_login(connection, "ole").person
        eva = drivers.find_or_add(connection, "eva@example.org", "en", NOON)
        for cookie, holder in (("session", f"person:{ole.person_id}"), ("driver", f"driver:{eva.driver_id}")):
            key = {"credential_id": f"key of {holder}", "public_key": b"", "sign_count": 0, "created_ms": to_ms(NOON)}
            connection.execute(passkeys.insert().values(holder=holder, label="My phone", **key))
            token = sessions.open_session(connection, holder, sessions.Stage.FULL, sessions.DRIVER_LIVES, NOON)
            phone.context.add_cookies([{"name": cookie, "value": token, "url": home, "httpOnly": True}])
    for path in ("me", "account/settings"):
        phone.goto(f"{home}/{path}?lang=de")
        expect(phone.get_by_role("button", name="Passkey hinzufügen")).to_be_visible()
        assert judge(phone) == [], path
        photograph(phone, f"passkey-{path.replace('/', '-')}")
    phone.context.clear_cookies()
    for path in ("sign-in", "account"):
        phone.goto(f"{home}/{path}?wrong=passkey")
        expect(phone.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
        assert judge(phone) == [], path
        photograph(phone, f"passkey-{path}")
    with_password(phone, home, "fin")
    phone.get_by_text("Your role moves money").wait_for()
    assert judge(phone) == []
    photograph(phone, "passkey-second-proof")


def test_who_moves_money_takes_a_passkey_as_the_second_proof_and_signs_in_by_it_alone(
    home: str, desk: Page, device: Device
) -> None:
    with_password(desk, home, "fin")
    expect(desk.get_by_role("button", name="Add a passkey")).to_be_visible()
    type_into(desk, desk.get_by_label("Its name"), "My key")
    press(desk, desk.get_by_role("button", name="Add a passkey"))
    desk.wait_for_url("**/me?done=passkey")
    expect(desk.get_by_text("My key")).to_be_visible()
    sign_out(desk, home)
    press(desk, desk.get_by_role("button", name="Sign in with a passkey"))
    desk.wait_for_url("**/operator")
    sign_out(desk, home)
    with_password(desk, home, "fin")
    desk.wait_for_url("**/sign-in/code")  # a password alone opens nothing
    desk.get_by_role("button", name="Sign in with a passkey").click()
    desk.wait_for_url("**/operator")
    desk.goto(f"{home}/me")
    desk.get_by_role("button", name="Remove: My key").click()
    expect(desk.get_by_text("set up another before you remove the last")).to_be_visible()


def test_adding_a_passkey_to_an_open_session_asks_for_the_password_and_removing_it_shuts_its_door(
    home: str, desk: Page, device: Device
) -> None:
    with_password(desk, home, "ole")
    for password, wanted in (("not the password", "**/me?wrong=current"), (PASSWORD, "**/me?done=passkey")):
        desk.goto(f"{home}/me")
        desk.locator("#for-key").fill(password)
        desk.get_by_role("button", name="Add a passkey").click()
        desk.wait_for_url(wanted)
    desk.get_by_role("button", name="Remove: A passkey").click()
    desk.wait_for_url("**/me?done=passkey_gone")
    sign_out(desk, home)
    desk.get_by_role("button", name="Sign in with a passkey").click()
    desk.wait_for_url("**/sign-in?wrong=passkey")

    expect(desk.get_by_role("alert")).to_contain_text("opens nothing here")


def test_a_device_that_did_not_verify_its_user_gives_no_passkey(home: str, desk: Page, device: Device) -> None:
    device.verifies(False)
    desk.goto(f"{home}/sign-in")
    desk.get_by_role("button", name="Sign in with a passkey").click()

    expect(desk.get_by_text("Your device gave no passkey")).to_be_visible(timeout=30_000)


def test_a_driver_adds_a_passkey_signs_in_with_it_and_it_opens_no_page_of_staff(
    home: str, site: Site, desk: Page, device: Device
) -> None:
    with site.engine.begin() as connection:
        anna = drivers.find_or_add(connection, "anna@example.org", "en", NOON)
        holder = drivers.holder_of(anna.driver_id)
        token = sessions.open_session(connection, holder, sessions.Stage.FULL, sessions.DRIVER_LIVES, NOON)
    desk.context.add_cookies([{"name": "driver", "value": token, "url": home, "httpOnly": True}])
    desk.goto(f"{home}/account/settings")
    desk.get_by_label("Its name").fill("My phone")
    desk.get_by_role("button", name="Add a passkey").click()
    desk.wait_for_url("**/account/settings?done=passkey")
    desk.context.clear_cookies()
    desk.goto(f"{home}/sign-in")
    desk.get_by_role("button", name="Sign in with a passkey").click()
    desk.wait_for_url("**/sign-in?wrong=passkey")
    with site.engine.begin() as connection:
        sessions.forget_all(connection, holder)
    # Without mail there is no sign-in page of drivers' accounts, but passkeys work where they were made.
    desk.goto(f"{home}/account")
    expect(desk.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    desk.get_by_role("button", name="Sign in with a passkey").click()
    desk.get_by_role("heading", name="anna@example.org").wait_for()


def test_an_answer_is_taken_once(home: str, site: Site, desk: Page, device: Device) -> None:
    """Recorded on its way and sent again, it opens nothing."""
    with_password(desk, home, "ole")
    desk.goto(f"{home}/me")
    desk.locator("#for-key").fill(PASSWORD)
    desk.get_by_role("button", name="Add a passkey").click()
    desk.wait_for_url("**/me?done=passkey")
    sign_out(desk, home)
    with desk.expect_request("**/sign-in/passkey") as sent:
        desk.get_by_role("button", name="Sign in with a passkey").click()
    desk.wait_for_url("**/operator")
    body = sent.value.post_data
    sign_out(desk, home)
    token = desk.locator("[name=form_token]").first.input_value()
    form = dict(pair.split("=", 1) for pair in (body or "").split("&"))
    again = desk.request.post(
        f"{home}/sign-in/passkey",
        data=f"form_token={token}&answer={form['answer']}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert again.url.endswith("/sign-in?wrong=passkey")
