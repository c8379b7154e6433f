"""docs/technician.md and `kiosk --help` name the same things as the program."""

from __future__ import annotations

from contract.api import RowKind
from kiosk.cli import exits
from kiosk.cli.main import COMMANDS
from kiosk.cli.probe_options import KINDS
from kiosk.probe import ends
from tests.cli.conftest import ROOT

NAMES = ("OK", "FINDING", "USAGE", "UNREACHABLE", "REFUSED")


def test_the_handbook_shows_every_command_with_an_example() -> None:
    text = (ROOT / "docs" / "technician.md").read_text(encoding="utf-8")

    for command in COMMANDS:
        assert f"kiosk {command}" in text
        assert f"$ kiosk {command}" in text or f"$ sudo kiosk {command}" in text


def test_command_and_probe_end_with_the_same_numbers_and_the_handbook_lists_them() -> None:
    text = (ROOT / "docs" / "technician.md").read_text(encoding="utf-8")

    assert [getattr(exits, name) for name in NAMES] == [getattr(ends, name) for name in NAMES] == [0, 1, 2, 3, 4]
    for code in range(5):
        assert f"\n| {code} | " in text


def test_the_journals_kinds_are_those_of_the_contract() -> None:
    assert set(KINDS) == set(RowKind)
