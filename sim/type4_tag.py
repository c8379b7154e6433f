"""A phone whose payment app answers as an NFC Forum Type 4 tag (card emulation), byte for byte on the air.

Sources: NFC Forum Type 4 Tag technical specification 1.0 (NDEF application, capability container, NDEF file);
ISO/IEC 14443-4:2018, 5.2 (answer to select), 7.5 (block protocol, waiting time extension); ISO/IEC 14443-3, 6.5.4 (a
UID that begins with 08 is a random number, new after each loss of the field); ISO/IEC 7816-4 (status words).
"""

from __future__ import annotations

RATS, DESELECT, WTX = 0xE0, 0xC2, 0xF2
ATS = bytes.fromhex("0578809002")  # frames to 256 bytes, 155 ms to answer: so much may a busy test machine need
APPLICATION = bytes.fromhex("d2760000850101")
CAPABILITIES, MESSAGE = 0xE103, 0xE104
SELECT, READ_BINARY = 0xA4, 0xB0
DONE, NOT_FOUND, WRONG_OFFSET, NOT_ALLOWED, NOT_KNOWN = 0x9000, 0x6A82, 0x6B00, 0x6982, 0x6D00
LONGEST_FRAME = 253  # 256 less the block's own byte and its two of CRC
WTX_TIMES = 3


def text_record(text: str) -> bytes:
    return _record(b"T", b"\x02en" + text.encode())


def uri_record(uri: str) -> bytes:
    return _record(b"U", b"\x00" + uri.encode())


def _record(kind: bytes, payload: bytes) -> bytes:
    """One NDEF message of one well-known record, short where it may be."""
    if len(payload) < 256:
        return b"\xd1\x01" + bytes([len(payload)]) + kind + payload
    return b"\xc1\x01" + len(payload).to_bytes(4, "big") + kind + payload


class Type4Tag:
    """`message` is the NDEF message; None: a phone without a payment app.

    What may be wrong with it: `waits` extensions of the waiting time before each answer (-1: for ever), `silent_after`
    so many exchanges of one activation (it was taken away), other `capabilities`, another `length` than the message's.
    `uid` fixed: a card of this kind, or a phone that has none of its own.
    """

    sens_res = b"\x04\x00"

    def __init__(self, message: bytes | None, uid: bytes | None = None, sel_res: bytes = b"\x20") -> None:
        self.message, self.sel_res = message, sel_res
        self.length = len(message or b"")
        self.capabilities = bytes.fromhex("000f2000f600f60406e104080000ff")  # read by anybody, written by nobody
        self.waits = 0
        self.silent_after: int | None = None
        self.activations = 0
        self._fixed_uid = uid
        self._fields = 0
        self._forget()

    @property
    def uid(self) -> bytes:
        return self._fixed_uid or b"\x08" + self._fields.to_bytes(3, "big")

    def field_off(self) -> None:
        self._fields += 1
        self._forget()

    def woken(self) -> bool:
        """In the block protocol it answers no request."""
        return not self._is_active

    def _forget(self) -> None:
        self._is_active = False
        self.exchanges = 0  # of this activation
        self._file: bytes | None = None
        self._command = b""  # of a chain
        self._answer = b""  # what is still to be sent
        self._number = 0  # of the block that is answered
        self._waits_left = 0
        self._sent = b""

    def exchange(self, command: bytes) -> bytes | None:
        self.exchanges += 1
        if self.silent_after is not None and self.exchanges > self.silent_after:
            return None
        if not self._is_active:
            if command[0] != RATS:
                return None
            self._is_active = True
            self.activations += 1
            return ATS
        self._sent = self._block(command[0], command[1:])
        return self._sent or None

    def _block(self, pcb: int, data: bytes) -> bytes:
        number = pcb & 1
        if pcb == DESELECT:
            self._is_active = False
            return bytes([DESELECT])
        if pcb & 0xF6 == 0xB2:  # the reader did not understand
            return self._sent if self._sent and self._sent[0] & 1 == number else bytes([0xA2 | number])
        if pcb & 0xF6 == 0xA2:  # go on with the chain
            return self._next_block(number)
        if pcb == WTX:
            return self._answer_or_wait(self._number)
        if pcb & 0xE2 != 0x02:
            return b""
        self._command += data
        if pcb & 0x10:
            return bytes([0xA2 | number])
        command, self._command = self._command, b""
        self._answer, self._number, self._waits_left = self._obey(command), number, self.waits
        return self._answer_or_wait(number)

    def _answer_or_wait(self, number: int) -> bytes:
        if self._waits_left:
            self._waits_left -= 1
            return bytes([WTX, WTX_TIMES])
        return self._next_block(number)

    def _next_block(self, number: int) -> bytes:
        part, self._answer = self._answer[:LONGEST_FRAME], self._answer[LONGEST_FRAME:]
        return bytes([(0x12 if self._answer else 0x02) | number]) + part

    def _obey(self, apdu: bytes) -> bytes:
        """The answer to a command, with its status word."""
        if len(apdu) < 4 or self.message is None:
            return NOT_FOUND.to_bytes(2, "big")
        instruction, place = apdu[1], int.from_bytes(apdu[2:4], "big")
        if instruction == SELECT:
            return self._select(apdu[2], apdu[5 : 5 + apdu[4]] if len(apdu) > 4 else b"").to_bytes(2, "big")
        if instruction != READ_BINARY:
            return NOT_KNOWN.to_bytes(2, "big")
        if self._file is None:
            return NOT_ALLOWED.to_bytes(2, "big")
        if place >= len(self._file):
            return WRONG_OFFSET.to_bytes(2, "big")
        size = (apdu[4] if len(apdu) > 4 else 0) or 256
        return self._file[place : place + size] + DONE.to_bytes(2, "big")

    def _select(self, by: int, name: bytes) -> int:
        if by == 0x04:
            return DONE if name == APPLICATION else NOT_FOUND
        files = {CAPABILITIES: self.capabilities, MESSAGE: self.length.to_bytes(2, "big") + (self.message or b"")}
        self._file = files.get(int.from_bytes(name, "big"))
        return DONE if self._file is not None else NOT_FOUND
