"""The server's tests run on SQLite and on PostgreSQL. What stays on SQLite alone stands here by name, with its reason.

A file counts as one that does where it opens a SQLite database by itself, or calls kiosk-billing without saying which.
The browser's files alternate: tests/browser/conftest.py.
"""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
OPENS_SQLITE = re.compile(r'sqlite:/|\bmemory_database\(|memory_connection\(|(?:fresh|lent|opened|empty)\("sqlite"\)')
CALLS_COMMANDS = re.compile(r'"--data-dir"|default_database_url\(')
SAYS_WHICH = re.compile(r"at_database|untouched|\"--database\"")

KIOSK = "about the kiosk: the server in its street keeps its data as a fresh installation does"
NO_DATA = "settings that must name a database, of which nothing is read"
ALONE = {
    "billing/databases.py": "makes both",
    "billing/test_database.py": "what SQLite itself promises: durability, waiting",
    "billing/test_every_door.py": NO_DATA,
    "billing/test_mail.py": NO_DATA,
    "billing/test_restored_backup.py": "is on both: a backup of SQLite is of a file",
    "billing/test_serving.py": "several workers, which are PostgreSQL's alone: SQLite refuses them",
    "billing/test_store.py": "what SQLite's one writer does: groups that commit as one, and a database in memory",
    "journal/test_damage.py": KIOSK,
    "test_pay_at_the_kiosk.py": KIOSK,
    "uplink/conftest.py": KIOSK,
}


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def on_sqlite_alone(text: str) -> bool:
    return bool(OPENS_SQLITE.search(text)) or bool(CALLS_COMMANDS.search(text) and not SAYS_WHICH.search(text))


def test_only_the_files_named_here_use_sqlite_alone() -> None:
    found = {
        str(path.relative_to(TESTS))
        for path in sorted(TESTS.rglob("*.py"))
        if path != Path(__file__) and on_sqlite_alone(_source(path))
    }

    assert found - set(ALONE) == set(), "run it on both (fixtures database_url, engine, at_database), or say why not"
    assert set(ALONE) - found == set(), "these use both by now"
