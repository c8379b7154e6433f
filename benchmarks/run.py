"""All benchmarks, one after the other, then one table: what was seen, the goal, and whether it is met.

    python -m benchmarks.run [NAME …]      writes build/bench.json; NAME as in bench_NAME.py, default all

Absolute figures are those of a machine; ratios against a raw baseline of the same run count (docs/benchmarks.md).
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULT = HERE.parent / "build" / "bench.json"
Line = tuple[str, float, str, bool | None]  # name, seen, goal, is it met; None: no goal


def main() -> int:
    names = sys.argv[1:] or [path.stem.removeprefix("bench_") for path in sorted(HERE.glob("bench_*.py"))]
    found: dict[str, Any] = {}
    for name in names:
        print(f"== {name}", flush=True)
        began_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.bench_{name}"], cwd=HERE.parent, stdout=subprocess.PIPE, text=True
        )
        print(done.stdout, end="", flush=True)
        found[name] = _last_json(done.stdout) if done.returncode == 0 else {"failed": done.returncode}
        print(f"== {name}: {time.monotonic() - began_s:.0f} s\n", flush=True)
    lines = [line for name, result in found.items() for line in lines_of(name, result)]
    width = max(len(line[0]) for line in lines)
    print(f"{'':{width}}  {'seen':>10}  {'goal':>8}")
    for label, seen, goal, is_met in lines:
        print(f"{label:{width}}  {seen:10g}  {goal:>8}  {'' if is_met is None else 'met' if is_met else 'MISSED'}")
    RESULT.parent.mkdir(exist_ok=True)
    report = {"machine": machine(), "results": found, "table": lines}
    RESULT.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {RESULT.relative_to(HERE.parent)}")
    return 1 if any("failed" in result for result in found.values() if isinstance(result, dict)) else 0


def lines_of(name: str, result: Any) -> Iterator[Line]:
    """The rows of the table out of one benchmark's numbers."""
    if isinstance(result, dict) and "failed" in result:
        yield f"{name}: failed", result["failed"], "0", False
        return
    match name:
        case "intake":
            for label, row in result.items():
                if isinstance(row, dict):
                    goal = row["goal"]
                    yield label, row.get("ratio", row.get("value")), goal, row["is_met"] if goal else None
        case "price":
            for label, row in result.items():
                if isinstance(row, dict):
                    yield label, row["ratio"], "", None
        case "modbus_poll":
            yield "80-register poll p50 : plain pyserial", result["poll_ratio"], "≤ 8", result["poll_ratio"] <= 8
            yield "80-register poll p99, ms", result["driver_p99_ms"], "≤ 1", result["driver_p99_ms"] <= 1
            for kind, ratio in result["bus_ratio"].items():
                yield f"bus time : fewest blocks, {kind}", ratio, "≤ 1.15", ratio <= 1.15
        case "fault_latency":
            for load, row in result["loads"].items():
                p99_ms, most_ms = round(1000 * row["p99_s"], 2), round(1000 * row["max_s"], 2)
                yield f"fault to open, {load}, p99 ms", p99_ms, "≤ 10", p99_ms <= 10
                yield f"fault to open, {load}, max ms", most_ms, "≤ 100", most_ms <= 100
        case "gpio_latency":
            yield "stop line to open command, p99, polling periods", result["p99_periods"], "", None
        case "worlds":
            rate = result["kiosk_hours_per_cpu_s"]
            yield "kiosk-hours a second of one core", rate, "≥ 50", rate >= 50
        case "write_rate":
            for charging, row in enumerate(result):
                yield f"card, {charging} charging, GB a year", row["gb_per_year"], "", None


def machine() -> dict[str, Any]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    load = Path("/proc/loadavg").read_text().split()[:3]
    return {
        "cpu": cpu,
        "cores": len([line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("processor")]),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load_at_the_end": load,
    }


def _last_json(text: str) -> Any:
    """Benchmarks print their numbers as the last line that is JSON."""
    for line in reversed(text.splitlines()):
        if line.startswith(("{", "[")):
            return json.loads(line)
    return {"failed": -1}


if __name__ == "__main__":
    raise SystemExit(main())
