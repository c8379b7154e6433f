"""Runs kiosk/drivers/gpio.py on the RPi.GPIO that is installed here, and prints what the registers showed, as JSON."""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kiosk.drivers.gpio import GpioContactor, GpioHeartbeat, GpioInput, GpioLines, GpioLock

COIL, AUX, HEART, STOP, LOCK, COIL_LOW, AUX_LOW = 17, 4, 5, 22, 27, 23, 24
SET, CLR, LEV, PULLS = 0x1C // 4, 0x28 // 4, 0x34 // 4, 0xE4 // 4


def main() -> None:
    silicon = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("silicon.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert silicon.stdin is not None and silicon.stdout is not None
    street = silicon.stdin
    assert silicon.stdout.readline() == "ready\n"
    with open("/dev/gpiomem", "r+b") as file:
        words = memoryview(mmap.mmap(file.fileno(), 4096)).cast("I")

    def level(pin: int) -> int:
        return words[LEV] >> pin & 1

    def settle() -> None:
        # Two writes closer together than the silicon looks would be seen as one.
        until(lambda: not words[SET] and not words[CLR], "the registers settle")

    def drive(pin: int, value: int) -> None:
        street.write(f"drive {pin} {value}\n")
        until(lambda: level(pin) == value, f"line {pin} is {value}")

    def function(pin: int) -> int:
        return words[pin // 10] >> pin % 10 * 3 & 7

    def pull(pin: int) -> int:
        return words[PULLS + pin // 16] >> pin % 16 * 2 & 3

    saw: dict[str, object] = {}
    try:
        for pin in (AUX, AUX_LOW, STOP, LOCK):
            drive(pin, 1)
        lines = GpioLines(time.monotonic)
        left = GpioContactor(lines, "left", command_pin=COIL, feedback_pin=AUX)
        settle()
        right = GpioContactor(lines, "right", command_pin=COIL_LOW, feedback_pin=AUX_LOW, command_active_high=False)
        settle()
        stop = GpioInput(lines, "emergency stop", pin=STOP)
        heart = GpioHeartbeat(lines, "heartbeat", pin=HEART)
        settle()
        lock = GpioLock(lines, "lock", pin=LOCK)
        settle()
        saw["health"] = [device.health().message for device in (left, right, stop, heart, lock)]
        saw["functions"] = {pin: function(pin) for pin in (COIL, COIL_LOW, HEART, LOCK, AUX, STOP)}
        saw["pulls"] = {pin: pull(pin) for pin in (AUX, STOP)}
        saw["first"] = {"coil": level(COIL), "coil_low": level(COIL_LOW), "lock": level(LOCK)}

        left.command(True)
        settle()
        right.command(True)
        settle()
        saw["closed"] = {"coil": level(COIL), "coil_low": level(COIL_LOW)}
        drive(AUX, 0)
        seen = left.feedback()
        saw["feedback_closed"] = seen is not None and seen.value
        left.command(False)
        settle()
        saw["open"] = level(COIL)
        drive(AUX, 1)
        seen = left.feedback()
        saw["feedback_open"] = seen is not None and not seen.value

        saw["cut_wire_is_active"] = stop.is_active()
        drive(STOP, 0)
        saw["closed_loop_is_inactive"] = not stop.is_active()

        beats = []
        for _ in range(6):
            heart.beat()
            settle()
            beats.append(level(HEART))
        saw["beats"] = beats

        lines.close()
        saw["after_close"] = {pin: function(pin) for pin in (COIL, COIL_LOW, HEART, LOCK)}

        import RPi._GPIO

        saw["library"] = RPi._GPIO.__file__
        print(json.dumps(saw))
    finally:
        street.close()
        silicon.wait(5)


def until(look: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + 5
    while not look():
        if time.monotonic() > deadline_s:
            raise SystemExit(f"waited 5 s in vain: {what}")
        time.sleep(0.0002)


if __name__ == "__main__":
    main()
