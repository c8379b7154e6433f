"""`kiosk stop` and `kiosk reset`: ask the controller by name, then look whether it became true.

Law: the answer is what the snapshots show afterwards, never the mere sending. The controller audits who asked.
"""

from __future__ import annotations

import json
import os
import pwd
import time
from collections.abc import Callable
from typing import Any

from kiosk.cli import exits, words
from kiosk.cli.causes import CONTACTOR
from kiosk.cli.link import Link
from kiosk.cli.why import chosen, story, told

STOPPABLE = ("preparing", "delivering")


def user_name() -> str:
    """Who asks: the person behind sudo, else the user of this process."""
    if os.geteuid() == 0 and (name := os.environ.get("SUDO_USER")):
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def stop(options: Any) -> int:
    """Ends the running session at an EVSE as a stop command does: current to zero, contactor open, cable free."""
    with Link(options.socket) as link:
        (evse,) = chosen(link.first, options.evse)
        if evse["state"] not in STOPPABLE:
            hint = " Unplug the cable to end it." if evse["state"] == "parked" else ""
            raise exits.Trouble(
                exits.REFUSED, f"EVSE {options.evse} is {words.state(evse['state'])}: nothing to stop.{hint}"
            )
        link.send({"intent": "StopCommanded", "transaction_id": None, "evse_id": options.evse, "by": user_name()})
        return _report(link, options, "stopped", is_stopped)


def is_stopped(evse: dict[str, Any]) -> bool:
    """The session is over and the contactor is seen open: the current falls first, so the one comes seconds later."""
    return evse["state"] not in STOPPABLE and evse.get("contactor_closed") is False


def reset(options: Any) -> int:
    """Resets a latched fault. Works only when its cause is gone."""
    with Link(options.socket) as link:
        (evse,) = chosen(link.first, options.evse)
        if not evse.get("fault"):
            raise exits.Trouble(exits.REFUSED, f"EVSE {options.evse} has no fault: nothing to reset.")
        link.send({"intent": "ResetPressed", "evse_id": options.evse, "by": user_name()})
        return _report(link, options, "reset", lambda evse: not evse.get("fault"))


def _report(link: Link, options: Any, done: str, is_done: Callable[[dict[str, Any]], bool]) -> int:
    link.send({"watch": True})
    deadline_s = time.monotonic() + options.patience_s
    latest = link.first
    became_true = False
    while not became_true and (left_s := deadline_s - time.monotonic()) > 0:
        news = link.snapshot(left_s)
        if news is not None:
            latest = news
            became_true = is_done(chosen(latest, options.evse)[0])
    (evse,) = chosen(latest, options.evse)
    if options.json:
        answer = {"evse_id": options.evse, done: became_true, "by": user_name(), "story": story(evse, latest)}
        print(json.dumps(answer, ensure_ascii=False))
    elif became_true:
        print(f"EVSE {options.evse}: {done}; it is now {_now(evse)}.")
    else:
        print("\n".join(told(story(evse, latest))))
    if became_true:
        return exits.OK
    raise exits.Trouble(
        exits.REFUSED,
        f"EVSE {options.evse}: asked, but not {done} within {options.patience_s:g} s: it is {_now(evse)}",
    )


def _now(evse: dict[str, Any]) -> str:
    fault = f" ({evse['fault']['code']})" if evse.get("fault") else ""
    return f"{words.state(evse['state'])}{fault}, {CONTACTOR[evse.get('contactor_closed')]}"
