"""How much the Modbus driver costs over plain pyserial, and how much of the bus's time it uses.

    python benchmarks/bench_modbus_poll.py [--polls 400] [--rounds 5] [--json FILE]

Two ratios count, absolute times do not:
- poll: median of an 80-register poll through the driver : the same bytes by plain pyserial on the same terminal,
  both after the same pause, the slave in a process of its own (goal at most 8, and p99 at most 1 ms; plain
  pyserial's own p99 stands beside it, as on a busy machine the scheduler is most of both);
- bus: seconds from the start of a poll of a whole meter to the next possible one : time on the wire of the fewest
  legal blocks, on a line that takes its time (goal at most 1.15).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import statistics
import sys
import tempfile
import time
import tty
from fractions import Fraction
from pathlib import Path
from typing import Any

import serial

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kiosk.drivers.block_reads import plan
from kiosk.drivers.modbus_bus import READ_INPUT, BusSettings, ModbusBus
from kiosk.drivers.quantity_reads import QuantityReads
from kiosk.drivers.register_map import SerialLine, load_map
from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave, frame
from sim.pty_line import PtyLine

REGISTERS = 80
PAUSE_S = 0.005
REQUEST = frame(bytes([1, 4, 0, 0, 0, REGISTERS]))
ANSWER = frame(bytes([1, 4, 2 * REGISTERS]) + bytes(range(2 * REGISTERS)))


def fork_slave() -> tuple[int, str]:
    """A process that answers every request at once; its pid and the terminal to ask it on."""
    master, slave = os.openpty()
    tty.setraw(slave)
    tty.setraw(master)
    pid = os.fork()
    if pid:
        os.close(master)
        return pid, os.ttyname(slave)
    heard = b""
    while True:
        heard += os.read(master, 256)
        while len(heard) >= len(REQUEST):
            heard = heard[len(REQUEST) :]
            os.write(master, ANSWER)


def plain_polls(port: str, polls: int) -> list[float]:
    spent_s = []
    with serial.Serial(port, 115200, timeout=1) as line:
        for _ in range(polls):
            time.sleep(PAUSE_S)
            start_s = time.perf_counter()
            line.write(REQUEST)
            answer = line.read(len(ANSWER))
            spent_s.append(time.perf_counter() - start_s)
            if answer != ANSWER:
                raise RuntimeError("the slave answered something else")
    return spent_s


async def driver_polls(port: str, polls: int) -> list[float]:
    bus = ModbusBus(BusSettings("bench", port, SerialLine(115200, "N")), time.monotonic)
    seat = bus.seat("meter", "bench", "none", 1)
    serving = asyncio.create_task(bus.run())
    spent_s = []
    for _ in range(polls):
        await asyncio.sleep(PAUSE_S)
        start_s = time.perf_counter()
        await seat.read(READ_INPUT, 0, REGISTERS)
        spent_s.append(time.perf_counter() - start_s)
    serving.cancel()
    await asyncio.wait({serving})
    return spent_s


async def bus_ratio(slug: str, baud: int, polls: int) -> float:
    """Time a poll keeps the bus : time on the wire of the fewest legal blocks."""
    model, line = load_map(slug), SerialLine(baud, "N")
    fewest_s = sum(block.wire_time_s(line) for block in plan(model.quantities, model.longest_block, model.gap_limit))
    state = MeterState(import_wh=Fraction(1234567))
    with tempfile.TemporaryDirectory() as directory:
        street = PtyLine(Path(directory) / "tty", baud=baud, is_paced=True)
        street.attach(ModbusSlave(1, MeterRegisters(slug, lambda: state)))
        with street:
            bus = ModbusBus(BusSettings("bench", str(street.link), line), time.monotonic)
            reads = QuantityReads(bus.seat("meter", "bench", slug, 1), model, model.quantities)
            serving = asyncio.create_task(bus.run())
            await reads.read()
            start_s = time.perf_counter()
            for _ in range(polls):
                await reads.read()
            spent_s = (time.perf_counter() - start_s) / polls
            serving.cancel()
            await asyncio.wait({serving})
    return spent_s / fewest_s


def measure(polls: int, rounds: int) -> dict[str, Any]:
    pid, port = fork_slave()
    gc.freeze()  # as the controller does
    try:
        plain, driver = [], []
        for _ in range(rounds):
            plain.append(sorted(plain_polls(port, polls)))
            driver.append(sorted(asyncio.run(driver_polls(port, polls))))
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    plain_ms = [1000 * statistics.median(run) for run in plain]
    driver_ms = [1000 * statistics.median(run) for run in driver]
    buses = {
        f"{slug} at {baud}": round(asyncio.run(bus_ratio(slug, baud, 5)), 3)
        for slug in ("sdm630", "em24", "abb_b23")
        for baud in (9600, 38400)
    }
    return {
        "registers": REGISTERS,
        "polls": polls,
        "rounds": rounds,
        "plain_p50_ms": round(statistics.median(plain_ms), 4),
        "driver_p50_ms": round(statistics.median(driver_ms), 4),
        "plain_p99_ms": round(statistics.median(1000 * run[int(len(run) * 0.99)] for run in plain), 4),
        "driver_p99_ms": round(statistics.median(1000 * run[int(len(run) * 0.99)] for run in driver), 4),
        "poll_ratio": round(statistics.median(d / p for d, p in zip(driver_ms, plain_ms, strict=True)), 2),
        "bus_ratio": buses,
    }


def table(found: dict[str, Any]) -> str:
    rows = [
        ("80-register poll p50 : plain pyserial", found["poll_ratio"], "≤ 8"),
        ("80-register poll p99, ms", found["driver_p99_ms"], "≤ 1"),
        ("plain pyserial p99, ms", found["plain_p99_ms"], ""),
        *((f"bus time : fewest blocks, {name}", ratio, "≤ 1.15") for name, ratio in found["bus_ratio"].items()),
    ]
    return "\n".join(f"{name:48} {value:8} {goal:>8}" for name, value, goal in rows)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--polls", type=int, default=400)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--json", type=Path, help="also write the numbers here")
    given = words.parse_args()
    found = measure(given.polls, given.rounds)
    print(table(found))
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    else:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
