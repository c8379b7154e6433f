"""Starts the probe, the program that touches devices and files where the controller does not.

The probe gets one JSON request and writes its answer itself. It takes this process's place, so Ctrl-C, the terminal
and the exit code are its own.
"""

from __future__ import annotations

import json
import os
import sys

from kiosk.cli import exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def request(options: argparse.Namespace) -> dict[str, Any]:
    """The options as the probe reads them; what was not given is left out. Relative paths become absolute."""
    fields = {key: value for key, value in vars(options).items() if value is not None}
    return fields | {"config": os.path.abspath(options.config), "socket": os.path.abspath(options.socket)}


def command() -> list[str]:
    # -P: a file in the working directory must not be taken for a module.
    return [sys.executable, "-P", "-m", "kiosk.probe"]


def run(options: argparse.Namespace) -> int:
    """Does not come back unless the probe cannot start."""
    fields = request(options)
    if fields["command"] in ("relay",):
        from kiosk.cli.intents import user_name

        fields["by"] = user_name()
    sys.stdout.flush()
    words = [*command(), json.dumps(fields)]
    try:
        os.execv(words[0], words)
    except OSError as error:
        raise exits.Trouble(exits.UNREACHABLE, f"the probe does not start: {error}") from error
