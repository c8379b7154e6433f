"""Months: what belongs to which, the fee by days, VAT on top, closing once and in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from billing.hosts import months
from billing.hosts.fees import evse_fees
from billing.hosts.months import NotOver, close_month, closed_months
from billing.hosts.movements import month_after, month_before, movements_of
from billing.hosts.terms import Terms, agreements_of, end_terms, write_terms
from billing.ledger import book
from billing.ledger.chart import Account, Kind
from billing.settlement.agreement import Agreement
from billing.settlement.allocation import Bearer, HostTerms, PartnerTerms
from billing.settlement.sales import take_back
from billing.settlement.tables import agreements
from tests.billing.hosts.boatyard import BOATYARD, MARCH, furnish_host, upload, use

APRIL, MAY, JUNE = (datetime(2026, month, 1, 8, tzinfo=UTC) for month in (4, 5, 6))
MID_MARCH = MARCH + timedelta(days=10)


def test_a_month_has_its_uses_its_fee_and_the_vat_of_both(connection: Connection) -> None:
    furnish_host(connection)
    upload(connection, [use(MID_MARCH, 10_000)])
    (closed,) = close_month(connection, "2026-03", "frida", APRIL)

    assert closed.sums.net_minor == 210 + 80 + 1_500
    assert closed.sums.vat_minor == 358
    assert closed.sums.closing_minor == -book.balance(connection, BOATYARD.payable) == 2_148
    assert book.balance(connection, Account(Kind.VAT_PAYABLE, "20", "EUR")) == 358 - 100  # the state owes us the rest


def test_closing_twice_books_once(connection: Connection) -> None:
    furnish_host(connection)
    close_month(connection, "2026-03", "frida", APRIL)

    assert close_month(connection, "2026-03", "frida", APRIL) == []
    assert [movement.amount_minor for movement in movements_of(connection, BOATYARD)] == [1_500, 300]


def test_a_month_that_is_not_over_at_the_hosts_place_stays_open(connection: Connection) -> None:
    furnish_host(connection)

    with pytest.raises(NotOver, match="2026-03 may be closed for host H-12 from 2026-04-01 00:05 Europe/Berlin"):
        close_month(connection, "2026-03", "frida", datetime(2026, 3, 31, 22, 4, tzinfo=UTC))
    assert len(close_month(connection, "2026-03", "frida", datetime(2026, 3, 31, 22, 5, tzinfo=UTC))) == 1


def test_what_was_left_open_is_closed_in_order(connection: Connection) -> None:
    furnish_host(connection)
    closed = close_month(connection, "2026-05", "frida", JUNE)

    assert [one.month for one in closed] == ["2026-03", "2026-04", "2026-05"]
    assert [one.sums.opening_minor for one in closed] == [0, 1_800, 3_600]


def test_a_use_taken_back_after_the_close_appears_in_the_month_it_was_booked(connection: Connection) -> None:
    furnish_host(connection)
    upload(connection, [use(MID_MARCH, 10_000)])
    close_month(connection, "2026-03", "frida", APRIL)
    cdr_id = movements_of(connection, BOATYARD)[0].cdr_id
    assert cdr_id is not None
    take_back(connection, cdr_id, "the driver was refunded", APRIL + timedelta(days=8))
    close_month(connection, "2026-04", "frida", MAY)

    march, april = closed_months(connection, "H-12")
    assert march.sums.net_minor == 290 + 1_500 and april.sums.net_minor == -290 + 1_500
    assert months.faults_of(connection) == []


def test_a_month_of_more_taken_back_than_came_in_has_vat_of_its_sign(connection: Connection) -> None:
    assert [months.vat_on(net, Decimal(20)) for net in (-290, 0, 3, 2)] == [-58, 0, 1, 0]
    assert months.vat_on(100, None) == 0


def test_a_fee_counts_the_days_its_agreement_was_in_force(connection: Connection) -> None:
    furnish_host(connection)
    write_terms(connection, BOATYARD, "hk-07", 2, Terms(per_month=Decimal(31)), MID_MARCH.date(), MARCH)
    end_terms(connection, BOATYARD, "hk-07", 1, MID_MARCH.date(), MARCH)
    (closed,) = close_month(connection, "2026-03", "frida", APRIL)

    # 21 of 31 days of 31.00, and 10 of 31 days of 15.00.
    assert closed.sums.net_minor == 2_100 + 484


def test_a_monthly_fee_is_borne_by_whoever_bears_the_host() -> None:
    days = [MARCH + timedelta(days=day) for day in range(31)]
    by_us, by_them = (
        Agreement(HostTerms("rosa", "EUR", per_month_minor=3_100, paid_by=bearer), partners=PartnerTerms("cpo"))
        for bearer in (Bearer.OPERATOR, Bearer.PROVIDER)
    )
    history = [(MARCH, by_us), (MARCH + timedelta(days=21), by_them)]

    found = {fee.bearer.name: fee.fee_minor for fee in evse_fees("hk-07", 1, history, "rosa", days)}
    assert found == {"margin/operator/EUR": 2_100, "partner_payable/cpo/EUR": 1_000}
    assert evse_fees("hk-07", 1, history, "somebody else", days) == []


def test_a_closed_month_that_the_ledger_does_not_bear_out_is_found(connection: Connection) -> None:
    furnish_host(connection)
    close_month(connection, "2026-03", "frida", APRIL)
    upload(connection, [use(MID_MARCH, 10_000)])  # booked by a clock that went back

    (fault,) = months.faults_of(connection)
    assert fault.startswith("statement H-12 2026-03: closed with")


def test_what_was_agreed_is_changed_by_nobody(connection: Connection) -> None:
    furnish_host(connection)

    with pytest.raises(DatabaseError, match="append-only"):
        connection.execute(agreements.update().values(body="{}"))


def test_an_agreement_begins_today_or_later_and_follows_the_one_before(connection: Connection) -> None:
    furnish_host(connection)
    with pytest.raises(ValueError, match="what is past stays"):
        write_terms(connection, BOATYARD, "hk-07", 1, Terms(), MARCH.date() - timedelta(days=1), MARCH)
    write_terms(connection, BOATYARD, "hk-07", 1, Terms(per_use=Decimal(1)), MID_MARCH.date(), MARCH)

    new, old = agreements_of(connection, "H-12")
    assert new.until is None and old.until == new.begins
    assert new.agreement.host is not None and new.agreement.host.per_use_minor == 100


def test_months_follow_each_other_over_the_year() -> None:
    assert month_after("2026-12") == "2027-01" and month_before("2026-01") == "2025-12"
    assert month_before("2026-12") == "2026-11" and month_after("2026-11") == "2026-12"
