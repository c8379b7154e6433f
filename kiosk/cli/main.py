"""`kiosk`: the technician's command. One table of commands; what a command needs is imported when it is called."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from kiosk.cli import exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SOCKET = "/run/kiosk/controller.sock"
CONFIG = "/etc/kiosk/kiosk.toml"

ABOUT = """\
Look at a charging kiosk, ask it why, and repair it.

With the controller running:
  status                 one screen: kiosk, EVSEs, readers, devices
  watch                  the same, live
  why [EVSE]             why an EVSE is in its state, and what would move it on
  stop EVSE              end the session at an EVSE
  reset EVSE             reset a latched fault whose cause is gone

With or without it:
  doctor                 check everything; one line each: what, where, likely cause, fix
  journal list, show     what was recorded
  journal close EVSE     end what is open at an EVSE that left the configuration
  outbox                 what the server has not acknowledged yet
  enrol                  bind this kiosk to its server with a one-time code

With the controller stopped (systemctl stop kiosk-controller), on the bare devices:
  meter read, meter scan read a meter; find baud, address and model on a bus
  nfc read               read one card
  relay EVSE on|off|test close a contactor by hand
"""
END = f"""\
every command takes:
  --json                 one JSON value on standard output instead of words
  --socket PATH          the controller's socket (KIOSK_SOCKET, else {SOCKET})
  --config FILE          the kiosk's configuration (KIOSK_CONFIG, else {CONFIG})

exit codes:
  0  done, nothing wrong found
  1  done, and the answer is bad news: a fault, a failed check, no tag
  2  the command line or the configuration is wrong
  3  the controller or the device cannot be reached
  4  refused: by the controller, by a safety rule, or for want of rights

examples:
  kiosk why 1                           why does number 1 not charge?
  kiosk doctor                          something is wrong and nobody knows what
  kiosk meter scan --device /dev/ttyRS485
  kiosk status --json | jq '.evses[].state'
"""

# command → (what it does, module:function)
COMMANDS = {
    "status": ("one screen: kiosk, EVSEs, readers, devices", "kiosk.cli.status:status"),
    "watch": ("the same, live, until Ctrl-C", "kiosk.cli.status:watch"),
    "why": ("why an EVSE is in its state, and what would move it on", "kiosk.cli.why:why"),
    "stop": ("end the session at an EVSE; audited", "kiosk.cli.intents:stop"),
    "reset": ("reset a latched fault whose cause is gone; audited", "kiosk.cli.intents:reset"),
    "doctor": ("check everything, one line each", "kiosk.cli.doctor:doctor"),
    "journal": ("list or show what was recorded, close what cannot end", "kiosk.cli.journal:journal"),
    "outbox": ("what the server has not acknowledged yet", "kiosk.cli.journal:outbox"),
    "enrol": ("bind this kiosk to its server with a one-time code", "kiosk.cli.enrol:enrol"),
    "meter": ("read a meter, or find the meters on a bus", "kiosk.cli.probe:run"),
    "nfc": ("read one card", "kiosk.cli.probe:run"),
    "relay": ("close a contactor by hand; audited", "kiosk.cli.probe:run"),
}


class _Help(argparse.RawTextHelpFormatter):
    """Of fixed width: to ask for the terminal's, argparse imports shutil and with it every archive format."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. Everything expected that goes wrong is one line on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parser(words).parse_args(words)
        module, function = COMMANDS[options.command][1].split(":")
        code = getattr(import_module(module), function)(options)
        sys.stdout.flush()
        return int(code)
    except exits.Trouble as trouble:
        sys.stdout.flush()
        print(f"kiosk: {trouble}", file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, jq) has what it wanted; Python must not complain while it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.OK


def parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Only the command that is called gets its options: a full parser costs as much as the rest of `kiosk status`."""
    top = argparse.ArgumentParser("kiosk", description=ABOUT, epilog=END, formatter_class=_Help)
    top.usage = "kiosk COMMAND [options]"
    commands = top.add_subparsers(
        prog="kiosk", dest="command", metavar="COMMAND", required=True, help=argparse.SUPPRESS
    )
    for name in [words[0]] if words and words[0] in COMMANDS else COMMANDS:
        text = COMMANDS[name][0]
        command = commands.add_parser(name, description=f"{text[0].upper()}{text[1:]}.", formatter_class=_Help)
        if name in ("journal", "meter", "nfc"):
            from kiosk.cli.probe_options import add_sub_commands

            add_sub_commands(name, command, common)
        else:
            common(command)
            _add_options(name, command)
    return top


def common(command: argparse.ArgumentParser) -> None:
    """What every command takes."""
    command.add_argument("--json", action="store_true", help="one JSON value instead of words")
    command.add_argument(
        "--socket", metavar="PATH", default=os.environ.get("KIOSK_SOCKET", SOCKET), help="the controller's socket"
    )
    command.add_argument(
        "--config", metavar="FILE", default=os.environ.get("KIOSK_CONFIG", CONFIG), help="the kiosk's configuration"
    )


def _add_options(name: str, command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    if name == "why":
        add("evse", metavar="EVSE", nargs="?", type=int, help="its number; all of them without")
    if name in ("stop", "reset", "relay"):
        add("evse", metavar="EVSE", type=int, help="its number")
    if name == "stop":
        add("--patience-s", metavar="S", type=float, default=20.0, help="how long to wait until it is true (20)")
    if name == "reset":
        add("--patience-s", metavar="S", type=float, default=5.0, help="how long to wait until it is true (5)")
    if name == "watch":
        add("--count", metavar="N", type=int, default=0, help="end after N pictures")
        add("--patience-s", metavar="S", type=float, default=60.0, help="wait for a lost controller (60)")
    if name == "relay":
        add("action", choices=("on", "off", "test"), help="on: until Enter or --for-s; test: one second with feedback")
        add("--yes", action="store_true", help="do not ask")
        add("--force", action="store_true", help="even with a vehicle connected")
        add("--for-s", metavar="S", type=float, default=60.0, help="longest time for `on` (60, at most 600)")
    if name == "doctor":
        add("--limit-s", metavar="S", type=float, default=20.0, help="longest time for one check (20)")
    if name == "enrol":
        add("--server", metavar="URL", help="https://… (else [server] url of the configuration)")
        add("--code", metavar="CODE", required=True, help="the one-time code from the operator's page")
        add("--ca", metavar="FILE", help="the server's authority, PEM; it is kept (else the system's)")


if __name__ == "__main__":
    sys.exit(main())
