"""A driver's phone and an office's screen: a real Chromium, touched where a person would touch, photographed.

The test authority of the demo's server stands in no browser, so its certificate is not checked here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from worlds.stage import NotTrue

PHONE, DESK = (390, 844), (1280, 900)
PATIENCE_MS = 20_000.0
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
LINK = re.compile(r"/o/[0-9a-f]{32}$")


class NoBrowser(LookupError):
    """There is no Chromium on this machine."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Raises NoBrowser."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise NoBrowser("no chromium found")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


def read_code(picture: Path) -> list[str]:
    """The texts of the QR codes in a picture, as a phone's camera would read them."""
    with Image.open(picture) as image:
        return [code.text for code in zxingcpp.read_barcodes(image)]


class Camera:
    """Numbers its pictures NN-name.png, across the pages of one demo."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._taken = folder, 0

    def shoot(self, page: Page, name: str) -> None:
        self._taken += 1
        page.screenshot(path=self._folder / f"page-{self._taken:02d}-{name}.png", full_page=True)


class Phone:
    """One driver's phone, in one language. Everything it does raises NotTrue where the page is not as it must be."""

    def __init__(self, browser: Browser, camera: Camera, language: str = "en-GB") -> None:
        context = browser.new_context(
            viewport={"width": PHONE[0], "height": PHONE[1]},
            device_scale_factor=2,
            has_touch=True,
            is_mobile=True,
            locale=language,
            ignore_https_errors=True,
        )
        context.set_default_timeout(PATIENCE_MS)
        self.page, self._camera = context.new_page(), camera

    def open(self, address: str, heading: str) -> None:
        self.page.goto(address)
        self.expect(heading)

    def expect(self, heading: str) -> None:
        """The page's answer stands in its heading; it may need a moment to become so."""
        try:
            expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading, timeout=PATIENCE_MS)
        except AssertionError as error:
            raise NotTrue(f"the phone shows no {heading!r}: {self.words()[:600]}") from error

    def touch(self, name: str) -> None:
        """A button or link by its words."""
        wanted = re.compile(re.escape(name))
        try:
            self.page.get_by_role("button", name=wanted).or_(self.page.get_by_role("link", name=wanted)).last.tap()
        except Error as error:
            raise NotTrue(f"nothing to touch for {name!r}: {self.words()[:600]}") from error

    def confirm_payment(self, person: str) -> None:
        """In the payment app, and back to the order."""
        self.page.get_by_label(person).check()
        self.touch("Confirm")
        self.page.wait_for_url(LINK)

    def words(self) -> str:
        return self.page.inner_text("body")

    def shoot(self, name: str) -> None:
        self._camera.shoot(self.page, name)


class Office:
    """A signed-in person at a desk."""

    def __init__(self, browser: Browser, camera: Camera, server_url: str) -> None:
        context = browser.new_context(
            viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", ignore_https_errors=True
        )
        context.set_default_timeout(PATIENCE_MS)
        self.page, self._camera, self._server_url = context.new_page(), camera, server_url

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto(f"{self._server_url}/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        try:
            self.page.wait_for_url(re.compile("^(?!.*sign-in)"))
        except Error as error:
            raise NotTrue(f"{name} cannot sign in: {self.page.inner_text('body')[:400]}") from error

    def open(self, path: str, name: str) -> str:
        """Its words, after a picture was taken. Raises NotTrue where there is no such page."""
        answer = self.page.goto(self._server_url + path)
        if answer is None or not answer.ok:
            raise NotTrue(f"{path}: status {answer.status if answer else 'none'}")
        self._camera.shoot(self.page, name)
        return self.page.inner_text("body")
