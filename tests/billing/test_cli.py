"""kiosk-billing from init to receipt, as an operator types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from billing.cli import main
from billing.commands import answer_command
from billing.database import open_database
from billing.migrations import newest_revision
from billing.moments import to_ms
from billing.settings import BadSettings, default_database_url, read_settings, server_time
from billing.tables import kiosks
from billing.tariff_files import read_tariff
from contract.api import CommandAnswer, CommandStatus
from contract.codec import WireError
from contract.tokens import read_voucher
from tests.billing.databases import DATABASES, Databases

TARIFFS = Path(__file__).parents[2] / "config" / "tariffs"
Run = Callable[..., Any]


@pytest.fixture(params=DATABASES)
def untouched(request: pytest.FixtureRequest, databases: Databases) -> list[str]:
    """As `at_database`, without any tables."""
    return [] if request.param == "sqlite" else ["--database", databases.empty(request.param)]


def calling(data_dir: Path, database: list[str], capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str, code: int = 0) -> Any:
        assert main([*words, "--json", "--data-dir", str(data_dir), *database]) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def run(tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str]) -> Run:
    return calling(tmp_path / "data", at_database, capsys)


def test_an_operator_sets_up_a_kiosk_from_nothing(
    tmp_path: Path, untouched: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run, database = calling(tmp_path / "data", untouched, capsys), untouched
    made = run("init", "--help-contact", 'call "Ole"\\')
    assert made["sign_up"].startswith("/sign-up/") and made["epoch"]
    settings = read_settings(tmp_path / "data")
    assert settings.help_contact == 'call "Ole"\\'
    assert run("migrate") == {"before": newest_revision(), "after": newest_revision()}
    kiosk = run("kiosk", "add", "HK-07", "--time-zone", "Europe/Berlin")
    assert kiosk["kiosk_id"] == "hk-07" and len(kiosk["code"]) == 14
    for file in sorted(TARIFFS.glob("harbour_*.toml")):
        assert run("tariff", "load", str(file))["is_new"]
    assert run("offer", "set", "HK-07", "1", "harbour-ac", "--parking-grace", "600")["version"] == 1
    assert run("token", "add", "04:a2:b3:c4", "--account", "anna")["account_id"] == "anna"
    offers = run("offer", "list", "HK-07")
    assert [(row["evse_id"], row["tariff_id"], row["parking_grace_s"]) for row in offers] == [(1, "harbour-ac", 600)]
    run("token", "add", "--member", "abc")
    assert run("token", "block", "04A2B3C4") == {"is_blocked": True}
    shown = run("token", "list", "--account", "anna")
    assert [(row["account_id"], row["is_blocked"], len(row["token_hash"])) for row in shown] == [("anna", True, 9)]
    assert len(run("token", "list")) == 2
    issued = run("voucher", "new", "--kiosk", "HK-07", "--value-minor", "2000")
    voucher = issued["voucher"]
    assert (issued["value_minor"], issued["currency"]) == (2000, "EUR") and issued["valid_until"] > "2026"
    assert read_voucher(voucher, [settings.server_key.public_key()]).value_minor == 2000
    unheard = run("command", "start", "HK-07", "1", "--account", "anna", code=1)
    assert unheard == {"status": "NotReachable", "kiosk_id": "hk-07", "last_heard": None}
    assert run("command", "list") == []
    with open_database(database[1] if database else settings.database_url).begin() as connection:
        connection.execute(update(kiosks).values(last_contact_ms=to_ms(server_time())))
    sent = run("command", "start", "HK-07", "1", "--account", "anna")
    assert sent["status"] == "Queued"
    assert run("command", "list")[0]["command_id"] == sent["command_id"]
    answer = CommandAnswer(sent["command_id"], CommandStatus.REJECTED, "EVSE 1 is closed")
    with open_database(database[1] if database else settings.database_url).begin() as connection:
        assert answer_command(connection, "hk-07", answer, server_time())
    assert main(["command", "list", "--data-dir", str(tmp_path / "data"), *database]) == 0
    assert capsys.readouterr().out.endswith("Rejected: EVSE 1 is closed\n")
    assert run("sessions") == [] and run("quarantine", "list") == []
    assert run("receipt", "0" * 32, code=1) == {"state": "waiting"}
    assert run("kiosk", "list")[0]["health"] == "Not enrolled"
    assert run("epoch", "--renew")["epoch"] != made["epoch"]


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["kiosk", "code", "HK-70"], 1, "known: none yet"),
        (["kiosk", "add", "X", "--time-zone", "Mars/A"], 2, "Mars/A"),
        (["token", "add", "xyz"], 2, "in hex"),
        (["voucher", "new", "--kiosk", "X", "--value-minor", "1", "--valid-days", "0"], 2, "valid-days"),
        (["refund", "ask", "PAYX", "318", "why", "--by", "admin"], 1, "no payment PAYX"),
        (["refund", "approve", "RX", "--by", "admin"], 1, "no refund RX"),
        (["payments", "write-off", "PAYX", "reason", "--by", "admin"], 1, "no payment PAYX"),
        (["payments", "release", "PAYX"], 1, "no payment PAYX"),
        (["payments", "social", "social.example.org"], 2, "want an address"),
        (["tariff", "load", "no-such-file.toml"], 2, "no-such-file.toml: no such file"),
        (["tariff", "load", str(TARIFFS / "harbour_ac.toml"), "--from", "2026-01-01T00:00Z"], 2, "is past"),
        (["tariff", "import", str(TARIFFS / "harbour_ac.toml")], 2, "kiosk-billing tariff load publishes our own TOML"),
        (["payout", "read", "no-such-file.xml"], 2, "no-such-file.xml: no such file"),
        (["price", "--tariff", str(TARIFFS / "harbour_ac.toml"), "--cdr", "c.json"], 2, "kiosk-billing tariff try"),
        (["receipt", "nonsense"], 2, "'nonsense' is no receipt number"),
        (["init"], 1, "is set up already"),
    ],
)
def test_a_mistake_gets_one_clear_line_and_its_code(run: Run, words: list[str], code: int, part: str) -> None:
    run("init")
    message = run(*words, code=code)["error"]

    assert part in message and "\n" not in message


def test_a_voucher_in_an_unknown_currency_is_refused(run: Run) -> None:
    run("init")
    run("kiosk", "add", "HK-07")
    words = ("voucher", "new", "--kiosk", "HK-07", "--value-minor", "500", "--currency", "XXX")

    assert "currency 'XXX'" in run(*words, code=2)["error"]


def test_what_moves_money_or_prices_stands_in_the_audit_log(run: Run) -> None:
    run("init")
    run("kiosk", "add", "HK-07")
    for _ in range(2):  # published already, it is no deed
        run("tariff", "load", str(TARIFFS / "harbour_ac.toml"))
    run("offer", "set", "HK-07", "1", "harbour-ac")
    run("token", "add", "04:a2:b3:c4", "--account", "anna")
    run("token", "block", "04:a2:b3:c4")
    run("voucher", "new", "--kiosk", "HK-07", "--value-minor", "2000")
    run("payments", "hold", "HK-07", "4000", "--evse", "1")
    run("host", "add", "H-12", "Boatyard")
    known = run("host", "agree", "H-12", "HK-07", "9", "--per-use", "0.80", "--from", "2999-01-01", code=2)["error"]
    assert known == "evse 9: hk-07 has none of that number; known: 1"
    run("host", "agree", "H-12", "HK-07", "1", "--per-use", "0.80", "--from", "2999-01-01")
    run("payout", "source", "DE89370400440532013000", "--name", "Harbour Energy")
    deeds = [deed for deed in run("audit") if deed["who"] == "command line"]

    assert [(deed["what"], deed["subject"]) for deed in reversed(deeds)][-10:] == [
        ("added the kiosk", "hk-07"),
        ("published version 1", "harbour-ac"),
        ("offered at hk-07 EVSE 1", "harbour-ac"),
        ("added …B3C4", "anna"),
        ("blocked the card", "…B3C4"),
        ("issued a voucher of 20.00 EUR", "hk-07"),
        ("set the hold to 4000 minor units", "hk-07 EVSE 1"),
        ("added the host", "H-12"),
        ("agreed on hk-07 EVSE 1 from 2999-01-01", "H-12"),
        ("set the account to pay from, ending 3000", "payouts"),
    ]


def test_what_is_ordered_of_a_kiosk_stands_in_the_audit_log(run: Run, tmp_path: Path, at_database: list[str]) -> None:
    run("init")
    run("kiosk", "add", "HK-07")
    run("token", "add", "04:a2:b3:c4", "--account", "anna")
    url = at_database[1] if at_database else default_database_url(tmp_path / "data")
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(update(kiosks).values(last_contact_ms=to_ms(server_time())))
    engine.dispose()
    run("evse", "close", "HK-07", "1")
    run("reservation", "make", "HK-07", "1", "--account", "anna")
    run("command", "set", "HK-07", "kiosk.helpline=+49")

    assert [deed["what"] for deed in reversed(run("audit", "--who", "command line"))][-3:] == [
        "ordered close of HK-07", "ordered reserve of HK-07", "ordered set of HK-07",
    ]  # fmt: skip


def test_a_public_address_that_is_none_is_refused_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    for wrong in ("harbour.example", "ftp://harbour.example", "https://harbour.example/kiosks"):
        assert "want https://NAME" in run("init", "--public-url", wrong, code=2)["error"]
    assert not (tmp_path / "data").exists()

    assert run("init", "--public-url", "https://harbour.example/")["sign_up"].startswith("https://harbour.example/sign")


def test_without_init_the_operator_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = calling(tmp_path / "data", [], capsys)
    assert "kiosk-billing init" in run("sessions", code=3)["error"]


@pytest.mark.parametrize("kind", DATABASES)
def test_an_unmigrated_database_is_named(
    databases: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    run, empty = calling(tmp_path / "data", [], capsys), databases.empty(kind)
    run("init")
    open_database(empty).connect().close()

    assert "kiosk-billing migrate" in run("sessions", "--database", empty, code=3)["error"]


def test_an_unknown_setting_is_named_with_the_one_meant(run: Run, tmp_path: Path) -> None:
    run("init")
    file = tmp_path / "data" / "billing.toml"
    file.write_text(file.read_text() + 'help_contct = "x"\n')

    with pytest.raises(BadSettings, match="help_contct: unknown key; did you mean 'help_contact'"):
        read_settings(tmp_path / "data")


@pytest.mark.parametrize("file", sorted(TARIFFS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_tariff_file_is_a_tariff(file: Path) -> None:
    assert read_tariff(file).elements


def test_a_tariff_file_with_an_unknown_key_names_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text('id = "x"\nversion = 1\ncurrency = "EUR"\nelements = []\nprise = "1"\n')

    with pytest.raises(WireError, match=r"t\.toml: tariff\.prise: unknown key"):
        read_tariff(file)


def test_a_second_init_says_that_all_is_there_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    run("init")
    before = (tmp_path / "data" / "billing.toml").read_text()

    assert "is set up already" in run("init", "--operator-name", "Other", code=1)["error"]
    assert (tmp_path / "data" / "billing.toml").read_text() == before
    assert [one["login"] for one in run("person", "list")] == ["admin"]


def test_what_the_tariff_pages_do_is_done_by_command(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("init")
    run("tariff", "load", str(TARIFFS / "harbour_ac.toml"))
    shown = run("tariff", "show", "harbour-ac", "--ocpi", "2.3.0")
    assert shown["tax_included"] == "NO" and shown["elements"]
    file = tmp_path / "next.json"
    part = {"type": "ENERGY", "price": 1, "vat": 20, "step_size": 1}
    file.write_text(json.dumps({"id": "harbour-ac", "currency": "EUR", "elements": [{"price_components": [part]}]}))
    tried = run("tariff", "try", str(file), "--kwh", "10", "--charging-min", "60")
    assert tried["incl_vat_minor"] == 1200 and tried["in_force_incl_vat_minor"] < 1200
    assert run("tariff", "try", str(file), "--kwh", "ten", code=2)["error"].startswith("--kwh: 'ten'")
    assert run("tariff", "import", str(file), "--dry-run")["is_published"] is False
    assert run("tariff", "import", str(file), "--from", "soon", code=2)["error"].startswith("--from 'soon'")
    assert run("tariff", "import", str(file), "--from", "2999-01-01T00:00Z", code=2)["error"].endswith("400 days")
    assert run("tariff", "import", str(file))["version"] == 2
    assert run("tariff", "show", "harbour-ac", "--version", "3", code=1)["error"].endswith("the newest is 2")
    run("kiosk", "add", "HK-07")
    where = ("--address", "Am Kai 4", "--city", "Hamburg", "--country", "deu", "--latitude", "53.54512")
    assert run("kiosk", "place", "HK-07", *where, "--longitude", "9.96680")["country"] == "DEU"
    assert run("kiosk", "place", "HK-07", *where, "--longitude", "east", code=2)["error"].startswith("longitude 'east'")


def test_whoever_has_read_enough_leaves_without_a_traceback(run: Run, tmp_path: Path, at_database: list[str]) -> None:
    run("init")
    nobody_reads, written = os.pipe()
    os.close(nobody_reads)
    words = [sys.executable, "-m", "billing", "audit", "--data-dir", str(tmp_path / "data"), *at_database]
    try:
        ended = subprocess.run(words, stdout=written, stderr=subprocess.PIPE, timeout=60, check=False)
    finally:
        os.close(written)

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_empty_list_says_of_what_it_is_empty(
    run: Run, tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run("init")
    told = []
    for words in (("quarantine", "list"), ("task", "list")):
        assert main([*words, "--data-dir", str(tmp_path / "data"), *at_database]) == 0
        told.append(capsys.readouterr().out)
    assert told == ["nothing was kept aside\n", "nothing waits for a decision\n"]
