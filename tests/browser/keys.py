"""A reader who has only a keyboard."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

MOST_TABS = 80


def tab_to(page: Page, target: Locator) -> Locator:
    """Press Tab until `target` has the focus; fails where it never gets it, or gets it without a visible ring."""
    for _ in range(MOST_TABS):
        if target.evaluate("e => e === document.activeElement"):
            assert has_ring(target), f"no focus ring on {target}"
            return target
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached within {MOST_TABS} tabs")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Walk to `target` and press a key there."""
    tab_to(page, target)
    page.keyboard.press(key)


def type_into(page: Page, target: Locator, text: str) -> None:
    tab_to(page, target)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def has_ring(target: Locator) -> bool:
    return bool(target.evaluate("e => e.matches(':focus-visible') && getComputedStyle(e).outlineStyle !== 'none'"))
