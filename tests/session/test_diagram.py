"""The drawn law is the law that runs."""

from __future__ import annotations

from pathlib import Path

from kiosk.session import diagram
from kiosk.session.states import MOVES
from kiosk.session.taps import TAP_RULES, Place

ROOT = Path(diagram.__file__).parents[2]


def test_the_page_in_the_docs_is_the_one_the_tables_draw() -> None:
    drawn = (ROOT / diagram.PAGE).read_text(encoding="utf-8")

    assert drawn == diagram.page(), "python -m kiosk.session.diagram draws it again"


def test_every_move_and_every_row_is_on_the_page() -> None:
    page = diagram.page()

    for start, moves in MOVES.items():
        for end, cause in moves.items():
            assert f"    {start} --> {end}: {cause}\n" in page
            assert f"| {start} | {end} | {cause} |" in page
    for rule in TAP_RULES:
        assert f"| {rule.when} |" in page
    for place in Place:
        assert f"| `{place.name}` | {place} |" in page
