"""docs/hosts.md is computed, not remembered: its example's numbers come out of the code that settles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection

from billing.hosts.bank import WAITS
from billing.settlement.sales import of_host
from contract.currency import from_minor
from tests.billing.hosts.boatyard import furnish_host, upload, use

PAGE = (Path(__file__).parents[3] / "docs" / "hosts.md").read_text(encoding="utf-8")
BEGAN = datetime(2026, 5, 14, 10, 58, tzinfo=UTC)


def test_the_example_for_hosts_is_what_the_code_computes(connection: Connection) -> None:
    furnish_host(connection)
    upload(connection, [use(BEGAN, 11_346, 7_296, parked_minutes=22)])
    ((_, sold),) = of_host(connection, "H-12", BEGAN, timedelta(hours=1))
    host, vat_minor = sold.allocation.host, sum(sold.allocation.vat_minor.values())

    for line in sold.electricity:
        exact = line.quantity * line.unit_price
        assert f"{line.quantity} kWh × € {line.unit_price} | € {exact.normalize()} |" in PAGE
    for amount_minor in (host.electricity_minor, host.per_use_minor, host.total_minor):
        assert f"**€ {from_minor(amount_minor, 'EUR')}**" in PAGE
    cost = Decimal("0.18")
    left = from_minor(sold.allocation.operator_minor, "EUR") - cost
    net = from_minor(sold.sale.net_minor, "EUR")
    for amount in (from_minor(sold.sale.gross_minor, "EUR"), from_minor(vat_minor, "EUR"), net, cost, left):
        assert f"€ {amount}" in PAGE
    assert WAITS == timedelta(days=3) and "waits three days" in PAGE
