"""What may become of a payout. The table is the law; everything else asks it."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """`open` is no row: it is what the ledger owes and no standing payout covers."""

    BATCHED = "batched"  # in the bank's file
    PAID = "paid"  # the bank says so
    REJECTED = "rejected"  # the bank refused it: open again
    REVERSED = "reversed"  # it was paid and came back: open again


NEXT = {
    State.BATCHED: frozenset({State.PAID, State.REJECTED}),
    State.PAID: frozenset({State.REVERSED}),
    State.REJECTED: frozenset[State](),
    State.REVERSED: frozenset[State](),
}
STANDS = frozenset({State.BATCHED, State.PAID})  # what it covers is not open


class WrongState(ValueError):
    """The step does not follow from where the payout is."""


def is_new(now: State, wanted: State, payout_id: str) -> bool:
    """False where the payout is there already: said twice is once. Raises WrongState."""
    if now is wanted:
        return False
    if wanted not in NEXT[now]:
        ways = " or ".join(sorted(state.value for state in NEXT[now])) or "nothing"
        raise WrongState(f"payout {payout_id} is {now.value}; it can become {ways}, not {wanted.value}")
    return True
