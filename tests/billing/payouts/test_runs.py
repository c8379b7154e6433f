"""Payout runs: who is paid what, never twice, and back again where the bank says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from xml.etree import ElementTree

import pytest
from sqlalchemy import Connection

from billing.database import open_database
from billing.directory import NotKnown
from billing.hosts.bank import CONSOLE, enter_account
from billing.hosts.months import close_month
from billing.hosts.movements import movements_of
from billing.hosts.party import Host, add_host
from billing.hosts.terms import Terms, write_terms
from billing.ledger import book, check
from billing.ledger.chart import Account, Kind
from billing.payouts import proof
from billing.payouts.pain001 import BadFile, Payer, Transfer, check_file, pain001, sepa_text
from billing.payouts.plan import Held
from billing.payouts.runs import (
    NothingToPay,
    PlanChanged,
    bank_day,
    file_of,
    find_payout,
    make_run,
    plan_of,
    set_source,
    step,
)
from billing.payouts.states import State, WrongState, is_new
from billing.settlement.sales import take_back
from tests.billing.hosts.boatyard import BOATYARD, IBAN, MARCH, OPERATORS_IBAN, OTHER_IBAN, furnish_host, upload, use

APRIL, MAY = datetime(2026, 4, 1, 8, tzinfo=UTC), datetime(2026, 5, 1, 8, tzinfo=UTC)
MID_MARCH = MARCH + timedelta(days=10)
OWED = 2_148  # 10 kWh at 0.21, fee 0.80, 15.00 a month, 20 % VAT
BANK = Account(Kind.BANK, "NL91ABNA0417164300", "EUR")
NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


def furnish_march(connection: Connection) -> None:
    furnish_host(connection)
    upload(connection, [use(MID_MARCH, 10_000)])
    close_month(connection, "2026-03", "frida", APRIL)


def all_is_right(connection: Connection) -> bool:
    return proof.faults_of(connection) == check.faults_of(connection) == []


def test_what_stood_at_the_end_of_the_closed_month_is_paid(connection: Connection) -> None:
    furnish_march(connection)
    upload(connection, [use(APRIL + timedelta(hours=3), 20_000)])
    run = make_run(connection, "frida", APRIL + timedelta(days=3))

    (payout,) = run.payouts
    assert (run.run, payout.payout_id, payout.amount_minor, payout.state) == (
        "PR-0001",
        "PR-0001-001",
        OWED,
        State.BATCHED,
    )
    assert book.balance(connection, Account(Kind.IN_TRANSIT, "PR-0001", "EUR")) == -OWED
    assert book.balance(connection, BOATYARD.payable) == -(420 + 80)  # April's use waits for April's end
    assert all_is_right(connection)


def test_running_again_pays_nothing(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)

    with pytest.raises(NothingToPay):
        make_run(connection, "frida", APRIL)
    step(connection, "PR-0001-001", State.PAID, "frida", APRIL)
    with pytest.raises(NothingToPay):
        make_run(connection, "frida", APRIL)


def test_paid_leaves_the_bank_account_once(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)

    assert step(connection, "PR-0001-001", State.PAID, "frida", APRIL)
    assert not step(connection, "PR-0001-001", State.PAID, "frida", APRIL)
    assert book.balance(connection, BANK) == -OWED
    assert book.balance(connection, BOATYARD.payable) == 0
    assert all_is_right(connection)


def test_rejected_is_open_again_and_paid_by_the_next_run(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)
    step(connection, "PR-0001-001", State.REJECTED, "frida", APRIL, "account closed")

    assert book.balance(connection, BOATYARD.payable) == -OWED and book.balance(connection, BANK) == 0
    assert make_run(connection, "frida", APRIL).payouts[0].amount_minor == OWED
    assert find_payout(connection, "PR-0001-001").steps[-1].detail == "account closed"
    assert all_is_right(connection)


def test_what_came_back_after_it_was_paid_is_owed_again(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)
    step(connection, "PR-0001-001", State.PAID, "frida", APRIL)
    step(connection, "PR-0001-001", State.REVERSED, "frida", APRIL, "returned by the bank")

    assert book.balance(connection, BANK) == 0 and book.balance(connection, BOATYARD.payable) == -OWED
    assert make_run(connection, "frida", APRIL).total_minor == OWED
    assert all_is_right(connection)


def test_a_step_that_does_not_follow_changes_nothing(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)
    step(connection, "PR-0001-001", State.PAID, "frida", APRIL)

    with pytest.raises(WrongState, match="is paid; it can become reversed, not rejected"):
        step(connection, "PR-0001-001", State.REJECTED, "frida", APRIL)
    assert all_is_right(connection)


@pytest.mark.parametrize("now", State)
@pytest.mark.parametrize("wanted", State)
def test_only_the_ways_of_the_table_are_open(now: State, wanted: State) -> None:
    ways = {(State.BATCHED, State.PAID), (State.BATCHED, State.REJECTED), (State.PAID, State.REVERSED)}

    if now is wanted:
        assert not is_new(now, wanted, "PR-0001-001")
    elif (now, wanted) in ways:
        assert is_new(now, wanted, "PR-0001-001")
    else:
        with pytest.raises(WrongState):
            is_new(now, wanted, "PR-0001-001")


def test_a_refund_after_the_payout_is_set_off_against_what_comes(connection: Connection) -> None:
    furnish_host(connection)
    upload(connection, [use(MID_MARCH + timedelta(days=day), 20_000) for day in range(4)])
    close_month(connection, "2026-03", "frida", APRIL)
    make_run(connection, "frida", APRIL)
    for movement in movements_of(connection, BOATYARD):
        if movement.cdr_id is not None:
            take_back(connection, movement.cdr_id, "refunded", APRIL + timedelta(days=8))
    close_month(connection, "2026-04", "frida", MAY)

    ((due, why),) = plan_of(connection).held
    assert why is Held.CARRIED_OVER and due.amount_minor == (-4 * 500 + 1_500) * 6 // 5
    upload(connection, [use(MAY + timedelta(days=day), 20_000) for day in range(2)])
    close_month(connection, "2026-05", "frida", MAY + timedelta(days=31))
    (paid,) = plan_of(connection).pays
    assert paid.amount_minor == -600 + (2 * 500 + 1_500) * 6 // 5


def test_a_sum_below_the_minimum_is_carried_over_to_the_next_run(connection: Connection) -> None:
    furnish_march(connection)
    set_source(connection, "Harbour Energy GmbH", OPERATORS_IBAN, "", 3_000, CONSOLE, APRIL)

    assert plan_of(connection).held[0][1] is Held.BELOW_MINIMUM
    close_month(connection, "2026-04", "frida", MAY)
    assert make_run(connection, "frida", MAY).total_minor == OWED + 1_800


def test_while_a_changed_account_waits_neither_account_is_paid(connection: Connection) -> None:
    furnish_march(connection)
    enter_account(connection, "H-12", "Boatyard", OTHER_IBAN, "", "harry", APRIL)

    assert plan_of(connection).held[0][1] is Held.ACCOUNT_WAITS
    with pytest.raises(NothingToPay):
        make_run(connection, "frida", APRIL)


def test_a_host_without_account_or_in_another_currency_is_held_with_the_reason(connection: Connection) -> None:
    furnish_march(connection)
    for host in (Host("H-13", "Café"), Host("H-14", "Yoshi", currency="JPY"), Host("H-15", "New")):
        add_host(connection, host, MARCH)
    cafe = Host("H-13", "Café")
    write_terms(connection, cafe, "hk-07", 2, Terms(per_month=Decimal(10)), APRIL.date(), APRIL)
    close_month(connection, "2026-04", "frida", MAY)

    assert {due.host.host_id: why for due, why in plan_of(connection).held} == {"H-13": Held.NO_ACCOUNT}
    assert [due.host.host_id for due in plan_of(connection).pays] == ["H-12"]


def test_who_agreed_to_another_plan_pays_nothing(connection: Connection) -> None:
    furnish_march(connection)
    seen = plan_of(connection).digest
    close_month(connection, "2026-04", "frida", MAY)

    with pytest.raises(PlanChanged):
        make_run(connection, "frida", MAY, seen)
    assert make_run(connection, "frida", MAY, plan_of(connection).digest).run == "PR-0001"


def test_without_an_account_to_pay_from_nothing_is_planned(connection: Connection) -> None:
    add_host(connection, BOATYARD, MARCH)

    with pytest.raises(NotKnown, match="payout source"):
        plan_of(connection)


def test_the_banks_file_says_what_the_ledger_says_and_names_the_run(connection: Connection) -> None:
    furnish_march(connection)
    make_run(connection, "frida", APRIL)
    text = file_of(connection, "PR-0001")
    document = ElementTree.fromstring(text)

    def words(name: str) -> list[str]:
        return [one.text or "" for one in document.iter(NAMESPACE + name)]

    assert words("MsgId") == words("PmtInfId") == ["PR-0001"] and words("EndToEndId") == ["PR-0001-001"]
    assert words("InstdAmt") == ["21.48"] and words("CtrlSum") == ["21.48"] * 2
    assert words("IBAN") == [OPERATORS_IBAN.replace(" ", ""), IBAN.replace(" ", "")]
    assert words("Nm")[-1] == "Boatyard Moewe GmbH" and words("Dt") == ["2026-04-02"]
    check_file(text.encode())


def test_a_file_the_schema_does_not_want_is_refused() -> None:
    payer = Payer("Harbour", "NL91ABNA0417164300")
    transfer = Transfer("PR-0001-001", "Boatyard", "DE89370400440532013000", None, 100, "PR-0001-001")
    text = pain001(payer, "PR-0001", [transfer], date(2026, 4, 2), APRIL)

    assert "NOTPROVIDED" in text
    with pytest.raises(BadFile):
        check_file(text.replace("DE89", "99DE").encode())
    with pytest.raises(BadFile):
        pain001(payer, "PR-0001", [replace(transfer, end_to_end_id="x" * 36)], date(2026, 4, 2), APRIL)


def test_names_are_written_in_letters_every_bank_reads() -> None:
    assert sepa_text("Möwe & Søn, Straße 4") == "Moewe + S.n, Strasse 4"


def test_a_bank_works_from_monday_to_friday() -> None:
    days = [bank_day(datetime(2026, 5, day, 9, tzinfo=UTC)).isoformat()[-2:] for day in (14, 15, 16, 17)]

    assert days == ["15", "18", "18", "18"]


def test_two_who_run_at_the_same_time_pay_once(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.begin() as connection:
        furnish_march(connection)
    together = Barrier(2)

    def run(_number: int) -> str:
        together.wait(30)
        try:
            with engine.begin() as connection:
                return make_run(connection, "frida", APRIL).run
        except NothingToPay:
            return "nothing"

    with ThreadPoolExecutor(2) as people:
        assert sorted(people.map(run, range(2))) == ["PR-0001", "nothing"]
    with engine.begin() as connection:
        assert all_is_right(connection) and book.balance(connection, BOATYARD.payable) == 0
    engine.dispose()
