"""How long from an emergency stop on its line to the open command on the contactor's line.

The driver polls every 5 ms in a process of its own, on the real rpi-lgpio over the simulated board; the board's clock
measures both ends. Prints one JSON line: seconds at p50, p99 and most, the same as ratios to the polling period (the
best polling can do is 0.5, 0.99 and 1), and what one read costs.

    python benchmarks/bench_gpio_latency.py [ROUNDS]     300 rounds take some ten seconds
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from sim.gpio_board import GpioBoard
from sim.gpio_server import GpioServer
from sim.lgpio_client import environment

ROOT = Path(__file__).resolve().parents[1]
COIL, AUX, HEART, STOP = 17, 4, 5, 22
PERIOD_S = 0.005
PATIENCE_S = 2.0

PROGRAM = f"""
import time
from kiosk.drivers.gpio import GpioContactor, GpioHeartbeat, GpioInput, GpioLines
lines = GpioLines(time.monotonic)
left = GpioContactor(lines, "left", command_pin={COIL}, feedback_pin={AUX})
heart = GpioHeartbeat(lines, "heart", pin={HEART})
stop = GpioInput(lines, "stop", pin={STOP})
started_s = time.perf_counter()
for _ in range(2000):
    stop.is_active()
print((time.perf_counter() - started_s) / 2000, flush=True)
due_s = time.monotonic()
while True:
    left.command(not stop.is_active())
    left.feedback()
    heart.beat()
    due_s = max(due_s + {PERIOD_S}, time.monotonic())
    time.sleep(max(0.0, due_s - time.monotonic()))
"""


def main(rounds: int) -> None:
    chance = random.Random(1)
    board = GpioBoard()
    board.drive(STOP, False)
    closed, opened = threading.Event(), threading.Event()
    opened_s = 0.0

    def on_coil(level: bool, at_s: float) -> None:
        nonlocal opened_s
        if level:
            opened.clear()
            closed.set()
        else:
            opened_s = at_s
            closed.clear()
            opened.set()

    board.watch(COIL, on_coil)
    taken_s = []
    with tempfile.TemporaryDirectory() as folder, GpioServer(board, f"{folder}/socket") as server:
        kiosk = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment(server.path), stdout=subprocess.PIPE, text=True
        )
        try:
            assert kiosk.stdout is not None
            read_s = float(kiosk.stdout.readline())
            for _ in range(rounds):
                assert closed.wait(PATIENCE_S), "the contactor's line was not closed"
                time.sleep(chance.uniform(0.0, 3 * PERIOD_S))
                pressed_s = time.monotonic()
                board.drive(STOP, True)
                assert opened.wait(PATIENCE_S), "the contactor's line was not opened"
                taken_s.append(opened_s - pressed_s)
                board.drive(STOP, False)
        finally:
            kiosk.kill()
            kiosk.wait()
    taken_s.sort()
    marks = {
        "p50": taken_s[len(taken_s) // 2],
        "p99": taken_s[min(len(taken_s) - 1, len(taken_s) * 99 // 100)],
        "max": taken_s[-1],
    }
    result = {f"{name}_s": round(value, 6) for name, value in marks.items()}
    result |= {f"{name}_periods": round(value / PERIOD_S, 2) for name, value in marks.items()}
    print(json.dumps({"benchmark": "gpio_latency", "rounds": rounds, "read_s": round(read_s, 7), **result}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
