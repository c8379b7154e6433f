"""`kiosk status` and `kiosk watch`: the snapshot on one screen.

Law: reads the snapshot's JSON as it came; shows what is stale as stale; ends with 1 where something is out of order.
"""

from __future__ import annotations

import json
import sys
import time

from kiosk.cli import exits, words
from kiosk.cli.link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

REDRAW_S = 1.0  # a watch that hears nothing still shows how old its picture is
RETRY_S = 1.0
HEAD = ("EVSE", "STATE", "FOR", "PILOT", "CONTACTOR", "OFFER", "POWER", "ENERGY", "COST", "READ", "NOTE")

PHONE_PROBLEMS = {
    "offline": "the server is not reached",
    "no_clock": "the clock is not known, and the codes on the screen are made from it",
    "not_taken": "the server takes no payments by phone, so the screen offers none",
    "no_secret": "no list has brought what the codes on the screen are made from: kiosk doctor, line enrolment",
}


def status(options: argparse.Namespace) -> int:
    with Link(options.socket) as link:
        snapshot = link.first
    print(json.dumps(snapshot, ensure_ascii=False) if options.json else "\n".join(picture(snapshot)))
    return exits.FINDING if findings(snapshot) else exits.OK


def watch(options: argparse.Namespace) -> int:
    """Until Ctrl-C or `--count` pictures. A controller that restarts is waited for, at most `--patience-s`."""
    shown = 0
    lost_at_s: float | None = None
    while True:
        try:
            with Link(options.socket) as link:
                lost_at_s = None
                link.send({"watch": True})
                latest: dict[str, Any] = link.first
                heard_at_s = time.monotonic()
                news: dict[str, Any] | None = latest
                while True:
                    if news is not None:
                        latest, heard_at_s = news, time.monotonic()
                    if news is not None or (sys.stdout.isatty() and not options.json):
                        _show(latest, time.monotonic() - heard_at_s, options.json)
                    if news is not None:
                        shown += 1
                        if options.count and shown >= options.count:
                            return exits.FINDING if findings(latest) else exits.OK
                    news = link.snapshot(REDRAW_S)
        except exits.Trouble as trouble:
            now_s = time.monotonic()
            if trouble.code != exits.UNREACHABLE or (shown == 0 and lost_at_s is None):
                raise
            lost_at_s = now_s if lost_at_s is None else lost_at_s
            if now_s - lost_at_s >= options.patience_s:
                raise
            print(f"kiosk watch: {trouble}; waiting for it", file=sys.stderr)
            time.sleep(RETRY_S)


def findings(snapshot: dict[str, Any]) -> list[str]:
    """What is out of order: EVSEs with a fault, readers and devices that do not answer."""
    found = [f"EVSE {evse['evse_id']}: {evse['fault']['code']}" for evse in snapshot["evses"] if evse.get("fault")]
    found += [f"EVSE {evse['evse_id']}: no price" for evse in snapshot["evses"] if not evse.get("offer")]
    for part in snapshot["readers"] + snapshot["devices"]:
        if not part["is_good"]:
            found.append(f"{part['name']}: {part['message']}")
    return found


def picture(snapshot: dict[str, Any], silent_s: float = 0.0) -> list[str]:
    """The whole screen, line by line."""
    rows = snapshot["outbox_rows"]
    server = "online" if snapshot["is_online"] else _offline(snapshot.get("offline_because", ""))
    clock = snapshot["clock_quality"]
    place = f" · {snapshot['place']}" if snapshot.get("place") else ""
    lines = [
        f"kiosk {snapshot['kiosk_id']}{place} · server {server} · outbox {rows} row{'' if rows == 1 else 's'} · "
        f"clock {clock if clock == 'synchronised' else clock.upper()} · {snapshot['at'][:19].replace('T', ' ')}Z"
    ]
    if silent_s >= 2 * REDRAW_S:
        lines[0] += f" · PICTURE IS {words.duration(silent_s)} OLD"
    lines.append("")
    lines += words.table(HEAD, [_row(evse) for evse in snapshot["evses"]])
    lines.append("")
    if snapshot.get("overrides"):
        lines.append(f"set by the server: {', '.join(snapshot['overrides'])}")
        lines.append("")
    lines += [line for evse in snapshot["evses"] if (line := _by_order(evse))]
    if snapshot["token_waits"]:
        lines.append(
            f"a card or code waits for its cable to be chosen, {words.duration(snapshot['token_waits_s'])} left"
        )
        lines.append("")
    if problem := snapshot.get("phone_problem"):
        lines.append(f"pay by phone: not now, {PHONE_PROBLEMS.get(problem, problem)}")
        lines.append("")
    for title, parts in (("readers", snapshot["readers"]), ("devices", snapshot["devices"])):
        bad = [part for part in parts if not part["is_good"]]
        good = [part["name"] for part in parts if part["is_good"]]
        lines.append(f"{title}: " + (f"ok: {', '.join(good)}" if good else "none" if not parts else "none ok"))
        lines += [f"  FAIL {_with_name(part)}" for part in bad]
    return lines


