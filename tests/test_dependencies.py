"""Every dependency is declared once in setup.py with a range, and explained once in docs/dependencies.md."""

from __future__ import annotations

import re
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from tests.doors import DOORS
from tests.test_doors import OURS

HOUSE = Path(__file__).resolve().parent.parent
# Import names that differ from the name of the package that brings them, and what comes along with another one.
PACKAGE_OF = {
    "serial": "pyserial",
    "nfc": "nfcpy",
    "ndef": "ndeflib",
    "fontTools": "fonttools",
    "PIL": "pillow",
    "argon2": "argon2-cffi",
    "zxingcpp": "zxing-cpp",
}
COMES_WITH = {"markupsafe": "jinja2", "pydantic": "fastapi", "starlette": "fastapi", "RPi": "rpi-lgpio"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of setup.py: `name>=1,<2; marker`."""

    name: str
    bounds: tuple[str, ...]

    @staticmethod
    def read(line: str) -> Requirement:
        name, rest = re.fullmatch(r"([\w.-]+)(.*)", line.split(";")[0].strip()).groups()  # type: ignore[union-attr]
        return Requirement(name, tuple(re.findall(r"[<>=!~]+", rest)))


def declared() -> dict[str, list[Requirement]]:
    """Requirements per place: "" for the base, then each extra. Needs no setuptools, which 3.13 no longer brings."""
    said: dict[str, Any] = {}
    stand_in = SimpleNamespace(setup=lambda **words: said.update(words), find_packages=lambda *_, **__: [])
    with patch.dict(sys.modules, {"setuptools": stand_in}):
        runpy.run_path(str(HOUSE / "setup.py"))
    places = {"": said["install_requires"], **said["extras_require"]}
    return {place: [Requirement.read(line) for line in lines] for place, lines in places.items()}


def test_every_dependency_is_explained_and_nothing_else_is() -> None:
    needed = {requirement.name for lines in declared().values() for requirement in lines}

    explained = re.findall(r"^\| `([^`]+)` \|", (HOUSE / "docs" / "dependencies.md").read_text(), re.MULTILINE)

    assert sorted(explained) == sorted(needed)


@pytest.mark.parametrize("requirement", [r for lines in declared().values() for r in lines], ids=lambda r: r.name)
def test_every_dependency_has_a_lower_and_an_upper_bound(requirement: Requirement) -> None:
    assert requirement.bounds == (">=", "<")


def test_no_place_gets_both_gpio_libraries() -> None:
    for place, lines in declared().items():
        names = {requirement.name for requirement in lines}

        assert not {"RPi.GPIO", "rpi-lgpio"} <= names, place
    assert not {"RPi.GPIO", "rpi-lgpio"} & {requirement.name for requirement in declared()[""]}


def test_every_library_behind_a_door_is_declared() -> None:
    behind_doors = {name.split(".")[0] for door in DOORS for name in door.may} - set(OURS)

    packages = {COMES_WITH.get(name, PACKAGE_OF.get(name, name)).lower() for name in behind_doors}

    assert packages <= {requirement.name.lower() for lines in declared().values() for requirement in lines}
