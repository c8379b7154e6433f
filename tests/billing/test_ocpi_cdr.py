"""A receipt's CDR as an OCPI 2.2.1 object: every required field, in its type and length (mod_cdrs)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from billing.cli import main
from billing.directory import add_kiosk, load_tariff, set_offer
from billing.intake import take_rows
from billing.ocpi.cdr_object import Owner
from billing.ocpi.location import Location, place
from billing.pages.receipt_parts import cdr_body
from tests.billing.stories import NOON, batch, charge, corrected, rows_of
from tests.contract.sessions import case
from tests.test_one_price import told_by_the_kiosk

RECEIPT_ID = "ab" * 16
OWNER = Owner("DE", "HRB")
PIER = Location("Am Kai 4", "Hamburg", "DEU", "53.54512", "9.96680", "20457")
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
PRICE = {"excl_vat": float, "incl_vat": float}
# OCPI 2.2.1: property → longest text, or type; every one of them has cardinality 1.
CDR: dict[str, Any] = {
    "country_code": 2, "party_id": 3, "id": 36, "start_date_time": MOMENT, "end_date_time": MOMENT, "session_id": 36,
    "auth_method": "AUTH_REQUEST|COMMAND|WHITELIST", "currency": "[A-Z]{3}", "total_cost": PRICE, "total_energy": float,
    "total_time": float, "last_updated": MOMENT, "authorization_reference": 36,
    "cdr_token": {"country_code": 2, "party_id": 3, "uid": 36, "contract_id": 36,
                  "type": "AD_HOC_USER|APP_USER|OTHER|RFID"},
    "cdr_location": {
        "id": 36, "name": 255, "address": 45, "city": 45, "postal_code": 10, "country": "[A-Z]{3}", "evse_uid": 36,
        "coordinates": {"latitude": r"-?\d{1,2}\.\d{5,7}", "longitude": r"-?\d{1,3}\.\d{5,7}"},
        "evse_id": r"[A-Z]{2}\*[A-Z0-9]{3}\*E[A-Z0-9*]{1,38}", "connector_id": 36, "connector_standard": "IEC_62196_T2",
        "connector_format": "SOCKET|CABLE", "connector_power_type": "AC_[123]_PHASE|DC",
    },
}  # fmt: skip
TARIFF: dict[str, Any] = {"country_code": 2, "party_id": 3, "id": 36, "currency": "[A-Z]{3}", "last_updated": MOMENT}
COMPONENT = {"type": "ENERGY|FLAT|PARKING_TIME|TIME", "price": float, "vat": float, "step_size": int}


def faults(found: Any, wanted: dict[str, Any], where: str = "") -> list[str]:
    wrong = []
    for name, shape in wanted.items():
        value, path = found.get(name), f"{where}.{name}"
        if isinstance(shape, dict):
            wrong += faults(value, shape, path) if isinstance(value, dict) else [f"{path}: {value!r}"]
        elif isinstance(shape, type):
            kinds = (int, float) if shape is float else (shape,)
            wrong += [] if isinstance(value, kinds) and not isinstance(value, bool) else [f"{path}: {value!r}"]
        elif isinstance(shape, int):
            wrong += [] if isinstance(value, str) and 1 <= len(value) <= shape else [f"{path}: {value!r}"]
        else:
            wrong += [] if isinstance(value, str) and re.fullmatch(shape, value) else [f"{path}: {value!r}"]
    return wrong


def documents(connection: Connection, owner: Owner = OWNER) -> list[dict[str, Any]]:
    found = json.loads(cdr_body(connection, RECEIPT_ID, owner) or "[]")
    return found if isinstance(found, list) else [found]


def test_every_field_of_ocpi_is_there_in_its_own_type(connection: Connection) -> None:
    place(connection, "hk-07", PIER)
    story = charge(receipt_id=RECEIPT_ID, minutes=5, parked_minutes=25, account_id="checkout:" + "0" * 32)
    take_rows(connection, "hk-07", batch(rows_of(story)), NOON + timedelta(hours=1))
    (cdr,) = documents(connection)

    assert faults(cdr, CDR) == []
    (tariff,) = cdr["tariffs"]
    assert faults(tariff, TARIFF) == []
    assert [faults(part, COMPONENT) for part in tariff["elements"][0]["price_components"]] == [[], [], []]
    for period in cdr["charging_periods"]:
        assert period["tariff_id"] == tariff["id"] and re.fullmatch(MOMENT, period["start_date_time"])
        assert all(faults(d, {"type": "ENERGY|TIME|PARKING_TIME", "volume": float}) == [] for d in period["dimensions"])


def test_amounts_and_times_are_what_the_receipt_says(connection: Connection) -> None:
    take_rows(connection, "hk-07", batch(rows_of(charge(receipt_id=RECEIPT_ID, parked_minutes=25))), NOON)
    (cdr,) = documents(connection)

    assert cdr["total_cost"] == {"excl_vat": 1.5875, "incl_vat": 1.905}
    assert (cdr["total_fixed_cost"]["excl_vat"], cdr["total_energy_cost"]["incl_vat"]) == (0.5, 0.405)
    assert (cdr["total_energy"], cdr["total_time"], cdr["total_parking_time"]) == (0.75, 0.5, 0.4167)
    assert cdr["kiosk"]["rounded"]["incl_vat_minor"] == 191, "what OCPI has no word for stands apart"
    assert not set(cdr) & {"lines", "vat", "registers", "clock"}


def test_a_credit_cdr_is_negative_in_total_cost_alone(connection: Connection) -> None:
    story = corrected(charge(receipt_id=RECEIPT_ID), more_wh=100)
    take_rows(connection, "hk-07", batch(rows_of(story)), NOON + timedelta(hours=3))
    first, credit, new = documents(connection)

    assert credit["credit"] is True and credit["credit_reference_id"] == first["id"] and credit["id"] != first["id"]
    assert credit["total_cost"] == {tax: -amount for tax, amount in first["total_cost"].items()}
    assert credit["total_energy_cost"] == first["total_energy_cost"] and credit["total_energy"] == first["total_energy"]
    assert "credit" not in new and new["total_energy"] == 0.85


@pytest.mark.parametrize(("offline", "method"), [(True, "WHITELIST"), (False, "AUTH_REQUEST")])
def test_who_was_asked_is_said(connection: Connection, offline: bool, method: str) -> None:
    take_rows(connection, "hk-07", batch(rows_of(charge(receipt_id=RECEIPT_ID, offline=offline))), NOON)

    assert documents(connection)[0]["auth_method"] == method


def test_what_is_not_known_is_left_out(connection: Connection) -> None:
    take_rows(connection, "hk-07", batch(rows_of(charge(receipt_id=RECEIPT_ID))), NOON)
    (cdr,) = documents(connection, Owner())

    assert not {"country_code", "party_id"} & set(cdr)
    assert "city" not in cdr["cdr_location"] and cdr["cdr_location"]["evse_id"] == "EHK07*1"


@pytest.mark.parametrize(
    "wrong",
    [{"country": "DE"}, {"latitude": "53.5"}, {"latitude": "99.12345"}, {"city": ""}, {"address": "x" * 46}],
)
def test_a_place_that_ocpi_does_not_take_is_refused(wrong: dict[str, str]) -> None:
    good = {"address": "Am Kai 4", "city": "Hamburg", "country": "DEU", "latitude": "53.54512", "longitude": "9.96680"}
    with pytest.raises(ValueError, match="want"):
        Location(**(good | wrong))  # type: ignore[arg-type]


def test_the_cdr_we_publish_costs_the_same_by_the_price_command(
    connection: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever gets it may compute it again. The parking grace alone has no word in OCPI."""
    for number, seed in enumerate(range(40, 60)):
        drawn = case(seed, 3000)
        zone = drawn.offer.time_zone
        add_kiosk(connection, f"K-{seed}", NOON, time_zone=zone, max_power_w=60_000)
        load_tariff(connection, drawn.offer.tariff, NOON)
        offer = set_offer(connection, f"k-{seed}", 1, drawn.offer.tariff.id, NOON)
        story = told_by_the_kiosk(replace(drawn, offer=offer), str(seed))
        end = drawn.started_at + timedelta(milliseconds=drawn.samples[-1].elapsed_ms)
        take_rows(connection, f"k-{seed}", batch(rows_of(story, 1 + 100 * number)), end)
        cdr = json.loads(cdr_body(connection, story[0].receipt_id, OWNER) or "{}")
        if offer.tariff.needs_current or any(rule.need_flow for rule in offer.tariff.rules):
            continue  # what a period's power was is not published
        (tmp_path / "c.json").write_text(json.dumps(cdr))
        (tmp_path / "t.json").write_text(json.dumps(cdr["tariffs"][0]))

        assert main(["price", "--tariff", str(tmp_path / "t.json"), "--cdr", str(tmp_path / "c.json")]) == 0, seed
        found = json.loads(capsys.readouterr().out)
        assert abs(found["rounded"]["incl_vat"] - cdr["kiosk"]["rounded"]["incl_vat_minor"]) <= 1, seed
