"""A reservation is billed with the charge it led to, by the tariff, the same at kiosk, server and `price`.

A phone's two minutes are free, and so is one that nobody used.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from billing.directory import add_account, load_tariff, set_offer
from billing.intake import take_rows
from billing.ocpi.cdr_object import NOBODY, as_json, cdr_object
from billing.ocpi.cost import cost_of
from billing.ocpi.write import tariff_json
from billing.orders import Order, OrderKind, give
from billing.pages.receipt_view import find_receipt
from billing.quarantine import doubts_of
from billing.tables import cdrs, kiosks
from contract.codec import from_bytes, to_bytes
from contract.restrictions import ReservationRestriction, TariffRestrictions
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from contract.transaction import TransactionEvent
from kiosk.session import events
from tests.billing.stories import CARD, NOON, batch, charge, rows_of
from tests.session.bench import Bench

KEPT_MS = 20 * 60_000
FEES = (
    PriceComponent(Dimension.TIME, Decimal(6), Decimal(20)),
    PriceComponent(Dimension.FLAT, Decimal("0.50"), Decimal(20)),
)
TARIFF = Tariff(
    "kept", 1, "EUR",
    (
        TariffElement(FEES, TariffRestrictions(reservation=ReservationRestriction.RESERVATION)),
        TariffElement((PriceComponent(Dimension.ENERGY, Decimal("0.50"), Decimal(20)),)),
    ),
)  # fmt: skip
OFFER = TariffOffer(TARIFF)


def sell(connection: Connection) -> None:
    load_tariff(connection, TARIFF, NOON - timedelta(days=1))
    set_offer(connection, "hk-07", 1, "kept", NOON - timedelta(hours=12))
    add_account(connection, "ben", NOON)


def reserve(connection: Connection, minutes: int = 30, **whom: str) -> None:
    connection.execute(kiosks.update().values(last_contact_ms=int((NOON - timedelta(minutes=30)).timestamp() * 1000)))
    order = Order("hk-07", OrderKind.RESERVE, evse_id=1, minutes=minutes, **whom)  # type: ignore[arg-type]
    give(connection, order, NOON - timedelta(minutes=30))


def of_anna(kept_ms: int | None = KEPT_MS, **how: object) -> list[TransactionEvent]:
    return charge(offer=replace(OFFER, reserved_ms=kept_ms), minutes=20, wh_per_minute=250, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("whom", [{"account_id": "anna"}, {"card": CARD}], ids=["for an account", "for a card"])
def test_a_reservation_is_billed_with_the_charge_it_led_to(connection: Connection, whom: dict[str, str]) -> None:
    sell(connection)
    reserve(connection, **whom)
    story = of_anna(receipt_id="ab" * 16)
    take_rows(connection, "hk-07", batch(rows_of(story)), NOON + timedelta(hours=1))
    body = json.loads(connection.execute(select(cdrs.c.body)).scalar_one())
    receipt = find_receipt(connection, "ab" * 16, "en", NOON + timedelta(hours=1))

    assert body["total_reservation_cost"] == {"excl_vat": "2.5000", "incl_vat": "3.0000"}, (
        "20 min at 6 an hour, and 0.50"
    )
    assert body["rounded"]["incl_vat_minor"] == 300 + 300, "and 5 kWh at 0.50"
    assert body["start_date_time"] == "2026-05-14T11:40:00.000Z"
    assert body["charging_periods"][0]["dimensions"] == [{"type": "RESERVATION_TIME", "volume": "0.3333"}]
    assert receipt is not None
    assert [(line[0], line[2].replace("\u00a0", " ")) for line in receipt.lines] == [
        ("Reservation, once", "€ 0.60"), ("Reservation", "€ 2.40"), ("Energy", "€ 3.00"),
    ]  # fmt: skip


def test_the_cdr_costs_the_same_when_it_is_read_as_a_file(connection: Connection, tmp_path: Path) -> None:
    sell(connection)
    reserve(connection, account_id="anna")
    take_rows(connection, "hk-07", batch(rows_of(of_anna())), NOON + timedelta(hours=1))
    stored = connection.execute(select(cdrs.c.body)).scalar_one()
    (tmp_path / "c.json").write_text(as_json(cdr_object(stored, NOBODY, None)))
    (tmp_path / "t.json").write_text(tariff_json(TARIFF, "DE", "HRB", NOON))
    cost = cost_of(tmp_path / "t.json", tmp_path / "c.json", None)

    assert (cost["total_reservation_cost"]["incl_vat"], cost["total_cost"]["incl_vat"]) == (3, 6)


@pytest.mark.parametrize("minutes, whom", [(10, "anna"), (30, "ben")], ids=["for less", "for another"])
def test_a_reservation_nobody_here_asked_for_holds_the_bill(connection: Connection, minutes: int, whom: str) -> None:
    sell(connection)
    reserve(connection, minutes, account_id=whom)
    story = of_anna()
    take_rows(connection, "hk-07", batch(rows_of(story)), NOON + timedelta(hours=1))

    assert [d.code for d in doubts_of(connection, "hk-07", story[0].transaction_id)] == ["unknown_reservation"]
    assert connection.execute(select(cdrs.c.cdr_id)).all() == []


# ---- the kiosk's part ------------------------------------------------------------------------------------------------


def kept_at_the_kiosk(account: str, for_s: float = 600.0) -> Bench:
    bench = Bench(offer=OFFER)
    bench.say(events.ReserveCommanded("c-r", 1, "r-1", 900, account_id=account))
    bench.pass_time(for_s)
    return bench


def test_the_kiosk_freezes_how_long_the_place_was_kept_and_its_own_total_has_it() -> None:
    bench = kept_at_the_kiosk("anna")
    bench.plug_in()
    bench.tap("A", "anna")
    bench.accept("anna")
    bench.run(60)
    bench.tap("A", "anna")
    bench.unplug()
    bench.run(20)
    story = [from_bytes(TransactionEvent, to_bytes(event)) for event in bench.story()]
    begun, ended = story[0], story[-1]

    assert begun.offer is not None and begun.offer.reserved_ms is not None
    assert 600_000 <= begun.offer.reserved_ms < 610_000
    assert ended.total_incl_vat_minor is not None and ended.total_incl_vat_minor >= 120 + 60


def test_a_phones_two_minutes_and_a_tariff_without_a_price_for_it_are_free() -> None:
    bench = kept_at_the_kiosk("checkout:9f8e", 60.0)
    bench.command_start(1, "c-1", "checkout:9f8e")
    bench.plug_in()
    bench.run(5)
    assert [event.offer.reserved_ms for event in bench.story() if event.offer is not None] == [None]
    plain = Bench()
    plain.say(events.ReserveCommanded("c-r", 1, "r-1", 900, account_id="anna"))
    plain.pass_time(60)
    plain.plug_in()
    plain.tap("A", "anna")
    plain.accept("anna")
    plain.run(5)

    assert [event.offer.reserved_ms for event in plain.story() if event.offer is not None] == [None]
