"""Whatever hosts earn, lose and change, and whatever the bank answers: each cent leaves once, and the books balance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from billing.hosts import months
from billing.hosts.bank import CONSOLE, NotAllowed, accounts_of, approve_account, enter_account
from billing.hosts.months import close_month
from billing.hosts.movements import month_at, month_before, movements_of
from billing.hosts.party import Host, add_host
from billing.ledger import book, check
from billing.ledger.chart import Account, Kind
from billing.ledger.draft import drafted
from billing.payouts import proof
from billing.payouts.runs import NothingToPay, all_runs, file_of, make_run, payouts_of, set_source, step
from billing.payouts.states import NEXT, State
from tests.billing.databases import Databases, undone
from tests.billing.hosts.boatyard import IBAN, OPERATORS_IBAN, OTHER_IBAN

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
HOSTS = (Host("H-1", "One"), Host("H-2", "Two", time_zone="Europe/Berlin"))
MARGIN = Account(Kind.MARGIN, "operator", "EUR")

earns = st.tuples(st.just("earn"), st.sampled_from(HOSTS), st.integers(-2_000, 5_000))
answers = st.tuples(st.just("answer"), st.integers(0, 20), st.sampled_from(State))
# A month that ends and a run after it come in one, or nothing would ever be paid.
others = st.sampled_from([("pay",), ("pay",), ("pay",), ("change", HOSTS[0]), ("change", HOSTS[1]), ("agree",)])


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 25), ("postgresql", 5)])
def test_each_cent_leaves_once(databases: Databases, kind: str, examples: int) -> None:
    with databases.opened(kind) as engine:

        @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(earns | answers | others, min_size=10, max_size=40))
        def holds(story: list[tuple[object, ...]]) -> None:
            with undone(engine) as connection:
                live(connection, story)

        holds()


def live(connection: Connection, story: list[tuple[object, ...]]) -> None:
    now = BEGIN
    for host in HOSTS:
        add_host(connection, host, now)
        approve_account(
            connection,
            host.host_id,
            enter_account(connection, host.host_id, host.name, IBAN, "", "harry", now).account_no,
            "frida",
            now,
        )
    set_source(connection, "Operator", OPERATORS_IBAN, "", 200, CONSOLE, now)
    earned: dict[str, int] = {host.host_id: 0 for host in HOSTS}
    for number, (what, *how) in enumerate(story):
        now += timedelta(hours=7)
        match what, how:
            case "earn", [Host() as host, int(amount)]:
                amounts = {host.payable: -amount, MARGIN: amount}
                if amount:
                    book.post(connection, drafted(f"sale/C{number}", "a use", amounts), now)
                    earned[host.host_id] += amount
            case "pay", []:
                now += timedelta(days=20)
                close_month(connection, month_before(month_at(now - timedelta(hours=2), "UTC")), CONSOLE, now)
                try:
                    make_run(connection, CONSOLE, now)
                except NothingToPay:
                    pass
            case "answer", [int(which), State() as state] if known := payouts_of(connection):
                payout = known[which % len(known)]
                if state in NEXT[payout.state]:
                    step(connection, payout.payout_id, state, CONSOLE, now)
            case "change", [Host() as host]:
                iban = OTHER_IBAN if number % 2 else IBAN
                try:
                    enter_account(connection, host.host_id, host.name, iban, "", "harry", now)
                except NotAllowed:
                    pass
            case "agree", []:
                for host in HOSTS:
                    for account in accounts_of(connection, host.host_id):
                        try:
                            approve_account(connection, host.host_id, account.account_no, "frida", now)
                        except NotAllowed:
                            pass
    _check(connection, earned)


def _check(connection: Connection, earned: dict[str, int]) -> None:
    ordered: dict[str, int] = {}  # by end-to-end id, as the bank read it
    for run in all_runs(connection):
        document = ElementTree.fromstring(file_of(connection, run.run))
        for transfer in document.findall(".//{*}CdtTrfTxInf"):
            name = transfer.findtext("{*}PmtId/{*}EndToEndId") or ""
            assert name not in ordered
            ordered[name] = round(float(transfer.findtext("{*}Amt/{*}InstdAmt") or 0) * 100)
    left = 0
    for host in HOSTS:
        standing = [payout for payout in payouts_of(connection, host.host_id) if payout.stands]
        covered = [entry_no for payout in standing for entry_no in payout.entry_nos]
        assert len(covered) == len(set(covered))
        out = sum(ordered[payout.payout_id] for payout in standing)
        assert -book.balance(connection, host.payable) == earned[host.host_id] - out
        assert all(payout.amount_minor >= 200 for payout in standing)
        assert len(covered) <= len(movements_of(connection, host))
        left += sum(ordered[payout.payout_id] for payout in standing if payout.state is State.PAID)
    assert book.balance(connection, Account(Kind.BANK, OPERATORS_IBAN.replace(" ", ""), "EUR")) == -left
    assert sum(book.balances(connection).values()) == 0
    assert check.faults_of(connection) == proof.faults_of(connection) == months.faults_of(connection) == []
