"""kiosk-billing payments, refund, ledger reconcile: what an operator types, and what is said of mistakes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from billing.checkout.bills import settle
from billing.cli import main
from billing.database import open_database
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


def test_the_social_server_is_set_up_by_two_secrets_on_standard_input_and_reconciled_with(
    tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = calling(tmp_path / "data", at_database, capsys)
    assert run("ledger", "reconcile")[0] == 2
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


def test_what_no_rule_settles_is_listed_explained_and_decided_by_command(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = calling(tmp_path / "data", ["--database", database_url], capsys)
    shop = Shop(open_database(database_url))
    _, start = shop.started()
    story = jumped(shop.story_of(start, minutes=40, wh_per_minute=300, transaction_id="t-1"))
    shop.upload(story)
    shop.work()
    with (tmp_path / "data" / "billing.toml").open("a", encoding="utf-8") as file:
        file.write("second_approval_above_minor = 3500\n")

    def typed(*words: str) -> tuple[int, str]:
        code, said = call(*words)
        return code, said.replace("\u00a0", " ")

    assert "t-1  HK-07  Held by a doubt: The register rises by" in typed("task", "list")[1]
    assert "nothing: Bill nothing € 0.00" in typed("task", "show", "t-1")[1]
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
    assert why in typed("audit", "--subject", "t-1")[1]
    assert typed("ledger", "check")[0] == 0
