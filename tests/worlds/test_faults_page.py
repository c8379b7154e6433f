"""What the docs say of faults is what the kiosk does and says."""

from __future__ import annotations

from pathlib import Path

from worlds import faults_page

ROOT = Path(faults_page.__file__).parents[1]


def test_the_page_of_faults_is_the_one_the_tables_write() -> None:
    written = (ROOT / faults_page.PAGE).read_text(encoding="utf-8")

    assert written == faults_page.page(), "python -m worlds.faults_page writes it again"
