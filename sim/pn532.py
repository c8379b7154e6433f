"""A PN532 on its high-speed UART: the chip answers real frames on a pseudo-terminal.

Sources: NXP PN532 user manual UM0701-02, chapter 6.2.1 (frames) and 7 (commands). The commands answered are those
nfcpy sends to open, sense, read, write and close; any other gets the error frame, as the chip does.
"""

from __future__ import annotations

from collections import Counter

from sim.nfc_tag import Tag
from sim.serial_device import SerialDevice

START = b"\x00\x00\xff"
ACK = b"\x00\x00\xff\x00\xff\x00"
ERROR_FRAME = b"\x00\x00\xff\x01\xff\x7f\x81\x00"
TO_CHIP, FROM_CHIP = 0xD4, 0xD5
DIAGNOSE, FIRMWARE, READ_REGISTER, WRITE_REGISTER = 0x00, 0x02, 0x06, 0x08
SET_BAUD, SET_PARAMETERS, SAM, POWER_DOWN, RF_CONFIG = 0x10, 0x12, 0x14, 0x16, 0x32
COMMUNICATE_THRU, LIST_TARGETS = 0x42, 0x4A
TX_MODE, RX_MODE, FIFO_DATA = 0x6302, 0x6303, 0x6339
CRC_ON = 0x80
RF_FIELD = b"\x01"
AUTOMATIC_RATS = 0x10  # as the chip starts; nfcpy turns it off and selects by itself
TIMED_OUT, CRC_WRONG = b"\x01", b"\x02"
MOST_HELD = 600  # bytes kept while a frame is incomplete


class Pn532:
    """`tag` is the card in the field or None; set it at any time. `is_mute`: the chip hangs and says nothing.

    `seen` counts the commands by number. `reset` is the chip's RSTPDN line: a hung chip answers again.
    """

    def __init__(self, path: str) -> None:
        self.tag: Tag | None = None
        self.is_mute = False
        self.seen: Counter[int] = Counter()
        self._held = b""
        self._registers: dict[int, int] = {}
        self._selects_itself = True
        self._device = SerialDevice(path, self._hear)
        self.path = path

    def reset(self) -> None:
        self.is_mute = False
        self._registers.clear()
        self._selects_itself = True

    def unplug(self) -> None:
        self._device.unplug()

    def plug(self) -> None:
        self._device.plug()

    def close(self) -> None:
        self._device.close()

    def _hear(self, data: bytes) -> None:
        self._held = (self._held + data)[-MOST_HELD:]
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        """Handle the first frame held; False: none is complete."""
        begin = self._held.find(START)
        if begin < 0:
            self._held = self._held[-2:]
            return False
        frame = self._held[begin:]
        if len(frame) < 6:
            return False
        if frame.startswith(ACK):  # the host aborts
            self._held = frame[6:]
            return True
        if frame[3:5] == b"\xff\xff":  # extended frame
            if len(frame) < 8:
                return False
            size, head, length_sum = frame[5] << 8 | frame[6], 8, sum(frame[5:8])
        else:
            size, head, length_sum = frame[3], 5, frame[3] + frame[4]
        if length_sum & 0xFF:
            self._held = frame[3:]  # not a frame: look for the next start
            return True
        if len(frame) < head + size + 2:
            return False
        body = frame[head : head + size]
        self._held = frame[head + size + 2 :]
        if not (sum(body) + frame[head + size]) & 0xFF and len(body) >= 2 and body[0] == TO_CHIP:
            self._obey(body[1], body[2:])
        return True

    def _obey(self, command: int, data: bytes) -> None:
        if self.is_mute:
            return
        self.seen[command] += 1
        self._device.send(ACK)
        result = self._result(command, data)
        if result is None:
            self._device.send(ERROR_FRAME)
            return
        body = bytes([FROM_CHIP, command + 1]) + result
        size = len(body)
        if size <= 255:
            length = bytes([size, -size & 0xFF])
        else:
            length = bytes([0xFF, 0xFF, size >> 8, size & 0xFF, -((size >> 8) + size) & 0xFF])
        self._device.send(START + length + body + bytes([-sum(body) & 0xFF, 0]))

    def _result(self, command: int, data: bytes) -> bytes | None:
        """The chip's answer after its command code; None: the error frame."""
        if command == DIAGNOSE:
            return data if data[:1] == b"\x00" else b"\x00"  # the line test echoes everything
        if command == FIRMWARE:
            return bytes.fromhex("32010607")  # PN532 v1.6, ISO 14443 A and B, ISO 18092
        if command == RF_CONFIG and data[:1] == RF_FIELD and len(data) == 2 and not data[1] & 1 and self.tag:
            self.tag.field_off()
        if command == SET_PARAMETERS:
            self._selects_itself = bool(data and data[0] & AUTOMATIC_RATS)
        if command in (SET_BAUD, SET_PARAMETERS, SAM, RF_CONFIG):
            return b""
        if command == POWER_DOWN:
            return b"\x00"
        if command == READ_REGISTER:
            return bytes(self._register(data[at] << 8 | data[at + 1]) for at in range(0, len(data) - 1, 2))
        if command == WRITE_REGISTER:
            for at in range(0, len(data) - 2, 3):
                self._registers[data[at] << 8 | data[at + 1]] = data[at + 2]
            return b""
        if command == LIST_TARGETS:
            return self._list_targets(data)
        if command == COMMUNICATE_THRU:
            return self._communicate(data)
        return None

    def _register(self, address: int) -> int:
        # With no card in the field the FIFO still holds the SENS_REQ that nobody answered.
        return 0x26 if address == FIFO_DATA else self._registers.get(address, 0)

    def _list_targets(self, data: bytes) -> bytes:
        tag = self.tag
        if len(data) < 2 or data[1] != 0 or tag is None or not tag.woken():  # 0: 106 kbit/s type A
            return b"\x00"
        self._registers[TX_MODE] = self._registers[RX_MODE] = CRC_ON
        uid, ats = tag.uid, b""
        if self._selects_itself and tag.sel_res[0] & 0x20:
            ats = tag.exchange(b"\xe0\x50") or b""
        return b"\x01\x01" + tag.sens_res[::-1] + tag.sel_res + bytes([len(uid)]) + uid + ats

    def _communicate(self, data: bytes) -> bytes:
        tag = self.tag
        answer = tag.exchange(data) if tag is not None and data else None
        if answer is None:
            return TIMED_OUT
        if len(answer) == 1:  # a 4-bit ACK or NAK has no CRC
            return CRC_WRONG if self._registers.get(RX_MODE, CRC_ON) & CRC_ON else b"\x00" + answer
        return b"\x00" + answer + (b"" if self._registers.get(RX_MODE, CRC_ON) & CRC_ON else crc_a(answer))


def crc_a(data: bytes) -> bytes:
    """ISO/IEC 14443-3, annex B."""
    crc = 0x6363
    for byte in data:
        byte = (byte ^ crc) & 0xFF
        byte = (byte ^ byte << 4) & 0xFF
        crc = crc >> 8 ^ byte << 8 ^ byte << 3 ^ byte >> 4
    return (crc & 0xFFFF).to_bytes(2, "little")
