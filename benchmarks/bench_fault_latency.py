"""How long from a fault on its line to the open command on the contactor's line, through the whole real controller.

    python benchmarks/bench_fault_latency.py [--rounds 200] [--loads idle,busy_cpu,…] [--json FILE]

Server, street and kiosk as real processes (worlds.stage), real drivers on the simulated board, whose clock measures
both ends. The controller has the scheduling of its systemd unit (docs/decisions/0046), where this user may give it; the
street has it too, because hardware does not wait for a processor. EVSE 1 charges all the while; the RCD line of EVSE 2
trips again and again, and the time counts until the open command that follows the controller's own look at the line.
Loads:
- idle;
- stalled_disk: every fdatasync of the controller takes a second (strace);
- hanging_network: the cable to the server is open and the server stands still (SIGSTOP);
- frozen_screen: two screens and a technician that watch and read nothing;
- busy_cpu: as many spinning processes as there are cores.

Goals: p99 ≤ 10 ms and at most 100 ms under every load, p99 under load : idle ≤ 20. The baseline beside them is how
late a bare `sleep(4 ms)` of an idle process wakes under the same load: what the machine itself adds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sim.lgpio_client import environment
from worlds.charges import Charges
from worlds.eyes import Eyes
from worlds.launcher import Program
from worlds.stage import Stage, program

STALL_S = 1.0
UNIT_PRIORITY = 1  # real-time, the lowest there is: CPUScheduling… in systemd/kiosk-controller.service
LOADS = ("idle", "stalled_disk", "hanging_network", "frozen_screen", "busy_cpu")
GOAL_P99_S, GOAL_MOST_S, GOAL_RATIO = 0.010, 0.100, 20.0
SPIN = "while True: pass"
SLEEPS = """
import time
late = []
while len(late) < 1000:
    began = time.monotonic()
    time.sleep(0.004)
    late.append(time.monotonic() - began - 0.004)
late.sort()
print(late[989], late[-1])
"""


def slow_down_the_disk(stage: Stage) -> None:
    """Start the controller anew under strace, which delays every fdatasync."""
    stage.launcher.stop("controller")
    env = environment(str(stage.places.run / "gpio.sock"))
    delay = f"inject=fdatasync,fsync:delay_enter={round(STALL_S * 1_000_000)}"
    slowly = ("strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", delay)
    argv = (*slowly, program("kiosk-controller"), "--config", str(stage.places.config))
    stage.launcher.start(Program("slow controller", argv, env))


def charge(stage: Stage) -> None:
    """A car charges at EVSE 1 from now on."""
    with Eyes(stage.places.panel) as eyes:
        charges = Charges(stage, eyes)
        charges.wait_until_ready(1)
        charges.wait_until_online()
        charges.choose(1)
        stage.street("tap", card="anna")
        charges.wait_for(1, "knows the card", lambda e: e.transaction is not None)
        stage.street("plug", evse=1, car="zoe")
        charges.wait_until_delivering(1, least_wh=10)


def lift(stage: Stage) -> str:
    """Give the controller the scheduling of its systemd unit, where this user may; and the street as well, because
    hardware does not wait for the Pi's processor. Returns what they have."""
    names = ("controller", "slow controller", "street")
    pids = [pid for name in names if (pid := stage.launcher.pid(name)) is not None]
    for pid in pids:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in (pid, *map(int, children)):
            for thread in os.listdir(f"/proc/{process}/task"):
                try:
                    os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(UNIT_PRIORITY))
                except PermissionError:
                    return "usual"
    return f"round robin {UNIT_PRIORITY}"


@contextmanager
def loaded(name: str, stage: Stage) -> Iterator[None]:
    with ExitStack() as stack:
        if name == "busy_cpu":
            for _ in range(os.cpu_count() or 1):
                spinner = subprocess.Popen([sys.executable, "-c", SPIN])
                stack.callback(spinner.wait)
                stack.callback(spinner.kill)
        elif name == "frozen_screen":
            for role in ("screen", "screen", "technician"):
                screen = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                screen.connect(stage.places.panel)
                screen.sendall(json.dumps({"hello": role}).encode() + b"\n")
                if role == "technician":
                    screen.sendall(b'{"watch": true}\n')
        elif name == "hanging_network":
            server = stage.launcher.pid("server")
            assert server is not None
            os.kill(server, signal.SIGSTOP)
            stack.callback(os.kill, server, signal.SIGCONT)
        time.sleep(1.0)
        yield


def marks(taken_s: list[float]) -> dict[str, float]:
    row = sorted(taken_s)
    return {
        "p50_s": row[len(row) // 2],
        "p99_s": row[min(len(row) - 1, len(row) * 99 // 100)],
        "max_s": row[-1],
    }


def measure(load: str, rounds: int, folder: Path) -> dict[str, Any]:
    with Stage(folder / load) as stage:
        stage.start_server_and_street()
        stage.start_kiosk()
        if load == "stalled_disk":
            slow_down_the_disk(stage)
        charge(stage)
        scheduling = lift(stage)
        with loaded(load, stage):
            sleeping = subprocess.Popen([sys.executable, "-c", SLEEPS], stdout=subprocess.PIPE, text=True)
            found = marks(stage.street("time_opening", evse=2, rounds=rounds)["seconds"])
            late_s = sleeping.communicate(timeout=60)[0].split()
            found |= {"sleep_p99_s": float(late_s[0]), "sleep_max_s": float(late_s[1])}
        if not stage.physics()["evses"]["1"]["is_closed"]:
            raise RuntimeError(f"{load}: EVSE 1 stopped charging meanwhile\n{stage.last_words('controller')}")
    return found | {"scheduling": scheduling}


def table(found: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"{'fault → open, ms':18}{'p50':>8}{'p99':>8}{'max':>8}{'p99:idle':>10}   {'bare sleep late p99':>20}{'max':>8}"
    ]
    idle_s = found.get("idle", {}).get("p99_s")
    for load, row in found.items():
        ratio = f"{row['p99_s'] / idle_s:.2f}" if idle_s else "–"
        is_good = row["p99_s"] <= GOAL_P99_S and row["max_s"] <= GOAL_MOST_S
        lines.append(
            f"{load:18}{1000 * row['p50_s']:8.2f}{1000 * row['p99_s']:8.2f}{1000 * row['max_s']:8.2f}{ratio:>10}"
            f"   {1000 * row['sleep_p99_s']:20.2f}{1000 * row['sleep_max_s']:8.2f}{'' if is_good else '  missed'}"
        )
    lines.append(f"{'goal':18}{'':8}{1000 * GOAL_P99_S:8.0f}{1000 * GOAL_MOST_S:8.0f}{GOAL_RATIO:>10.0f}")
    lines.append(f"scheduling of the controller: {', '.join(sorted({row['scheduling'] for row in found.values()}))}")
    return "\n".join(lines)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=200)
    words.add_argument("--loads", default=",".join(LOADS))
    words.add_argument("--json", type=Path, help="also write the numbers here")
    given = words.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for load in given.loads.split(","):
            if load not in LOADS:
                words.error(f"--loads: want {', '.join(LOADS)}, got {load!r}")
            if load == "stalled_disk" and shutil.which("strace") is None:
                print("stalled_disk left out: no strace")
                continue
            found[load] = measure(load, given.rounds, Path(folder))
    print(table(found))
    result: dict[str, Any] = {"benchmark": "fault_latency", "rounds": given.rounds, "loads": found}
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    else:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
