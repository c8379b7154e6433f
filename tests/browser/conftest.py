"""A real Chromium in front of a real server on loopback: what every test of the pages shares.

Law:
- One browser per worker, one page per kind of reader, kept for the whole folder; a test starts with no cookies and an
  empty page.
- The page's own Content-Security-Policy stays in force. Whatever the browser complains about fails the test.
- Nothing here knows a page: `tests/browser/judge.py` says what every page owes its reader.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from sqlalchemy import Engine

from billing.app import CHORES
from billing.database import open_database
from billing.settings import Settings
from tests.billing.client import running
from tests.billing.databases import DATABASES, SERVER_KEY, Databases
from tests.billing.stories import NOON

PHONE = (360, 740)
DESK = (1280, 900)
PATIENCE_MS = 60_000  # of everything a test waits for: a busy machine is no fault of a page
expect.set_options(timeout=PATIENCE_MS)
GALLERY = Path(__file__).parents[2] / "build" / "pages"
TILL = {"starts nobody answered", "checkouts and bills", "payments"}
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip


@dataclass
class Clock:
    """The server's clock; a test sets `at`."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Site:
    """A running server with its database and clock."""

    base_url: str
    engine: Engine
    clock: Clock
    settings: Settings


@dataclass
class Complaints:
    """What the browser wrote on its console as an error; a test that expects some clears it."""

    said: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        # A page that is not there (404) is said by its status, which tests look at themselves; a phone without
        # connection is a test's own doing.
        expected = ("the server responded with a status of", "net::ERR_INTERNET_DISCONNECTED")
        if message.type == "error" and not any(words in message.text for words in expected):
            self.said.append(f"{message.text} ({message.location.get('url', '')})")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Package-wide and no wider: while it is open this thread has an event loop, and asyncio.run() would refuse."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


def opened(browser: Browser, size: tuple[int, int], **wishes: object) -> tuple[BrowserContext, Page]:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale="en-GB",
        reduced_motion="reduce",
        **wishes,  # type: ignore[arg-type]
    )
    context.set_default_timeout(PATIENCE_MS)
    return context, context.new_page()


@pytest.fixture(scope="package")
def phone_page(chromium: Browser) -> Iterator[Page]:
    context, page = opened(chromium, PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    yield page
    context.close()


@pytest.fixture(scope="package")
def desk_page(chromium: Browser) -> Iterator[Page]:
    context, page = opened(chromium, DESK)
    yield page
    context.close()


@pytest.fixture(scope="package")
def plain_page(chromium: Browser) -> Iterator[Page]:
    context, page = opened(chromium, PHONE, device_scale_factor=2, java_script_enabled=False)
    yield page
    context.close()


def fresh(page: Page) -> Iterator[Page]:
    """The kept page, emptied; after the test nothing may have been complained about."""
    page.context.clear_cookies()
    page.set_extra_http_headers({})
    page.emulate_media(color_scheme="light")
    complaints = Complaints()
    page.on("console", complaints.hear)
    yield page
    page.remove_listener("console", complaints.hear)
    page.goto("about:blank")
    assert complaints.said == []


@pytest.fixture
def phone(phone_page: Page) -> Iterator[Page]:
    """360 by 740, as a phone held in one hand."""
    yield from fresh(phone_page)


@pytest.fixture
def desk(desk_page: Page) -> Iterator[Page]:
    """1280 by 900, with mouse and keyboard."""
    yield from fresh(desk_page)


@pytest.fixture
def plain(plain_page: Page) -> Iterator[Page]:
    """A phone whose browser runs no JavaScript."""
    yield from fresh(plain_page)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Files alternate between the databases: one that does not say `DATABASE = "sqlite"` is on PostgreSQL.

    A test marked `walk` is walked on both.
    """
    if "kind" in metafunc.fixturenames:
        is_walk = metafunc.definition.get_closest_marker("walk") is not None
        kinds = DATABASES if is_walk else (getattr(metafunc.module, "DATABASE", "postgresql"),)
        metafunc.parametrize("kind", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    """The database's."""
    return str(request.param)


@pytest.fixture(scope="module")
def database_url(kind: str, databases: Databases) -> Iterator[str]:
    with databases.lent(kind) as url:
        yield url


@pytest.fixture(scope="module")
def site(database_url: str) -> Iterator[Site]:
    """A server for this file, furnished as tests/billing's are; it asks `site.clock` what time it is.

    It knows no payment app, so it leaves the till to tests that have a `Shop`.
    """
    chores = [chore for chore in CHORES if chore.name not in TILL]
    assert len(chores) == len(CHORES) - len(TILL)
    engine = open_database(database_url)
    clock = Clock()
    settings = Settings(database_url, SERVER_KEY, help_contact="+49 40 555 0107", now=clock)
    with running(settings, chores) as base_url:
        yield Site(base_url, engine, clock, settings)
    engine.dispose()


def wants_pictures() -> bool:
    return bool(os.environ.get("KIOSK_GALLERY"))


def photograph(page: Page, name: str) -> None:
    """A picture of the whole page in build/pages/ for people to look at, where KIOSK_GALLERY is set: it costs time."""
    if wants_pictures():
        GALLERY.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=GALLERY / f"{name}.png", full_page=True)
