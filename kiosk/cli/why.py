"""`kiosk why`: why an EVSE is in its state and what would move it on. Pure but for `why`."""

from __future__ import annotations

import json

from kiosk.cli import exits, words
from kiosk.cli.causes import BEGINS, BEGINS_WITHOUT, CAUSES, CHOOSING, CONTACTOR, IDLE, LATCHED, NOTHING, STATES
from kiosk.cli.conditions import standing
from kiosk.cli.link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

DISAGREES_AFTER_S = 1.0  # a contactor takes its time; this long is news


def why(options: argparse.Namespace) -> int:
    with Link(options.socket) as link:
        snapshot = link.first
    stories = [story(evse, snapshot) for evse in chosen(snapshot, options.evse)]
    if options.json:
        print(json.dumps(stories[0] if options.evse is not None else stories, ensure_ascii=False))
    else:
        print("\n\n".join("\n".join(told(each)) for each in stories))
    return exits.FINDING if any(each["is_wrong"] for each in stories) else exits.OK


def chosen(snapshot: dict[str, Any], evse_id: int | None) -> list[dict[str, Any]]:
    """The EVSEs asked for. Raises Trouble for one that is not there."""
    found = [evse for evse in snapshot["evses"] if evse_id in (None, evse["evse_id"])]
    if not found and evse_id is not None:
        known = ", ".join(str(evse["evse_id"]) for evse in snapshot["evses"]) or "none"
        raise exits.Trouble(exits.USAGE, f"EVSE {evse_id}: this kiosk has no such EVSE; it has: {known}")
    return found


def story(evse: dict[str, Any], snapshot: dict[str, Any]) -> dict[str, Any]:
    """One EVSE's causes, the deciding one first, as values."""
    fault = evse.get("fault")
    meaning, moves_on = _meaning(evse, codes := _codes(evse, snapshot))
    if snapshot.get("phone_problem"):
        for by_phone in ("a payment by phone, ", "a payment by phone or "):
            moves_on = moves_on.replace(by_phone, "")
    causes: dict[str, dict[str, Any]] = {}
    for code in codes:
        key = code.split(":", 1)[1] if code.startswith(("fault:", "interlock:")) else code
        if code.startswith("fault:") and f"{key}:gone" in CAUSES and "cause_gone" in evse.get("why", []):
            key += ":gone"
        others = ""
        if key.startswith("site_limit:") and key.count(":") == 2:
            key, others = key.rsplit(":", 1)
        sentence, fix = CAUSES.get(key, (f"{words.state(code)}.", "See the journal: kiosk journal list."))
        cause = {
            "code": code,
            "sentence": sentence.replace("{others}", others),
            "fix": fix.replace("EVSE", str(evse["evse_id"])),
        }
        if fault and code == f"fault:{fault['code']}":
            cause |= {"since": fault["since"], "detail": fault.get("detail", "")}
        causes.setdefault(key, cause)
    return {
        "evse_id": evse["evse_id"],
        "state": evse["state"],
        "meaning": meaning.replace("{contactor}", CONTACTOR[evse.get("contactor_closed")]),
        "in_state_s": evse["in_state_s"],
        "deadline_in_s": evse.get("deadline_in_s"),
        "causes": list(causes.values()),
        "moves_on": moves_on.replace("EVSE", str(evse["evse_id"])),
        "is_wrong": fault is not None or not evse.get("offer"),
    }


def told(one: dict[str, Any]) -> list[str]:
    """The story in lines: cause first, then what to do."""
    head = f"EVSE {one['evse_id']} is {words.state(one['state'])} for {words.duration(one['in_state_s'])}"
    lines = [f"{head}: {one['meaning']}."]
    for number, cause in enumerate(one["causes"]):
        since = f" Since {cause['since'][:19].replace('T', ' ')}Z." if cause.get("since") else ""
        lines.append(f"  {'cause' if number == 0 else 'also '}  {cause['sentence']} [{cause['code']}]{since}")
        if cause.get("detail"):
            lines.append(f"         {cause['detail']}")
        if cause["fix"] != NOTHING:
            lines.append(f"  do     {cause['fix']}")
    left = f", within {words.duration(one['deadline_in_s'])}" if one["deadline_in_s"] is not None else ""
    lines.append(f"  next   {one['moves_on']}{left}.")
    return lines


def _meaning(evse: dict[str, Any], codes: list[str]) -> tuple[str, str]:
    """What the state means and what moves it on, as far as the causes let it."""
    state, fault = evse["state"], evse.get("fault")
    meaning, moves_on = STATES.get(state, ("", "unknown state: this command is older than the controller"))
    if state == "idle":
        meaning, moves_on = next((IDLE[code] for code in codes if code in IDLE), (meaning, moves_on))
        if moves_on == BEGINS and "token_would_start" in codes:
            return meaning, CHOOSING
        if moves_on == BEGINS:
            moves_on = next((words for code, words in BEGINS_WITHOUT.items() if code in codes), BEGINS)
        return meaning, moves_on
    if fault and fault["is_latched"]:
        return meaning, LATCHED["cause_gone" in codes]
    return meaning, moves_on


def _codes(evse: dict[str, Any], snapshot: dict[str, Any]) -> list[str]:
    """The fault, the controller's own codes, then what the snapshot shows besides."""
    found: list[str] = []
    if fault := evse.get("fault"):
        found.append(f"fault:{fault['code']}")
    found += evse.get("why", [])
    if not evse.get("offer"):
        found.append("no_offer")
    if evse.get("contactor_closed") is not evse["wants_contactor_closed"] and evse["in_state_s"] >= DISAGREES_AFTER_S:
        found.append("feedback_lost" if evse.get("contactor_closed") is None else "feedback_disagrees")
    if evse["evse_id"] in snapshot.get("token_starts", ()):
        found.append("token_would_start")
    if (deal := evse.get("transaction")) and deal["meter_quality"] != "good":
        found.append("meter_stale")
    return found + standing(snapshot)
