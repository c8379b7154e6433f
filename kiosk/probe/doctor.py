"""`kiosk doctor`: every check at once, each with its own time limit; one line per thing looked at.

Law: it changes nothing. Devices a controller holds are told by the controller's snapshot; all others are looked at.
A check that hangs is a finding of its own and holds up nobody.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from kiosk.config import Config, ConfigError, load
from kiosk.probe import checks_aside, checks_devices, checks_host, checks_server, checks_snapshot
from kiosk.probe.claims import controller_socket
from kiosk.probe.ends import FINDING, OK
from kiosk.probe.findings import Finding, Level, fail, ok, warn
from kiosk.probe.request import Request

Check = Callable[[], list[Finding]]


@dataclass(slots=True)
class _Running:
    what: str
    thread: threading.Thread
    found: list[Finding]
    is_done: bool = False


def doctor(request: Request) -> int:
    """1 where something failed."""
    findings, checks = _plan(request)
    findings += run(checks, request.limit_s)
    failed = sum(finding.level is Level.FAIL for finding in findings)
    warned = sum(finding.level is Level.WARN for finding in findings)
    if request.json:
        found = {"failed": failed, "warned": warned, "checks": [asdict(finding) for finding in findings]}
        print(json.dumps(found, ensure_ascii=False))
    else:
        for finding in findings:
            print(finding)
        print(f"{len(findings)} looked at, {failed} failed, {warned} to watch")
    sys.stdout.flush()
    if any(thread.name.startswith("check ") and thread.is_alive() for thread in threading.enumerate()):
        os._exit(FINDING)  # a check that hangs in a system call would keep the process
    return FINDING if failed else OK


def _plan(request: Request) -> tuple[list[Finding], list[tuple[str, Check]]]:
    config, findings = _configuration(request.config)
    checks: list[tuple[str, Check]] = [("clock", lambda: checks_host.clock(config))]
    if config is not None:
        checks += _of_configuration(config)
    if request.snapshot is not None:
        findings += checks_snapshot.all_of(request.snapshot, request.advice)
    elif (path := controller_socket(request, config)) and request.nobody_listened and path == request.socket:
        says = "began to listen while this command started; its devices were not looked at"
        findings.append(warn("controller", path, says, "it was just started", "look again: kiosk doctor"))
    elif path:
        findings.append(
            fail(
                "controller",
                path,
                f"listens, but gives no snapshot ({request.no_controller}); its devices were not looked at",
                "it hangs, or this user may not ask it",
                "systemctl status kiosk-controller; use sudo",
            )
        )
    else:
        says = "does not run; its devices were looked at directly" if config is not None else "does not run"
        start = "systemctl start kiosk-controller, when you are done"
        findings.append(
            warn("controller", request.socket, says, "stopped, or it crashed: journalctl -u kiosk-controller", start)
        )
        if config is not None:
            checks += checks_devices.plan(request, config)
    return findings, checks


def _configuration(path: str) -> tuple[Config | None, list[Finding]]:
    """None where it cannot be read: what it would name is not looked at, and nothing is guessed in its place."""
    skipped = "disk, journal, server, enrolment and devices were not looked at"
    if not os.path.exists(path):
        fix = "use --config FILE or KIOSK_CONFIG; a new kiosk: docs/installer.md"
        return None, [fail("configuration", path, f"no such file; {skipped}", "another path, or not installed", fix)]
    try:
        config = load(path)
    except ConfigError as error:
        fix = f"edit the file, then: kiosk doctor; until then {skipped}"
        return None, [fail("configuration", "", problem, "a typing mistake", fix) for problem in error.problems]
    says = f"{_count(len(config.evses), 'EVSE', 's')}, {_count(len(config.buses), 'bus', 'es')}"
    return config, [ok("configuration", path, says)]


def _count(number: int, what: str, plural: str) -> str:
    return f"{number} {what}{'' if number == 1 else plural}"


def _of_configuration(config: Config) -> list[tuple[str, Check]]:
    return [
        ("disk", lambda: checks_host.disk(config)),
        ("journal", lambda: [*checks_host.journal(config), *checks_aside.kept_aside(config)]),
        ("server", lambda: checks_server.server(config)),
        ("phone pages", lambda: checks_server.phone_pages(config)),
        ("enrolment", lambda: checks_server.enrolment(config)),
    ]


def run(checks: list[tuple[str, Check]], limit_s: float) -> list[Finding]:
    """All at once, told in the order given."""
    running = [_start(what, check) for what, check in checks]
    deadline_s = time.monotonic() + limit_s
    findings: list[Finding] = []
    for one in running:
        one.thread.join(max(0.0, deadline_s - time.monotonic()))
        if one.is_done:
            findings += one.found
        else:
            says = f"no end within {limit_s:g} s"
            findings.append(fail(one.what, "", says, "something hangs", "try again with a larger --limit-s"))
    return findings


def _start(what: str, check: Check) -> _Running:
    def body() -> None:
        try:
            one.found = check()
        except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, and the others go on
            says = f"the check itself broke: {type(error).__name__}: {error}"
            one.found = [fail(what, "", says, "a mistake in this program", "report it with this line")]
        one.is_done = True

    one = _Running(what, threading.Thread(target=body, name=f"check {what}", daemon=True), [])
    one.thread.start()
    return one
