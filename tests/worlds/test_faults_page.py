"""What the docs say of faults is what the kiosk does and says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kiosk.cli.causes import CAUSES
from kiosk.cli.conditions import CONDITIONS, standing
from kiosk.session.faults import FaultCode
from kiosk.ui.texts import LANGUAGES
from worlds import fault_samples, faults_page
from worlds.fault_rows import CONDITION_ROWS, FAULTS, LESS, Row
from worlds.faults.kinds import ALL

ROOT = Path(faults_page.__file__).parents[1]
ROWS = (*FAULTS, *LESS, *CONDITION_ROWS)
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)


def test_the_page_of_faults_is_the_one_the_tables_write() -> None:
    written = (ROOT / faults_page.PAGE).read_text(encoding="utf-8")

    assert written == faults_page.page(), "python -m worlds.faults_page writes it again"


def test_no_fault_and_no_condition_lacks_its_row() -> None:
    assert sorted(row.code for row in FAULTS) == sorted(FaultCode)
    assert [row.code for row in CONDITION_ROWS] == list(CONDITIONS)


@each_row
def test_every_row_has_all_its_columns_and_all_languages(row: Row) -> None:
    assert all((row.outputs, row.session, row.bill, row.log, row.doctor, row.clears))
    assert row.code in CAUSES
    assert bool(row.screen) != bool(row.silent), "the driver is told, or there is a reason why not"
    assert all(language.has(key) for language in LANGUAGES.values() for key in row.screen)


@each_row
def test_every_row_is_injected_in_worlds_or_says_why_not(row: Row) -> None:
    assert row.kinds or row.unseen
    assert set(row.kinds) <= ALL


@each_row
def test_every_row_is_linked_to_its_chapter(row: Row) -> None:
    text = faults_page.page()

    assert f"](#{faults_page.anchor(row.code)})" in text
    assert f"\n### {row.code}\n" in text


@pytest.mark.parametrize("code", CONDITIONS)
def test_a_condition_is_told_by_why_and_by_doctor_or_a_host_check(code: str) -> None:
    sample = fault_samples.of_condition(code)
    (chapter,) = re.findall(rf"\n### {code}\n(.*?)(?=\n### |\Z)", faults_page.page(), re.S)

    assert code in standing(sample)
    assert f"[{code}]" in chapter
    assert "$ kiosk doctor" in chapter or code == "clock_unknown"  # the computer's own clock is looked at by the probe
    assert standing(fault_samples.healthy()) == []
