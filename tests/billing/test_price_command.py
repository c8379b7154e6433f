"""`kiosk-billing price`: OCPI files in, OCPI's names out. The examples are OCPI 2.2.1's own (mod_tariffs)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from billing.cli import main
from billing.ocpi.fields import read_text
from billing.ocpi.tariff import read_tariff
from contract.tariff import TariffOffer
from contract.words.tariff import tariff_words

FLAT_050: dict[str, Any] = {"type": "FLAT", "price": 0.50, "vat": 20, "step_size": 1}
ENERGY_025: dict[str, Any] = {"type": "ENERGY", "price": 0.25, "vat": 10, "step_size": 1}
WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]


def element(*parts: dict[str, Any], **restrictions: Any) -> dict[str, Any]:
    return {"price_components": list(parts)} | ({"restrictions": restrictions} if restrictions else {})


def part(kind: str, price: float, vat: float = 0, step: int = 1) -> dict[str, Any]:
    return {"type": kind, "price": price, "vat": vat, "step_size": step}


def tariff(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"country_code": "NL", "party_id": "TNM", "id": "12", "currency": "EUR", "elements": list(elements)} | more


def period(start: str, **volumes: float) -> dict[str, Any]:
    dimensions = [{"type": kind, "volume": volume} for kind, volume in volumes.items()]
    return {"start_date_time": start, "dimensions": dimensions}


def cdr(end: str, *periods: dict[str, Any], **more: Any) -> dict[str, Any]:
    start = periods[0]["start_date_time"]
    return {"start_date_time": start, "end_date_time": end, "charging_periods": list(periods)} | more


COMPLEX = tariff(
    element(part("FLAT", 2.50, 15)),
    element(part("TIME", 1.00, 20, 900), max_current=32.00),
    element(part("TIME", 2.00, 20, 600), min_current=32.00, day_of_week=WEEK),
    element(part("TIME", 1.25, 20, 600), min_current=32.00, day_of_week=["SATURDAY", "SUNDAY"]),
    element(part("PARKING_TIME", 5.00, 10, 300), start_time="09:00", end_time="18:00", day_of_week=WEEK),
    element(part("PARKING_TIME", 6.00, 10, 300), start_time="10:00", end_time="17:00", day_of_week=["SATURDAY"]),
)
STEPS = tariff(
    element(part("TIME", 1.20, 0, 1800), start_time="00:00", end_time="17:00"),
    element(part("TIME", 2.40, 0, 900), start_time="17:00", end_time="00:00"),
    element(part("PARKING_TIME", 1.00, 0, 900), start_time="00:00", end_time="20:00"),
)
DURATIONS = tariff(
    element(part("ENERGY", 0.00, 20), max_duration=1800),
    element(part("ENERGY", 0.25, 20), max_duration=3600),
    element(part("ENERGY", 0.40, 20)),
)
RESERVATION = element(part("TIME", 5.00, 20, 60), reservation="RESERVATION")
EXPIRES_FEE = (
    element(part("FLAT", 4.00, 20), reservation="RESERVATION_EXPIRES"),
    element(part("TIME", 2.00, 20, 600), reservation="RESERVATION"),
    element(FLAT_050),
    element(ENERGY_025),
)
TWENTY_KWH = period("2026-06-01T12:00:00Z", ENERGY=20, TIME=2)
POWERS = tariff(
    element(part("ENERGY", 0.20), max_power=16),
    element(part("ENERGY", 0.35), max_power=32),
    element(part("ENERGY", 0.50)),
)


@pytest.mark.parametrize(
    ("name", "sold", "used", "excl", "incl"),
    [
        ("0.25 per kWh", tariff(element(ENERGY_025)), cdr("2026-06-01T14:00:00Z", TWENTY_KWH), 5.0, 5.5),
        ("and a start fee", tariff(element(FLAT_050, ENERGY_025)), cdr("2026-06-01T14:00:00Z", TWENTY_KWH), 5.5, 6.1),
        (
            "minimum price",
            tariff(element(ENERGY_025), min_price={"excl_vat": 0.50, "incl_vat": 0.55}),
            cdr("2026-06-01T14:00:00Z", period("2026-06-01T12:00:00Z", ENERGY=1.9)),
            0.5,
            0.55,
        ),
        (
            "maximum price, in the words of 2.3.0",
            tariff(element(FLAT_050, ENERGY_025), max_price={"before_taxes": 10, "after_taxes": 11}),
            cdr("2026-06-01T14:00:00Z", period("2026-06-01T12:00:00Z", ENERGY=50)),
            10.0,
            11.0,
        ),
        (
            "prices with their VAT in them, in the words of 2.3.0",
            tariff(element(part("FLAT", 0.60, 20), part("ENERGY", 0.50, 19)), tax_included="YES"),
            cdr("2026-06-01T14:00:00Z", TWENTY_KWH),
            0.5 + 8.4034,
            0.6 + 10,
        ),
        (
            "the same prices without it",
            tariff(element(part("FLAT", 0.60, 20), part("ENERGY", 0.50, 19)), tax_included="NO"),
            cdr("2026-06-01T14:00:00Z", TWENTY_KWH),
            0.6 + 10,
            0.72 + 11.9,
        ),
        (
            "taxes in the price, and nobody says at what rate",
            tariff(element({"type": "TIME", "price": 2.10, "step_size": 1}), tax_included="YES"),
            cdr("2026-06-01T14:30:00Z", period("2026-06-01T12:00:00Z", TIME=2.5)),
            5.25,
            5.25,
        ),
        (
            "half a cent with VAT in it is rounded up",
            tariff(element(part("ENERGY", 0.05, 19)), tax_included="YES"),
            cdr("2026-06-01T14:00:00Z", period("2026-06-01T12:00:00Z", ENERGY=0.1)),
            0.0042,
            0.005,
        ),
        (
            "parking by the quarter-hour",
            tariff(element(FLAT_050, ENERGY_025, part("PARKING_TIME", 2.00, 20, 900))),
            cdr("2026-06-01T14:40:00Z", TWENTY_KWH, period("2026-06-01T14:00:00Z", PARKING_TIME=0.6667)),
            7.0,
            7.9,
        ),
        (
            "charging, then parking",
            tariff(element(part("TIME", 3.00, 10, 60), part("PARKING_TIME", 5.00, 20, 300))),
            cdr(
                "2026-06-01T15:12:00Z",
                period("2026-06-01T12:00:00Z", TIME=2.5),
                period("2026-06-01T14:30:00Z", PARKING_TIME=0.7),
            ),
            11.25,
            12.75,
        ),
        (
            "complex, on a Saturday",
            COMPLEX,
            cdr(
                "2026-06-06T16:35:00Z",
                period("2026-06-06T13:30:00Z", TIME=1.9, ENERGY=50, MIN_CURRENT=43),
                period("2026-06-06T15:24:00Z", PARKING_TIME=1.1833),
            ),
            12.375,
            13.975,
        ),
        (
            "complex, on a Monday: parking rounds, charging does not",
            COMPLEX,
            cdr(
                "2026-06-01T12:39:00Z",
                period("2026-06-01T09:30:00Z", TIME=2.45, ENERGY=20, MAX_CURRENT=16),
                period("2026-06-01T11:57:00Z", PARKING_TIME=0.7),
            ),
            2.5 + 2.45 + 3.75,
            2.875 + 2.94 + 4.125,
        ),
        (
            "complex, on a Monday, as 2.2.1 has it today",
            COMPLEX,
            cdr(
                "2026-06-01T12:57:00Z",
                period("2026-06-01T09:30:00Z", TIME=2.75, MAX_CURRENT=16),
                period("2026-06-01T12:15:00Z", PARKING_TIME=0.7),
            ),
            9.0,
            10.3,
        ),
        (
            "charging over 17:00, then parking: only the parking is rounded; hours as a program divides them",
            STEPS,
            cdr(
                "2026-06-01T17:07:00Z",
                period("2026-06-01T16:55:00Z", TIME=10 / 60),
                period("2026-06-01T17:05:00Z", PARKING_TIME=2 / 60),
            ),
            0.55,
            0.55,
        ),
        (
            "parking that becomes free is rounded at its last price",
            STEPS,
            cdr(
                "2026-06-01T20:12:00Z",
                period("2026-06-01T19:40:00Z", TIME=0.2),
                period("2026-06-01T19:52:00Z", PARKING_TIME=20 / 60),
            ),
            0.73,
            0.73,
        ),
        (
            "by duration: half an hour free",
            DURATIONS,
            cdr(
                "2026-06-01T12:40:00Z",
                period("2026-06-01T12:00:00Z", ENERGY=5, TIME=0.5),
                period("2026-06-01T12:30:00Z", ENERGY=1.2, TIME=0.1667),
            ),
            0.30,
            0.36,
        ),
        (
            "another element at 17:00, cut inside a period",
            STEPS,
            cdr("2026-06-01T17:10:00Z", period("2026-06-01T16:35:00Z", TIME=0.5833)),
            1.3,
            1.3,
        ),
        (
            "parking is free after 20:00, so charging is rounded",
            STEPS,
            cdr(
                "2026-06-01T20:07:00Z",
                period("2026-06-01T19:55:00Z", TIME=0.1667),
                period("2026-06-01T20:05:00Z", PARKING_TIME=0.0333),
            ),
            0.6,
            0.6,
        ),
        (
            "by power",
            POWERS,
            cdr(
                "2026-06-01T13:07:30Z",
                period("2026-06-01T12:00:00Z", ENERGY=1, TIME=0.1667),
                period("2026-06-01T12:10:00Z", ENERGY=40, TIME=0.8333),
                period("2026-06-01T13:00:00Z", ENERGY=0.5, TIME=0.125),
            ),
            20.3,
            20.3,
        ),
        (
            "a reservation of 15 minutes",
            tariff(RESERVATION, element(FLAT_050), element(ENERGY_025)),
            cdr(
                "2026-06-01T14:00:00Z",
                period("2026-06-01T11:45:00Z", RESERVATION_TIME=0.25),
                TWENTY_KWH,
            ),
            6.75,
            7.6,
        ),
        (
            "a reservation that was used in time",
            tariff(*EXPIRES_FEE),
            cdr("2026-06-01T14:00:00Z", period("2026-06-01T11:38:00Z", RESERVATION_TIME=0.3667), TWENTY_KWH),
            6.5,
            7.3,
        ),
        (
            "a reservation that expired",
            tariff(*EXPIRES_FEE),
            cdr(
                "2026-06-01T13:00:00Z",
                period("2026-06-01T12:00:00Z", RESERVATION_TIME=1),
                reservation_expired=True,
            ),
            6.0,
            7.2,
        ),
        (
            "a reservation that expired, by another price per hour",
            tariff(
                element(part("TIME", 6.00, 20, 600), reservation="RESERVATION_EXPIRES"),
                element(part("TIME", 3.00, 20, 600), reservation="RESERVATION"),
                element(FLAT_050, ENERGY_025),
            ),
            cdr(
                "2026-06-01T13:30:00Z",
                period("2026-06-01T12:00:00Z", RESERVATION_TIME=1.5),
                reservation_expired=True,
            ),
            9.0,
            10.8,
        ),
    ],
)
def test_ocpis_examples_cost_what_ocpi_says(
    name: str,
    sold: dict[str, Any],
    used: dict[str, Any],
    excl: float,
    incl: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = run(tmp_path, capsys, sold, used)

    assert (found["total_cost"]["excl_vat"], found["total_cost"]["incl_vat"]) == pytest.approx((excl, incl), abs=1e-9)
    parts = ("energy", "time", "parking", "fixed", "reservation")
    if found["rule"] == "measured":
        assert sum(found[f"total_{p}_cost"]["excl_vat"] for p in parts) == pytest.approx(excl, abs=2e-4)


def run(
    folder: Path, capsys: pytest.CaptureFixture[str], sold: Any, used: Any, *more: str, code: int = 0
) -> dict[str, Any]:
    (folder / "t.json").write_text(sold if isinstance(sold, str) else json.dumps(sold))
    (folder / "c.json").write_text(used if isinstance(used, str) else json.dumps(used))

    assert main(["price", "--tariff", str(folder / "t.json"), "--cdr", str(folder / "c.json"), *more]) == code
    said = capsys.readouterr()
    if code:
        assert said.out == "" and said.err.count("\n") == 1, "one line, and nothing else"
        return {"error": said.err}
    found: dict[str, Any] = json.loads(said.out)
    return found


@pytest.mark.parametrize(("zone", "incl"), [("Europe/Berlin", 1.0), ("UTC", 2.0), ("America/New_York", 2.0)])
def test_a_time_of_day_is_the_places_own(
    zone: str, incl: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sold = tariff(element(part("ENERGY", 1), start_time="20:00", end_time="06:00"), element(part("ENERGY", 2)))
    used = cdr("2026-06-01T19:00:00Z", period("2026-06-01T18:00:00Z", ENERGY=1))

    found = run(tmp_path, capsys, sold, used, "--time-zone", zone)

    assert found["total_cost"]["incl_vat"] == incl
    assert run(tmp_path, capsys, sold, used | {"cdr_location": {"time_zone": zone}}) == found


@pytest.mark.parametrize(
    ("currency", "text", "minor"), [("JPY", "44.6250", 45), ("KRW", "44.6250", 45), ("KWD", "44.6250", 44625)]
)
def test_amounts_have_four_decimals_and_the_currencys_own_minor_unit(
    currency: str, text: str, minor: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sold = tariff(element(part("ENERGY", 42.5, 5))) | {"currency": currency}
    used = cdr("2026-06-01T19:00:00Z", period("2026-06-01T18:00:00Z", ENERGY=1))
    (tmp_path / "t.json").write_text(json.dumps(sold))
    (tmp_path / "c.json").write_text(json.dumps(used))

    assert main(["price", "--tariff", str(tmp_path / "t.json"), "--cdr", str(tmp_path / "c.json")]) == 0
    said = capsys.readouterr().out

    assert f'"incl_vat": {text}' in said
    assert json.loads(said)["rounded"]["incl_vat"] == minor


GOOD = tariff(element(ENERGY_025))
USED = cdr("2026-06-01T14:00:00Z", TWENTY_KWH)
TWICE = cdr("2026-06-01T14:00:00Z", TWENTY_KWH, period("2026-06-01T12:00:00Z"))


@pytest.mark.parametrize(
    ("sold", "used", "more", "named"),
    [
        ("{", USED, (), "t.json: not JSON"),
        ("[]", USED, (), "t.json: want one JSON object"),
        (GOOD | {"currency": "EURO"}, USED, (), "currency 'EURO'"),
        (tariff(), USED, (), "elements: want a list"),
        (GOOD | {"max_prise": {}}, USED, (), "t.json: max_prise: unknown key"),
        (tariff(element(part("ENERGI", 1))), USED, (), "elements[0].price_components[0].type"),
        (
            tariff(element({"type": "ENERGY", "price": 1})),
            USED,
            (),
            "elements[0].price_components[0].step_size: missing",
        ),
        (tariff(element(ENERGY_025 | {"price": "0.25"})), USED, (), "price_components[0].price: want a number"),
        (tariff(element(ENERGY_025 | {"price": -1})), USED, (), "price_components[0].price: want 0 to"),
        (tariff(element(ENERGY_025, start_time="9:00")), USED, (), "elements[0].restrictions: start_time '9:00'"),
        (tariff(element(ENERGY_025, day_of_week=["MON"])), USED, (), "restrictions.day_of_week"),
        (tariff(element(ENERGY_025, min_kwh=5, max_kwh=5)), USED, (), "restrictions: max_kwh 5: want more than"),
        (tariff(element(ENERGY_025, max_kw=5)), USED, (), "elements[0].restrictions.max_kw: unknown key"),
        (GOOD, USED | {"currency": "USD"}, (), "c.json: currency: USD"),
        (GOOD, {**USED, "end_date_time": "yesterday"}, (), "c.json: end_date_time"),
        (GOOD, {**USED, "end_date_time": "2026-06-01T16:00:00+02:00"}, (), "c.json: end_date_time"),
        (GOOD, {**USED, "end_date_time": "2026-06-01T11:00:00Z"}, (), "c.json: end_date_time: is before"),
        (GOOD, {**USED, "charging_periods": []}, (), "c.json: charging_periods: want a list"),
        (GOOD, cdr("2026-06-01T14:00:00Z", period("2026-06-01T12:00:00Z", VOLTS=1)), (), "dimensions[0].type"),
        (GOOD, cdr("2026-06-01T12:30:00Z", TWENTY_KWH), (), "charging_periods[0].dimensions: TIME"),
        (COMPLEX, USED, (), "charging_periods[0].dimensions: no CURRENT"),
        (GOOD, USED, ("--time-zone", "Mars/Olympus"), "--time-zone 'Mars/Olympus'"),
        (GOOD, USED | {"cdr_location": {"time_zone": "Mars/X"}}, (), "c.json: cdr_location.time_zone 'Mars/X'"),
        (GOOD, USED | {"cdr_location": []}, (), "c.json: cdr_location: want an object"),
        (GOOD, TWICE, (), "c.json: charging_periods[1].start_date_time: is also that of the period before"),
        (GOOD, USED | {"reservation_expired": True}, (), "reservation_expired: true, but ENERGY"),
        (GOOD, cdr("9999-06-01T14:00:00Z", TWENTY_KWH), (), "c.json: end_date_time: '9999-06-01T14:00:00Z'"),
        (GOOD, cdr("2028-06-01T14:00:00Z", TWENTY_KWH), (), "end_date_time: is more than 366 days after"),
        ('{"currency": "EUR", "currency": "JPY"}', USED, (), "t.json: currency: stands twice"),
        (tariff(element(ENERGY_025 | {"price": float("nan")})), USED, (), "t.json: not JSON: NaN is no number"),
        (tariff(element(ENERGY_025 | {"step_size": 0})), USED, (), "price_components[0]: ENERGY step_size 0"),
        (GOOD | {"tax_included": "N/A"}, USED, (), "t.json: elements[0].price_components[0].vat: the tariff's tax"),
        (GOOD | {"tax_included": "yes"}, USED, (), "t.json: tax_included"),
        (GOOD | {"id": "x" * 37}, USED, (), "t.json: id: 'xxx"),
        (GOOD, USED, ("--time-zone", ""), "--time-zone ''"),
        (GOOD, USED | {"reservation_expired": "yes"}, (), "c.json: reservation_expired: want true or false"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_that_names_the_field(
    sold: Any,
    used: Any,
    more: tuple[str, ...],
    named: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert named in run(tmp_path, capsys, sold, used, *more, code=2)["error"]


def test_a_price_with_its_vat_in_it_reads_as_it_was_given() -> None:
    sold = tariff(element(part("ENERGY", 0.49, 19), part("PARKING_TIME", 6.00, 19)), tax_included="YES")
    rows = tariff_words(TariffOffer(read_tariff(read_text(json.dumps(sold)))), "en").rows

    assert [row.text.replace("\u00a0", " ") for row in rows] == ["Energy: € 0.49 / kWh", "After charging: € 0.10 / min"]
