"""What a charge costs the server does not grow with the charges it ever had: after years it must be as quick as today.

Counted in steps of SQLite's machine, which no other work on the computer changes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import count

from sqlalchemy import Engine

from billing.checkout.bills import bill_of
from billing.checkout.till import Till
from billing.commands import answer_command, queue_command, take_commands
from billing.database import sqlite_of
from billing.intake import take_rows
from contract.api import CommandAnswer, CommandStatus
from contract.commands import Command, CommandKind
from tests.billing.databases import SERVER_KEY, furnished_in_memory
from tests.billing.stories import NOON, batch, charge, rows_of

FEW, MANY = 20, 200
SLACK = 1.3  # a tree of rows is a level higher now and then
NOW = NOON + timedelta(hours=1)
_numbers = count(1)


def steps_of(engine: Engine, work: Callable[[], None]) -> int:
    """In tens."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with engine.connect() as connection:
        driver = sqlite_of(connection)
    driver.set_progress_handler(step, 10)
    work()
    driver.set_progress_handler(None, 0)
    return steps


def test_a_charge_from_its_command_to_its_bill_costs_the_same_after_many_others() -> None:
    engine = furnished_in_memory()

    def run(job: Callable[..., object], of: str | None = None) -> object:
        with engine.begin() as connection:
            return job(connection)

    till = Till(run, {}, lambda: NOW)  # type: ignore[arg-type]

    def one() -> None:
        name = f"{next(_numbers):04d}"
        told = run(lambda c: queue_command(c, "hk-07", Command("", CommandKind.UPDATE_LIST, 60), NOW))
        run(lambda c: take_commands(c, "hk-07", NOW, SERVER_KEY))
        run(lambda c: answer_command(c, "hk-07", CommandAnswer(str(told), CommandStatus.ACCEPTED), NOW))
        rows = rows_of(charge(transaction_id=name, order_id=f"order-{name}", receipt_id=uuid.uuid4().hex))
        for row in rows:
            run(lambda c, row=row: take_rows(c, "hk-07", batch([row]), NOW))  # type: ignore[misc]
        till.work()
        assert run(lambda c: bill_of(c, f"order-{name}")) is not None

    for _ in range(FEW):
        one()
    early = steps_of(engine, one)
    for _ in range(MANY):
        one()
    late = steps_of(engine, one)

    assert late < early * SLACK
