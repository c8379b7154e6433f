"""kiosk-sim: the street, the demo, the kills and the worlds, each a sub-command in a module of its own.

A module has `add_arguments(parser)` and `run(args) -> int`. It is imported only when its command is called, so that
`kiosk-sim tap anna` does not wait for a server's libraries.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from worlds import controls

# name → module, one line for the list
COMMANDS = {
    "worlds": ("worlds.fleet", "years of charging in virtual time, from one seed each"),
    "social": ("worlds.social", "a payment app's server with books of its own, well-behaved or not"),
    "street": ("worlds.street", "simulated hardware behind a real kiosk"),
    "demo": ("worlds.demo", "server, street, kiosk and touchscreen: a tour, then yours to play with"),
    "kills": ("worlds.kills", "kill -9 of controller and uplink at random moments of a charge"),
}


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="kiosk-sim", description="The street outside the kiosk, and whole worlds.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    called = words[0] if words else ""
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == called:
            importlib.import_module(module).add_arguments(command)
    controls.add_commands(commands)
    args = parser.parse_args(words)
    if args.command in COMMANDS:
        code: int = importlib.import_module(COMMANDS[args.command][0]).run(args)
        return code
    return controls.run(args)


if __name__ == "__main__":
    sys.exit(main())
