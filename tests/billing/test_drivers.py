"""Drivers with an account: links by mail over real SMTP, cards by the operator's code, household, history, the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from billing.directory import add_account, add_token, set_group
from billing.drivers import cards, drivers
from billing.drivers.mail_texts import MAILS
from billing.drivers.tables import drivers as drivers_table
from billing.drivers.tables import mail_links
from billing.intake import take_rows
from billing.mail.tables import mails
from billing.pages.account_texts import ACCOUNT
from billing.pages.render import LANGUAGES
from billing.people.forms import FIELD, form_token
from billing.people.tables import passkeys, web_sessions
from billing.tables import accounts, cdrs, tokens
from contract.identity import IdToken, TokenKind
from tests.billing.desk import Desk, open_desk
from tests.billing.mailbox import Mailbox, open_mailbox
from tests.billing.people import Browser
from tests.billing.stories import NOON, batch, charge, rows_of


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as box:
        yield box


@dataclass
class Street(Desk):
    """A desk whose drivers get mail."""

    mailbox: Mailbox | None = None

    def link_to(self, mail: str) -> str:
        """The path in the next mail to that address."""
        assert self.mailbox is not None
        text = self.mailbox.next_to(mail).get_content()
        (path,) = re.findall(rf"^{self.url}(/account/enter/[\w-]+)\s*$", text, re.MULTILINE)
        return str(path)

    def driver(self, mail: str) -> Browser:
        """A browser in which somebody has followed the link in their mail."""
        browser = self.browser()
        browser.post("/account/link", data={"mail": mail})
        assert browser.post(self.link_to(mail)).url == f"{self.url}/account"
        return browser

    def code_for(self, account_id: str) -> str:
        with self.engine.begin() as connection:
            return cards.new_claim(connection, account_id, self.clock())

    def group_of(self, account_id: str) -> str | None:
        with self.engine.begin() as connection:
            query = select(accounts.c.group_id).where(accounts.c.account_id == account_id)
            return connection.execute(query).scalar()


@pytest.fixture
def street(database_url: str, mailbox: Mailbox) -> Iterator[Street]:
    mailbox.taken.clear()  # what an earlier test asked for and did not read
    with open_desk(database_url, mailbox.url) as desk:
        yield Street(desk.url, desk.engine, desk.clock, mailbox)


def test_every_language_has_every_word_of_the_account_and_its_mails() -> None:
    for texts in (ACCOUNT, MAILS):
        assert set(texts) == set(LANGUAGES)
        for words in texts.values():
            assert {key: set(re.findall(r"{(\w+)}", word)) for key, word in words.items()} == {
                key: set(re.findall(r"{(\w+)}", word)) for key, word in texts["en"].items()
            }


def test_a_mailed_link_signs_in_once_and_makes_the_account_where_there_was_none(street: Street) -> None:
    browser = street.browser()
    asked = browser.post("/account/link?lang=de", data={"mail": " Anna@Example.org", "next": "/account/history"})
    assert "unterwegs an anna@example.org" in asked.text
    assert street.mailbox is not None
    mail = street.mailbox.next_to("anna@example.org")
    assert mail["Subject"] == "Anmelden bei Harbour Energy" and "kiosk@harbour.example" in mail["From"]
    (link,) = re.findall(rf"{street.url}(/account/enter/[\w-]+)", mail.get_content())
    other_device = street.browser()
    other_device.get(link)
    assert "anna@example.org" in other_device.get(link).text  # looking uses nothing up
    assert other_device.post(link).url == f"{street.url}/account/history"
    assert street.browser().post(link).status_code == 404
    assert "anna@example.org" in other_device.get("/account").text

    again = street.driver("anna@example.org")
    with street.engine.begin() as connection:
        assert len(connection.execute(select(drivers_table)).all()) == 1
    assert "anna@example.org" in again.get("/account").text


def test_a_link_is_too_old_after_half_an_hour(street: Street) -> None:
    browser = street.browser()
    browser.post("/account/link", data={"mail": "ben@example.org"})
    link = street.link_to("ben@example.org")
    street.clock.pass_by(timedelta(minutes=30))

    assert browser.get(link).status_code == 404 and browser.post(link).status_code == 404


def test_asking_for_a_link_says_the_same_whether_there_is_an_account_or_not(street: Street) -> None:
    street.driver("cleo@example.org")
    street.clock.pass_by(timedelta(hours=2))
    answers = [
        street.browser().post("/account/link", data={"mail": mail}).text.replace(mail, "")
        for mail in ("cleo@example.org", "nobody@example.org")
    ]

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "typed", ["", "anna", "anna@", "@x.org", "a@b", "a@x.org\nBcc: b@x.org", "ä@x.org", "a b@x.org"]
)
def test_what_cannot_be_a_mail_address_gets_no_mail(typed: str) -> None:
    assert drivers.mail_of(typed) is None


@given(st.emails().map(str.lower).filter(lambda mail: len(mail) <= 120 and "'" not in mail))
def test_mail_addresses_are_kept_in_lower_case_and_masked_to_their_first_letter(mail: str) -> None:
    kept = drivers.mail_of(f" {mail.upper()} ")

    assert kept is None or (kept == mail and drivers.masked(kept).startswith(f"{mail[0]}…@"))


def test_nobody_fills_anothers_mailbox(street: Street) -> None:
    statuses = [street.browser().post("/account/link", data={"mail": "dora@example.org"}).status_code for _ in range(5)]

    assert statuses == [200] * 3 + [429] * 2


def test_the_link_carries_the_operators_address_and_never_one_that_a_request_brought(street: Street) -> None:
    own = {"Host": "evil.example", "Cookie": "__Host-form=a-key"}  # a browser that was led here by that name
    fields = {"mail": "eve@example.org", FIELD: form_token("a-key")}
    forged = requests.post(f"{street.url}/account/link", data=fields, headers=own, timeout=30)

    assert forged.status_code == 503
    with street.engine.begin() as connection:
        assert connection.execute(select(mail_links)).all() == []


def test_no_mails_text_and_no_links_token_stands_in_the_database(street: Street) -> None:
    browser = street.browser()
    browser.post("/account/link", data={"mail": "gina@example.org"})
    token = street.link_to("gina@example.org").rpartition("/")[2]
    with street.engine.begin() as connection:
        rows = [*connection.execute(select(mails)).all(), *connection.execute(select(mail_links)).all()]

    assert not any(token in str(value) or "Open this link" in str(value) for row in rows for value in row)


def test_without_a_mail_server_the_page_says_so(database_url: str) -> None:
    with open_desk(database_url) as desk:
        assert "sends no mail" in desk.browser().get("/account").text


def test_cards_are_linked_by_the_operators_code_and_by_nothing_else(street: Street) -> None:
    anna = street.driver("anna@example.org")
    code = street.code_for("anna")
    assert anna.post("/account/cards/link", data={"code": "AAAA-BBBB-CCCC"}).status_code == 422
    linked = anna.post("/account/cards/link", data={"code": code.lower().replace("-", " ")})
    assert "The cards are linked" in linked.text and "Card …E680" in linked.text
    assert street.driver("ben@example.org").post("/account/cards/link", data={"code": code}).status_code == 422
    with street.engine.begin() as connection, pytest.raises(ValueError, match="linked to a driver already"):
        cards.new_claim(connection, "anna", street.clock())


def test_guessing_codes_of_cards_is_slowed(street: Street) -> None:
    anna = street.driver("anna@example.org")
    statuses = [anna.post("/account/cards/link", data={"code": "AAAA-BBBB-CCCC"}).status_code for _ in range(7)]

    assert statuses == [422] * 5 + [429] * 2


def test_a_driver_blocks_their_own_card_and_no_other(street: Street) -> None:
    anna = street.driver("anna@example.org")
    anna.post("/account/cards/link", data={"code": street.code_for("anna")})
    with street.engine.begin() as connection:
        add_account(connection, "ben", NOON)
        others = add_token(connection, IdToken(TokenKind.ISO14443, "04AABBCC"), "ben", NOON)
        (own,) = connection.execute(select(tokens.c.token_hash).where(tokens.c.account_id == "anna")).scalars()
    anna.post("/account/cards/block", data={"card": others})
    assert "The card is blocked" in anna.post("/account/cards/block", data={"card": own}).text

    with street.engine.begin() as connection:
        blocked = connection.execute(select(tokens.c.account_id).where(tokens.c.is_blocked)).scalars().all()
    assert blocked == ["anna"]
    assert "Block this card" not in anna.get("/account/cards").text


def test_the_history_shows_ones_own_charges_with_amount_and_receipt_and_nobody_elses(street: Street) -> None:
    anna, ben = street.driver("anna@example.org"), street.driver("ben@example.org")
    anna.post("/account/cards/link", data={"code": street.code_for("anna")})
    with street.engine.begin() as connection:
        finished = charge(transaction_id="t-1", receipt_id="ab" * 16)
        running = charge(transaction_id="t-2", receipt_id="cd" * 16, evse_id=2)[:4]
        take_rows(connection, "hk-07", batch([*rows_of(finished), *rows_of(running, 101)]), NOON)
        (bill,) = connection.execute(select(cdrs.c.incl_vat_minor)).scalars()
    page = anna.get("/account/history").text
    assert bill == 101 and "€\u00a01.01" in page and f"/r/{'ab' * 16}" in page and "HK-07 · Connector 1" in page
    assert ">runs<" in page
    home = anna.get("/account").text
    assert "Charging, HK-07 · 2" in home and f"/r/{'cd' * 16}" in home and "0.450\u00a0kWh" in home

    assert "No charges yet" in ben.get("/account/history").text and "HK-07" not in ben.get("/account").text


def test_a_household_is_one_group_of_cards_until_somebody_leaves(street: Street) -> None:
    anna, ben = street.driver("anna@example.org"), street.driver("ben@example.org")
    with street.engine.begin() as connection:
        add_account(connection, "ben", NOON)
    anna.post("/account/cards/link", data={"code": street.code_for("anna")})
    assert "on its way" in anna.post("/account/household/invite", data={"mail": "ben@example.org"}).text
    link = street.link_to("ben@example.org")
    assert "anna@example.org invites you" in ben.get(link).text
    assert ben.post(link, data={"join": "1"}).url == f"{street.url}/account/household"
    ben.post("/account/cards/link", data={"code": street.code_for("ben")})
    page = ben.get("/account/household").text
    assert "2 in your household" in page and "anna@example.org" in page
    assert street.group_of("anna") == street.group_of("ben") != None  # noqa: E711
    ben.post("/account/household/leave")

    assert street.group_of("ben") is None and street.group_of("anna") is not None
    assert "1 in your household" in anna.get("/account/household").text


def test_an_invitation_is_declined_by_signing_in_without_it_and_void_once_its_maker_has_left(street: Street) -> None:
    anna, ben = street.driver("anna@example.org"), street.browser()
    anna.post("/account/household/invite", data={"mail": "ben@example.org"})
    link = street.link_to("ben@example.org")
    assert ben.post(link).url == f"{street.url}/account/household"
    assert "No household" in ben.get("/account/household").text
    anna.post("/account/household/invite", data={"mail": "ben@example.org"})
    anna.post("/account/household/leave")
    ben.post(street.link_to("ben@example.org"), data={"join": "1"})

    assert "No household" in ben.get("/account/household").text


def test_a_household_does_not_touch_a_group_that_the_operator_made(street: Street) -> None:
    anna = street.driver("anna@example.org")
    with street.engine.begin() as connection:
        set_group(connection, "anna", "company", NOON)
    anna.post("/account/cards/link", data={"code": street.code_for("anna")})
    anna.post("/account/household/invite", data={"mail": "ben@example.org"})
    assert street.group_of("anna") == "company"
    anna.post("/account/household/leave")

    assert street.group_of("anna") == "company"


def test_deleting_an_account_leaves_bills_and_nothing_that_names_the_driver(street: Street) -> None:
    anna, phone = street.driver("anna@example.org"), street.driver("anna@example.org")
    anna.post("/account/cards/link", data={"code": street.code_for("anna")})
    with street.engine.begin() as connection:
        take_rows(connection, "hk-07", batch(rows_of(charge(receipt_id="ab" * 16))), NOON)
    assert "not your mail address" in anna.post("/account/delete", data={"mail": "x@example.org"}).text
    assert "Your account is deleted" in anna.post("/account/delete", data={"mail": "Anna@example.org"}).text

    assert phone.get("/account").url == f"{street.url}/account" and "anna@example.org" not in phone.get("/account").text
    assert "€\u00a01.01" in street.browser().get(f"/r/{'ab' * 16}").text
    with street.engine.begin() as connection:
        (row,) = connection.execute(select(drivers_table)).all()
        assert row.mail is None and row.household_id is None
        for table in (web_sessions, passkeys, mail_links):
            assert connection.execute(select(table)).all() == []
        assert len(connection.execute(select(cdrs)).all()) == 1


def test_signing_out_everywhere_ends_a_lost_phones_session(street: Street) -> None:
    anna, lost = street.driver("anna@example.org"), street.driver("anna@example.org")
    assert anna.get("/account/settings").text.count("127.0.0.1") == 2
    anna.post("/account/sign-out-everywhere")

    assert lost.get("/account/cards").url == f"{street.url}/account?next=%2Faccount%2Fcards"


def test_a_driver_opens_no_page_of_staff_and_staff_none_of_a_driver(street: Street) -> None:
    anna = street.driver("anna@example.org")
    from billing.people.roles import Role

    assert "/sign-in" in anna.get("/operator").url
    anna.carry(anna.cookies["driver"])  # a driver's token where staff's belongs
    assert "/sign-in" in anna.get("/operator").url
    assert "/account?next" in street.of(Role.ADMIN).get("/account/cards").url


def test_a_driver_writes_in_the_language_of_their_choice(street: Street) -> None:
    anna = street.driver("anna@example.org")
    anna.post("/account/settings/language", data={"language": "ja"})
    anna.post("/account/household/invite", data={"mail": "kenji@example.org"})
    assert street.mailbox is not None

    assert "招待" in street.mailbox.next_to("kenji@example.org")["Subject"]
