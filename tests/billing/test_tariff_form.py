"""The tariff editor's form: every tariff survives it, and a mistake is told at its field."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.tariffs.form import MOST_CASES, fields_of, moved, net_of, read_form, with_case
from billing.tariffs.slips import slips
from billing.tariffs.trial import NotASession, made_up
from contract.restrictions import WEEKDAYS
from contract.tariff import Dimension, Tariff, TariffElement
from tests.billing.stories import NOON
from tests.contract.sessions import case

WEEK = WEEKDAYS.index
SIMPLE = {
    "currency": "EUR", "cases": "1",
    "e0.ENERGY.price": "0,57", "e0.ENERGY.vat": "20", "e0.ENERGY.step": "1",
    "e0.PARKING_TIME.price": "0.09", "e0.PARKING_TIME.vat": "20", "e0.PARKING_TIME.per": "min",
    "e0.FLAT.price": "0.30", "e0.FLAT.vat": "20",
}  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6))
def test_every_tariff_goes_through_the_form_unchanged(seed: int) -> None:
    tariff = replace(case(seed).offer.tariff, id="t", version=8)
    elements = tuple(
        TariffElement(
            tuple(sorted(element.price_components, key=lambda part: list(Dimension).index(part.type))),
            element.restrictions
            and replace(element.restrictions, day_of_week=tuple(sorted(element.restrictions.day_of_week, key=WEEK))),
        )
        for element in tariff.elements
    )

    assert read_form(fields_of(tariff), "t", 8, NOON).tariff == replace(tariff, elements=elements)


def test_prices_are_typed_as_the_driver_reads_them() -> None:
    tariff = read_form(SIMPLE, "pier", 8, NOON).tariff
    assert tariff is not None

    net = {part.type: part.price for part in tariff.elements[0].price_components}
    assert net == {
        Dimension.ENERGY: Decimal("0.475"), Dimension.PARKING_TIME: Decimal("4.5"), Dimension.FLAT: Decimal("0.25"),
    }  # fmt: skip


@given(st.decimals(0, 1000, places=4), st.sampled_from(["0", "7", "7.7", "19", "20", "25.5"]))
def test_the_gross_price_that_was_typed_is_what_is_sold(gross: Decimal, vat: str) -> None:
    net = net_of(gross, Decimal(vat))

    assert abs(net * (100 + Decimal(vat)) / 100 - gross) <= Decimal("1e-11")


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"e0.ENERGY.price": "0.5x"}, "e0.ENERGY.price", "want an amount"),
        ({"e0.ENERGY.price": "-1"}, "e0.ENERGY.price", "want an amount"),
        ({"e0.ENERGY.price": "NaN"}, "e0.ENERGY.price", "want an amount"),
        ({"e0.ENERGY.price": "1e5"}, "e0.ENERGY.price", "want an amount"),
        ({"e0.ENERGY.price": "99999999999"}, "e0.ENERGY.price", "want 0 to"),
        ({"e0.ENERGY.vat": "120"}, "e0.ENERGY.vat", "want 0 to 100 percent"),
        ({"e0.TIME.vat": "200"}, "e0.TIME.vat", "want 0 to 100 percent"),
        ({"e0.ENERGY.step": "0"}, "e0.ENERGY.step", "want 1 to"),
        ({"e0.ENERGY.step": "1.5"}, "e0.ENERGY.step", "want a whole number"),
        ({"e0.start_time": "9:00"}, "e0.start_time", "want HH:MM"),
        (
            {"e0.start_time": "09:00", "e0.end_time": "09:00"},
            "e0.end_time",
            "is also where it begins, so no time of day is left",
        ),
        ({"e0.end_date": "2026-02-30"}, "e0.end_date", "want a day"),
        ({"e0.min_kwh": "5", "e0.max_kwh": "3"}, "e0.max_kwh", "want more than 5, where it begins"),
        ({"e0.reservation": "RESERVATION"}, "e0", "prices while charging and once per charge only"),
        ({"e0.reservation": "MAYBE"}, "e0.reservation", "not a valid"),
        ({"cases": "2", "e1.MONDAY": "on"}, "e1", "no price"),
        ({"from": "tomorrow"}, "from", "want a day and time"),
        ({"from": "2020-01-01T00:00"}, "from", "2020-01-01 00:00 UTC is past; want a moment to come"),
        ({"min_gross": "3", "max_gross": "2"}, "max_gross", "less than “At least”"),
        ({"min_gross": "3", "e0.FLAT.vat": "7"}, "min_gross", "different VAT"),
        ({"min_gross": "3", "min_net": "4"}, "min_gross", "without VAT no more than with it"),
        ({"e0.ENERGY.price": "", "e0.PARKING_TIME.price": "", "e0.FLAT.price": ""}, "e0.ENERGY.price", "no price yet"),
    ],
)
def test_a_mistake_is_told_at_its_field(changed: dict[str, str], field: str, sentence: str) -> None:
    found = read_form(SIMPLE | changed, "pier", 8, NOON)

    assert found.tariff is None
    assert sentence in found.wrong.get(field, f"at {found.wrong}")


def test_cases_move_and_go_with_all_they_say() -> None:
    two = with_case(SIMPLE) | {"e1.ENERGY.price": "0.30", "e1.start_time": "22:00", "e1.SUNDAY": "on"}
    first = moved(two, 1, 0)
    tariff = read_form(first, "t", 1, NOON).tariff
    assert tariff is not None

    rules = tariff.elements[0].restrictions
    assert rules is not None and (rules.start_time, rules.day_of_week) == ("22:00", ("SUNDAY",))
    assert read_form(moved(first, 0, None), "t", 1, NOON).tariff == read_form(SIMPLE, "t", 1, NOON).tariff
    assert moved(two, 7, None) == two


OF_A_CASE = (
    "ENERGY.price", "ENERGY.vat", "TIME.price", "TIME.step", "TIME.per", "FLAT.price", "start_time", "end_date",
    "min_kwh", "max_power", "min_duration", "reservation", "SUNDAY",
)  # fmt: skip
NAMES = ("cases", "from", "min_gross", "max_net", *(f"e{n}.{name}" for n in (0, 1) for name in OF_A_CASE))
TYPED = (
    "", "0", "-1", "1e9", "NaN", "٣", "½", "9" * 40, "0." + "3" * 40, "22:00", "on", "\x00", "9999-12-31T23:59", "1.",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TYPED), max_size=20))
def test_whatever_is_typed_there_is_a_tariff_or_a_sentence(typed: dict[str, str]) -> None:
    found = read_form({"currency": "EUR"} | typed, "t", 1, NOON)

    assert (found.tariff is None) == bool(found.wrong)
    assert all(sentence for sentence in found.wrong.values())


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"kwh": "ten"}, "kwh"),
        ({"kwh": "1"}, "charging_min"),
        ({"begins": "0001-01-01T00:00", "zone": "Europe/Berlin"}, "begins"),
        ({"begins": "noon"}, "begins"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"parking_min": "9" * 30}, "parking_min"),
    ],
)
def test_a_session_that_cannot_be_is_told_at_its_field(typed: dict[str, str], field: str) -> None:
    with pytest.raises(NotASession) as caught:
        made_up(typed, 0, NOON)

    assert caught.value.field == field


def test_there_is_a_limit_on_cases() -> None:
    fields = dict(SIMPLE)
    for _ in range(MOST_CASES + 5):
        fields = with_case(fields)

    assert fields["cases"] == str(MOST_CASES)
    assert isinstance(read_form(fields, "t", 1, NOON).tariff, Tariff)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"e0.ENERGY.price": "57.00"}, "100 times the price in force, €\u00a00.57\u00a0/\u00a0kWh"),
        ({"e0.ENERGY.price": "0.057"}, "1/10 of the price in force"),
        ({"e0.ENERGY.price": "0.00001"}, "reads as €\u00a00.00\u00a0/\u00a0kWh"),
        ({"e0.PARKING_TIME.price": "5.4", "e0.PARKING_TIME.per": "min"}, "60 times the price in force"),
        ({"cases": "2", "e1.ENERGY.price": "30", "e1.ENERGY.vat": "20"}, "53 times"),
    ],
)
def test_a_price_that_looks_like_a_slip_is_told_at_its_field_and_refuses_nothing(
    typed: dict[str, str], sentence: str
) -> None:
    old = read_form(SIMPLE, "pier", 1, NOON).tariff
    new = read_form(SIMPLE | typed, "pier", 2, NOON).tariff
    assert old is not None and new is not None
    found = slips(new, old)

    (field,) = found
    assert field in typed and sentence in found[field]


def test_a_price_near_the_one_in_force_is_no_slip() -> None:
    old = read_form(SIMPLE, "pier", 1, NOON).tariff
    assert old is not None

    for price in ("0.20", "0.57", "1.20", "0"):
        new = read_form(SIMPLE | {"e0.ENERGY.price": price}, "pier", 2, NOON).tariff
        assert new is not None and slips(new, old) == slips(new, None) == {}
