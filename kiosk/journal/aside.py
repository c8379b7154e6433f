"""Damaged journals kept aside: never deleted by the kiosk, counted and bounded.

Each stands in a folder of its own below DAMAGED beside the journal, with its log, under the names SQLite knows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DAMAGED = "damaged"
MOST_KEPT = 8
PARTS = ("-wal", "-shm", "")  # the log before its file: what is left without the file is no journal to anybody


@dataclass(frozen=True, slots=True)
class Kept:
    """`count` folders with `size` bytes in all."""

    folder: Path
    count: int = 0
    size: int = 0


def kept(journal: Path) -> Kept:
    """What is kept beside this journal."""
    folder = journal.parent / DAMAGED
    if not folder.is_dir():
        return Kept(folder)
    files = [part for home in folder.iterdir() if home.is_dir() for part in home.iterdir() if part.is_file()]
    return Kept(folder, len({part.parent for part in files}), sum(part.stat().st_size for part in files))


def new_home(journal: Path, now: datetime) -> Path:
    """An unused folder with the date in its name; a clock that went back to 1970 overwrites nothing."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    home, number = journal.parent / DAMAGED / stamp, 1
    while home.exists() and any(home.iterdir()):
        number += 1
        home = home.with_name(f"{stamp}-{number}")
    home.mkdir(parents=True, exist_ok=True)
    sync_folder(home.parent)
    sync_folder(journal.parent)
    return home


def move_to(home: Path, journal: Path) -> None:
    """Move journal, log and index there. May be called again after a power cut in between."""
    for part in PARTS:
        source = journal.with_name(journal.name + part)
        if source.exists():
            os.replace(source, home / source.name)
    sync_folder(home)
    sync_folder(journal.parent)


def sync_folder(folder: Path) -> None:
    """Names are durable once their folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
