"""`kiosk-billing ledger`: the proof that the book is right, and the story of one session's money."""

from __future__ import annotations

from argparse import Namespace

from billing import money_story
from billing.checkout import proof as payment_proof
from billing.cli_base import Result, database_of
from billing.hosts import months
from billing.ledger import book
from billing.pages.decisions_view import waits_in_words
from billing.payouts import proof as payout_proof
from billing.settings import server_time
from billing.settlement import proof
from contract.currency import MINOR_DIGITS, from_minor


def check_ledger(arguments: Namespace) -> Result:
    """Exit code 1 where anything is wrong."""
    with database_of(arguments) as connection:
        proofs = (proof, payment_proof, payout_proof, months)
        faults = [fault for one in proofs for fault in one.faults_of(connection)]
        balances = {account.name: amount for account, amount in sorted(book.balances(connection).items())}
    lines = [*faults, f"{len(faults)} faults" if faults else "the ledger is right"]
    lines += [f"  {amount:>14}  {name}" for name, amount in balances.items()]
    return Result("\n".join(lines), {"faults": faults, "balances": balances}, 1 if faults else 0)


def explain_ledger(arguments: Namespace) -> Result:
    """Everything that happened to the money of a session, by its transaction, order, receipt, CDR or payment id."""
    with database_of(arguments) as connection:
        story = money_story.story_of(connection, money_story.order_of(connection, arguments.session))
        waits = waits_in_words(connection, story.order_id, server_time())
    lines = [f"order {story.order_id}"]
    lines += [f"{step.at:%Y-%m-%d %H:%M:%S} UTC  {step.detail}" for step in story.decisions]
    lines += [f"nothing is booked yet of {transaction_id}: it {why}" for transaction_id, why in waits]
    for told in story.entries:
        entry = told.entry
        lines.append(f"{entry.at:%Y-%m-%d %H:%M:%S} UTC  {entry.draft.what}  ({entry.draft.key})")
        lines += [f"    {why}" for why in told.why]
        for leg in entry.draft.legs:
            lines.append(f"  {_shown(leg.amount, leg.account.unit):>14}  {leg.account.name}")
    for matrix in money_story.matrices(told for told in story.entries):
        lines.append(f"now, in {matrix.unit}; the sum is {sum(matrix.now)}")
        for account, amount in zip(matrix.accounts, matrix.now, strict=True):
            lines.append(f"  {_shown(amount, matrix.unit):>14}  {account.name}")
    for hold in story.holds:
        end = "stands" if hold.end is None else f"{hold.end.value}, {_shown(hold.taken, hold.account.unit)} taken"
        lines.append(f"hold {hold.hold_id}: {_shown(hold.amount, hold.account.unit)} of {hold.account.name}, {end}")
    for name, steps in story.payments.items():
        lines.append(f"payment {name}")
        lines += [f"  {step.at:%Y-%m-%d %H:%M:%S} UTC  {step.what}: {step.detail}" for step in steps]
    return Result("\n".join(lines), {**money_story.as_data(story), "waits": dict(waits)})


def _shown(amount: int, unit: str) -> str:
    """In major units, signed as the ledger signs; points and seconds as they are."""
    text = f"{from_minor(amount, unit):,f}" if unit in MINOR_DIGITS else f"{amount:,d}"
    return f"{text} {unit}"
