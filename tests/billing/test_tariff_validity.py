"""A tariff that comes into force later: who offers it when, and what a kiosk has in its list before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, select

from billing.directory import current_offer, follow_tariffs, load_tariff, newest_tariff, set_offer
from billing.intake import take_rows
from billing.lists import authorization_list
from billing.tables import cdrs, quarantine
from contract.restrictions import TariffRestrictions
from contract.tariff import Tariff
from contract.tokens import AuthorizationList, in_force, read_list
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import NOON, TARIFF, batch, charge, rows_of

LATER = NOON + timedelta(days=3)


def dearer(version: int, price: str = "0.60") -> Tariff:
    element = TARIFF.elements[0]
    parts = (replace(element.price_components[0], price=Decimal(price)), *element.price_components[1:])
    return replace(TARIFF, version=version, elements=(replace(element, price_components=parts),))


def version_at(connection: Connection, at: datetime) -> int:
    offer = current_offer(connection, "hk-07", 1, at)
    assert offer is not None
    return offer.tariff.version


def signed_list(connection: Connection, at: datetime) -> AuthorizationList:
    text = authorization_list(connection, "hk-07", 0, at, SERVER_KEY)
    assert text is not None
    return read_list(text, [SERVER_KEY.public_key()])


def test_a_later_version_is_offered_from_its_moment_on(connection: Connection) -> None:
    load_tariff(connection, dearer(2), NOON, LATER)

    assert version_at(connection, LATER - timedelta(seconds=1)) == 1
    assert version_at(connection, LATER) == 2
    assert newest_tariff(connection, TARIFF.id, NOON).version == 1
    assert follow_tariffs(connection, LATER - timedelta(seconds=1)) == 0
    assert follow_tariffs(connection, LATER) == 2, "both EVSEs"
    assert follow_tariffs(connection, LATER) == 0
    assert current_offer(connection, "hk-07", 1) == current_offer(connection, "hk-07", 1, LATER)


def test_the_kiosks_list_brings_the_change_before_its_moment(connection: Connection) -> None:
    load_tariff(connection, dearer(2), NOON, LATER)
    read = signed_list(connection, NOON)
    now = {int(evse_id): offer for evse_id, offer in read.offers.items()}

    before, after = (in_force(now, read.later or (), at)[1] for at in (LATER - timedelta(seconds=1), LATER))
    assert (before.tariff.version, after.tariff.version) == (1, 2)
    assert after.parking_grace_s == 600, "all else is as it was"
    follow_tariffs(connection, LATER)
    assert signed_list(connection, LATER).later is None


def test_a_charge_that_began_by_the_kiosks_clock_at_the_new_price_is_billed(connection: Connection) -> None:
    """The kiosk follows at the second; the server's round comes a little later, or the row much later."""
    load_tariff(connection, dearer(2), NOON, LATER)
    sold = current_offer(connection, "hk-07", 1, LATER)
    assert sold is not None
    story = charge(offer=sold, started_at=LATER + timedelta(seconds=1))
    take_rows(connection, "hk-07", batch(rows_of(story)), LATER + timedelta(hours=1))

    assert len(connection.execute(select(cdrs)).all()) == 1
    assert connection.execute(select(quarantine)).all() == []


def test_nobody_sells_a_later_price_early(connection: Connection) -> None:
    load_tariff(connection, dearer(2), NOON, LATER)
    sold = current_offer(connection, "hk-07", 1, LATER)
    assert sold is not None
    take_rows(connection, "hk-07", batch(rows_of(charge(offer=sold, started_at=NOON))), NOON + timedelta(hours=1))

    assert [row.code for row in connection.execute(select(quarantine))] == ["unknown_offer"]


def test_a_version_published_after_one_to_come_takes_its_place(connection: Connection) -> None:
    load_tariff(connection, dearer(2), NOON, LATER)
    load_tariff(connection, dearer(3, "0.50"), NOON + timedelta(hours=1))

    assert version_at(connection, NOON + timedelta(hours=1)) == 3
    assert version_at(connection, LATER) == 3
    assert signed_list(connection, NOON + timedelta(hours=1)).later is None


def test_an_evse_that_went_over_to_another_tariff_stays_there(connection: Connection) -> None:
    load_tariff(connection, dearer(2), NOON, LATER)
    load_tariff(connection, replace(TARIFF, id="other"), NOON)
    set_offer(connection, "hk-07", 1, "other", NOON)

    assert version_at(connection, LATER) == 1
    assert follow_tariffs(connection, LATER) == 1, "only the other EVSE"


def test_the_offline_tariff_follows_too(connection: Connection) -> None:
    offer = set_offer(connection, "hk-07", 1, TARIFF.id, NOON, offline_tariff_id=TARIFF.id)
    assert offer.offline_tariff is not None
    load_tariff(connection, dearer(2), NOON, LATER)

    due = current_offer(connection, "hk-07", 1, LATER)
    assert due is not None and due.offline_tariff is not None and due.offline_tariff.version == 2


def test_a_tariff_is_published_at_most_a_year_ahead(connection: Connection) -> None:
    with pytest.raises(ValueError, match="within 400 days"):
        load_tariff(connection, dearer(2), NOON, NOON + timedelta(days=401))


def test_an_offline_tariff_may_not_come_to_need_the_clock(connection: Connection) -> None:
    """Told when it is published or offered, not to every kiosk on the day it holds."""
    load_tariff(connection, replace(TARIFF, id="plain"), NOON)
    night = TariffRestrictions(start_time="22:00", end_time="06:00")
    by_clock = replace(TARIFF, id="plain", version=2, elements=(replace(TARIFF.elements[0], restrictions=night),))
    with connection.begin_nested():
        load_tariff(connection, by_clock, NOON, LATER)
        with pytest.raises(ValueError, match="depends on the clock"):
            set_offer(connection, "hk-07", 1, TARIFF.id, NOON, offline_tariff_id="plain")
    load_tariff(connection, replace(TARIFF, id="other"), NOON)
    set_offer(connection, "hk-07", 1, TARIFF.id, NOON, offline_tariff_id="other")
    with pytest.raises(ValueError, match="depends on the clock"):
        load_tariff(connection, replace(by_clock, id="other"), NOON, LATER)
