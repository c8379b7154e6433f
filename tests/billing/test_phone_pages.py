"""The phone's forms over HTTP: what proves that somebody stands there, what binds, and what is refused for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sqlalchemy import Engine, select, update

from billing.checkout.checkout import Stage
from billing.checkout.tables import checkouts
from billing.database import open_database
from billing.device_codes import FREE_PER_ADDRESS, code_secret
from billing.directory import load_tariff
from billing.moments import to_ms
from billing.pages.phone_proof import LASTS, is_seen, seen_word
from billing.payments.social import SocialAccess
from billing.settings import Settings
from billing.tables import commands, kiosks
from contract.commands import CommandKind
from contract.device_code import hinted, short_code, signed_address
from tests.billing.client import running
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import NOON, TARIFF
from tests.billing.test_pages import Browser

APP = "https://pay.example"


@dataclass
class Stand:
    """One server, its database, and what a person standing there sees."""

    web: Browser
    engine: Engine
    now: datetime = NOON

    def hear(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(kiosks).values(last_contact_ms=to_ms(self.now)))

    @property
    def secret(self) -> str:
        with self.engine.begin() as connection:
            return code_secret(connection, "hk-07", self.now)

    @property
    def scanned(self) -> str:
        return signed_address("", "hk-07", 1, self.secret, self.now)

    @property
    def code(self) -> str:
        return short_code(self.secret, 1, self.now)

    def form(self, path: str = "/d/hk-07/1") -> dict[str, str]:
        """The hidden fields as the page has them, and the amount it proposes."""
        page = self.web.get(path).text
        found = dict(re.findall(r'name="(seen|offer|lang)" value="([^"]*)"', page))
        return found | {"amount": "1500", "act": "start"}

    def post(self, form: dict[str, str], evse_id: int = 1, **headers: str) -> requests.Response:
        return self.web.post(f"/d/hk-07/{evse_id}", data=form, headers=headers, allow_redirects=False)

    def reserved(self) -> int:
        """How often a kiosk was asked to keep a connector."""
        with self.engine.begin() as connection:
            kind = commands.c.kind == CommandKind.RESERVE.value
            return len(connection.execute(select(commands.c.command_id).where(kind)).all())


@contextmanager
def standing(database_url: str) -> Iterator[Stand]:
    engine = open_database(database_url)
    place = Stand(Browser(""), engine)
    access = SocialAccess("http://127.0.0.1:9", "shop", b"hook", "operator", APP)
    settings = Settings(
        database_url, SERVER_KEY, social=access, now=lambda: place.now, public_url="https://charge.example"
    )
    with running(settings) as base_url:
        place.web = Browser(base_url)
        place.hear()
        yield place
    engine.dispose()


@pytest.fixture
def stand(database_url: str) -> Iterator[Stand]:
    with standing(database_url) as place:
        yield place


def test_a_scanned_screen_reserves_and_leads_to_the_payment_app(stand: Stand) -> None:
    answer = stand.post(stand.form(stand.scanned) | {"amount": "2000"})
    address = urlsplit(answer.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}

    assert answer.status_code == 303 and address.netloc == "pay.example" and stand.reserved() == 1
    assert (query["amount_minor"], query["currency"]) == ("2000", "EUR")
    assert re.fullmatch(r"https://charge\.example/o/[0-9a-f]{32}/paid", query["return_url"])
    assert "form-action 'self' https://pay.example;" in stand.web.get(stand.scanned).headers["Content-Security-Policy"]


def test_the_short_code_reserves_too(stand: Stand) -> None:
    assert stand.post(stand.form() | {"code": stand.code}).status_code == 303 and stand.reserved() == 1


def test_nothing_is_reserved_without_a_proof(stand: Stand) -> None:
    answer = stand.post(stand.form())

    assert answer.status_code == 200 and "Type the 6 digits" in answer.text and stand.reserved() == 0


def test_an_address_scanned_long_ago_asks_for_the_code(stand: Stand) -> None:
    scanned = stand.scanned
    form = stand.form(scanned)
    stand.now += LASTS + timedelta(seconds=1)
    stand.hear()

    assert "is older than two minutes" in stand.web.get(scanned).text
    assert stand.post(form).status_code == 200 and stand.reserved() == 0


def test_a_proof_is_for_one_device_only(stand: Stand) -> None:
    form = stand.form(stand.scanned)

    assert stand.post(form, evse_id=2).status_code == 200 and stand.reserved() == 0
    word = seen_word(SERVER_KEY, "hk-07", 1, NOON)
    assert is_seen(SERVER_KEY, "hk-07", 1, word, NOON) and not is_seen(SERVER_KEY, "hk-08", 1, word, NOON)
    assert not is_seen(SERVER_KEY, "hk-07", 1, word.replace(word[0], "9", 1), NOON)
    assert not is_seen(SERVER_KEY, "hk-07", 1, "", NOON) and not is_seen(SERVER_KEY, "hk-07", 1, "٣.x", NOON)


def test_asking_for_estimates_does_not_prolong_a_proof(stand: Stand) -> None:
    form = stand.form(stand.scanned)
    stand.now += timedelta(minutes=1)
    again = stand.post(form | {"act": "estimate"}).text

    assert f'name="seen" value="{form["seen"]}"' in again


def test_a_price_that_changed_meanwhile_is_shown_before_anything_is_held(stand: Stand) -> None:
    form = stand.form(stand.scanned)
    with stand.engine.begin() as connection:
        load_tariff(connection, replace(TARIFF, version=2, elements=TARIFF.elements[:1] * 2), NOON)
    answer = stand.post(form)

    assert answer.status_code == 200 and "The price changed" in answer.text and stand.reserved() == 0


def test_an_amount_that_cannot_be_chosen_is_explained(stand: Stand) -> None:
    form = stand.form(stand.scanned)
    for amount in ("100", "999999", "-1500", "15.00", "", "1" * 40, "١٥٠٠"):
        answer = stand.post(form | {"amount": amount})
        assert answer.status_code == 200 and "between €\u00a05.00 and €\u00a040.00" in answer.text

    assert stand.reserved() == 0


def test_wrong_codes_run_out_and_the_page_says_when_the_next_counts(stand: Stand) -> None:
    wrong = f"{(int(stand.code) + 1) % 10**6:06d}"
    said = [stand.post(stand.form() | {"code": wrong}).text for _ in range(FREE_PER_ADDRESS + 1)]

    assert f"{FREE_PER_ADDRESS - 1} tries left" in said[0] and "1 try left" in said[FREE_PER_ADDRESS - 2]
    assert "The next try counts from 14:00:" in said[-1]
    assert "Too many wrong codes" in stand.post(stand.form() | {"code": stand.code}).text and stand.reserved() == 0
    assert stand.post(stand.form(stand.scanned)).status_code == 303


def test_a_form_from_another_site_is_not_taken(stand: Stand) -> None:
    answer = stand.post(stand.form(stand.scanned), **{"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code >= 400 and stand.reserved() == 0


def test_a_reserved_connector_says_until_when_and_what_else_is_free(stand: Stand) -> None:
    stand.post(stand.form(stand.scanned))
    page = stand.web.get("/d/hk-07/1").text

    assert (
        "Reserved to 14:02" in page and '<a href="/d/hk-07/2">HK-07 · Connector 2 is free, at the same price.' in page
    )


def test_a_second_press_on_the_same_connector_reserves_nothing_more(stand: Stand) -> None:
    form = stand.form(stand.scanned)
    stand.post(form)
    answer = stand.post(form)

    assert answer.status_code == 200 and "This connector is reserved" in answer.text and stand.reserved() == 1


def test_a_kiosk_out_of_contact_says_when_it_was_heard(stand: Stand) -> None:
    stand.now += timedelta(minutes=5)

    page = stand.web.get("/d/hk-07/1").text
    assert "it was last heard at 14:00" in page and "voucher" in page
    assert "No other connector" not in page


def test_an_address_of_no_device_says_so(stand: Stand) -> None:
    for path in ("/d/nowhere/1", "/d/hk-07/9", "/d/hk-07/x", "/d/hk-07/0", "/d/hk-07/999999999999"):
        answer = stand.web.get(path)
        assert answer.status_code == 404 and "This address names no connector" in answer.text


def test_the_language_that_was_chosen_stays(stand: Stand) -> None:
    stand.web.get("/d/hk-07/1?lang=ja")

    assert "料金" in stand.web.get("/d/hk-07/1", headers={"Accept-Language": "de"}).text
    assert (
        "Was es kostet"
        in requests.get(stand.web.get("/d/hk-07/1").url, headers={"Accept-Language": "de"}, timeout=30).text
    )


def test_the_screens_language_is_taken_where_the_browser_wants_none_of_ours_and_stays(stand: Stand) -> None:
    scanned, base = hinted(stand.scanned, "ja"), stand.web.get("/").url.rstrip("/")
    english = requests.get(base + scanned, headers={"Accept-Language": "en"}, timeout=30)
    nonsense = requests.get(base + hinted("/d/hk-07/1", "xx"), headers={"Accept-Language": "fr"}, timeout=30)

    assert "What it costs" in english.text and "What it costs" in nonsense.text
    assert "料金" in stand.web.get(scanned, headers={"Accept-Language": "fr-FR,fr"}).text
    assert "料金" in stand.web.get("/d/hk-07/1", headers={"Accept-Language": "fr-FR,fr"}).text


def test_coming_back_without_a_token_frees_the_connector_and_keeps_the_amount(stand: Stand) -> None:
    link = parse_qs(urlsplit(stand.post(stand.form(stand.scanned) | {"amount": "2100"}).headers["Location"]).query)
    paid = urlsplit(link["return_url"][0]).path
    page = stand.web.get(f"{paid}?declined=1")

    assert "You did not confirm in the payment app." in page.text and 'value="2100"' in page.text
    assert "Your code was right" in page.text
    with stand.engine.begin() as connection:
        assert connection.execute(select(checkouts.c.stage)).scalar_one() == Stage.FAILED.value


def test_a_silent_payment_provider_leaves_the_page_waiting_and_says_until_when(stand: Stand) -> None:
    link = parse_qs(urlsplit(stand.post(stand.form(stand.scanned)).headers["Location"]).query)
    page = stand.web.get(f"{urlsplit(link['return_url'][0]).path}?token=spay:mina:1")

    assert "Waiting for the payment" in page.text and "Reserved to 14:02:00" in page.text


def test_a_failure_of_the_server_says_whether_money_moved_and_gives_a_reference(stand: Stand) -> None:
    with stand.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE evse_offers")
    page = stand.web.get("/d/hk-07/1", headers={"Accept-Language": "de"})

    assert page.status_code == 500 and "Dadurch wurde nichts abgebucht" in page.text
    assert re.search("nennen Sie uns [0-9a-f]{8}:", page.text) and page.headers["Cache-Control"] == "no-store"


def test_a_server_without_a_payment_provider_sells_nothing_to_phones(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.begin() as connection:
        connection.execute(update(kiosks).values(last_contact_ms=to_ms(NOON)))
    engine.dispose()
    with running(Settings(database_url, SERVER_KEY, now=lambda: NOON)) as base_url:
        page = requests.get(f"{base_url}/d/hk-07/1", timeout=30).text

    assert "Phones cannot pay here" in page and "<form" not in page
