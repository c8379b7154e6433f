"""The design's story, number by number, out of the code that settles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from billing.ledger import book
from billing.ledger.chart import Account, Kind
from billing.settlement import proof
from billing.settlement.entries import OPERATOR, capture_entry
from billing.settlement.sales import of_host
from tests.billing.hosts.boatyard import furnish_host, upload, use

TWO_MINUTES_TO_ONE = datetime(2026, 5, 14, 10, 58, tzinfo=UTC)


def test_one_charge_is_split_to_the_cent(connection: Connection) -> None:
    """18.642 kWh × 0.54 + 12 min × 0.06 + 0.60 = 11.39; VAT 1.90; host 4.42; payment cost 0.18; operator 4.89."""
    furnish_host(connection)
    upload(connection, [use(TWO_MINUTES_TO_ONE, 11_346, 7_296, parked_minutes=22)])
    ((_, sold),) = of_host(connection, "H-12", TWO_MINUTES_TO_ONE, timedelta(hours=1))
    paid = capture_entry("p-1", sold.parties, "social", 1_139, {OPERATOR: 1_139}, fee_minor=18)
    book.post(connection, paid, TWO_MINUTES_TO_ONE)

    assert (sold.sale.gross_minor, sold.sale.vat_minor, sold.sale.energy_wh) == (1_139, {"20": 190}, 18_642)
    host = sold.allocation.host
    assert (host.electricity_minor, host.per_use_minor, host.total_minor) == (362, 80, 442)
    told = [(str(line.quantity), str(line.unit_price)) for line in sold.electricity]
    assert told == [("11.346", "0.21"), ("7.296", "0.17")]
    balances = book.balances(connection)
    assert balances[Account(Kind.HOST_PAYABLE, "H-12", "EUR")] == -442
    assert balances[Account(Kind.PAYMENT_COST, "social", "EUR")] == 18
    assert -balances[Account(Kind.MARGIN, OPERATOR, "EUR")] - 18 == 489
    assert proof.faults_of(connection) == []
