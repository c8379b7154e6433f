"""The tariff pages over HTTP: who may what, what is written down, OCPI out and in again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from billing.database import open_database
from billing.directory import current_offer
from billing.ocpi.fields import read_text
from billing.ocpi.tariff import read_tariff
from billing.ocpi.write import VERSIONS, tariff_json
from billing.people.roles import Role
from billing.people.tables import audit_log
from billing.settings import Settings
from billing.tariffs.checks import warnings_about
from billing.tariffs.trial import made_up, past, priced
from contract.restrictions import TariffRestrictions
from contract.tariff import TariffOffer
from tests.billing.client import running
from tests.billing.conftest import SERVER_KEY
from tests.billing.people import Browser, signed_in
from tests.billing.stories import NOON, TARIFF, interrupted
from tests.billing.test_pages import upload
from tests.contract.sessions import case

HOME = f"/operator/tariffs/{TARIFF.id}"
DRAFT = {"cases": "1", "e0.ENERGY.price": "0.60", "e0.ENERGY.vat": "20", "e0.ENERGY.step": "1"}


@pytest.fixture
def stored(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def base_url(database_url: str) -> Iterator[str]:
    own = Settings(database_url, SERVER_KEY, country_code="DE", party_id="HRB", now=lambda: NOON)
    with running(own) as url:
        yield url


@pytest.fixture
def finance(base_url: str, stored: Engine) -> Browser:
    return signed_in(base_url, stored, Role.FINANCE, now=lambda: NOON)


def test_a_version_is_published_for_later_and_noted(finance: Browser, stored: Engine) -> None:
    finance.post(f"{HOME}/next")
    finance.post(f"{HOME}/draft", data=DRAFT | {"from": "2026-06-01T00:00"})
    asked = finance.get(f"{HOME}/publish").text
    assert "Mon 1 Jun 2026, 00:00 UTC" in asked and "30 days after its last contact" in asked
    answer = finance.post(f"{HOME}/publish", data={"version": "2"})

    assert "Scheduled" in answer.text and "until Mon 1 Jun 2026, 00:00 UTC" in answer.text
    with stored.begin() as connection:
        later = current_offer(connection, "hk-07", 1, NOON + timedelta(days=30))
        now = current_offer(connection, "hk-07", 1, NOON)
        assert later is not None and now is not None
        assert (now.tariff.version, later.tariff.version) == (1, 2)
        deeds = [row.what for row in connection.execute(select(audit_log))]
    assert "published version 2 from Mon 1 Jun 2026, 00:00 UTC" in deeds


def test_a_version_is_never_published_from_a_moment_that_is_past(base_url: str, stored: Engine) -> None:
    clock = [NOON]
    own = Settings(str(stored.url.render_as_string(hide_password=False)), SERVER_KEY, now=lambda: clock[0])
    with running(own) as url:
        finance = signed_in(url, stored, Role.FINANCE, now=lambda: NOON)
        finance.post(f"{HOME}/next")
        page = finance.post(f"{HOME}/draft", data=DRAFT | {"from": "2020-01-01T00:00"}).text
        assert "2020-01-01 00:00 UTC is past; want a moment to come" in page and "Checks passed" not in page
        assert finance.get(f"{HOME}/publish").url.endswith("/draft")
        assert finance.post(f"{HOME}/publish", data={"version": "2"}).url.endswith("/draft")

        soon = NOON + timedelta(minutes=1)
        finance.post(f"{HOME}/draft", data=DRAFT | {"from": f"{soon:%Y-%m-%dT%H:%M}"})
        assert "Publish version 2" in finance.get(f"{HOME}/publish").text
        clock[0] = NOON + timedelta(minutes=2)
        assert finance.post(f"{HOME}/publish", data={"version": "2"}).url.endswith("/draft")
        assert "version 1 is in force" in finance.get(HOME).text

        finance.post(f"{HOME}/draft", data=DRAFT | {"from": ""})
        finance.post(f"{HOME}/publish", data={"version": "2"})
        assert "version 2 is in force" in finance.get(HOME).text
    with stored.begin() as connection:
        deeds = [row.what for row in connection.execute(select(audit_log))]
    assert [deed for deed in deeds if "published" in deed] == ["published version 2"]


def test_a_price_a_hundred_times_the_one_in_force_is_asked_about_and_can_be_published(finance: Browser) -> None:
    finance.post(f"{HOME}/next")
    page = finance.post(f"{HOME}/draft", data=DRAFT | {"e0.ENERGY.price": "54"}).text
    asked = finance.get(f"{HOME}/publish").text

    assert "100 times the price in force" in page and "Checks passed" not in page
    assert "Per kWh, price:" in asked and "100 times the price in force" in asked
    finance.post(f"{HOME}/publish", data={"version": "2"})
    assert "version 2 is in force" in finance.get(HOME).text


def test_one_mistake_leaves_the_other_prices_without_vat_where_they_stand(finance: Browser) -> None:
    finance.post(f"{HOME}/next")
    page = finance.post(f"{HOME}/draft", data=DRAFT | {"e0.FLAT.price": "much"}).text

    assert "0.5/kWh" in page and "Once per charge, price" in page and "Case 1, once per charge" not in page


def test_an_operator_drafts_and_does_not_publish(base_url: str, stored: Engine) -> None:
    operator = signed_in(base_url, stored, Role.OPERATOR, now=lambda: NOON)
    operator.post(f"{HOME}/next")
    operator.post(f"{HOME}/draft", data=DRAFT)

    assert operator.post(f"{HOME}/publish", data={"version": "2"}).status_code == 403
    assert operator.post(f"{HOME}/offer", data={"kiosk": "hk-07", "evse": "1"}).status_code == 403
    assert "role finance or admin" in operator.get(f"{HOME}/publish").text
    assert Browser(base_url).get(HOME, allow_redirects=False).status_code == 303


def test_a_draft_with_a_mistake_is_kept_and_not_published(finance: Browser) -> None:
    finance.post(f"{HOME}/next")
    page = finance.post(f"{HOME}/draft", data=DRAFT | {"e0.ENERGY.price": "much"}).text
    assert 'value="much"' in page and "want an amount, as 0.57" in page

    assert finance.post(f"{HOME}/publish", data={"version": "2"}).url.endswith("/draft")
    assert "version 1 is in force" in finance.get(HOME).text


def test_a_publishing_that_is_refused_says_why_and_changes_nothing(finance: Browser) -> None:
    finance.post(f"{HOME}/next")
    finance.post(f"{HOME}/draft", data=DRAFT | {"from": "2028-01-01T00:00"})
    page = finance.post(f"{HOME}/publish", data={"version": "2"}).text

    assert "Not published." in page and "want within 400 days" in page
    assert 'value="2028-01-01T00:00"' in page


def test_who_looked_at_another_version_looks_again(finance: Browser) -> None:
    finance.post(f"{HOME}/next")
    finance.post(f"{HOME}/draft", data=DRAFT)

    assert finance.post(f"{HOME}/publish", data={"version": "7"}).url.endswith("/publish")


def test_a_tariff_is_offered_with_its_offline_tariff(finance: Browser, stored: Engine) -> None:
    wanted = {"kiosk": "hk-07", "evse": "2", "grace_min": "5", "offline": TARIFF.id}
    finance.post(f"{HOME}/offer", data=wanted)
    with stored.begin() as connection:
        offer = current_offer(connection, "hk-07", 2)

    assert offer is not None and offer.offline_tariff is not None and offer.parking_grace_s == 300
    wrong = finance.post(f"{HOME}/offer", data=wanted | {"evse": "0", "grace_min": "x"})
    assert wrong.status_code == 422 and "want a number from 1 to 99" in wrong.text
    assert finance.post(f"{HOME}/offer", data=wanted | {"kiosk": "hk-99"}).status_code == 422


@pytest.mark.parametrize("ocpi", VERSIONS)
def test_a_version_is_read_as_ocpi_json(finance: Browser, ocpi: str) -> None:
    answer = finance.get(f"{HOME}/1.json?ocpi={ocpi}")
    found = json.loads(answer.text)

    assert (found["country_code"], found["party_id"], found["id"]) == ("DE", "HRB", TARIFF.id)
    assert found["elements"][0]["price_components"][0] == {"type": "ENERGY", "price": 0.45, "vat": 20, "step_size": 1}
    assert ("tax_included" in found) == (ocpi == "2.3.0")
    assert [text["language"] for text in found["tariff_alt_text"]] == ["en", "de", "ja"]
    assert finance.get(f"{HOME}/1.json?ocpi=3.0").status_code == 422
    assert finance.get(f"{HOME}/9.json").status_code == 404


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(VERSIONS))
def test_a_tariff_goes_out_as_ocpi_and_comes_back_the_same(seed: int, ocpi: str) -> None:
    tariff = case(seed).offer.tariff
    elements = tuple(
        replace(
            e, price_components=tuple(replace(p, step_size=1) if p.type == "FLAT" else p for p in e.price_components)
        )
        for e in tariff.elements
    )
    text = tariff_json(tariff, "DE", "HRB", NOON, from_=NOON, ocpi=ocpi)

    assert read_tariff(read_text(text)) == replace(tariff, elements=elements)


def test_a_past_session_costs_again_what_it_cost(stored: Engine) -> None:
    one, other = interrupted(transaction_id="t-1", receipt_id="ab" * 16)
    upload(stored, [*one, *other])
    with stored.begin() as connection:
        for name in ("t-1", "ab" * 16, one[0].order_id):
            usage = past(connection, name)
            whole = one[-1].total_incl_vat_minor or 0
            assert priced(TARIFF, usage).incl_vat_minor == whole + (other[-1].total_incl_vat_minor or 0)


def test_a_made_up_session_has_a_reservation_and_a_time_of_day() -> None:
    asked = {"kwh": "10", "charging_min": "60", "parking_min": "30", "begins": "2026-06-15T22:30", "zone": "Asia/Tokyo"}
    usage = made_up(asked, 600, NOON)

    assert priced(TARIFF, usage).incl_vat_minor == 540 + 60 + 120
    expired = made_up({"reserved_min": "60", "expired": "on"}, 0, NOON)
    assert expired.reservation is not None and expired.reservation.has_expired and len(expired.samples) == 1
    assert usage.began.isoformat() == "2026-06-15T13:30:00+00:00"


def test_what_should_be_known_before_publishing_is_said() -> None:
    night = replace(TARIFF.elements[0], restrictions=TariffRestrictions(start_time="22:00", end_time="06:00"))
    gaps = warnings_about(replace(TARIFF, elements=(night,)), [("HK-07 EVSE 1", TariffOffer(TARIFF, 0))])

    assert sum("is free whenever none of its cases holds" in line for line in gaps) == 3
    assert any("no offline tariff stands in for it at HK-07 EVSE 1" in line for line in gaps)
    assert any("from its first second" in line for line in gaps)
    twice = warnings_about(replace(TARIFF, elements=(TARIFF.elements[0], night)))
    assert any("Case 2 never sets the price of energy" in line for line in twice)
