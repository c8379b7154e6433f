"""kiosk-billing payments, refund, ledger reconcile: what an operator types, and what is said of mistakes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from billing.checkout import refunds
from billing.checkout.bills import settle
from billing.cli import main
from billing.database import open_database
from billing.ledger.chart import Kind
from billing.settings import read_settings, server_time
from tests.billing.checkout.shop import Shop
from tests.billing.checkout.test_decisions import jumped
from tests.social_server import MERCHANT_SECRET, running

Run = Callable[..., tuple[int, str]]


def calling(data_dir: Path, at_database: list[str], capsys: pytest.CaptureFixture[str]) -> Run:
    """Set up, and what runs a command there: its code and all that it said."""

    def call(*words: str) -> tuple[int, str]:
        code = main([*words, "--data-dir", str(data_dir), *at_database])
        out, err = capsys.readouterr()
        return code, out + err

    assert call("init")[0] == 0
    return call


def let_in(call: Run) -> None:
    """Two who move money, one of them under another name than their login, and one who does not."""
    for login, role, *name in (("fina", "finance", "--name", "Fina Fink"), ("max", "admin"), ("olga", "operator")):
        assert call("person", "add", login, "--role", role, *name)[0] == 0


def test_the_social_server_is_set_up_by_two_secrets_on_standard_input_and_reconciled_with(
    tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = calling(tmp_path / "data", at_database, capsys)
    assert run("ledger", "reconcile")[0] == 3, "nothing is set up to be reconciled with"
    with running() as social:
        for _ in range(2):  # set up again, it is one table
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{MERCHANT_SECRET}\nhook\n"))
            code, said = run("payments", "social", social.url)
            assert (code, "/hooks/social" in said) == (0, True)
        access = read_settings(tmp_path / "data").social
        assert access is not None and access.webhook_secret == b"hook" and MERCHANT_SECRET not in said
        assert run("ledger", "reconcile") == (0, "social: 0 holds and 0 accounts in EUR: no difference\n")
        social.bank.hold("k", social.bank.issue_token("mina", 0.0), 500, "EUR", "P-of-nobody", 0.0)
        code, said = run("ledger", "reconcile")

    assert code == 1 and "P-of-nobody: 500 there, nothing known of it here" in said
    code, said = run("payments", "check")
    assert (code, said) == (1, f"social  social server: no answer at {social.url}; is it running?\n")
    no_answer = f"kiosk-billing: social server: no answer at {social.url}; is it running?\n"
    assert run("ledger", "reconcile") == (2, no_answer)
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n"))
    assert run("payments", "social", "http://127.0.0.1:9")[0] == 2
    assert run("ledger", "check")[0] == 0


def test_refunds_by_command_say_what_they_do_and_need_a_second_name(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = calling(tmp_path / "data", ["--database", database_url], capsys)
    engine = open_database(database_url)
    shop = Shop(engine)
    checkout, story = shop.charged(minutes=20, wh_per_minute=300)
    let_in(typed)
    with (tmp_path / "data" / "billing.toml").open("a", encoding="utf-8") as file:
        file.write("second_approval_above_minor = 100\n")

    ask = ("refund", "ask", checkout.payment_id, "150", "the cable was wet", "--by", "fina")
    assert "would take" in typed(*ask, "--dry-run")[1]
    code, said = typed(*ask, "--json")
    refund_id = json.loads(said)["refund_id"]
    assert (code, typed("refund", "approve", refund_id, "--by", "fina")[0]) == (0, 2)
    assert "the cable was wet" in typed("refund", "list")[1]
    assert "goes out" in typed("refund", "approve", refund_id, "--by", "max")[1]
    shop.work_until_rest()
    assert "paid" in typed("payments", "list")[1]
    assert typed("payments", "hold", "hk-07", "6000", "--evse", "2")[0] == 0
    assert typed("payments", "hold", "hk-07", "0")[0] == 2
    assert typed("payments", "release", checkout.payment_id)[0] == 2
    assert "refund" in typed("ledger", "explain", story[0].order_id)[1]

    assert shop.mina_paid == (story[-1].total_incl_vat_minor or 0) - 150
    assert typed("ledger", "check")[0] == 0
    shop.check()
    engine.dispose()


def test_who_decides_by_command_is_a_person_that_may_decide_on_the_page(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = calling(tmp_path / "data", ["--database", database_url], capsys)
    shop = Shop(open_database(database_url))
    checkout, _ = shop.charged(minutes=20, wh_per_minute=300)
    _, start = shop.started()
    shop.upload(jumped(shop.story_of(start, minutes=40, wh_per_minute=300, transaction_id="t-1")))
    shop.work()
    let_in(typed)
    assert typed("person", "add", "gone", "--role", "finance")[0] == 0
    assert typed("person", "disable", "gone")[0] == 0
    with (tmp_path / "data" / "billing.toml").open("a", encoding="utf-8") as file:
        file.write("second_approval_above_minor = 0\n")

    commands: list[tuple[str, ...]] = [
        ("refund", "ask", checkout.payment_id, "10", "the cable was wet"),
        ("task", "decide", "t-1", "nothing", "nobody was there"),
        ("payments", "write-off", checkout.payment_id, "moved away"),
        ("refund", "approve", "R"), ("refund", "refuse", "R"), ("task", "approve", "D"), ("task", "refuse", "D"),
    ]  # fmt: skip
    strangers = {"nobody": "nobody signs in as that", "olga": "operator moves no money", "gone": "is disabled"}
    for words in commands:
        for login, why in strangers.items():
            code, said = typed(*words, "--by", login)
            assert (code, why in said) == (1, True), said
            assert "finance and admin: admin, fina, max" in said
    asked = {}
    for kind, words in (("refund", commands[0]), ("task", commands[1])):
        code, said = typed(*words, "--by", "FINA", "--json")
        asked[kind] = json.loads(said)
        assert (code, asked[kind]["asked_by"]) == (0, "Fina Fink")
        number = asked[kind]["refund_id" if kind == "refund" else "decision_id"]
        assert typed(kind, "approve", number, "--by", "fina")[0] == 2
        assert typed(kind, "approve", number, "--by", "max")[0] == 0
    told = typed("audit", "--who", "Fina Fink")[1]
    assert "asked for a refund of 0.10 EUR: the cable was wet (by the command line)" in told and "bill nothing" in told


@pytest.mark.parametrize("amount_minor", [8, 20])
def test_a_refund_takes_from_the_host_what_was_said_before(engine: Engine, amount_minor: int) -> None:
    shop = Shop(engine)
    checkout, _ = shop.charged(minutes=20, wh_per_minute=300)
    earned_minor = -shop.balance(Kind.HOST_PAYABLE, "rosa")
    asked = (checkout.payment_id, amount_minor, refunds.Rule.SHARED)
    planned = shop.run(lambda c: refunds.plan(c, *asked))
    shop.run(lambda c: refunds.ask(c, *asked, "the cable was wet", "olga", shop.now))
    shop.work_until_rest()

    assert planned.host_minor == earned_minor + shop.balance(Kind.HOST_PAYABLE, "rosa")
    assert planned.host_minor > 0


def test_what_no_rule_settles_is_listed_explained_and_decided_by_command(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = calling(tmp_path / "data", ["--database", database_url], capsys)
    shop = Shop(open_database(database_url))
    _, start = shop.started()
    story = jumped(shop.story_of(start, minutes=40, wh_per_minute=300, transaction_id="t-1"))
    shop.upload(story)
    shop.work()
    let_in(call)
    with (tmp_path / "data" / "billing.toml").open("a", encoding="utf-8") as file:
        file.write("second_approval_above_minor = 3500\n")

    def typed(*words: str) -> tuple[int, str]:
        code, said = call(*words)
        return code, said.replace("\u00a0", " ")

    assert "t-1  HK-07  Held by a doubt: The register rises by" in typed("task", "list")[1]
    assert "At stake: € 40.00; newest event" in typed("task", "list")[1]
    shown = typed("task", "show", "t-1")[1]
    for part in ("Held by a doubt: The register rises by", "At stake: € 40.00", "Began: ", "Energy: ", "Payer: "):
        assert part in shown
    assert "nothing: Bill nothing € 0.00" in shown
    code, before = typed("ledger", "explain", "t-1")
    assert "nothing is booked yet of t-1: it waits for a person's decision. The register rises by" in before
    why = "the register cannot rise so fast"
    assert "6.92 of the € 40.00" in typed("task", "decide", "t-1", "proved", why, "--by", "fina", "--dry-run")[1]
    assert typed("task", "decide", "t-1", "keep", why, "--by", "fina")[0] == 2
    assert typed("task", "decide", "t-9", "nothing", why, "--by", "fina")[0] == 1
    code, said = typed("task", "decide", "t-1", "nothing", why, "--by", "fina", "--json")
    decision_id = json.loads(said)["decision_id"]
    assert (code, typed("task", "approve", decision_id, "--by", "fina")[0]) == (0, 2)
    assert "waits for a second person" in typed("task", "list")[1]
    assert "Bill nothing: € 0.00, carried out" in typed("task", "approve", decision_id, "--by", "max")[1]
    bill = shop.run(lambda c: settle(c, story[0].order_id, server_time()))
    assert bill is not None and bill.total_minor == 0
    assert typed("task", "list")[1] == "nothing waits for a decision\n"
    assert f"asked for: bill nothing, 0.00 EUR: {why}" in typed("audit", "--subject", "t-1")[1]
    decided = f"Fina Fink asked for: bill nothing, 0.00 EUR: {why} (max agreed)"
    explained = typed("ledger", "explain", "t-1")[1]
    assert explained.count(decided) == 2, "of the order, and of the entry that it led to"
    assert "11.7 kWh were used, nothing is billed for it = 0 EUR" in explained and "nothing is booked" not in explained
    assert decided in typed("task", "show", "t-1")[1]
    assert typed("ledger", "check")[0] == 0
