"""A tariff in words: every language, the legal order, gross, and when each price holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings

from contract.restrictions import WEEKDAYS, DayOfWeek, TariffRestrictions
from contract.tariff import Dimension, PriceComponent, PriceLimit, Tariff, TariffElement, TariffOffer
from contract.words import now_words, tariff_words
from contract.words.texts import LANGUAGES, REFERENCE, differences, parse
from contract.words.when import when
from kiosk.ui.texts import LANGUAGES as SCREEN_LANGUAGES
from tests.contract.values import OFFERS


def part(kind: Dimension, price: str) -> PriceComponent:
    return PriceComponent(kind, Decimal(price), Decimal(20))


NIGHT = TariffRestrictions(start_time="22:00", end_time="06:00")
OFFER = TariffOffer(
    Tariff(
        "t",
        1,
        "EUR",
        (
            TariffElement((part(Dimension.FLAT, "1.00"),)),
            TariffElement((part(Dimension.PARKING_TIME, "6.00"),)),
            TariffElement((part(Dimension.ENERGY, "0.30"),), NIGHT),
            TariffElement((part(Dimension.ENERGY, "0.50"), part(Dimension.TIME, "1.00"))),
        ),
        max_price=PriceLimit(Decimal(50), Decimal(60)),
    ),
    parking_grace_s=600,
    time_zone="Europe/Berlin",
)


def test_the_rows_stand_in_the_order_the_law_asks_for() -> None:
    words = tariff_words(OFFER, "en")

    assert [row.text.replace("\u00a0", " ") for row in words.rows] == [
        "Energy: 22:00–06:00 € 0.36 / kWh; otherwise € 0.60 / kWh",
        "While charging: € 0.02 / min",
        "After charging: 10 min free, then € 0.12 / min",
        "Once per charge: € 1.20",
        "At most: € 60.00",
    ]
    assert words.vat.replace("\u00a0", " ") == "Prices incl. 20 % VAT"


@pytest.mark.parametrize(
    ("rule", "german"),
    [
        (TariffRestrictions(day_of_week=WEEKDAYS[:5], start_time="08:00"), "Mo.–Fr., 08:00–24:00"),
        (TariffRestrictions(day_of_week=(DayOfWeek.SUNDAY, DayOfWeek.SATURDAY)), "Sa., So."),
        (TariffRestrictions(start_date="2026-12-24", end_date="2026-12-27"), "24.12.2026 bis 26.12.2026"),
        (TariffRestrictions(start_date="2026-12-24", end_date="2026-12-25"), "24.12.2026"),
        (TariffRestrictions(end_date="2027-01-01"), "bis 31.12.2026"),
        (TariffRestrictions(min_kwh=Decimal(10), max_kwh=Decimal("40.5")), "10 bis 40,5 kWh"),
        (TariffRestrictions(min_power=Decimal(22)), "ab 22 kW"),
        (TariffRestrictions(max_current=Decimal(32)), "unter 32 A"),
        (TariffRestrictions(min_duration=5400), "nach 90 min"),
        (TariffRestrictions(max_duration=90), "in den ersten 90 s"),
    ],
)
def test_when_a_price_holds_is_said_in_one_phrase(rule: TariffRestrictions, german: str) -> None:
    assert when(rule, LANGUAGES["de"]).replace("\u00a0", " ") == german


def test_what_holds_now_is_said_with_its_end() -> None:
    evening = now_words(OFFER, "en", datetime(2026, 11, 21, 20, 15, tzinfo=UTC), 11_000, 48_000)  # 21:15 in Berlin
    night = now_words(OFFER, "en", datetime(2026, 11, 21, 21, 15, tzinfo=UTC), 11_000, 48_000)

    assert (evening.energy.replace("\u00a0", " "), evening.until) == ("€ 0.60 / kWh", "until 22:00")
    assert (night.energy.replace("\u00a0", " "), night.until) == ("€ 0.36 / kWh", "until 06:00")


def test_what_no_element_prices_is_free() -> None:
    only_night = replace(OFFER.tariff, elements=(TariffElement((part(Dimension.ENERGY, "0.30"),), NIGHT),))
    row = tariff_words(replace(OFFER, tariff=only_night), "en").rows[0]

    assert [(entry.when, entry.price.replace("\u00a0", " ")) for entry in row.entries] == [
        ("22:00–06:00", "€ 0.36 / kWh"),
        ("otherwise", "free"),
    ]


@settings(max_examples=60, deadline=None)
@given(OFFERS)
def test_any_tariff_has_words_in_every_language(offer: TariffOffer) -> None:
    for language in LANGUAGES:
        words = tariff_words(offer, language)
        assert words.vat and all(row.text and row.entries for row in words.rows)


def test_the_languages_are_those_of_the_screen_and_say_the_same_things() -> None:
    assert set(LANGUAGES) == set(SCREEN_LANGUAGES)
    broken = parse("xx", '[language]\nlocale = "en"\n[row]\nline = "{name}"\ncolour = "x"\n')
    found = differences(broken, LANGUAGES[REFERENCE])

    assert "words/xx.toml: row.colour: unknown key" in found
    assert "words/xx.toml: row.line: want the reference's placeholders" in found
    assert "words/xx.toml: vat.one is missing" in found
