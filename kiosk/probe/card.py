"""`kiosk nfc read`: one card at the bare reader."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from kiosk.config import Config, Reader
from kiosk.probe.claims import refuse_beside_controller
from kiosk.probe.ends import FINDING, OK, UNREACHABLE, USAGE, Trouble
from kiosk.probe.request import Request


def read(request: Request) -> int:
    """1 where no card came in time."""
    from kiosk.drivers.pn532 import ReaderError, read_once

    config = request.load()
    reader = chosen(config, request.reader)
    if not 0 <= request.timeout_s <= 60:
        raise Trouble(USAGE, f"--timeout-s {request.timeout_s:g}: want 0 to 60")
    refuse_beside_controller(request, config, f"reader '{reader.name}' ({reader.device})")
    if not request.json:
        print(f"{reader.name} ({reader.device}): hold a card in front of it, {request.timeout_s:g} s", file=sys.stderr)
    try:
        card = read_once(reader.device, request.timeout_s)
    except ReaderError as error:
        raise Trouble(UNREACHABLE, f"{reader.name}: {error}") from error
    if request.json:
        told = {"uid": None, "kind": None, "says": None} if card is None else asdict(card)
        print(json.dumps({"reader": reader.name, **told}))
    elif card is None:
        print(f"{reader.name}: the reader works; no card within {request.timeout_s:g} s")
    else:
        says = f"; {card.says}" if card.says else ""
        print(f"{reader.name}: {card.uid} ({card.kind}{says})")
    return FINDING if card is None else OK


def chosen(config: Config, name: str | None) -> Reader:
    """The card reader of this name, or the only one. Raises Trouble."""
    readers = [reader for reader in config.readers if reader.kind == "pn532"]
    names = ", ".join(f"'{reader.name}'" for reader in readers) or "none"
    if name is None and len(readers) == 1:
        return readers[0]
    for reader in readers:
        if reader.name == name:
            return reader
    wanted = "which card reader?" if name is None else f"reader '{name}': no such card reader."
    raise Trouble(USAGE, f"{wanted} The configuration has: {names}")
