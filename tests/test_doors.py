"""Rooms import only through their doors, and the doors on paper are the doors in the house."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors import DOORS, IMPURE, SHARED_BY_DRIVERS, Door

HOUSE = Path(__file__).resolve().parent.parent
OURS = ("contract", "kiosk", "billing", "sim", "worlds")
# Calls that read a clock or throw dice without importing a forbidden module.
IMPURE_CALLS = {"datetime": {"now", "utcnow", "today"}, "date": {"today"}, "uuid": {"uuid1", "uuid4"}}


def module_name(path: Path) -> str:
    parts = path.relative_to(HOUSE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for room in OURS for path in sorted((HOUSE / room).rglob("*.py"))}


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def room_of(module: str) -> tuple[str, Door]:
    """The innermost room the module stands in; `kiosk` itself is the building, no room for new modules."""
    rooms = [
        (room, door)
        for door in DOORS
        for room in door.rooms
        if module == room or (room != "kiosk" and within(module, room))
    ]
    assert rooms, f"{module}: this room has no row in tests/doors.py"
    return max(rooms, key=lambda found: len(found[0]))


def imports(module: str, tree: ast.AST, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported anywhere in the file, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                parents = module.split(".")
                kept = parents[: len(parents) - node.level + is_package]
                start = ".".join([*kept, *([start] if start else [])])
            for alias in node.names:
                below = f"{start}.{alias.name}"
                yield node.lineno, below if below in FILES else start


def trespasses(module: str, source: str, is_package: bool = False) -> list[str]:
    """What this file imports, or calls, that its room may not; one sentence each."""
    room, door = room_of(module)
    tree = ast.parse(source)
    found = []
    for line, name in imports(module, tree, is_package):
        top = name.split(".")[0]
        if any(within(name, closed) for closed in door.never):
            found.append(f"{module}:{line}: {room} never imports {name}")
        elif top in sys.stdlib_module_names or top == "__future__":
            continue
        elif within(name, "kiosk.drivers") and room == "kiosk.drivers":
            own = ".".join(module.split(".")[:3])
            if not any(within(name, near) for near in (own, *SHARED_BY_DRIVERS)) and name != room:
                found.append(f"{module}:{line}: a driver does not know another driver ({name}; see SHARED_BY_DRIVERS)")
        elif within(name, room) and room_of(name)[0] == room:
            continue
        elif not any(within(name, open_door) for open_door in door.may):
            found.append(f"{module}:{line}: {room} has no door to {name}")
    if door.never == IMPURE:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner, call = node.func.value, node.func.attr
                if isinstance(owner, ast.Name | ast.Attribute):
                    owner_name = owner.id if isinstance(owner, ast.Name) else owner.attr
                    if call in IMPURE_CALLS.get(owner_name, ()):
                        found.append(f"{module}:{node.lineno}: {room} never calls {owner_name}.{call}()")
            elif isinstance(node, ast.ImportFrom) and node.module == "uuid":
                dice = [alias.name for alias in node.names if alias.name in IMPURE_CALLS["uuid"]]
                found += [f"{module}:{node.lineno}: {room} never imports uuid.{name}" for name in dice]
    return found


@pytest.mark.parametrize("module", FILES)
def test_a_room_imports_only_through_its_doors(module: str) -> None:
    path = FILES[module]

    assert trespasses(module, path.read_text(), path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("kiosk.session.moves", "import asyncio", "kiosk.session never imports asyncio"),
        ("kiosk.session.moves", "from time import monotonic", "kiosk.session never imports time"),
        ("kiosk.interlock", "def f():\n    import threading", "kiosk.interlock never imports threading"),
        ("kiosk.authority", "import random, logging", "kiosk.authority never imports random"),
        ("kiosk.session.moves", "from uuid import uuid4", "never imports uuid.uuid4"),
        ("kiosk.session.moves", "import datetime\ndatetime.datetime.now()", "never calls datetime.now()"),
        ("kiosk.session.moves", "from ..drivers import gpio", "no door to kiosk.drivers"),
        ("kiosk.daemon", "from sim import street", "no door to sim"),
        ("kiosk.daemon", "import kiosk.ui.main", "no door to kiosk.ui.main"),
        ("kiosk.uplink.main", "import worlds.cli", "no door to worlds.cli"),
        ("kiosk.cli.main", "from kiosk.session.kiosk import Kiosk", "no door to kiosk.session"),
        ("kiosk.drivers.pn532", "from kiosk.drivers.scanner import Scanner", "does not know another driver"),
        ("contract.price", "import requests", "contract has no door to requests"),
        ("billing.rating", "from kiosk.journal import Journal", "billing has no door to kiosk.journal"),
        ("sim.car", "import kiosk.devices", "sim has no door to kiosk.devices"),
    ],
)
def test_a_door_opened_in_the_wrong_wall_is_named(module: str, source: str, complaint: str) -> None:
    assert any(complaint in found for found in trespasses(module, source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kiosk.session.moves", "from .states import State\nfrom contract.price import price\nimport dataclasses"),
        (
            "kiosk.drivers.meter",
            "from kiosk.drivers.modbus_bus import ModbusBus\nfrom kiosk.devices import Meter\nimport pymodbus",
        ),
        ("worlds.cli", "import kiosk.daemon, billing, sim, contract"),
        ("kiosk.wire", "from kiosk.session import events"),
    ],
)
def test_an_open_door_is_no_complaint(module: str, source: str) -> None:
    assert trespasses(module, source) == []


def rows_on_paper(text: str) -> dict[frozenset[str], tuple[set[str], set[str]]]:
    """The names in backticks of every row of the table whose header starts with room | may import | never."""
    rows: dict[frozenset[str], tuple[set[str], set[str]]] = {}
    in_table = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if [cell.lower() for cell in cells[:3]] == ["room", "may import", "never"]:
            in_table = True
        elif not cells:
            in_table = False
        elif in_table and not set(cells[0]) <= set(":- "):
            rooms, may, never = (set(re.findall(r"`([^`]+)`", cell)) for cell in cells[:3])
            rows[frozenset(rooms)] = (may, never)
    return rows


def test_the_doors_on_paper_are_the_doors_in_the_house() -> None:
    page = HOUSE / "docs" / "architecture.md"
    if not page.exists():
        pytest.skip("docs/architecture.md is not written yet")

    on_paper = rows_on_paper(page.read_text())

    assert on_paper == {frozenset(door.rooms): (set(door.may), set(door.never)) for door in DOORS}, (
        "docs/architecture.md and tests/doors.py differ; print the right table with: python -m tests.doors"
    )
