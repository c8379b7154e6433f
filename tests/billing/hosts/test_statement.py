"""The day and the month as read from the tables: every number is the ledger's, every oddity has its words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from billing.hosts.months import close_month
from billing.hosts.movements import movements_of, total
from billing.hosts.statement import statement_of
from billing.hosts.uses import UseKind, uses_begun, uses_open
from billing.ledger import book
from billing.pages.host_view import csv_rows, day_csv_rows, statement_values, today_values
from billing.settlement.allowance import allowance_entry
from billing.settlement.sales import of_host
from contract.currency import from_minor
from contract.transaction import ClockQuality
from tests.billing.hosts.boatyard import BOATYARD, furnish_host, upload, use
from tests.billing.hosts.spring import HALF_PAST_FOUR, at, furnish_oddities, furnish_spring, furnish_today

NBSP = "\u00a0"


def test_the_day_of_the_design_has_its_numbers(connection: Connection) -> None:
    furnish_host(connection)
    furnish_today(connection)
    shown = today_values(connection, BOATYARD, HALF_PAST_FOUR.date(), HALF_PAST_FOUR, "en")

    found = {name: shown[name].replace(NBSP, " ") for name in ("total", "electricity", "fees", "running", "sum_kwh")}
    assert found == {
        "total": "€ 10.76",
        "electricity": "€ 8.36",
        "fees": "€ 2.40",
        "running": "€ 1.63",
        "sum_kwh": "47.467",
    }
    told = [(row["time"], row["state"], row["how"].replace(NBSP, " ")) for row in shown["rows"]]
    assert told == [
        ("16:05–now", "Running", "4.870 kWh × € 0.17 = € 0.83 · fee € 0.80"),
        ("15:20–15:21", "No energy", "No energy flowed, so no fee"),
        ("12:58–15:03", "Finished", "11.346 kWh × € 0.21 + 7.296 kWh × € 0.17 = € 3.62 · fee € 0.80"),
        (
            "11:10–12:02",
            "Own use",
            "Your own use: you already pay this energy on your own bill, so no payment and no fee",
        ),
        ("09:30–10:44", "Finished", "13.405 kWh × € 0.21 = € 2.82 · fee € 0.80"),
        ("06:58–08:12", "Finished", "9.120 kWh × € 0.21 = € 1.92 · fee € 0.80"),
    ]


def test_free_corrected_and_late_uses_are_explained(connection: Connection) -> None:
    furnish_host(connection)
    furnish_oddities(connection)
    shown = today_values(connection, BOATYARD, at(5, 13, 0).date(), HALF_PAST_FOUR, "en")

    rows = [(row["state"], row["amount"].replace(NBSP, " "), row["notes"]) for row in shown["rows"]]
    assert rows == [
        ("Finished", "€ 1.22", ["counted on Thu 14 May 2026"]),
        ("Finished", "€ 1.85", []),
        (
            "Taken back",
            "−€ 1.85",
            ["Counted before, taken back on Wed 13 May 2026: the driver’s bill was corrected or refunded"],
        ),
        ("Finished", "€ 1.88", []),
        ("Finished", "€ 1.43", ["The driver charged free of charge; you are paid all the same"]),
    ]


def test_a_statement_is_the_ledger_of_its_month(connection: Connection) -> None:
    furnish_spring(connection)
    for month in ("2026-03", "2026-04", "2026-05"):
        statement = statement_of(connection, BOATYARD, month)
        sums = statement.sums

        assert sum(use.amount_minor for use in statement.uses) == statement.uses_minor
        assert statement.uses_minor + total(statement.others) == sums.net_minor
        assert total(statement.paid) == sums.paid_minor
    assert sums.closing_minor == total(movements_of(connection, BOATYARD))


def test_a_refund_after_the_payout_stands_in_the_month_it_was_booked(connection: Connection) -> None:
    furnish_spring(connection)
    march, april = (statement_of(connection, BOATYARD, month) for month in ("2026-03", "2026-04"))

    assert not [use for use in march.uses if use.kind is UseKind.TAKEN_BACK]
    (back,) = [use for use in april.uses if use.kind is UseKind.TAKEN_BACK]
    assert (back.begins, back.amount_minor) == (at(3, 17, 8), -380)
    shown = statement_values(connection, BOATYARD, "2026-04", HALF_PAST_FOUR, "en")
    lines = [(name, amount.replace(NBSP, " ")) for name, _, amount in shown["lines"]]
    assert lines == [
        ("Uses", "€ 37.38"),
        ("Use of Tue 17 Mar 2026, taken back", "−€ 3.80"),
        ("Monthly installation fee", "€ 15.00"),
    ]
    assert (shown["net"], shown["vat"][1], shown["amount"]) == tuple(
        f"€{NBSP}{amount}" for amount in ("48.58", "9.72", "58.30")
    )
    assert [text for _, text, _ in shown["events"]] == [
        "Statement closed",
        "Ordered from the bank, PR-0002-001",
        "Paid to account ending 3000",
    ]


def test_a_month_that_runs_says_what_is_still_to_come(connection: Connection) -> None:
    furnish_spring(connection)
    shown = statement_values(connection, BOATYARD, "2026-05", HALF_PAST_FOUR, "en")

    assert shown["vat"] == ("VAT 20 % · comes when the month is closed", "–")
    assert ("Monthly installation fee", "comes when the month is closed", "") in shown["lines"]


def test_a_closed_statement_stays_as_it_was(connection: Connection) -> None:
    furnish_spring(connection)
    before = statement_of(connection, BOATYARD, "2026-04")
    late = use(at(4, 29, 18), 9_000)
    upload(connection, [late], HALF_PAST_FOUR)
    close_month(connection, "2026-05", "frida", datetime(2026, 6, 1, 8, tzinfo=UTC))
    after = statement_of(connection, BOATYARD, "2026-04")

    assert (after.sums, after.uses, after.others, after.paid) == (before.sums, before.uses, before.others, before.paid)
    may = statement_of(connection, BOATYARD, "2026-05")
    assert late[0].at.wall in [found.begins for found in may.uses]


def test_a_use_that_runs_is_shown_also_where_the_kiosk_does_not_know_the_time(connection: Connection) -> None:
    furnish_host(connection)
    heard = at(5, 14, 14, 31)
    lost = [
        replace(event, at=replace(event.at, wall=datetime(1970, 1, 1, tzinfo=UTC), clock_quality=ClockQuality.UNKNOWN))
        for event in use(at(5, 14, 14, 5), 4_870, minutes=26)[:-2]
    ]
    upload(connection, [lost], heard)
    (running,) = uses_open(connection, "H-12")

    assert (running.kind, running.begins) == (UseKind.RUNNING, heard) and running.amount_minor > 0


def test_a_use_that_runs_is_counted_once_it_ended(connection: Connection) -> None:
    furnish_host(connection)
    began = at(5, 14, 14, 5)
    story = use(began, 4_870, minutes=26)
    upload(connection, [story[:-2]], at(5, 14, 14, 31))
    (running,) = uses_open(connection, "H-12")

    assert (running.kind, running.amount_minor, running.energy_wh) == (UseKind.RUNNING, 163, 4_870)
    assert uses_begun(connection, "H-12", began, began + timedelta(hours=1)) == []
    upload(connection, [story])
    assert uses_open(connection, "H-12") == []
    assert [found.kind for found in uses_begun(connection, "H-12", began, began + timedelta(hours=1))] == [
        UseKind.FINISHED
    ]


def test_what_a_day_came_to_is_less_by_what_was_given_back_that_day_as_on_the_statement(connection: Connection) -> None:
    furnish_host(connection)
    upload(connection, [use(at(5, 14, 6), 10_000), use(at(5, 14, 8), 12_000)])
    sold = [one for _, one in of_host(connection, "H-12", at(5, 14, 0), timedelta(days=1))]
    for number, one in enumerate(sold):
        draft = allowance_entry(f"allowance/p-{number}/1", one.parties, [one], 50, {}, "the cable was wet")
        book.post(connection, draft, at(5, 14, 12, number))
    shown = today_values(connection, BOATYARD, at(5, 14, 0).date(), at(5, 14, 13), "en")
    statement = statement_of(connection, BOATYARD, "2026-05")
    csv = day_csv_rows(connection, BOATYARD, at(5, 14, 0).date(), "en")

    assert [(name, means[-5:]) for name, means, _ in shown["refunds"]] == [
        ("Use of Thu 14 May 2026 08:00, HK-07, connector 1, refunded", "14:00"),
        ("Use of Thu 14 May 2026 10:00, HK-07, connector 1, refunded", "14:01"),
    ]
    assert shown["total"] == f"€{NBSP}{from_minor(statement.sums.net_minor, 'EUR'):f}" != shown["uses_total"]
    assert [row[0] for row in csv[-2:]] == [name for name, _, _ in shown["refunds"]]
    assert sum(Decimal(row[9]) for row in csv[1:]) == from_minor(statement.sums.net_minor, "EUR")
    assert today_values(connection, BOATYARD, at(5, 13, 0).date(), at(5, 14, 13), "en")["refunds"] == []


def test_a_partial_refund_lowers_the_hosts_part_and_is_told_without_its_reason(connection: Connection) -> None:
    furnish_host(connection)
    upload(connection, [use(at(3, 11, 8), 10_000)])
    close_month(connection, "2026-03", "frida", at(4, 1, 6))
    ((_, sold),) = of_host(connection, "H-12", at(3, 11, 0), timedelta(days=1))
    half = sold.sale.gross_minor // 2
    draft = allowance_entry("allowance/p-1/1", sold.parties, [sold], half, {}, "their dog was sick")
    book.post(connection, draft, at(4, 9, 12))
    shown = statement_values(connection, BOATYARD, "2026-04", at(4, 20, 0), "en")

    assert shown["lines"][1] == (
        "Use of Wed 11 Mar 2026 09:00, HK-07, connector 1, refunded",
        "the driver got money back; your part went down on Thu 9 Apr 2026 14:00",
        f"−€{NBSP}1.45",
    )
    assert "dog" not in str(shown) + str(
        csv_rows(connection, BOATYARD, statement_of(connection, BOATYARD, "2026-04"), "en")
    )
