"""`kiosk journal` and `kiosk outbox`: asked of the controller, or read from the file by the probe where none runs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from kiosk.cli import exits
from kiosk.cli.link import Link
from kiosk.cli.probe import command, request

MOST_ROWS = 1000
PATIENCE_S = 20.0
WIDTH = 130  # characters of a line in a list


def journal(options: Any) -> int:
    """`list`: 1 where there are no rows. `show`: 1 where there is no such row. `close`: 1 where nothing was open."""
    if options.action == "close":
        return _close(options)
    if options.action == "show":
        row = _asked(options, {"query": "row", "journal_no": options.no})
        print(json.dumps(_parsed(row), ensure_ascii=False) if options.json else "\n".join(_whole(_parsed(row))))
        return exits.OK
    if not 1 <= options.limit <= MOST_ROWS:
        raise exits.Trouble(exits.USAGE, f"--limit {options.limit}: want 1 to {MOST_ROWS}")
    query = {"query": "journal", "limit": options.limit}
    query |= {key: value for key in ("after", "kind") if (value := getattr(options, key)) is not None}
    rows = [_parsed(row) for row in _asked(options, query)]
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
    for row in [] if options.json else rows:
        print(line_of(row))
    return exits.OK if rows else exits.FINDING


def _close(options: Any) -> int:
    """Only the controller's program writes the journal, and only one of them at a time."""
    words = [sys.executable, "-P", "-m", "kiosk.daemon.main", "--config", options.config, "--close", str(options.evse)]
    try:
        done = subprocess.run(words, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise exits.Trouble(exits.UNREACHABLE, f"the journal cannot be closed: {error}") from error
    return done.returncode


def outbox(options: Any) -> int:
    """0 also where rows wait: that is what an outbox is for."""
    found = _asked(options, {"query": "outbox"})
    oldest = _parsed(found["oldest"]) if found.get("oldest") else None
    if options.json:
        print(json.dumps(found | {"oldest": oldest}, ensure_ascii=False))
        return exits.OK
    online = {True: "the server answers", False: "the server does not answer"}.get(found.get("is_online"), "")
    if not found["waiting"]:
        print("outbox: empty, the server has everything" + (f"; {online}" if online else ""))
        return exits.OK
    count = f"{found['waiting']} row{' waits' if found['waiting'] == 1 else 's wait'}"
    print(f"outbox: {count}; {online or 'no controller runs, nothing is sent'}")
    if oldest is not None:
        print(f"oldest: {line_of(oldest)}")
    for refused in found["set_aside"]:
        print(f"set aside: row {refused['journal_no']}, which the server refuses: {refused['reason']}"[:WIDTH])
    return exits.OK


def line_of(row: dict[str, Any]) -> str:
    """Number, whether the server has it, kind, when, what."""
    body = row["body"]
    sent = "sent" if row.get("acknowledged_at") else "WAIT"
    if not row.get("is_sound", True):
        sent = "BAD "  # not what was written: the next start puts it aside
    head = f"{row['journal_no']:>8} {sent} {row['kind']:<13} "
    if not isinstance(body, dict):
        return f"{head}{body}"[:WIDTH]
    at = body.get("at")
    when = str(at.get("wall", "–") if isinstance(at, dict) else "–")[:19].replace("T", " ")
    if row["kind"] == "transaction":
        end = f" {body['stopped_reason']}" if body.get("stopped_reason") else ""
        text = (
            f"EVSE {body.get('evse_id')} {body.get('event_type')} {body.get('seq_no')} "
            f"{body.get('trigger_reason')}{end} {body.get('meter', {}).get('import_wh')} Wh "
            f"{str(body.get('transaction_id'))[:8]}"
        )
    else:
        text = " ".join(f"{key}={_short(item)}" for key, item in body.items() if key != "at")
    return f"{head}{when} {text}"[:WIDTH]


def _whole(row: dict[str, Any]) -> list[str]:
    sent = row.get("acknowledged_at") or "not yet"
    head = f"row {row['journal_no']}  kind {row['kind']}  acknowledged {sent}"
    if not row.get("is_sound", True):
        head += "  NOT WHAT WAS WRITTEN (checksum): restart the controller, it puts the row aside"
    return [head, json.dumps(row["body"], ensure_ascii=False, indent=2)]


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its body as a value; a body that is no JSON stays text."""
    body = row["body"]
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return row
    return row | {"body": body}


def _short(item: Any) -> str:
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
    return text if len(text) <= 24 else f"{text[:23]}…"


def _asked(options: Any, query: dict[str, Any]) -> Any:
    """The answer of the controller, or of the probe where no controller listens. Raises Trouble."""
    try:
        with Link(options.socket) as link:
            link.send(query)
            while (line := link.line(PATIENCE_S)) is not None:
                if "error" in line:
                    raise exits.Trouble(exits.FINDING, f"controller: {line['error']}")
                if "answer" in line:
                    return line["answer"]
            raise exits.Trouble(exits.UNREACHABLE, f"controller: no answer within {PATIENCE_S:g} s")
    except exits.Trouble as trouble:
        if trouble.code != exits.UNREACHABLE:
            raise
    return _probed(options)


def _probed(options: Any) -> Any:
    words = [*command(), json.dumps(request(options))]
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise exits.Trouble(exits.UNREACHABLE, f"the probe does not answer: {error}") from error
    if done.returncode:
        sys.stderr.write(done.stderr.decode(errors="replace"))
        raise SystemExit(done.returncode)
    return json.loads(done.stdout)
