"""What the command asks of the probe: one JSON object with the options it was given."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from kiosk.config import Config, ConfigError, load
from kiosk.probe.ends import USAGE, Trouble


@dataclass(frozen=True, slots=True)
class Request:
    """`command` and `action` say what to do; a field that does not belong to it is None or its default."""

    command: str
    config: str
    socket: str
    action: str = ""
    json: bool = False
    by: str = ""
    # meter
    name: str | None = None
    bus: str | None = None
    device: str | None = None
    addresses: str = "1-16"
    thorough: bool = False
    # nfc
    reader: str | None = None
    timeout_s: float = 20.0
    # relay
    evse: int = 0
    yes: bool = False
    force: bool = False
    for_s: float = 60.0
    # journal
    kind: str | None = None
    after: int | None = None
    limit: int = 50
    no: int = 0
    # doctor
    limit_s: float = 20.0
    snapshot: dict[str, Any] | None = None
    advice: dict[str, list[str]] = field(default_factory=dict)  # cause and fix by EVSE with a fault
    no_controller: str = ""  # why there is no snapshot
    nobody_listened: bool = False  # on the controller's socket, when the command asked

    def load(self) -> Config:
        """The configuration. Raises Trouble with every problem of it."""
        if not os.path.exists(self.config):
            raise Trouble(USAGE, f"no such file: {self.config}; use --config FILE or KIOSK_CONFIG")
        try:
            return load(self.config)
        except ConfigError as error:
            raise Trouble(USAGE, str(error)) from error


def read_request(text: str | bytes) -> Request:
    """Raises Trouble."""
    try:
        return Request(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise Trouble(USAGE, f"probe: not a request: {error}. Use the command `kiosk` instead.") from error
