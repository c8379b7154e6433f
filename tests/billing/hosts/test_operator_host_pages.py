"""The operator's pages of hosts and payouts: who may, what is said before, and what is written after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from billing.database import open_database
from billing.hosts.bank import AccountState, accounts_of
from billing.hosts.party import find_host
from billing.hosts.terms import agreements_of
from billing.payouts.runs import find_payout
from billing.payouts.states import State
from billing.people import audit
from billing.people.roles import Role
from billing.settings import Settings
from tests.billing.client import running
from tests.billing.conftest import SERVER_KEY
from tests.billing.hosts.boatyard import OTHER_IBAN, furnish_host, upload, use
from tests.billing.hosts.spring import at
from tests.billing.people import Browser, signed_in

NBSP = "\u00a0"
NOW = at(4, 1, 8)
TERMS = {
    "evse": "hk-07/2", "begins": "2026-04-02", "per_use": "0,50", "per_month": "12", "price": "0.31",
    "start_1": "22:00", "end_1": "06:00", "price_1": "0.20",
    "sample_kwh": "10", "sample_minutes": "60", "sample_starts": "21:30",
}  # fmt: skip


@dataclass
class Office:
    url: str
    engine: Engine

    def of(self, role: Role) -> Browser:
        return signed_in(self.url, self.engine, role, now=lambda: NOW)


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    engine = open_database(database_url)
    with engine.begin() as connection:
        furnish_host(connection)
        upload(connection, [use(at(3, 11, 8), 10_000)])
    with running(Settings(database_url, SERVER_KEY, now=lambda: NOW)) as url:
        yield Office(url, engine)
    engine.dispose()


def test_the_operator_has_the_hosts_own_statement(office: Office) -> None:
    browser = office.of(Role.OPERATOR)
    answer = browser.get("/operator/hosts/H-12/statements/2026-03.pdf")

    assert answer.content.startswith(b"%PDF-") and "ST-H-12-2026-03.pdf" in answer.headers["Content-Disposition"]
    assert browser.get("/operator/hosts/H-12/statements/2025-03.pdf").status_code == 404
    assert browser.get("/operator/hosts/H-99").status_code == 404


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace(NBSP, " "))


def test_every_wrong_field_of_a_new_host_is_told_at_its_field(office: Office) -> None:
    typed = {"host_id": "H 13", "name": "Café", "vat_rate": "twenty", "time_zone": "Mars/Base"}
    page = office.of(Role.OPERATOR).post("/operator/hosts", data=typed).text

    assert "3 fields below are wrong" in page and "vat_rate " not in page
    for name, why in (
        ("host_id", "letters, digits and dashes"),
        ("vat_rate", "a number of per cent"),
        ("time_zone", "not known"),
    ):
        assert re.search(rf'id="wrong-{name}"[^>]*>[^<]*{why}', page)


def test_a_host_is_added_and_a_wrong_field_is_named(office: Office) -> None:
    browser = office.of(Role.OPERATOR)
    wrong = browser.post("/operator/hosts", data={"host_id": "H 13", "name": "Café", "vat_rate": "20"})
    browser.post("/operator/hosts", data={"host_id": "H-13", "name": "Café", "time_zone": "Europe/Berlin"})

    assert wrong.status_code == 422 and "want 1 to 40 letters, digits and dashes" in wrong.text
    with office.engine.begin() as connection:
        assert find_host(connection, "H-13").name == "Café"


def test_an_agreement_is_computed_first_and_written_second(office: Office) -> None:
    browser = office.of(Role.FINANCE)
    shown = browser.post("/operator/hosts/H-12/agree", data={**TERMS, "do": "preview"})
    text = words(shown.text)

    assert "5.000 kWh × € 0.31 + 5.000 kWh × € 0.20 = € 2.55" in text and "€ 3.05" in text
    assert "−€ 3.05" in text and "€ 6.00" in text  # 10 kWh × 0.54 + 0.60, of which the host has its part
    with office.engine.begin() as connection:
        assert len(agreements_of(connection, "H-12")) == 1
    browser.post("/operator/hosts/H-12/agree", data={**TERMS, "do": "write"})
    with office.engine.begin() as connection:
        new = next(one for one in agreements_of(connection, "H-12") if one.evse_id == 2)
        assert audit.deeds(connection, 1)[0].what == "wrote an agreement for hk-07 EVSE 2 from 2026-04-02 on"
    assert new.agreement.host is not None and new.agreement.host.per_use_minor == 50


WRONG = {
    "begins": ("2026-03-31", "what is past stays as it was agreed"),
    "per_use": ("eighty", "want an amount"),
    "price": ("", "hours that differ need a price"),
    "own_account": ("nobody", "no account"),
    "paid_by": ("provider", "no charging service provider"),
    "evse": ("hk-07", "choose one"),
}


def test_wrong_terms_are_refused_with_the_reason(office: Office) -> None:
    browser = office.of(Role.FINANCE)
    for name, (value, says) in WRONG.items():
        answer = browser.post("/operator/hosts/H-12/agree", data={**TERMS, name: value, "do": "write"})
        assert answer.status_code == 422 and says in answer.text, name

    with office.engine.begin() as connection:
        assert len(agreements_of(connection, "H-12")) == 1


def test_what_moves_money_is_for_finance_alone(office: Office) -> None:
    operator, finance = office.of(Role.OPERATOR), office.of(Role.FINANCE)

    for path in ("/operator/payouts", "/operator/payouts/PR-0001", "/operator/hosts/H-12/agree"):
        assert operator.get(path).status_code == 403
    for path in ("payouts/run", "payouts/close", "payouts/source", "hosts/H-12/agree", "hosts/H-12/account/approve"):
        assert operator.post(f"/operator/{path}").status_code == 403
    assert operator.get("/operator/hosts/H-12").status_code == finance.get("/operator/payouts").status_code == 200


def test_a_run_says_what_it_does_and_pays_what_was_shown(office: Office) -> None:
    browser = office.of(Role.FINANCE)
    browser.post("/operator/payouts/close", data={"month": "2026-03"})
    page = browser.get("/operator/payouts").text
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest is not None

    assert "1 host to be paid € 21.48" in words(page) and "No money leaves before you give the file" in page
    assert "has changed since it was shown" in browser.post("/operator/payouts/run", data={"digest": "0" * 32}).text
    made = browser.post("/operator/payouts/run", data={"digest": digest[1]})
    assert "PR-0001 made" in made.text
    assert "has changed since it was shown" in browser.post("/operator/payouts/run", data={"digest": digest[1]}).text
    file = browser.get("/operator/payouts/PR-0001.xml")
    assert "<EndToEndId>PR-0001-001</EndToEndId>" in file.text and "PR-0001.xml" in file.headers["Content-Disposition"]


def test_a_refusal_of_the_bank_wants_a_reason_that_the_host_reads(office: Office) -> None:
    browser = office.of(Role.FINANCE)
    browser.post("/operator/payouts/close", data={"month": "2026-03"})
    digest = re.search(r'name="digest" value="(\w+)"', browser.get("/operator/payouts").text)
    assert digest is not None
    browser.post("/operator/payouts/run", data={"digest": digest[1]})
    step = "/operator/payouts/PR-0001/PR-0001-001/rejected"

    assert "the next run pays it" in browser.get(step).text
    assert "a reason, please" in browser.post(step, data={"why": " "}).text
    browser.post(step, data={"why": "AC04 account closed"})
    with office.engine.begin() as connection:
        payout = find_payout(connection, "PR-0001-001")
    assert (payout.state, payout.steps[-1].detail) == (State.REJECTED, "AC04 account closed")
    host = signed_in(office.url, office.engine, Role.HOST, host_id="H-12", now=lambda: NOW)
    assert "Refused by the bank, open again: AC04 account closed" in host.get("/host/account").text


def test_an_account_is_agreed_to_by_somebody_else(office: Office) -> None:
    entered, agreed = office.of(Role.FINANCE), office.of(Role.FINANCE)
    entered.post("/operator/hosts/H-12/account", data={"holder": "Boatyard", "iban": OTHER_IBAN})
    assert "may object until" in _approve(office, agreed, "H-12")
    entered.post("/operator/hosts", data={"host_id": "H-13", "name": "Café"})
    entered.post("/operator/hosts/H-13/account", data={"holder": "Cafe", "iban": OTHER_IBAN})

    assert "somebody else has to" in _approve(office, entered, "H-13")
    assert "is paid from now on" in _approve(office, agreed, "H-13")
    with office.engine.begin() as connection:
        assert accounts_of(connection, "H-13")[-1].state is AccountState.IN_USE


def _approve(office: Office, browser: Browser, host_id: str) -> str:
    with office.engine.begin() as connection:
        number = accounts_of(connection, host_id)[-1].account_no
    path = f"/operator/hosts/{host_id}/account/approve"
    return browser.post(path, data={"account": str(number)}).text
