"""The words with which a person plays with a running street: plug, tap, cut, restore …

`cut`, `restore` and `kill` go to the launcher, which owns the kiosk's processes; so do `touch` and `picture`, as the
screen is one of them. All others go to the street.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sim.control import Mistake, ask

STREET, LAUNCHER = "street.sock", "launcher.sock"
RUN = Path("build/demo/run")

# name → help, then its arguments: (name, type, default), None where it must be given
CONTROLS: dict[str, tuple[str, tuple[tuple[str, type, Any], ...]]] = {
    "plug": ("a car comes to an EVSE", (("evse", int, None), ("car", str, ""))),
    "unplug": ("the car leaves", (("evse", int, None),)),
    "pause": ("the car pauses, or goes on", (("evse", int, None), ("on", str, None))),
    "load": ("amps per phase that everything else behind the site's connection draws", (("amps", float, None),)),
    "tap": ("hold a card to the reader: a name or a UID in hex", (("card", str, None), ("hold_s", float, 1.0))),
    "tap-phone": (
        "hold a phone to the reader: its payment app says this code as an NFC tag; without one it has no such app",
        (("code", str, ""), ("hold_s", float, 1.0)),
    ),
    "remove": ("take the card or phone away", ()),
    "scan": ("hold a code to the scanner: a voucher, a member's or a payment app's", (("text", str, None),)),
    "cut": ("cut the mains: everything dies, the relay drops", ()),
    "restore": ("the mains come back, the kiosk starts", ()),
    "kill": ("kill -9 one process: controller, uplink or ui; it is started again", (("process", str, None),)),
    "net": ("pull or mend the cable to the server", (("on", str, None),)),
    "press-estop": ("press the emergency stop", ()),
    "release-estop": ("release it", ()),
    "trip-rcd": ("the RCD of an EVSE trips", (("evse", int, None),)),
    "reset-rcd": ("it is switched on again", (("evse", int, None),)),
    "weld": ("the contactor's contacts weld", (("evse", int, 1),)),
    "meter-silent": ("the meter of an EVSE stops answering", (("evse", int, 1),)),
    "fault": ("break something; an unknown name lists all", (("kind", str, None), ("evse", int, 1))),
    "mend": ("repair everything", ()),
    "touch": ("touch the demo's screen: the words on a button, or X Y in its pixels", (("where", list, None),)),
    "picture": ("photograph the demo's screen, and list its buttons", (("file", Path, None),)),
    "physics": ("what is true: energies, contactors, relay", ()),
    "state": ("where terminals, sockets, cards and cars are", ()),
}
OF_LAUNCHER = ("cut", "restore", "kill", "touch", "picture")
FAULT_WORDS = ("weld", "meter-silent")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, (text, arguments) in CONTROLS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--run", type=Path, default=RUN, help="run directory (default %(default)s)")
        for word, kind, default in arguments:
            if word == "on":
                command.add_argument("on", choices=("on", "off"))
            elif kind is list:
                command.add_argument(word, nargs="+")
            elif default is None:
                command.add_argument(word, type=kind)
            else:
                command.add_argument(word, type=kind, nargs="?", default=default)


def run(args: argparse.Namespace) -> int:
    """0 done, 1 refused, 3 nobody there."""
    request = request_of(args)
    path = args.run / (LAUNCHER if args.command in OF_LAUNCHER else STREET)
    try:
        answer = ask(str(path), request)
    except Mistake as mistake:
        print(f"kiosk-sim {args.command}: {mistake}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"kiosk-sim {args.command}: nobody answers at {path}: {error}. Is the demo running?", file=sys.stderr)
        return 3
    answer.pop("ok")
    print(json.dumps(answer, indent=2) if answer else "done")
    return 0


def request_of(args: argparse.Namespace) -> dict[str, Any]:
    """The line for the control socket."""
    name = args.command
    if name in FAULT_WORDS:
        return {"do": "fault", "kind": name, "evse": args.evse}
    words = {word: getattr(args, word) for word, _, _ in CONTROLS[name][1]}
    if "on" in words:
        words["on"] = words["on"] == "on"
    for word, value in words.items():
        if isinstance(value, list):
            words[word] = " ".join(value)
        elif isinstance(value, Path):
            words[word] = str(value.absolute())
    return {"do": name, **{word: value for word, value in words.items() if value != ""}}
