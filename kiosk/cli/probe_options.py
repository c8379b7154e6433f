"""Options of the commands that have commands of their own: journal, meter, nfc."""

from __future__ import annotations

import argparse
from collections.abc import Callable

KINDS = ("transaction", "item", "authorization", "status", "clock", "audit")  # contract.api.RowKind


def add_sub_commands(name: str, parser: argparse.ArgumentParser, common: Callable[..., None]) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(word: str, text: str) -> argparse.ArgumentParser:
        made = actions.add_parser(word, help=text, description=f"{text[0].upper()}{text[1:]}.")
        common(made)
        return made

    if name == "journal":
        rows = action("list", "rows of the journal, oldest first")
        rows.add_argument("--kind", choices=KINDS, help="only rows of this kind")
        rows.add_argument("--after", metavar="NO", type=int, help="only rows after this number (else the newest)")
        rows.add_argument("--limit", metavar="N", type=int, default=50, help="at most this many, 1 to 1000 (50)")
        action("show", "one row, whole").add_argument("no", metavar="NO", type=int)
        close = action("close", "end what is open at an EVSE that left the configuration, with its last reading")
        close.add_argument("evse", metavar="EVSE", type=int, help="its number")
    elif name == "meter":
        read = action("read", "every quantity of a meter, once")
        read.add_argument("name", metavar="NAME", nargs="?", help="which, where the configuration has several")
        scan = action("scan", "find baud, parity, address and model on a bus")
        where = scan.add_mutually_exclusive_group(required=True)
        where.add_argument("--bus", metavar="NAME", help="a bus of the configuration")
        where.add_argument("--device", metavar="PATH", help="a serial port")
        scan.add_argument("--addresses", metavar="A-B", default="1-16", help="addresses to try (1-16)")
        scan.add_argument("--thorough", action="store_true", help="every speed and parity, not only usual ones")
    else:
        read = action("read", "wait for one card and show what it is")
        read.add_argument("--reader", metavar="NAME", help="which, where the configuration has several")
        read.add_argument("--timeout-s", metavar="S", type=float, default=20.0, help="how long to wait (20)")
