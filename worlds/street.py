"""kiosk-sim street: one process with all the simulated hardware of a street, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from sim.control import ControlServer
from sim.gate import Gate
from sim.lgpio_client import environment
from sim.street import Street
from sim.street_commands import Commands
from sim.street_plan import PlanError, load_plan

PLAN = Path("config/demo/street.toml")
SOCKET = "street.sock"  # in the run directory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plan", type=Path, default=PLAN, help="street file (default %(default)s)")
    parser.add_argument("--run", type=Path, default=Path("build/demo/run"), help="directory of terminals and sockets")
    parser.add_argument("--rate", type=float, default=1.0, help="street seconds per real second, as [clock] rate")
    parser.add_argument("--server", metavar="HOST:PORT", help="put a cable that can be pulled in front of this server")


def run(args: argparse.Namespace) -> int:
    try:
        plan = load_plan(args.plan)
    except PlanError as error:
        print(f"kiosk-sim street: {error}", file=sys.stderr)
        return 2
    gate = None
    if args.server is not None:
        host, _, port = args.server.rpartition(":")
        gate = Gate((host, int(port)))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    street = Street(plan, args.run.resolve(), args.rate)
    commands = Commands(street, gate)
    control = ControlServer(str(args.run / SOCKET), commands)
    needed = environment(street.gpio_socket, {})
    print(json.dumps({**commands.state(), "control": control.path, "environment": needed}), flush=True)
    ended.wait()
    control.close()
    street.close()
    if gate is not None:
        gate.close()
    return 0
