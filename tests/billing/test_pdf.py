"""Receipts on paper: what the page says, on A4, with nothing fetched from anywhere. Read back by Poppler."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from billing.directory import load_tariff, set_offer
from billing.pages.pdf import MOST_WAITING, NotPrintable, PrinterBusy, pdf_of, printed
from tests.billing.stories import NOON, TARIFF, charge, corrected
from tests.billing.test_pages import RECEIPT_ID, Browser, stored, upload, web

__all__ = ["stored", "web"]  # fixtures

PAGE = '<html lang="en"><head><title>t</title></head><body>{}</body></html>'


def text_of(pdf: bytes) -> str:
    """Words of a PDF as a reader's eye groups them, no-break spaces as spaces."""
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True, timeout=60)
    return done.stdout.decode().replace("\u00a0", " ")


def facts_of(pdf: bytes) -> str:
    return subprocess.run(["pdfinfo", "-"], input=pdf, capture_output=True, check=True, timeout=60).stdout.decode()


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", ["Harbour Energy", "€ 1.91", "0.750 kWh × € 0.54", "15 min × € 0.06", "VAT 20 %", "14:00–14:30 (UTC+2)",
                "Register at start, 14:00:00", "48,213.407 kWh", "HK-07 · Connector 1 · Pier 4 North", "Card …E680",
                "+49 40 555 0107", "This address always shows the current state", RECEIPT_ID]),
        ("de", ["1,91 €", "0,750 kWh × 0,54 €", "MwSt. 20 %", "48.213,407 kWh", "Do., 14. Mai 2026"]),
        ("ja", ["領収書", "合計", "2026年5月14日(木)", "0.750 kWh × €0.54", "税 20 %"]),
    ],
)  # fmt: skip
def test_the_pdf_says_what_the_page_says(web: Browser, stored: Engine, language: str, wanted: list[str]) -> None:
    upload(stored, charge(receipt_id=RECEIPT_ID, minutes=5, parked_minutes=25))
    answer = web.get(f"/r/{RECEIPT_ID}.pdf?lang={language}")

    assert answer.headers["Content-Type"] == "application/pdf"
    found, facts = text_of(answer.content), facts_of(answer.content)
    assert not [part for part in wanted if part not in found], found
    assert "A4" in facts and "Tagged:          yes" in facts and "Harbour Energy" in facts


def test_a_corrected_receipt_prints_the_first_its_credit_and_the_new_one(web: Browser, stored: Engine) -> None:
    upload(stored, corrected(charge(receipt_id=RECEIPT_ID), more_wh=100))
    found = text_of(web.get(f"/r/{RECEIPT_ID}.pdf?lang=en").content)

    first, credit, new = (found.index(words) for words in ("Receipt, 0.750", "Taken back in full", "This receipt, 0.8"))
    assert first < credit < new and "−€ 1.01" in found and "Version 2" in found


@pytest.mark.parametrize(("currency", "price", "wanted"), [("JPY", "45", "¥ 49"), ("KWD", "0.045", "KWD 0.049")])
def test_amounts_on_paper_have_the_currencys_own_decimals(
    web: Browser, stored: Engine, currency: str, price: str, wanted: str
) -> None:
    parts = (replace(TARIFF.elements[0].price_components[0], price=Decimal(price), vat=Decimal(10)),)
    sold = replace(TARIFF, id="odd", currency=currency, elements=(replace(TARIFF.elements[0], price_components=parts),))
    with stored.begin() as connection:
        load_tariff(connection, sold, NOON)
        offer = set_offer(connection, "hk-07", 1, "odd", NOON)
    upload(stored, charge(receipt_id=RECEIPT_ID, minutes=10, wh_per_minute=99, offer=offer))

    found = text_of(web.get(f"/r/{RECEIPT_ID}.pdf?lang=en").content)
    assert f"{wanted}\n" in found and "VAT 10 %" in found


def test_where_there_is_nothing_to_print_the_page_says_so(web: Browser) -> None:
    answer = web.get(f"/r/{RECEIPT_ID}.pdf", allow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/r/{RECEIPT_ID}")


@pytest.mark.parametrize(
    "asked",
    [
        '<img src="http://127.0.0.1:9/x.png">',
        '<img src="file:///etc/passwd">',
        '<link rel="stylesheet" href="/static/../app.py">',
        '<img src="/static/none.svg">',
        '<style>@import url("//example.org/x.css");</style>',
    ],
)
def test_a_document_that_asks_for_more_than_our_styles_is_refused(asked: str) -> None:
    with pytest.raises(NotPrintable):
        pdf_of(PAGE.format(asked))


def test_only_so_many_wait_for_the_printer() -> None:
    async def all_at_once() -> list[bytes | BaseException]:
        asked = (printed(PAGE.format(n)) for n in range(MOST_WAITING + 1))
        return await asyncio.gather(*asked, return_exceptions=True)

    *done, last = asyncio.run(all_at_once())

    assert all(isinstance(pdf, bytes) and pdf.startswith(b"%PDF") for pdf in done)
    assert isinstance(last, PrinterBusy)
