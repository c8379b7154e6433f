"""The host's pages over HTTP: signed in, in every language, and nobody else's numbers on any route."""

from __future__ import annotations

import csv
import io
import string
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from billing.database import open_database
from billing.hosts.bank import AccountState, accounts_of, enter_account, paid_to
from billing.hosts.party import Host, add_host
from billing.hosts.statement import statement_of
from billing.pages.host import router
from billing.pages.host_texts import HOST
from billing.pages.host_view import account_note
from billing.pages.host_words import Speech
from billing.people import audit
from billing.people.roles import Role
from billing.settings import Settings
from tests.billing.client import running
from tests.billing.databases import DATABASES, SERVER_KEY, Databases
from tests.billing.hosts.boatyard import BOATYARD, OPERATORS_IBAN, OTHER_IBAN
from tests.billing.hosts.spring import HALF_PAST_FOUR, at, furnish_oddities, furnish_spring
from tests.billing.people import Browser, signed_in

NEIGHBOUR = Host("H-13", "Café Anker", language="de")
SECRETS = ("Boatyard", "H-12", "10.76", "10,76", "58.30", "58,30", "3000", "HK-07", "PR-000", "2606", "9120", "9.120")


@dataclass
class Harbour:
    url: str
    engine: Engine

    def of(self, role: Role, host_id: str | None = None) -> Browser:
        return signed_in(self.url, self.engine, role, host_id=host_id, now=lambda: HALF_PAST_FOUR)


@pytest.fixture(scope="module", params=DATABASES)
def harbour(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Harbour]:
    url = databases.fresh(request.param)
    engine = open_database(url)
    with engine.begin() as connection:
        furnish_spring(connection)
        furnish_oddities(connection)
        add_host(connection, NEIGHBOUR, at(3, 1, 0))
    with running(Settings(url, SERVER_KEY, now=lambda: HALF_PAST_FOUR)) as base_url:
        yield Harbour(base_url, engine)
    engine.dispose()


def paths() -> list[str]:
    """Every page and file of a host, with the months and days there is something in."""
    found = []
    for route in router.routes:
        path = getattr(route, "path", "")
        if "GET" in getattr(route, "methods", ()):
            months = ["2026-04"] if path.endswith(".pdf") else ["2026-03", "2026-04", "2026-05"]
            found += [path.replace("{month}", month) for month in months]
    return sorted({*found, "/host?day=2026-05-13", "/host/uses?month=2026-04", "/host/day.csv?day=2026-05-13"})


