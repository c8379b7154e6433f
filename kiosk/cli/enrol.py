"""`kiosk enrol`: starts the uplink's own enrolment, which makes the kiosk's key and asks the server to bind it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from kiosk.cli import exits

PATIENCE_S = 60.0


def enrol(options: Any) -> int:
    """3 where the server cannot be reached, 4 where it refuses the code."""
    words = [sys.executable, "-P", "-m", "kiosk.uplink.enrol", "--config", options.config, "--code", options.code]
    if options.server is not None:
        words += ["--server", options.server]
    if options.ca is not None:
        words += ["--ca", options.ca]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise exits.Trouble(exits.UNREACHABLE, f"enrolment did not end: {error}") from error
    said = (done.stdout if done.returncode == 0 else done.stderr).strip()
    if done.returncode == 0:
        print(json.dumps({"is_enrolled": True, "message": said}) if options.json else said)
        return exits.OK
    if done.returncode == exits.USAGE:
        raise exits.Trouble(exits.USAGE, said)
    raise exits.Trouble(exits.REFUSED if "refused the code" in said else exits.UNREACHABLE, f"not enrolled: {said}")
