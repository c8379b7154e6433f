"""docs/faults.md, written from the tables and by the commands themselves, so it cannot lie.

Codes, latches and reasons are those of kiosk/session/faults.py and kiosk/cli/conditions.py, the driver's words those of
kiosk/ui/texts/, and what the technician reads is what `kiosk why`, `kiosk status` and `kiosk doctor` make of a snapshot
in which the row shows. `python -m worlds.faults_page` writes it; a test holds the file to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kiosk.cli.doctor import advice
from kiosk.cli.status import picture
from kiosk.cli.why import story, told
from kiosk.probe import checks_snapshot
from kiosk.session.faults import FaultCode
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.views.trouble import reference_number
from worlds import fault_samples
from worlds.fault_rows import CONDITION_ROWS, FAULTS, LESS, Row

PAGE = Path("docs/faults.md")
INTRODUCTION = """\
# Faults and their answers

Written by `python -m worlds.faults_page` from the tables in the code; do not edit. Three tables: what takes an EVSE out
of service, what only lessens its current, and what is wrong with the kiosk besides. Each row has a chapter of its own
with the words on the screen and what the technician's commands print.

Whatever the fault, a running transaction gets its one Ended, billed as its row says, a status row goes to the server,
and `kiosk why` gives the same cause as the screen. The number is what a driver says on the phone: `hk-07-1-F9` is
fault 9 at connector 1 of kiosk hk-07.

Settings are named `like_this`: waits in `[patience]`, limits in `[protection]` of the configuration
([config/README.md](../config/README.md)).
"""
OF_THE_EVSE = """\
## Faults of an EVSE

The first row that holds decides.
"""
LESSENED = """\
## Less current, and no fault
"""
OF_THE_KIOSK = """\
## The kiosk besides

None of these stops a charge by itself; where one takes an EVSE out of service, that EVSE shows a fault of the first
table beside it.
"""


def page() -> str:
    """The whole of docs/faults.md."""
    parts = [INTRODUCTION, OF_THE_EVSE, *_table(FAULTS, numbered=True), "", LESSENED, *_table(LESS), ""]
    parts += [OF_THE_KIOSK, *_table(CONDITION_ROWS), ""]
    parts += [_chapter(row, fault_samples.of_fault(FaultCode(row.code)), numbered=True) for row in FAULTS]
    parts += [_chapter(row, fault_samples.of_less(row.code)) for row in LESS]
    parts += [_chapter(row, fault_samples.of_condition(row.code)) for row in CONDITION_ROWS]
    return "\n".join(parts)


def _table(rows: Iterable[Row], numbered: bool = False) -> list[str]:
    head = ["| | outputs | session | bill | clears |", "|---|---|---|---|---|"]
    for row in rows:
        name = f"[{_title(row, numbered)}](#{anchor(row.code)})"
        head.append(f"| {name} | {row.outputs} | {row.session} | {row.bill} | {row.clears} |")
    return head


def _title(row: Row, numbered: bool) -> str:
    return f"{row.code} (F{reference_number(FaultCode(row.code))})" if numbered else row.code


def anchor(code: str) -> str:
    """As GitHub makes them of headings."""
    return code.replace(":", "")


def _chapter(row: Row, sample: dict[str, Any], numbered: bool = False) -> str:
    lines = [f"### {row.code}", ""]
    if numbered:
        lines.append(f"- On the phone: F{reference_number(FaultCode(row.code))}")
    lines += [
        f"- Outputs: {row.outputs}",
        f"- Session: {row.session}",
        f"- Bill: {row.bill}",
        f"- Clears: {row.clears}",
    ]
    log = f"`{row.log}`" if row.log.startswith("kiosk.") else row.log
    lines += [f"- Log: {log}", f"- Doctor: {_named(row.doctor)}", f"- In worlds: {_in_worlds(row)}", ""]
    lines += ["```", *_commands(sample), "```", ""]
    return "\n".join([*lines, *_screen(row), ""])


def _named(lines: str) -> str:
    """The lines of doctor, by the word they begin with."""
    return lines if lines.startswith("none") else "line " + ", ".join(f"`{line}`" for line in lines.split(", "))


def _in_worlds(row: Row) -> str:
    kinds = ", ".join(f"`{kind}`" for kind in row.kinds)
    return "; ".join(part for part in (kinds, row.unseen) if part)


def _commands(sample: dict[str, Any]) -> list[str]:
    """What the three commands print for the sample and not for a healthy kiosk."""
    well = fault_samples.healthy()
    printed: list[str] = []
    for command, lines in (("kiosk status", _status), ("kiosk why 1", _why), ("kiosk doctor", _doctor)):
        before = set(lines(well))
        if news := [line for line in lines(sample) if line not in before]:
            printed += ["", f"$ {command}", *news]
    return printed[1:]


def _status(snapshot: dict[str, Any]) -> list[str]:
    return [line for line in picture(snapshot) if line]


def _why(snapshot: dict[str, Any]) -> list[str]:
    return told(story(snapshot["evses"][0], snapshot))


def _doctor(snapshot: dict[str, Any]) -> list[str]:
    return [str(finding) for finding in checks_snapshot.all_of(snapshot, advice(snapshot))]


def _screen(row: Row) -> list[str]:
    if not row.screen:
        return [f"The driver is not told: {row.silent}.", ""]
    is_fault = all(key == f"fault.{row.code}.{key.rsplit('.', 1)[1]}" for key in row.screen)
    heads = [key.rsplit(".", 1)[1] if is_fault else f"`{key}`" for key in row.screen]
    lines = [f"| on the screen | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for code, language in sorted(LANGUAGES.items()):
        lines.append(f"| {code} | {' | '.join(language.texts[key] for key in row.screen)} |")
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
