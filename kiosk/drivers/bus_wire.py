"""What comes in on a bus, byte by byte, also what pymodbus drops: late answers, garbage, strangers, babble.

Law: nothing here decides what a value means. It only says what was heard while an answer was waited for, and what
came while none was.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pymodbus.framer import FramerRTU
from pymodbus.pdu import ModbusPDU

EXCEPTION_CHARACTERS = 5
SHORTEST_FRAME = 5  # address, function, code, CRC: an exception
LONGEST_FRAME = 256  # Modbus over Serial Line V1.02, 2.5.1
BABBLE_GAP_S = 0.5  # a wire that rests longer is not held
BABBLE_AFTER_S = 2.0  # longer than any one answer, late or not


@dataclass(slots=True)
class BabbleWatch:
    """Whether bytes that nobody asked for keep coming. Pure: times come in as numbers of one clock."""

    since_s: float = 0.0
    last_s: float = float("-inf")

    def unasked(self, now_s: float) -> None:
        """Something came that is no answer."""
        if now_s - self.last_s > BABBLE_GAP_S:
            self.since_s = now_s
        self.last_s = now_s

    def held_for_s(self, now_s: float) -> float | None:
        """Seconds for which the wire has been held; None where it is not."""
        is_held = now_s - self.last_s <= 2 * BABBLE_GAP_S and self.last_s - self.since_s >= BABBLE_AFTER_S
        return now_s - self.since_s if is_held else None


@dataclass(slots=True)
class Wire:
    """The hooks of pymodbus (`packet`, `pdu`) and what they saw. Times are event loop seconds."""

    changed: asyncio.Event
    expected: int = 0  # characters of the answer waited for; 0 while nothing is
    excess: int = 0  # characters beyond it
    strays: int = 0  # times something came while nothing was waited for
    stray_frames: int = 0  # whole frames among it, of the device asked last
    stray_s: float = 0.0  # event loop second of the last of them
    heard: bytes = b""  # what came in place of the answer, as far as it fits a frame
    babble: BabbleWatch = field(default_factory=BabbleWatch)

    def expect(self, characters: int) -> None:
        self.expected, self.excess, self.strays, self.stray_frames, self.heard = characters, 0, 0, 0, b""

    def expect_nothing(self) -> None:
        self.expected = 0

    def stranger(self, address: int) -> int | None:
        """The address of another device that answered, whole and right, in place of this one."""
        heard = self.heard
        if len(heard) < SHORTEST_FRAME or heard[0] == address or not 1 <= heard[0] <= 247:
            return None
        is_whole = FramerRTU.compute_CRC(heard[:-2]).to_bytes(2, "big") == heard[-2:]
        return heard[0] if is_whole else None

    def packet(self, sending: bool, data: bytes) -> bytes:
        """What pymodbus sends, or all it holds of what came since the last whole frame."""
        if not sending:
            now_s = asyncio.get_running_loop().time()
            if self.expected:
                is_exception = len(data) > 1 and data[1] & 0x80
                self.excess = max(0, len(data) - (EXCEPTION_CHARACTERS if is_exception else self.expected))
                self.heard = data[:LONGEST_FRAME]
                if self.excess:
                    self.babble.unasked(now_s)
            else:
                self.strays += 1
                self.babble.unasked(now_s)
                self.changed.set()
        return data

    def pdu(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        if not sending:
            if not self.expected:
                self.stray_frames += 1
                self.babble.last_s = float("-inf")  # a whole answer nobody waits for is late, not babble
                self.stray_s = asyncio.get_running_loop().time()
            self.expected = 0
        return pdu
