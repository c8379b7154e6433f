"""What every page owes its reader, whatever it shows. `judge(page)` returns what is wrong, in words; [] is well.

- WCAG 2.2 A and AA as far as axe-core can tell, in light; in dark what a theme can change: the contrasts.
- Nothing to scroll sideways; text also fits at a width of 320 pixels (400 % zoom of a desk).
- Every target is at least 24 pixels wide and high, as the law asks, and 44 where it is a button or a field, as we do.
- At most one green button.
- At most 10 kB of script.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
LAW = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
LARGEST_SCRIPTS = 10_000  # bytes

_LOOK = """(() => {
 const wrong = [], box = e => e.getBoundingClientRect();
 const seen = e => e.checkVisibility() && box(e).width > 1 && box(e).height > 1 && !e.closest('.sr');
 const root = document.scrollingElement, name = e => e.outerHTML.slice(0, 90);
 if (root.scrollWidth > root.clientWidth) wrong.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
 for (const e of document.querySelectorAll("button, .btn, input:not([type=hidden]), select, textarea, summary")) {
  const r = box(e), isTick = e.matches("[type=checkbox], [type=radio]");
  const target = isTick && e.closest("label") ? box(e.closest("label")) : r;
  if (seen(e) && (target.height < 43.5 || target.width < 43.5))
   wrong.push(`target of ${target.width.toFixed(0)} by ${target.height.toFixed(0)}: ${name(e)}`);
 }
 const green = [...document.querySelectorAll(".btn.go")].filter(seen);
 if (green.length > 1) wrong.push(`${green.length} green buttons`);
 if (document.querySelectorAll("h1").length !== 1) wrong.push("not exactly one h1");
 return wrong;
})()"""


def judge(page: Page) -> list[str]:
    """Everything wrong with the page as it stands there, in both themes; the page is left in the light one."""
    found = shape(page)
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {what}" for what in against_the_law(page, "{type: 'rule', values: ['color-contrast']}")]
    page.emulate_media(color_scheme="light")
    found += [f"light: {what}" for what in against_the_law(page)]
    return found + script_excess(page)


def shape(page: Page) -> list[str]:
    """What is wrong with sizes, targets and headings; cheap enough for every language."""
    page.wait_for_load_state()  # it may just be turning
    found, size = _evaluate(page, _LOOK), page.viewport_size
    assert size is not None
    if size["width"] <= 480:
        page.set_viewport_size({"width": 320, "height": size["height"]})
        found += [f"at 320 pixels {what}" for what in _evaluate(page, _LOOK) if what.startswith("scrolls")]
        page.set_viewport_size(size)
    return list(found)


def against_the_law(page: Page, rules: str = f"{{type: 'tag', values: {LAW}}}") -> list[str]:
    """axe-core's violations of WCAG 2.2 A and AA, one line each."""
    run = f"axe.run(document, {{runOnly: {rules}, resultTypes: ['violations']}})"
    if _evaluate(page, "typeof axe") == "undefined":
        _evaluate(page, f"(() => {{{AXE}}})()")
    result = _evaluate(page, run)
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:120]} {node['failureSummary']}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def script_excess(page: Page) -> list[str]:
    """Scripts of the page that are not ours, inline, or together too large."""
    addresses = _evaluate(page, "[...document.scripts].map(s => s.src)")
    wrong = ["a script inside the page"] * sum(not address for address in addresses)
    size = 0
    for address in filter(None, addresses):
        answer = page.request.get(address)
        size += len(answer.body())
    return wrong + ([f"{size} bytes of script"] if size > LARGEST_SCRIPTS else [])


def _evaluate(page: Page, expression: str) -> Any:
    """The debugger's own evaluation: the page's policy against foreign scripts stays in force and does not hinder."""
    session = page.context.new_cdp_session(page)
    try:
        answer = session.send(
            "Runtime.evaluate",
            {
                "expression": expression,
                "awaitPromise": True,
                "returnByValue": True,
                "allowUnsafeEvalBlockedByCSP": True,
            },
        )
    finally:
        session.detach()
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")
