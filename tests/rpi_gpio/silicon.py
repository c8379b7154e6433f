"""The silicon behind the register file: what the BCM2711 does with SET and CLR, in a process of its own.

A file cannot count writes: two that come before the silicon looks again are seen as the last one. The driver's
process therefore waits for empty words after each write.
Source: BCM2711 ARM Peripherals, 5.2 (register offsets). Reads commands from standard input: "drive PIN 0|1".
"""

from __future__ import annotations

import mmap
import os
import select
import sys

SET, CLR, LEV = 0x1C // 4, 0x28 // 4, 0x34 // 4
PULLS_3 = 0xF0 // 4  # GPIO_PUP_PDN_CNTRL_REG3; anything but the older chips' "gpio" marks a BCM2711


def main() -> None:
    with open("/dev/gpiomem", "r+b") as file:
        words = memoryview(mmap.mmap(file.fileno(), 4096)).cast("I")
    words[PULLS_3] = 0
    print("ready", flush=True)
    turns = 0
    while True:
        # The level first: whoever sees the word empty again sees the level too.
        if bits := words[SET]:
            words[LEV] |= bits
            words[SET] = 0
        if bits := words[CLR]:
            words[LEV] &= ~bits & 0xFFFFFFFF
            words[CLR] = 0
        turns += 1
        if turns % 100 == 0 and select.select([sys.stdin], [], [], 0)[0]:
            command = os.read(sys.stdin.fileno(), 100).decode().split()
            if not command:
                return  # the driver's process is gone
            _, pin, level = command
            words[LEV] = words[LEV] & ~(1 << int(pin)) | int(level) << int(pin)


if __name__ == "__main__":
    main()
