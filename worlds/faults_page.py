"""docs/faults.md, written from the fault table, the screen's texts and the technician's causes, so it cannot lie.

`python -m worlds.faults_page` writes it; a test holds the file to it.
"""

from __future__ import annotations

from pathlib import Path

from kiosk.cli.causes import CAUSES
from kiosk.session.faults import FAULT_RULES, FaultRule
from kiosk.ui.texts import LANGUAGES

PAGE = Path("docs/faults.md")
INTRODUCTION = """\
# Faults and their answers

Written by `python -m worlds.faults_page` from `kiosk/session/faults.py`, `kiosk/ui/texts/` and `kiosk/cli/causes.py`;
do not edit. The first row that holds decides. Whatever the fault, the offered current goes to 0 A, the contactor opens
and a running transaction gets its one Ended, billed from the meter's register; parking is not billed after a fault.
The log says `evse N: Faulted CODE`, a status row goes to the server, and `kiosk doctor` and `kiosk why N` name place,
cause and fix.
"""


def page() -> str:
    """The whole of docs/faults.md."""
    rows = [_row(rule) for rule in FAULT_RULES]
    head = ["| fault | opens | Ended says | clears |", "|---|---|---|---|"]
    return "\n".join([INTRODUCTION, *head, *rows, "", *(_chapter(rule) for rule in FAULT_RULES)])


def _row(rule: FaultRule) -> str:
    opens = "after the current was ramped to 0 A" if rule.ramps else "at once"
    clears = "by a named reset, once the input is healthy" if rule.latches else "by itself, once the facts are healthy"
    return f"| `{rule.code}` | {opens} | `{rule.stopped_reason}` | {clears} |"


def _chapter(rule: FaultRule) -> str:
    cause, fix = CAUSES[rule.code.value]
    lines = [f"## {rule.code}", "", f"For the technician: {cause} {fix}", "", "| on the screen | what | detail | do |"]
    lines.append("|---|---|---|---|")
    for code, language in sorted(LANGUAGES.items()):
        words = (language.texts[f"fault.{rule.code}.{part}"] for part in ("what", "detail", "do"))
        lines.append(f"| {code} | {' | '.join(words)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
