"""The law as pages: states, moves and tap routing drawn from the tables that run, so the drawing cannot lie.

`python -m kiosk.session.diagram` writes docs/session-states.md; a test holds the file to it.
"""

from __future__ import annotations

from pathlib import Path

from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import MOVES, State
from kiosk.session.taps import TAP_RULES, Outcome, Route, Situation

PAGE = Path("docs/session-states.md")
ANYWHERE = Situation((1,), (1,), (1,), (1,), (1,), (1,), (1,), (1,), (1,), (1,), 1, 1)  # every row can read its EVSE

INTRODUCTION = """\
# States of a session, and what a tap means

Drawn from `kiosk/session/states.py` and `kiosk/session/taps.py` by `python -m kiosk.session.diagram`; do not edit.

Every service goes the same way. A session leaves a state by a row of the table below and by nothing else; a fault in a
state with a running transaction goes by way of closing, so that the story still gets its Ended.
"""


def mermaid() -> str:
    """A Mermaid state diagram of MOVES."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.OUT_OF_SERVICE}"]
    for start, moves in MOVES.items():
        lines.extend(f"    {start} --> {end}: {cause}" for end, cause in moves.items())
    return "\n".join(lines)


def moves_table() -> str:
    rows = [f"| {start} | {end} | {cause} |" for start, moves in MOVES.items() for end, cause in moves.items()]
    return "\n".join(["| from | to | what causes it |", "|---|---|---|", *rows])


def taps_table() -> str:
    rows = [f"| {number} | {rule.when} | {_words(rule.then(ANYWHERE))} |" for number, rule in enumerate(TAP_RULES, 1)]
    return "\n".join(["| row | when | then |", "|---|---|---|", *rows])


def page() -> str:
    """The whole of docs/session-states.md."""
    return "\n".join(
        (
            INTRODUCTION,
            f"```mermaid\n{mermaid()}\n```\n",
            moves_table(),
            "\n## A token is presented\n\nThe first row that holds decides.\n",
            taps_table(),
            "",
        )
    )


def _words(route: Route) -> str:
    match route.outcome:
        case Outcome.START:
            return "ask who it is, and start there"
        case Outcome.STOP:
            return "stop that session"
        case Outcome.CHOOSE:
            return f"keep the token and ask (`{route.notice or NoticeCode.WHICH_CONNECTOR}`)"
        case Outcome.NOTICE:
            return f"nothing moves; the screen says why (`{route.notice}`)"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
