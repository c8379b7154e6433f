"""Rows out of the bare bytes of a damaged journal: each leaf page is looked at by itself, one bad page hides no other.

Only what cannot be anything else is taken for a row: a cell of a table leaf with four columns (journal_no as row id,
kind, body, acknowledged) or five (its checksum). Rows never change but for their acknowledgement and the checksum a
migration gave them, so a left-over copy of one does no harm.
Source: "Database File Format" of SQLite, sections 1.5 (b-tree pages), 1.6 (overflow), 2.1 (records), 4 (the WAL).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from contract.api import RowKind
from kiosk.journal.checksum import checksum

PAGE_SIZE = 4096  # SQLite's default, which the journal never changed
TABLE_LEAF = 0x0D
INTEGER_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # of a record's serial types, NULL first
WAL_HEADER, FRAME_HEADER = 32, 24
WAL_MAGIC = (0x377F0682, 0x377F0683)  # the last bit: checksums in big-endian words
LARGEST_BODY = 1_000_000
KINDS = {kind.value: kind for kind in RowKind}

ReadPage = Callable[[int], bytes]  # by page number from 1; b"" where there is none or it cannot be read


@dataclass(frozen=True, slots=True)
class FoundRow:
    """`acknowledged`: unix ms, None while the server has not said so. `checksum`: None in an older journal."""

    journal_no: int
    kind: RowKind
    body: bytes
    acknowledged: int | None
    checksum: int | None = None

    @property
    def is_as_written(self) -> bool:
        return self.checksum is None or self.checksum == checksum(self.journal_no, self.kind.value, self.body)

    @property
    def worth(self) -> tuple[bool, bool, bool]:
        """Of several copies the greatest counts: sound, proven to be so, acknowledged."""
        return self.is_as_written, self.checksum is not None, self.acknowledged is not None


class _NoCell(Exception):
    """These bytes are no cell."""


def rows_in(read_page: ReadPage, page_count: int) -> dict[int, FoundRow]:
    """By number. Of several sound copies the acknowledged one counts: what was acknowledged stays so."""
    found: dict[int, FoundRow] = {}
    for number in range(1, page_count + 1):
        for row in _rows_of_page(read_page(number), 100 if number == 1 else 0, read_page):
            known = found.get(row.journal_no)
            if known is None or row.worth > known.worth:
                found[row.journal_no] = row
    return found


def pages_of_wal(wal: bytes) -> dict[int, bytes]:
    """The newest committed version of each page in a write-ahead log, as far as its checksums hold."""
    if len(wal) < WAL_HEADER:
        return {}
    magic, _, size, _, *salts_and_sums = struct.unpack(">8I", wal[:WAL_HEADER])
    order = ">" if magic == WAL_MAGIC[1] else "<"
    sums = _checksum(wal[:24], (0, 0), order)
    if magic not in WAL_MAGIC or size != PAGE_SIZE or list(sums) != salts_and_sums[2:]:
        return {}
    committed: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    for start in range(WAL_HEADER, len(wal) - FRAME_HEADER - PAGE_SIZE + 1, FRAME_HEADER + PAGE_SIZE):
        page_no, commit_size, *rest = struct.unpack(">6I", wal[start : start + FRAME_HEADER])
        page = wal[start + FRAME_HEADER : start + FRAME_HEADER + PAGE_SIZE]
        sums = _checksum(page, _checksum(wal[start : start + 8], sums, order), order)
        if rest != [*salts_and_sums[:2], *sums]:
            break
        pending[page_no] = page
        if commit_size:
            committed |= pending
            pending = {}
    return committed


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    a, b = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        a = (a + first + b) & 0xFFFFFFFF
        b = (b + second + a) & 0xFFFFFFFF
    return a, b


def _rows_of_page(page: bytes, start: int, read_page: ReadPage) -> Iterator[FoundRow]:
    if len(page) != PAGE_SIZE or page[start] != TABLE_LEAF:
        return
    cells = int.from_bytes(page[start + 3 : start + 5], "big")
    pointers = page[start + 8 : start + 8 + 2 * min(cells, PAGE_SIZE // 4)]
    for place in range(0, len(pointers) - 1, 2):
        try:
            yield _row(page, int.from_bytes(pointers[place : place + 2], "big"), read_page)
        except (_NoCell, IndexError):
            continue


def _row(page: bytes, at: int, read_page: ReadPage) -> FoundRow:
    """Raises _NoCell or IndexError for what is no row of the journal."""
    size, at = _varint(page, at)
    number, at = _varint(page, at)
    if not 0 < size <= LARGEST_BODY or not 0 < number < 2**62:
        raise _NoCell
    payload = _payload(page, at, size, read_page)
    header_size, place = _varint(payload, 0)
    types = []
    while place < header_size:
        kind_of, place = _varint(payload, place)
        types.append(kind_of)
    # journal_no stands in the row id, so NULL; kind is text (odd), body a blob (even), the others NULL or integer.
    if len(types) not in (4, 5) or types[0] != 0 or types[1] < 13 or not types[1] % 2 or types[2] < 12 or types[2] % 2:
        raise _NoCell
    widths = [(types[1] - 13) // 2, (types[2] - 12) // 2, *(INTEGER_WIDTHS.get(of, -1) for of in types[3:])]
    if min(widths) < 0 or place + sum(widths) != size:
        raise _NoCell
    parts = []
    for width in widths:
        parts.append(payload[place : place + width])
        place += width
    name = parts[0].decode("ascii", "replace")
    if name not in KINDS:
        raise _NoCell
    numbers = [int.from_bytes(part, "big", signed=True) if part else None for part in (*parts[2:], b"")]
    return FoundRow(number, KINDS[name], parts[1], numbers[0], numbers[1])


def _payload(page: bytes, at: int, size: int, read_page: ReadPage) -> bytes:
    """The cell's content, followed through its overflow pages."""
    most, least = PAGE_SIZE - 35, (PAGE_SIZE - 12) * 32 // 255 - 23
    local = size
    if size > most:
        local = least + (size - least) % (PAGE_SIZE - 4)
        local = local if local <= most else least
    parts = [page[at : at + local]]
    left = size - local
    next_no = int.from_bytes(page[at + local : at + local + 4], "big") if left else 0
    while left > 0:
        overflow = read_page(next_no) if next_no else b""
        if len(overflow) != PAGE_SIZE:
            raise _NoCell
        parts.append(overflow[4 : 4 + left])
        left -= PAGE_SIZE - 4
        next_no = int.from_bytes(overflow[:4], "big")
    payload = b"".join(parts)
    if len(payload) != size:
        raise _NoCell
    return payload


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    return value << 8 | data[at + 8], at + 9
