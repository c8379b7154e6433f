"""A rated charge becomes a sale: the host's contract by time of use, the agreement in force, the ledger at zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection

from billing.intake import take_rows
from billing.ledger import book, check
from billing.ledger.chart import Account, Kind
from billing.settlement.agreement import Agreement, agree, in_force
from billing.settlement.allocation import HostTerms
from billing.settlement.sales import of_host, sell, sold_in
from contract.price import price
from contract.restrictions import TariffRestrictions
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement
from contract.transaction import ClockQuality, TransactionEvent, samples_of
from tests.billing.stories import NOON, batch, charge, rows_of

BERLIN = "Europe/Berlin"


def energy(price_per_kwh: str, restrictions: TariffRestrictions | None = None) -> TariffElement:
    return TariffElement((PriceComponent(Dimension.ENERGY, Decimal(price_per_kwh), Decimal(0)),), restrictions)


NIGHT = TariffRestrictions(start_time="22:00", end_time="06:00")
BY_THE_CLOCK = Tariff("rosa-power", 1, "EUR", (energy("0.20", NIGHT), energy("0.30")))
HOSTED = Agreement(HostTerms("rosa", "EUR", per_use_minor=50, per_kwh=Decimal("2.5")), BY_THE_CLOCK, "rosa-drives")


def sell_it(connection: Connection, story: list[TransactionEvent], cdr_id: str = "C1") -> int:
    samples = samples_of(story)
    assert story[0].offer is not None
    sold = sell(connection, cdr_id, "hk-07", BERLIN, story, samples, price(story[0].offer, samples), NOON)
    return sold.allocation.host.electricity_minor


def test_the_host_is_paid_for_the_power_by_the_hours_of_their_own_contract(connection: Connection) -> None:
    agree(connection, "hk-07", 1, HOSTED, NOON - timedelta(days=9), NOON)
    before_ten = datetime(2026, 5, 14, 19, 55, tzinfo=UTC)  # 21:55 in Berlin, night begins five minutes later

    paid = sell_it(connection, charge(minutes=10, wh_per_minute=1_000, started_at=before_ten))

    assert paid == 150 + 100
    found = sold_in(connection, "C1")
    assert found is not None and [str(line.unit_price) for line in found.electricity] == ["0.30", "0.20"]
    assert book.balance(connection, Account(Kind.HOST_PAYABLE, "rosa", "EUR")) == -(250 + 50 + 25)
    assert check.faults_of(connection) == []


def test_where_the_kiosk_did_not_know_the_time_the_host_has_the_dearest_hour(connection: Connection) -> None:
    agree(connection, "hk-07", 1, HOSTED, NOON - timedelta(days=9), NOON)
    story = charge(minutes=10, wh_per_minute=1_000, clock_quality=ClockQuality.UNKNOWN)

    assert sell_it(connection, story) == 300
    found = sold_in(connection, "C1")
    assert found is not None and found.electricity_at_dearest


def test_a_sale_is_booked_once_and_shown_to_its_host_alone(connection: Connection) -> None:
    agree(connection, "hk-07", 1, HOSTED, NOON - timedelta(days=9), NOON)
    story = charge(minutes=10, wh_per_minute=1_000)
    for _ in range(3):
        sell_it(connection, story)

    day = timedelta(days=1)
    assert [cdr_id for cdr_id, _ in of_host(connection, "rosa", NOON - timedelta(hours=6), day)] == ["C1"]
    assert of_host(connection, "rosa", NOON + day, day) == of_host(connection, "other", NOON, day) == []
    assert sum(book.balances(connection).values()) == 0


def test_the_agreement_in_force_at_the_start_counts(connection: Connection) -> None:
    agree(connection, "hk-07", 1, HOSTED, NOON + timedelta(hours=1), NOON)

    assert sell_it(connection, charge()) == 0
    assert in_force(connection, "hk-07", 1, NOON + timedelta(hours=2)) == HOSTED
    assert in_force(connection, "hk-07", 2, NOON + timedelta(hours=2)) == Agreement()


def test_a_charge_that_cannot_tell_when_it_was_counts_from_when_it_was_first_heard_of(connection: Connection) -> None:
    agree(connection, "hk-07", 1, HOSTED, NOON - timedelta(days=9), NOON)
    story = charge(started_at=datetime(1970, 1, 1, tzinfo=UTC), clock_quality=ClockQuality.UNKNOWN)

    take_rows(connection, "hk-07", batch(rows_of(story)), NOON)

    day = timedelta(days=1)
    ((_, sold),) = of_host(connection, "rosa", NOON - timedelta(hours=6), day)
    assert sold.allocation.host.per_use_minor == 50 and sold.electricity_at_dearest


def test_a_clock_that_became_right_meanwhile_tells_which_agreement_was_in_force(connection: Connection) -> None:
    agree(connection, "hk-07", 1, HOSTED, NOON - timedelta(minutes=1), NOON)
    story = charge(started_at=NOON)
    long_ago = replace(story[0].at, wall=datetime(1970, 1, 1, tzinfo=UTC), clock_quality=ClockQuality.UNKNOWN)

    assert sell_it(connection, [replace(story[0], at=long_ago), *story[1:]]) > 0


def test_a_host_charging_at_home_is_paid_nothing(connection: Connection) -> None:
    agree(connection, "hk-07", 1, HOSTED, NOON - timedelta(days=9), NOON)

    sell_it(connection, charge(account_id="rosa-drives"))

    assert book.balance(connection, Account(Kind.HOST_PAYABLE, "rosa", "EUR")) == 0


def test_a_contract_for_power_has_prices_of_energy_alone() -> None:
    flat = Tariff("p", 1, "EUR", (TariffElement((PriceComponent(Dimension.FLAT, Decimal(1)),)),))

    with pytest.raises(ValueError, match="no price of energy"):
        Agreement(HOSTED.host, flat)
    with pytest.raises(ValueError, match="same currency"):
        Agreement(HostTerms("rosa", "JPY"), BY_THE_CLOCK)
