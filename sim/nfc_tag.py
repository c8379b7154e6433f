"""Cards for the simulated reader: a plain UID card and an NTAG215 with its memory.

Source: NXP NTAG213/215/216 data sheet, rev. 3.2 (memory map, commands READ, WRITE, GET_VERSION).
"""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import Protocol

ACK = b"\x0a"  # 4 bits on air
NAK = b"\x00"
READ, WRITE, GET_VERSION = 0x30, 0xA2, 0x60


class Tag(Protocol):
    """What a reader finds in its field. `exchange` takes a command without CRC; None is silence."""

    sens_res: bytes
    sel_res: bytes

    @property
    def uid(self) -> bytes: ...

    def woken(self) -> bool:
        """Whether it answers a request now."""

    def field_off(self) -> None: ...

    def exchange(self, command: bytes) -> bytes | None: ...


class UidCard:
    """A card that only says its UID (4 or 7 bytes), as most membership cards are used. SAK 08: MIFARE Classic 1K."""

    def __init__(self, uid: bytes) -> None:
        if len(uid) not in (4, 7):
            raise ValueError(f"a UID has 4 or 7 bytes, not {len(uid)}")
        self.uid = uid
        self.sens_res = b"\x04\x00" if len(uid) == 4 else b"\x44\x00"
        self.sel_res = b"\x08"

    def woken(self) -> bool:
        return True

    def field_off(self) -> None:
        pass

    def exchange(self, command: bytes) -> bytes | None:
        return None


class Ntag215:
    """135 pages of 4 bytes, formatted with an empty NDEF message.

    `torn_after_writes`: from this many page writes on the card is out of the field, in the middle of whatever was
    being written; None: it stays.
    """

    PAGES = 135
    sens_res = b"\x44\x00"
    sel_res = b"\x00"

    def __init__(self, uid: bytes = bytes.fromhex("04A1B2C3D4E5F6")) -> None:
        if len(uid) != 7:
            raise ValueError(f"an NTAG215 has a UID of 7 bytes, not {len(uid)}")
        self.uid = uid
        self.memory = bytearray(self.PAGES * 4)
        self.memory[0:3] = uid[:3]
        self.memory[3] = 0x88 ^ reduce(xor, uid[:3])  # check byte over the cascade tag
        self.memory[4:8] = uid[3:]
        self.memory[8] = reduce(xor, uid[3:])
        self.memory[9] = 0x48
        self.memory[12:16] = b"\xe1\x10\x3e\x00"  # capability container: NDEF 1.0, 496 bytes
        self.memory[16:20] = b"\x03\x00\xfe\x00"  # empty NDEF message, terminator
        self.writes = 0
        self.torn_after_writes: int | None = None

    def woken(self) -> bool:
        return True

    def field_off(self) -> None:
        pass

    def exchange(self, command: bytes) -> bytes | None:
        if self.torn_after_writes is not None and self.writes >= self.torn_after_writes:
            return None
        if command == bytes([GET_VERSION]):
            return bytes.fromhex("0004040201001103")
        if command[0] == READ and len(command) == 2 and command[1] < self.PAGES:
            block = self.memory[command[1] * 4 : command[1] * 4 + 16]
            return bytes(block + self.memory[: 16 - len(block)])  # reading past the end rolls over
        if command[0] == WRITE and len(command) == 6 and 2 <= command[1] < self.PAGES:
            self._write(command[1], command[2:])
            return ACK
        return NAK

    def _write(self, page: int, data: bytes) -> None:
        self.writes += 1
        at = page * 4
        if page == 3:  # one-time programmable: bits can only be set
            data = bytes(old | new for old, new in zip(self.memory[at : at + 4], data, strict=True))
        self.memory[at : at + 4] = data
