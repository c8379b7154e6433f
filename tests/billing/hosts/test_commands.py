"""kiosk-billing host, month and payout, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from billing.cli import main
from billing.database import open_database
from billing.hosts.movements import month_at, month_before
from billing.hosts.tables import hosts
from billing.ledger import book
from billing.ledger.chart import Account, Kind
from billing.ledger.draft import drafted
from billing.mail.tables import mails
from billing.pages.operator_hosts_view import payouts_values
from billing.settings import default_database_url, server_time
from tests.billing.hosts.boatyard import IBAN, OPERATORS_IBAN

Run = Callable[..., Any]
TARIFF = Path(__file__).parents[3] / "config" / "tariffs" / "harbour_ac.toml"


@pytest.fixture
def run(tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str, code: int = 0) -> Any:
        assert main([*words, "--json", "--data-dir", str(tmp_path), *at_database]) == code, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    return call


def test_a_host_from_the_first_agreement_to_the_payout_that_came_back(
    run: Run, at_database: list[str], tmp_path: Path
) -> None:
    run("init")
    run("kiosk", "add", "HK-07", "--time-zone", "Europe/Berlin")
    run("tariff", "load", str(TARIFF))
    run("offer", "set", "HK-07", "1", "harbour-ac")
    assert run("host", "add", "H-12", "Boatyard", "--vat-id", "DE1", "--vat-rate", "20")["vat_rate"] == "20"
    agree = (
        "host",
        "agree",
        "H-12",
        "HK-07",
        "1",
        "--per-use",
        "0.80",
        "--electricity",
        "0.21",
        "--at",
        "14:00-17:00=0.17",
    )
    assert run(*agree, "--preview")["written"] is False and run("host", "agreements", "H-12") == []
    assert run(*agree)["agreement"]["host"]["per_use_minor"] == 80
    assert "want an amount" in run("host", "agree", "H-12", "HK-07", "1", "--per-use", "x", code=2)["error"]
    run("person", "add", "hanna@boatyard.example", "--role", "host", "--host", "H-12")
    account = run("host", "account", "H-12", IBAN, "--holder", "Boatyard")
    assert run("host", "approve-account", "H-12", str(account["account_no"]))["state"] == "in use"
    assert "check digits" in run("host", "account", "H-12", IBAN[:-1] + "1", "--holder", "B", code=2)["error"]
    run("payout", "source", OPERATORS_IBAN, "--name", "Harbour Energy", "--minimum-minor", "100")
    last = _earn_before_this_month(at_database[1] if at_database else default_database_url(tmp_path), 1_000)

    assert [one["net_minor"] for one in run("month", "close", last)] == [1_000] and run("month", "close", last) == []
    assert run("payout", "run")["pays"] == [{"host_id": "H-12", "amount_minor": 1_200}]
    assert run("payout", "run", "--yes")["run"] == "PR-0001"
    assert "nothing to pay" in run("payout", "run", "--yes", code=2)["error"]
    assert "<MsgId>PR-0001</MsgId>" in run("payout", "file", "PR-0001")["file"]
    assert [one["is_new"] for one in run("payout", "confirm", "PR-0001")] == [True]
    assert run("payout", "return", "PR-0001-001", "--why", "unknown")[0]["state"] == "reversed"
    assert run("payout", "list", "PR-0001")[0]["payouts"][0]["state"] == "reversed"
    told = [(deed["what"], deed["subject"]) for deed in run("audit", "--who", "command line")]
    assert ("entered the account ending 3000", "H-12") in told and ("agreed to the account ending 3000", "H-12") in told
    assert ("closed the month for 1 statements", last) in told
    assert ("said that the bank made it paid", "PR-0001-001") in told
    assert run("host", "list")[0]["owed_minor"] == 1_200 and run("ledger", "check")["faults"] == []
    assert "no payout" in run("payout", "reject", "PR-0009-001", "--why", "x", code=1)["error"]


def test_a_host_has_nothing_to_close_before_their_first_agreement(
    run: Run, at_database: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("init")
    run("kiosk", "add", "HK-07")
    run("tariff", "load", str(TARIFF))
    run("offer", "set", "HK-07", "1", "harbour-ac")
    run("host", "add", "H-12", "Boatyard")
    this = month_at(server_time(), "UTC")
    last = month_before(this)

    def closed() -> str:
        assert main(["month", "close", last, "--data-dir", str(tmp_path), *at_database]) == 0
        return capsys.readouterr().out

    assert closed() == "H-12  nothing to close, as nothing is agreed yet\n"
    run("host", "agree", "H-12", "HK-07", "1", "--per-use", "0.80")
    assert closed() == f"H-12  nothing to close before {this}, the month of their first agreement\n"
    assert run("host", "list")[0]["closed"] is None
    engine = open_database(at_database[1] if at_database else default_database_url(tmp_path))
    with engine.begin() as connection:
        assert payouts_values(connection, server_time())["month"] == ""
    engine.dispose()


def _earn_before_this_month(database_url: str, amount_minor: int) -> str:
    """As if the host had been here since the month before last; its name."""
    engine = open_database(database_url)
    last = month_before(month_before(month_at(server_time(), "UTC")))
    then = server_time().replace(year=int(last[:4]), month=int(last[5:]), day=10)
    with engine.begin() as connection:
        connection.execute(update(hosts).values(created_ms=int(then.timestamp() * 1000)))
        amounts = {
            Account(Kind.HOST_PAYABLE, "H-12", "EUR"): -amount_minor,
            Account(Kind.MARGIN, "operator", "EUR"): amount_minor,
        }
        book.post(connection, drafted("goodwill/1", "for the storm", amounts), then)
        assert len(connection.execute(select(mails.c.mail_no)).all()) == 1  # about the account
    engine.dispose()
    return last
