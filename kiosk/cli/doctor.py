"""`kiosk doctor`: what the controller says of the devices it holds, everything else looked at by the probe."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from kiosk.cli import exits
from kiosk.cli.causes import CAUSES
from kiosk.cli.conditions import standing
from kiosk.cli.link import Link
from kiosk.cli.probe import command, request
from kiosk.cli.why import story

SPARE_S = 30.0  # for the probe's start and end, on top of its own limits


def doctor(options: Any) -> int:
    """The probe's exit code: 0 all well (warnings too), 1 something failed."""
    if not 1 <= options.limit_s <= 120:
        raise exits.Trouble(exits.USAGE, f"--limit-s {options.limit_s:g}: want 1 to 120")
    fields = request(options)
    try:
        with Link(options.socket) as link:
            fields["snapshot"] = link.first
        fields["advice"] = advice(link.first)
    except exits.Trouble as trouble:
        nobody = isinstance(trouble.__cause__, (FileNotFoundError, ConnectionRefusedError))
        fields |= {"no_controller": str(trouble), "nobody_listened": nobody}
    try:
        # The snapshot may be longer than an argument may be, so the request goes by standard input.
        done = subprocess.run(
            [*command(), "-"], input=json.dumps(fields).encode(), timeout=options.limit_s + SPARE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise exits.Trouble(exits.UNREACHABLE, f"the probe did not end within {error.timeout:g} s") from error
    except OSError as error:
        raise exits.Trouble(exits.UNREACHABLE, f"the probe does not start: {error}") from error
    return done.returncode


def advice(snapshot: dict[str, Any]) -> dict[str, list[str]]:
    """Cause and fix in the words of `kiosk why`, whose tables the probe does not have: by EVSE with a fault, by the
    name of a part that is not well, and under "offline"."""
    told = {}
    for evse in snapshot["evses"]:
        if evse.get("fault"):
            (cause, *_) = story(evse, snapshot)["causes"]
            told[str(evse["evse_id"])] = [cause["sentence"], cause["fix"]]
    for kind in ("readers", "devices"):
        for part in snapshot[kind]:
            alone = snapshot | {"readers": [], "devices": [], "is_online": True} | {kind: [part]}
            found = [code for code in standing(alone) if code not in ("clock_unknown", "reader_lost")]
            if not part["is_good"] and found:
                told[f"part:{part['name']}"] = list(CAUSES[found[0]])
    if not snapshot["is_online"]:
        (code,) = (code for code in standing(snapshot | {"readers": [], "devices": []}) if code != "clock_unknown")
        told["offline"] = list(CAUSES[code])
    return told
