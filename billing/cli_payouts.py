"""`kiosk-billing payout`: what hosts are owed leaves by SEPA credit transfer, and what the bank said about it."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from billing.cli_base import Result, database_of
from billing.hosts.bank import CONSOLE
from billing.hosts.iban import in_groups
from billing.payouts import runs
from billing.payouts.pain002 import report_of
from billing.payouts.plan import Plan
from billing.payouts.states import State
from billing.people.audit import COMMAND_LINE, note
from billing.settings import server_time
from contract.currency import from_minor


def set_source(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        now = server_time()
        source = runs.set_source(
            connection,
            arguments.name,
            arguments.iban,
            arguments.bic,
            arguments.minimum_minor,
            CONSOLE,
            now,
        )
        note(connection, COMMAND_LINE, f"set the account to pay from, ending {source.payer.iban[-4:]}", "payouts", now)
    least = f"{from_minor(source.minimum_minor, 'EUR')} EUR"
    text = f"payouts leave from {in_groups(source.payer.iban)} ({source.payer.name}), from {least} on"
    return Result(text, {"iban": source.payer.iban, "minimum_minor": source.minimum_minor})


def run_payouts(arguments: Namespace) -> Result:
    """Without --yes it says what it would do, and does nothing."""
    with database_of(arguments) as connection:
        plan = runs.plan_of(connection)
        if not arguments.yes:
            return Result(_planned(plan) + "\nnothing is written yet: --yes makes the run", _plan_data(plan))
        now = server_time()
        run = runs.make_run(connection, CONSOLE, now, plan.digest)
        what = f"ordered {len(run.payouts)} payouts of {run.total_minor} minor units"
        note(connection, COMMAND_LINE, what, run.run, now)
    text = f"{_planned(plan)}\nrun {run.run}: give the bank what kiosk-billing payout file {run.run} prints"
    return Result(text, {**_plan_data(plan), "run": run.run})


def list_payouts(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        found = runs.all_runs(connection) if arguments.run is None else [runs.find_run(connection, arguments.run)]
    lines = []
    for run in found:
        lines.append(
            f"{run.run}  {run.made_at:%Y-%m-%d %H:%M} UTC by {run.made_by}  {from_minor(run.total_minor, 'EUR')} EUR"
        )
        for one in run.payouts:
            last = one.steps[-1]
            why = f" ({last.detail})" if last.detail else ""
            lines.append(
                f"  {one.payout_id}  {one.host_id}  {from_minor(one.amount_minor, one.currency)} {one.currency}"
                f"  {in_groups(one.iban)}  {one.state.value} {last.at:%Y-%m-%d}{why}"
            )
    data = [
        {
            "run": run.run,
            "payouts": [
                {
                    "payout_id": one.payout_id,
                    "host_id": one.host_id,
                    "amount_minor": one.amount_minor,
                    "currency": one.currency,
                    "state": one.state.value,
                }
                for one in run.payouts
            ],
        }
        for run in found
    ]
    return Result("\n".join(lines) or "no payout run yet", data)


def payout_file(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        text = runs.file_of(connection, arguments.run)
    return Result(text, {"run": arguments.run, "file": text})


def confirm_payout(arguments: Namespace) -> Result:
    return _step(arguments, State.PAID, "paid")


def reject_payout(arguments: Namespace) -> Result:
    return _step(arguments, State.REJECTED, "rejected: open again, the next run pays it")


def return_payout(arguments: Namespace) -> Result:
    return _step(arguments, State.REVERSED, "came back: open again, the next run pays it")


def read_report(arguments: Namespace) -> Result:
    """What the bank's report says of our payouts; read twice, it changes nothing more."""
    report = report_of(arguments.file.read_bytes())
    with database_of(arguments) as connection:
        now = server_time()
        said = runs.take_report(connection, report, CONSOLE, now)
        for one in said:
            if one.is_new:
                note(connection, COMMAND_LINE, f"read that the bank made it {one.state.value}", one.payout_id, now)
    lines = [f"{one.payout_id} {one.state.value}{'' if one.is_new else ' already'}" for one in said]
    data = [{"payout_id": one.payout_id, "state": one.state.value, "is_new": one.is_new} for one in said]
    return Result("\n".join(lines) or f"nothing final about {report.run} yet", data)


def _step(arguments: Namespace, state: State, word: str) -> Result:
    """Of one payout, or of every payout of a run that is still batched."""
    lines, data, now = [], [], server_time()
    with database_of(arguments) as connection:
        if arguments.payout.count("-") == 1:
            batched = [one for one in runs.find_run(connection, arguments.payout).payouts if one.state is State.BATCHED]
            wanted = [one.payout_id for one in batched]
        else:
            wanted = [arguments.payout]
        for payout_id in wanted:
            is_new = runs.step(connection, payout_id, state, CONSOLE, now, getattr(arguments, "why", ""))
            if is_new:
                note(connection, COMMAND_LINE, f"said that the bank made it {state.value}", payout_id, now)
            lines.append(f"{payout_id} {word}" if is_new else f"{payout_id} was {state.value} already")
            data.append({"payout_id": payout_id, "state": state.value, "is_new": is_new})
    return Result("\n".join(lines) or f"no payout of {arguments.payout} waits for the bank", data)


def _planned(plan: Plan) -> str:
    lines = [
        f"pay  {due.host.host_id}  {from_minor(due.amount_minor, due.host.currency)} {due.host.currency}"
        f"  to account ending {due.paid_to.account.ending if due.paid_to.account else ''}, up to {due.through_month}"
        for due in plan.pays
    ]
    lines += [
        f"hold {due.host.host_id}  {from_minor(due.amount_minor, due.host.currency)} {due.host.currency}  {why.value}"
        for due, why in plan.held
    ]
    return "\n".join([*lines, f"{len(plan.pays)} payouts, {from_minor(plan.total_minor, 'EUR')} EUR"])


def _plan_data(plan: Plan) -> dict[str, Any]:
    return {
        "total_minor": plan.total_minor,
        "pays": [{"host_id": due.host.host_id, "amount_minor": due.amount_minor} for due in plan.pays],
        "held": [
            {"host_id": due.host.host_id, "amount_minor": due.amount_minor, "why": why.value} for due, why in plan.held
        ],
    }
