"""Subcommands about what no rule settles: the list, one case with its choices, and the decision."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from sqlalchemy import Connection, select

from billing.cli_base import Result, data_dir_of, database_of
from billing.cli_by import decider, note_by
from billing.decisions import cases, decide
from billing.decisions.case import NotDecidable, proposal
from billing.decisions.cases import Decision
from billing.decisions.choice import Choice
from billing.decisions.told import CHOICES, deed_of, story_of
from billing.pages.decisions_view import case_in_words, cases_in_words, choices_in_words, decision_in_words
from billing.settings import read_settings, server_time
from billing.tables import kiosks
from contract.codec import to_wire


def list_tasks(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        found = cases_in_words(connection, server_time())
    lines = [
        _of(row, f"{row['state']}: {row['cause']} At stake: {row['stake']}; newest event {row['age']} ago")
        for row in found["open"]
    ]
    for row in found["second"]:
        asked = f"(decision {row['decision_id']}, asked by {row['asked_by']}: {row['why']})"
        lines.append(_of(row, f"waits for a second person: {row['what']} {asked}"))
    lines += [_of(row, f"comes back on {row['until']}") for row in found["waited"]]
    return Result("\n".join(lines) or "nothing waits for a decision", found)


def _of(row: dict[str, str], said: str) -> str:
    return f"{row['transaction_id']}  {row['kiosk']}  {said}"


def show_task(arguments: Namespace) -> Result:
    """What may be decided about one charge, and what each choice does."""
    now, second = server_time(), _limit(arguments)
    with database_of(arguments) as connection:
        kiosk_id = arguments.kiosk or cases.kiosk_of(connection, arguments.transaction)
        found = case_in_words(connection, kiosk_id, arguments.transaction, now, second)
        decided = [story_of(one) for one in cases.decided(connection, kiosk_id, arguments.transaction)]
    case = found["case"]
    if case is None:
        before = f"; {decided[-1]}" if decided else "; it is billed, or it may still settle"
        raise NotDecidable(f"session {arguments.transaction}: nothing is to be decided{before}")
    lines = [f"{case['state']}: {case['cause']}", f"At stake: {case['stake']}", f"Newest event came {case['age']} ago"]
    lines += [f"{name}: {fact}" for name, fact in [("Place", f"{case['kiosk']}, EVSE {case['evse']}"), *found["facts"]]]
    lines += decided
    for one in found["choices"]:
        lines.append(f"{one['value']}: {one['words']}{' ' + one['amount'] if one['amount'] else ''}")
        lines += [f"  {line}" for line in one["effects"]]
        lines += ["  Needs a second person."] if one["needs_second"] else []
    return Result("\n".join(lines), found)


def decide_task(arguments: Namespace) -> Result:
    now, second = server_time(), _limit(arguments)
    choice = Choice(arguments.choice)
    with database_of(arguments) as connection:
        person = decider(connection, arguments.by)
        kiosk_id = arguments.kiosk or cases.kiosk_of(connection, arguments.transaction)
        if arguments.dry_run:
            case = decide.open_case(connection, kiosk_id, arguments.transaction, now)
            proposal(case, choice)
            (words,) = [w for w in choices_in_words(connection, case, second) if w["value"] == choice.value]
            return Result("\n".join(words["effects"]), words)
        asked = (kiosk_id, arguments.transaction, choice, arguments.why, person.name, now, second, arguments.days)
        decision = decide.ask(connection, *asked)
        note_by(connection, person, deed_of(decision), arguments.transaction, now)
        return _told(connection, decision)


def approve_task(arguments: Namespace) -> Result:
    return _second(arguments, decide.approve, "agreed to")


def refuse_task(arguments: Namespace) -> Result:
    return _second(arguments, decide.refuse, "did not agree to")


def _second(arguments: Namespace, act: Callable[..., Decision], word: str) -> Result:
    now = server_time()
    with database_of(arguments) as connection:
        person = decider(connection, arguments.by)
        decision = act(connection, arguments.decision, person.name, now)
        note_by(connection, person, f"{word}: {CHOICES[decision.choice].lower()}", decision.transaction_id, now)
        return _told(connection, decision)


def _told(connection: Connection, decision: Decision) -> Result:
    names = {row.kiosk_id: row.name for row in connection.execute(select(kiosks.c.kiosk_id, kiosks.c.name))}
    words = decision_in_words(decision, names)
    return Result(f"{decision.decision_id}: {words['what']}, {words['state']}", to_wire(decision))


def _limit(arguments: Namespace) -> int:
    return read_settings(data_dir_of(arguments), arguments.database).second_approval_above_minor
