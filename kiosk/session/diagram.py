"""The law as pages: states, moves and tap routing drawn from the tables that run, so the drawing cannot lie.

`python -m kiosk.session.diagram` writes docs/session-states.md; a test holds the file to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import MOVES, State
from kiosk.session.taps import TAP_RULES, Outcome, Place, Route, Situation, Touch, deciding

PAGE = Path("docs/session-states.md")

INTRODUCTION = """\
# States of a session, and what a tap means

Drawn from `kiosk/session/states.py` and `kiosk/session/taps.py` by `python -m kiosk.session.diagram`; do not edit.

Every service goes the same way. A session leaves a state by a row of the table below and by nothing else; a fault in a
state with a running transaction goes by way of closing, so that the story still gets its Ended.
"""

TAPS = f"""
## A token is presented

The first row that holds decides. A situation is the place of every EVSE for the token's owner, what the screen was
touched for, at which connector, and whether the token is a payment app's code; a touch is forgotten after a time
(`choose_s`, `keypad_s`), and a new one replaces it. The last column counts, of all
{sum(1 for _ in product(Place, repeat=2)) * (1 + 2 * (len(Touch) - 1)) * 2:,} situations of a kiosk with two EVSEs,
those the row decides; together they are all of them.

A pilot is looked at now and then. Where the question is which of several free connectors, nothing was touched, and a
cable that may have been in before the token is first seen within `plug_seen_s` of it, the table is asked once more with
it. A cable that comes later answers nothing: it may be somebody else's.
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


def situations(count: int) -> Iterator[Situation]:
    """Every situation a kiosk with so many EVSEs can be in: place of each, touch, touched connector, kind of token."""
    numbers = range(1, count + 1)
    touches = [(Touch.NOTHING, None), *product([touch for touch in Touch if touch is not Touch.NOTHING], numbers)]
    for places in product(Place, repeat=count):
        for (touch, touched), is_payment in product(touches, (False, True)):
            yield Situation(tuple(zip(numbers, places, strict=True)), touch, touched, is_payment)


def taps_table() -> str:
    """Each row with how many of all situations of two EVSEs it decides, and the first of them."""
    decided: dict[str, list[Situation]] = {}
    for situation in situations(2):
        decided.setdefault(deciding(situation).when, []).append(situation)
    rows = []
    for number, rule in enumerate(TAP_RULES, 1):
        found = decided[rule.when]
        example = min(found, key=lambda s: len({place for _, place in s.places}))
        then = _words(rule.then(example))
        rows.append(f"| {number} | {rule.when} | {then} | {_told(example)} | {len(found)} |")
    head = ["| row | when | then | for example | decides |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def places_table() -> str:
    rows = [f"| `{place.name}` | {place} |" for place in Place]
    return "\n".join(["| place | of an EVSE, for the owner of the token |", "|---|---|", *rows])


def page() -> str:
    """The whole of docs/session-states.md."""
    return "\n".join(
        (
            INTRODUCTION,
            f"```mermaid\n{mermaid()}\n```\n",
            moves_table(),
            TAPS,
            taps_table(),
            "",
            places_table(),
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
        case Outcome.UNLOCK:
            return "stop what runs there, and free the cable"
        case Outcome.LIMIT:
            return "the limit that waits comes into force"


def _told(situation: Situation) -> str:
    places = ", ".join(f"{evse_id}: `{place.name}`" for evse_id, place in situation.places)
    places = f"payment code; {places}" if situation.is_payment else places
    return places if situation.touched is None else f"{places}; {situation.touch.value} {situation.touched}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
