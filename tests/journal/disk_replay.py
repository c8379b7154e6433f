"""A disk that lost its power: from a recording of every write and flush to the images a cut could have left behind.

`strace` records what the unmodified journal does. Between two flushes of a file the disk may have kept any of its
writes, in any order, each whole or only some of its 512-byte sectors; after a flush it has them all. Names of files
count as durable at once, which is kinder than a disk need be, and does not matter to a journal that only appends.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
CALLS = "openat,close,pwrite64,write,fdatasync,fsync,ftruncate,unlink"
_LINE = re.compile(r"\d+\s+(\w+)\((.*)\)\s+= (-?\d+)")


@dataclass(frozen=True, slots=True)
class Operation:
    """`kind`: write, truncate, flush or unlink of a file; said: a line of the program's standard output."""

    kind: str
    file: str = ""
    offset: int = 0
    data: bytes = b""


def record(program: str, arguments: list[str], folder: Path, trace: Path) -> list[Operation]:
    """Run a Python program under strace and return what it did to files below `folder`, and what it said."""
    strace = ["strace", "-f", "-qq", "-xx", "-s", "200000", "-e", f"trace={CALLS}", "-o", str(trace)]
    argv = [*strace, sys.executable, "-c", program, *arguments]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, timeout=120)
    return list(_parsed(trace, str(folder)))


def _parsed(trace: Path, folder: str) -> Iterator[Operation]:
    names: dict[int, str] = {}
    for line in trace.read_text().splitlines():
        match = _LINE.match(line)
        if match is None or match[3] == "-1":
            continue
        call, words, result = match[1], match[2], int(match[3])
        if call == "openat":
            path = _text(words)
            names[result] = path if path.startswith(folder) and not path.endswith("-shm") else ""
            continue
        if call == "unlink":
            if _text(words).startswith(folder):
                yield Operation("unlink", _text(words))
            continue
        number = int(words.split(",")[0])
        if call == "write" and number == 1:
            yield Operation("said", data=_bytes(words))
        elif not names.get(number):
            continue
        elif call == "pwrite64":
            yield Operation("write", names[number], int(words.rsplit(", ", 1)[1]), _bytes(words))
        elif call in ("fdatasync", "fsync"):
            yield Operation("flush", names[number])
        elif call == "ftruncate":
            yield Operation("truncate", names[number], int(words.split(", ")[1]))
        elif call == "close":
            del names[number]


def _bytes(words: str) -> bytes:
    found = re.search(r'"([^"]*)"(\.*)', words)
    assert found is not None and not found[2], "strace cut a string short"
    return bytes.fromhex(found[1].replace("\\x", ""))


def _text(words: str) -> str:
    return _bytes(words).decode()


@dataclass(slots=True)
class Disk:
    """What is on the platter, and what is still on its way there."""

    durable: dict[str, bytearray] = field(default_factory=dict)
    pending: dict[str, list[Operation]] = field(default_factory=dict)

    def apply(self, operation: Operation) -> None:
        if operation.kind == "flush":
            for earlier in self.pending.pop(operation.file, []):
                _put(self.durable.setdefault(operation.file, bytearray()), earlier)
        elif operation.kind == "unlink":
            self.durable.pop(operation.file, None)
            self.pending.pop(operation.file, None)
        elif operation.kind in ("write", "truncate"):
            self.pending.setdefault(operation.file, []).append(operation)

    def images(self, rng: random.Random) -> Iterator[dict[str, bytes]]:
        """Files by name as a cut now may leave them: nothing pending kept, all kept, some kept, some kept torn."""
        for keep, tear in ((0.0, False), (1.0, False), (0.5, False), (0.5, True)):
            files = {name: bytearray(data) for name, data in self.durable.items()}
            for name, waiting in self.pending.items():
                target = files.setdefault(name, bytearray())
                for operation in waiting:
                    if rng.random() < keep:
                        _put(target, _torn(operation, rng) if tear else operation)
            yield {name: bytes(data) for name, data in files.items()}


def _torn(operation: Operation, rng: random.Random) -> Operation:
    if operation.kind != "write" or len(operation.data) <= SECTOR:
        return operation
    kept = SECTOR * rng.randrange(len(operation.data) // SECTOR + 1)
    return Operation("write", operation.file, operation.offset, operation.data[:kept])


def _put(target: bytearray, operation: Operation) -> None:
    if operation.kind == "truncate":
        del target[operation.offset :]
        return
    if len(target) < operation.offset:
        target.extend(bytes(operation.offset - len(target)))
    target[operation.offset : operation.offset + len(operation.data)] = operation.data
