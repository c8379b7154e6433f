"""The bare address, as the code on the kiosk's first screen names it; a typed receipt number; links to nowhere."""

from __future__ import annotations

import pytest

from billing.pages.landing_texts import LANDING
from billing.pages.render import LANGUAGES
from tests.billing.test_pages import RECEIPT_ID, Browser
from tests.billing.test_pages import stored as stored
from tests.billing.test_pages import web as web

BROWSER = {"Accept": "text/html,*/*;q=0.8"}


def test_every_language_has_every_word_of_the_first_page() -> None:
    assert set(LANDING) == set(LANGUAGES)
    for words in LANDING.values():
        assert set(words) == set(LANDING["en"]) and all(words.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bare_address_asks_for_a_receipt_number_and_says_who_helps(web: Browser, language: str) -> None:
    answer = web.get("/", headers={"Accept-Language": language})

    assert answer.status_code == 200 and "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert LANDING[language]["heading"] in answer.text and "+49 40 555 0107" in answer.text
    assert 'name="number"' in answer.text


@pytest.mark.parametrize("typed", [RECEIPT_ID, RECEIPT_ID.upper(), " 01234567-89ab cdef 0123456789ABCDEF "])
def test_a_typed_number_leads_to_its_receipt_in_the_same_language(web: Browser, typed: str) -> None:
    answer = web.get("/r", params={"number": typed, "lang": "de"}, allow_redirects=False)

    assert answer.status_code == 303 and answer.headers["Location"] == f"/r/{RECEIPT_ID}?lang=de"
    assert "offline" in web.get("/r", params={"number": typed}).text


def test_a_number_that_cannot_be_one_is_kept_and_explained(web: Browser) -> None:
    answer = web.get("/r", params={"number": '0123-4567"><script>', "lang": "en"})

    assert answer.status_code == 200 and "is no receipt number" in answer.text
    assert "0123-4567&#34;&gt;" in answer.text and "<script>" not in answer.text
    assert "is no receipt number" not in web.get("/r", params={"number": "", "lang": "en"}).text


def test_an_unknown_path_is_a_page_for_people_and_json_for_machines(web: Browser) -> None:
    page = web.get("/k/HK07", headers=BROWSER)
    machine = web.get("/v1/none", headers=BROWSER)

    assert page.status_code == 404 and "There is no such page" in page.text and "default-src" in str(page.headers)
    assert machine.status_code == 404 and machine.json() == {"detail": "Not Found"}
    assert web.get("/k/HK07").json() == {"detail": "Not Found"}
    assert web.post("/", headers=BROWSER).status_code == 405
