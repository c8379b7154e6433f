"""Every state of the driver's pages in a real browser and in every language: what each owes its reader."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from playwright.sync_api import Page

import billing
from billing.pages.phone_texts import PHONE
from billing.pages.render import LANGUAGES
from tests.browser.conftest import photograph, wants_pictures
from tests.browser.judge import judge, shape
from tests.browser.phone_samples import KINDS, ORDERS, PAGES

STATIC = Path(billing.__file__).parent / "static"


@pytest.fixture(scope="module")
def samples() -> Iterator[str]:
    """A server of nothing but samples."""
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.get("/sample/{name}")
    async def sample(name: str, lang: str = "en") -> HTMLResponse:
        return PAGES[name](lang)

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/sample"
    server.should_exit = True
    thread.join(10)


def test_every_phone_page_has_every_word() -> None:
    assert set(PHONE) == set(LANGUAGES)


def test_every_state_is_fit_for_every_reader(samples: str, phone: Page) -> None:
    wrong = []
    for name in KINDS:
        phone.goto(f"{samples}/{name}")
        wrong += [f"{name}: {what}" for what in judge(phone)]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_fits_a_small_screen_in_every_language(samples: str, phone: Page, language: str) -> None:
    wrong = []
    # German is the longest; the others are looked at in one state of each kind, and in all for pictures.
    for name in PAGES if language == "de" or wants_pictures() else KINDS:
        phone.goto(f"{samples}/{name}?lang={language}")
        wrong += [f"{name}: {what}" for what in shape(phone)]
        photograph(phone, f"phone-{name}-{language}")

    assert wrong == []


@pytest.mark.parametrize("name", ["device", "charging", "finished"])
def test_a_desk_shows_the_same_pages(samples: str, desk: Page, name: str) -> None:
    desk.goto(f"{samples}/{name}")

    assert judge(desk) == []
    photograph(desk, f"desk-{name}")


@pytest.mark.parametrize("name", ORDERS)
def test_no_state_shows_a_placeholder_or_a_code(name: str) -> None:
    for language in LANGUAGES:
        text = re.sub(r"<[^>]*>", " ", bytes(PAGES[name](language).body).decode())

        assert not re.search(r"[{}]|None|_[a-z]", text)
