"""What an hour of a simulated world costs, and which part of the program has it.

Runs a few seeds in this process with a sampling timer and prints one JSON line: CPU milliseconds per kiosk-hour (a
machine's figure), the same in units of a fixed piece of Python measured between the seeds (`per_hour`, comparable
between machines and loads), and the share of each part. A sample belongs to the innermost frame of the project; what
libraries and SQLite do belongs to whoever called them.

    python benchmarks/bench_worlds.py [SEEDS] [HOURS] [FAULTS]      default 1-6 24 all; about half a minute
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import FrameType

from worlds.checker import check
from worlds.faults.kinds import chosen
from worlds.fleet import parse_seeds
from worlds.world import World

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_EVERY_S = 0.001
# The first prefix that fits names the part; the server's part is everything its functions cause.
PARTS = (
    ("street", ("sim/", "worlds/")),
    ("kiosk core", ("kiosk/session/", "kiosk/interlock", "kiosk/authority")),
    ("controller", ("kiosk/controller", "kiosk/sensing", "kiosk/")),
    ("wire and price", ("contract/",)),
)
OF_JOURNAL, OF_SERVER, OF_UPLINK = "kiosk/journal/", "billing/", "kiosk/uplink/"


@dataclass
class Sampler:
    """Counts, at every tick of this process's CPU time, which part was at work."""

    counts: Counter[str]

    def tick(self, _: int, frame: FrameType | None) -> None:
        found = ""
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(str(ROOT)) and "/.venv/" not in name:
                path = name[len(str(ROOT)) + 1 :]
                whole = {OF_JOURNAL: "journal", OF_SERVER: "server", OF_UPLINK: "uplink"}
                for prefix, part in whole.items():
                    if path.startswith(prefix):  # with everything it calls
                        self.counts[part] += 1
                        return
                found = found or next((part for part, names in PARTS if path.startswith(names)), "")
            frame = frame.f_back
        self.counts[found or "other"] += 1


def yardstick_s() -> float:
    """CPU seconds of a fixed piece of work of the kind a world does: small objects, dictionaries, comparisons."""
    began_s = time.process_time()
    kept: dict[int, tuple[int, str]] = {}
    for number in range(100_000):
        kept[number % 1000] = (number, str(number))
    assert len(sorted(kept.values())) == 1000
    return time.process_time() - began_s


def main() -> None:
    words = sys.argv[1:] + ["1-6", "24", "all"][len(sys.argv) - 1 :]
    seeds, hours, faults = parse_seeds(words[0]), float(words[1]), chosen(words[2])
    logging.disable(logging.CRITICAL)
    World(0, 0.2, faults=faults).run()  # imports, caches
    sampler, yardsticks, spent_s = Sampler(Counter()), [], 0.0
    signal.signal(signal.SIGPROF, sampler.tick)
    for seed in seeds:
        yardsticks.append(yardstick_s())
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_EVERY_S, SAMPLE_EVERY_S)
        began_s = time.process_time()
        world = World(seed, hours, faults=faults)
        world.run()
        harm = check(world)
        spent_s += time.process_time() - began_s
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        assert not harm.any(), f"seed {seed}: {harm}"
    each_s = spent_s / len(seeds) / hours
    samples = sum(sampler.counts.values())
    report = {
        "cpu_ms_per_kiosk_hour": round(each_s * 1000, 1),
        "kiosk_hours_per_cpu_s": round(1 / each_s, 1),
        "per_hour": round(each_s / median(yardsticks), 2),
        "shares": {part: round(count / samples, 3) for part, count in sampler.counts.most_common()},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