def test_every_language_has_every_word_and_its_placeholders() -> None:
    def placeholders(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for words in HOST.values():
        assert set(words) == set(HOST["en"]) and all(words.values())
        assert {key: placeholders(text) for key, text in words.items()} == {
            key: placeholders(text) for key, text in HOST["en"].items()
        }


@pytest.mark.parametrize("path", paths())
def test_a_host_sees_only_what_is_theirs(harbour: Harbour, path: str) -> None:
    theirs = harbour.of(Role.HOST, "H-12").get(path)
    others = harbour.of(Role.HOST, "H-13").get(path)

    assert theirs.status_code == 200 and others.status_code in ((200, 404) if "/statements/" in path else (200,))
    if path.endswith(".pdf"):
        assert others.status_code == 404 or theirs.content != others.content
    else:
        assert any(secret in theirs.text for secret in SECRETS)
        assert not [secret for secret in SECRETS if secret in others.text]


@pytest.mark.parametrize("path", paths())
def test_staff_and_strangers_do_not_come_in(harbour: Harbour, path: str) -> None:
    stranger = Browser(harbour.url).get(path, allow_redirects=False)

    assert stranger.status_code == 303 and stranger.headers["Location"].startswith("/sign-in")
    assert harbour.of(Role.ADMIN).get(path).status_code == 403


def test_a_neighbours_account_is_not_withdrawn(harbour: Harbour) -> None:
    with harbour.engine.begin() as connection:
        new = enter_account(connection, "H-12", "Boatyard", OPERATORS_IBAN, "", "harry", HALF_PAST_FOUR)
    answer = harbour.of(Role.HOST, "H-13").post("/host/account/withdraw", data={"account": new.account_no})

    assert answer.status_code == 422 and "H-13" in answer.text
    with harbour.engine.begin() as connection:
        assert accounts_of(connection, "H-12")[-1].state is AccountState.WAITING
    harbour.of(Role.HOST, "H-12").post("/host/account/withdraw", data={"account": new.account_no})
    with harbour.engine.begin() as connection:
        assert accounts_of(connection, "H-12")[-1].state is AccountState.WITHDRAWN


def test_a_mistyped_account_changes_nothing_and_stays_in_the_form(harbour: Harbour) -> None:
    browser = harbour.of(Role.HOST, "H-12")
    answer = browser.post("/host/account", data={"holder": "Boatyard", "iban": "FR15 2004", "bic": ""})

    assert answer.status_code == 422
    assert "an IBAN of FR has 27 characters, this one 8" in answer.text and 'value="FR15 2004"' in answer.text
    with harbour.engine.begin() as connection:
        assert all(account.iban[:2] != "FR" for account in accounts_of(connection, "H-12"))


def test_a_changed_account_holds_the_payouts_and_says_so_on_both_pages(harbour: Harbour) -> None:
    browser = harbour.of(Role.HOST, "H-12")
    page = browser.post("/host/account?lang=de", data={"holder": "Boatyard", "iban": OTHER_IBAN, "bic": ""})

    assert "Ein geändertes Konto wartet: Nichts wird ausgezahlt" in page.text
    assert "2606" in browser.get("/host/statements/2026-04").text
    with harbour.engine.begin() as connection:
        account = accounts_of(connection, "H-12")[-1]
        deeds = [deed.what for deed in audit.deeds(connection, 5, subject="H-12")]
    assert account.waits_until == HALF_PAST_FOUR + timedelta(days=3)
    assert "entered the account ending 2606" in deeds
    browser.post("/host/account/withdraw", data={"account": account.account_no})


@pytest.mark.parametrize("language", HOST)
def test_without_an_account_a_statement_says_what_the_account_page_says(language: str) -> None:
    said = account_note(paid_to([]), Speech(language, "EUR", "Europe/Berlin"))

    assert said == HOST[language]["account_heading_none"]


def test_a_form_from_elsewhere_changes_nothing(harbour: Harbour) -> None:
    browser = harbour.of(Role.HOST, "H-12")
    answer = browser.post("/host/account", data=b"holder=Mallory&iban=" + OTHER_IBAN.replace(" ", "").encode())

    assert answer.status_code == 403
    with harbour.engine.begin() as connection:
        assert all(account.holder != "Mallory" for account in accounts_of(connection, "H-12"))


def test_the_csv_sums_to_the_statement(harbour: Harbour) -> None:
    answer = harbour.of(Role.HOST, "H-12").get("/host/statements/2026-04.csv")
    head, *rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    with harbour.engine.begin() as connection:
        sums = statement_of(connection, BOATYARD, "2026-04").sums

    at_amount = head.index("For you")
    amounts = [Decimal(row[at_amount]) for row in rows]
    opening, closing = amounts[-2:]
    assert opening + sum(amounts[:-2]) == closing == Decimal(sums.closing_minor) / 100
    assert all(len(row) == len(head) for row in rows)


def test_the_pdf_is_printed_and_named(harbour: Harbour) -> None:
    answer = harbour.of(Role.HOST, "H-12").get("/host/statements/2026-03.pdf")

    assert answer.content.startswith(b"%PDF-") and "ST-H-12-2026-03.pdf" in answer.headers["Content-Disposition"]


def test_a_month_there_was_nothing_in_has_no_statement(harbour: Harbour) -> None:
    browser = harbour.of(Role.HOST, "H-12")

    assert [browser.get(f"/host/statements/{month}").status_code for month in ("2025-12", "2026-13", "x")] == [404] * 3
    assert harbour.of(Role.HOST, "nobody").get("/host").status_code == 404
