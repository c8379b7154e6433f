"""The receipt in three languages and every state; the operator's pages for staff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from billing.database import open_database
from billing.directory import load_tariff, set_offer
from billing.intake import take_rows
from billing.pages.render import LANGUAGES, choose_language, money
from billing.pages.texts import RECEIPT
from billing.settings import Settings
from billing.vouchers import remember_voucher
from contract.identity import TokenKind
from contract.tariff import TariffOffer
from contract.tokens import Voucher
from contract.transaction import ClockQuality, StoppedReason, TransactionEvent
from tests.billing.client import running
from tests.billing.conftest import SERVER_KEY
from tests.billing.people import Browser, signed_in
from tests.billing.stories import NOON, TARIFF, batch, charge, rows_of

RECEIPT_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def stored(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def web(stored: Engine, database_url: str) -> Iterator[Browser]:
    settings = Settings(
        database_url,
        SERVER_KEY,
        help_contact="+49 40 555 0107",
        now=lambda: NOON,
    )
    with running(settings) as base_url:
        yield Browser(base_url)


def upload(engine: Engine, story: list[TransactionEvent]) -> None:
    with engine.begin() as connection:
        take_rows(connection, "hk-07", batch(rows_of(story)), NOON)


def receipt(web: Browser, language: str = "en") -> str:
    answer = web.get(f"/r/{RECEIPT_ID}?lang={language}")
    assert answer.status_code == 200
    return answer.text


def test_every_language_has_every_word() -> None:
    assert set(RECEIPT) == set(LANGUAGES)
    for words in RECEIPT.values():
        assert set(words) == set(RECEIPT["en"]) and all(words.values())


def test_before_the_upload_the_receipt_says_it_will_come(web: Browser) -> None:
    assert "The kiosk may be offline" in receipt(web)
    assert "Die Ladestation ist vielleicht offline" in receipt(web, "de")
    assert "オフライン" in receipt(web, "ja")


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", ["€\u00a01.91", "0.750\u00a0kWh × €\u00a00.54", "15\u00a0min × €\u00a00.06", "VAT 20 %", "14:00–14:30",
                "UTC+2", "48,213.407\u00a0kWh", "HK-07 · Connector 1 · Pier 4 North", "Card …E680", "+49 40 555 0107"]),
        ("de", ["1,91\u00a0€", "0,750\u00a0kWh × 0,54\u00a0€", "MwSt. 20 %", "48.213,407\u00a0kWh", "Do., 14. Mai"]),
        ("ja", ["合計", "2026年5月14日(木)", "0.750\u00a0kWh × €0.54", "税 20 %"]),
    ],
)  # fmt: skip
def test_a_finished_receipt_explains_its_total(web: Browser, stored: Engine, language: str, wanted: list[str]) -> None:
    upload(stored, charge(receipt_id=RECEIPT_ID.upper(), minutes=5, parked_minutes=25))
    text = receipt(web, language)

    assert f'<html lang="{language}">' in text
    for part in wanted:
        assert part in text


def test_the_language_follows_the_browser_unless_chosen() -> None:
    assert choose_language(None, "fr-FR,ja;q=0.5,de-AT;q=0.9") == "de"
    assert choose_language("ja", "de") == "ja"
    assert choose_language("xx", "x;q=y") == "en"


def test_a_running_charge_shows_what_arrived_so_far(web: Browser, stored: Engine) -> None:
    upload(stored, charge(receipt_id=RECEIPT_ID)[:4])

    assert "0.450\u00a0kWh so far" in receipt(web)


def test_events_without_their_start_are_no_error(web: Browser, stored: Engine) -> None:
    upload(stored, charge(receipt_id=RECEIPT_ID)[2:])

    assert "Not finished" in receipt(web)


def test_a_doubted_charge_says_so_and_claims_no_energy(web: Browser, stored: Engine) -> None:
    story = charge(receipt_id=RECEIPT_ID)
    upload(stored, [replace(story[0], meter=replace(story[0].meter, import_wh=0)), *story[1:]])
    text = receipt(web)

    assert "We are checking this charge" in text and "Delivered" not in text


def test_notes_tell_of_offline_clock_and_power_loss(web: Browser, stored: Engine) -> None:
    story = charge(
        receipt_id=RECEIPT_ID,
        offline=True,
        clock_quality=ClockQuality.UNKNOWN,
        stopped_reason=StoppedReason.POWER_LOSS,
        token_kind=TokenKind.VOUCHER,
        voucher_id="v",
    )
    upload(stored, story)
    text = receipt(web)

    for part in ("had no connection", "was not synchronised", "lost power", "Taken from the voucher"):
        assert part in text


def test_a_receipt_says_what_happens_to_the_rest_of_a_voucher(web: Browser, stored: Engine) -> None:
    in_a_month = NOON + timedelta(days=30)
    with stored.begin() as connection:
        remember_voucher(connection, Voucher("v", "hk-07", 2_000, "EUR", in_a_month), NOON)
    story = charge(receipt_id=RECEIPT_ID, minutes=5, parked_minutes=25, token_kind=TokenKind.VOUCHER, voucher_id="v")
    upload(stored, story)

    for language, rest, rule in (
        ("en", "€\u00a018.09", "A voucher is used once; what is not used is not paid out."),
        ("de", "18,09\u00a0€", "was nicht verbraucht ist, wird nicht ausgezahlt"),
        ("ja", "€18.09", "1回限り"),
    ):
        assert rest in receipt(web, language) and rule in receipt(web, language)


def test_times_of_a_receipt_are_not_broken_between_lines(web: Browser, stored: Engine) -> None:
    upload(stored, charge(receipt_id=RECEIPT_ID))

    assert '<span class="whole">14:00–14:05 (UTC+2)</span>' in receipt(web)


def test_lines_share_the_rounded_total_so_that_they_sum_to_it(web: Browser, stored: Engine) -> None:
    element = TARIFF.elements[0]
    parts = tuple(replace(part, price=Decimal("0.504")) for part in element.price_components)
    odd = replace(TARIFF, id="odd", elements=(replace(element, price_components=parts),))
    with stored.begin() as connection:
        load_tariff(connection, odd, NOON)
        set_offer(connection, "hk-07", 1, "odd", NOON)
    upload(stored, charge(receipt_id=RECEIPT_ID, minutes=1, wh_per_minute=20, offer=TariffOffer(odd, 0)))
    text = receipt(web)

    # 0.6048 and 0.0121 make 0.6169: 0.62 in all, of which the session takes the cent that rounding left over.
    assert all(f'<td class="num">€\u00a0{amount}</td>' in text for amount in ("0.61", "0.01", "0.62"))


def test_an_id_that_cannot_be_one_is_said_to_be_none(web: Browser) -> None:
    answer = web.get("/r/%3Cscript%3E")

    assert answer.status_code == 404
    assert "names no receipt" in answer.text and "<script>" not in answer.text


def test_money_has_the_currencys_own_decimals() -> None:
    assert money(1234567, "EUR", "en") == "€\u00a012,345.67"
    assert money(-318, "EUR", "de") == "−3,18\u00a0€"
    assert money(1234, "KWD", "en").endswith("1.234")


@pytest.fixture
def desk(web: Browser, stored: Engine) -> Browser:
    """An operator at their desk."""
    return signed_in(web.base_url, stored, now=lambda: NOON)


@pytest.mark.parametrize("path", ["", "/sessions", "/quarantine"])
def test_operator_pages_lead_to_the_sign_in_page_and_explain_their_emptiness(
    web: Browser, desk: Browser, path: str
) -> None:
    refused = web.get(f"/operator{path}", allow_redirects=False)
    assert (refused.status_code, refused.headers["Location"][:14]) == (303, "/sign-in?next=")
    answer = desk.get(f"/operator{path}")

    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    if path:
        assert 'class="empty"' in answer.text


def test_the_operator_sees_events_lines_and_doubts_of_a_session(desk: Browser, stored: Engine) -> None:
    upload(stored, charge(transaction_id="t-1", total_incl_vat_minor=7, parked_minutes=15))
    session = desk.get("/operator/sessions/hk-07/t-1").text

    assert "Plugged in after charging" in session and "Kiosk price" in session and "48,213.557\u00a0kWh" in session
    assert "/operator/sessions/hk-07/t-1" in desk.get("/operator/sessions").text
    assert "kiosk price" in desk.get("/operator/quarantine").text
    assert "HK-07" in desk.get("/operator").text
    assert desk.get("/operator/sessions/hk-07/none").status_code == 404


def test_an_alarm_is_acknowledged_only_from_our_own_page(desk: Browser) -> None:
    path = "/operator/alarms/hk-07/clear"

    assert desk.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert desk.post(path, allow_redirects=False).status_code == 303


def test_the_receipt_says_the_agreed_prices_in_words(web: Browser, stored: Engine) -> None:
    upload(stored, charge(receipt_id=RECEIPT_ID))
    text = receipt(web).replace("\u00a0", " ")

    assert "Energy: € 0.54 / kWh<br>After charging: 10 min free, then € 0.06 / min<br>Once per charge: € 0.60" in text
