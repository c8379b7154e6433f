"""A checksum beside every row: bytes that change on the card are told from bytes that were written.

SQLite looks after the structure of its pages, not after what stands in them. CRC-32 finds every error of up to 32 bits
in a row (ISO 3309); it is no signature: who may write the file may write the checksum.
"""

from __future__ import annotations

import sqlite3
import zlib

SINCE_VERSION = 3  # of the schema
SQL_NAME = "row_checksum"
MOST_TOLD = 20


def checksum(journal_no: int, kind: str, body: bytes) -> int:
    """0 to 2³²−1, over all that never changes."""
    return zlib.crc32(body, zlib.crc32(f"{journal_no} {kind} ".encode()))


def teach(connection: sqlite3.Connection) -> None:
    """SQL may say row_checksum(journal_no, kind, body)."""
    connection.create_function(SQL_NAME, 3, checksum, deterministic=True)


def spoiled(connection: sqlite3.Connection) -> tuple[int, ...]:
    """Numbers of the first rows whose bytes are not what was written. Reads all of them."""
    query = (
        "SELECT journal_no FROM row WHERE checksum IS NOT row_checksum(journal_no, kind, body)"
        f" ORDER BY journal_no LIMIT {MOST_TOLD}"
    )
    return tuple(int(number) for (number,) in connection.execute(query))