def _by_order(evse: dict[str, Any]) -> str:
    """What the server has ordered for an EVSE; "" where nothing stands."""
    if evse.get("is_blocked"):
        return f"EVSE {evse['evse_id']}: taken out of service by order"
    if until := evse.get("reserved_until"):
        for_phone = " while somebody pays by phone" if evse.get("reserved_for_phone") else ""
        return f"EVSE {evse['evse_id']}: reserved until {until[:16].replace('T', ' ')}Z{for_phone}"
    return ""


def _offline(because: str) -> str:
    return f"OFFLINE ({words.state(because)})" if because else "OFFLINE"


def _row(evse: dict[str, Any]) -> tuple[str, ...]:
    deal = evse.get("transaction")
    closed, wanted = evse.get("contactor_closed"), evse["wants_contactor_closed"]
    contactor = "?" if closed is None else "closed" if closed else "open"
    if closed is not wanted:
        contactor += "→closed" if wanted else "→open"
    cells = (
        str(evse["evse_id"]),
        words.state(evse["state"]),
        words.duration(evse["in_state_s"]),
        evse.get("pilot") or "?",
        contactor,
        f"{evse['offered_a']} A",
    )
    if not deal:
        return (*cells, words.UNKNOWN, words.UNKNOWN, words.UNKNOWN, words.UNKNOWN, _note(evse))
    return (
        *cells,
        words.power(deal.get("power_w")),
        words.energy(deal["energy_wh"]),
        words.money(deal["bill"]["total_minor"], deal["bill"]["currency"]),
        words.age(deal.get("meter_age_s"))
        + ("" if deal["meter_quality"] == "good" else f" {deal['meter_quality'].upper()}"),
        _note(evse),
    )


def _note(evse: dict[str, Any]) -> str:
    parts = []
    if fault := evse.get("fault"):
        parts.append(f"FAULT {fault['code']}" + (" (latched)" if fault["is_latched"] else ""))
    if not evse.get("offer"):
        parts.append("NO PRICE")
    if evse["state"] in ("parked", "closing") and evse.get("contactor_closed") is not False:
        parts.append("CONTACTOR " + ("STILL CLOSED" if evse.get("contactor_closed") else "UNKNOWN"))
    if evse.get("held") and evse["state"] not in ("preparing", "delivering"):  # then it is its holder's own session
        parts.append("held until unplugged")
    if deal := evse.get("transaction"):
        if deal["is_offline"]:
            parts.append("authorised offline")
        if deal.get("is_by_phone"):
            parts.append("paid by phone")
        if deal.get("is_on_disk") is False:
            parts.append("not on disk yet")
    if evse.get("deadline_in_s") is not None:
        parts.append(f"{words.duration(evse['deadline_in_s'])} left")
    return ", ".join(parts)


def _with_name(part: dict[str, Any]) -> str:
    message = part["message"]
    return message if part["name"] in message else f"{part['name']}: {message or 'no reason given'}"


def _show(snapshot: dict[str, Any], silent_s: float, as_json: bool) -> None:
    if as_json:
        print(json.dumps(snapshot, ensure_ascii=False), flush=True)
    elif sys.stdout.isatty():
        # Home, each line cleared to its end, the rest of the screen cleared: nothing flickers.
        body = "".join(f"{line}\x1b[K\n" for line in picture(snapshot, silent_s))
        print(f"\x1b[H{body}\x1b[J", end="", flush=True)
    else:
        print("\n".join([*picture(snapshot, silent_s), ""]), flush=True)
