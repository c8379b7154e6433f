"""A charge that no rule settles, and what a person may decide about it. Pure.

| choice | what is billed | when it is offered |
|---|---|---|
| recorded | the whole record as the kiosk sent it, over doubts and gaps | it has a beginning and a price |
| proved | up to the last reading before the first doubt or gap | that is less than the record |
| nothing | nothing; what was held is free again | always |
| keep | what was decided before stands | events came after a decision |
| wait | nothing yet: the case comes back after some days | always, but after a decision |

Law:
- A choice that bills nothing, or less than the record, gives money away; one that bills more than what is proved takes
  it on a person's word. Above the limit either needs a second person.
- What a guest did not have held is not at stake: they owe at most the hold.
- The host is paid for what is proved, whatever the driver pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from billing.corrections import as_corrected
from billing.decisions.choice import Choice
from billing.plausible import doubts_about
from billing.quarantine import Doubt
from contract.order import price_of_part
from contract.price import Price
from contract.transaction import EventType, TransactionEvent, samples_before, samples_of

MOST_DAYS = 30
LONGEST_WHY = 200


class Cause(StrEnum):
    """Why nobody settled it by rule."""

    HELD = "held"  # whole, and a doubt holds the bill
    MISSING = "missing"  # ended, with events missing
    LOST = "lost"  # no end came
    LATE = "late"  # events came after a decision


class NotDecidable(ValueError):
    """There is nothing to decide, or not like that; the message says what may be done."""


@dataclass(frozen=True, slots=True)
class Case:
    """One charge. `events` are all that are here, in order; `doubts` what is held against it."""

    kiosk_id: str
    transaction_id: str
    order_id: str
    cause: Cause
    events: tuple[TransactionEvent, ...]
    ended_seq: int | None
    doubts: tuple[Doubt, ...]
    max_power_w: int
    since: datetime  # of the newest event
    standing_minor: int | None = None  # what an earlier decision billed

    @property
    def record(self) -> tuple[TransactionEvent, ...]:
        """What can be billed at all: from Started on; empty where the beginning is not here."""
        if not self.events or self.events[0].event_type is not EventType.STARTED:
            return ()
        return tuple(as_corrected(self.events))

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of events that are known to be missing."""
        here = {event.seq_no for event in self.events}
        last = self.ended_seq if self.ended_seq is not None else max(here, default=0)
        return tuple(sorted(set(range(last + 1)) - here))


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one choice comes to. `story` is what is billed and `amount` its price; both are empty where none is."""

    choice: Choice
    story: tuple[TransactionEvent, ...] = ()
    amount: Price | None = None
    given_minor: int = 0  # of what is at stake, given away
    taken_minor: int = 0  # beyond what is proved, taken on a person's word

    def needs_second(self, above_minor: int) -> bool:
        return max(self.given_minor, self.taken_minor) > above_minor


def proved(record: Sequence[TransactionEvent], max_power_w: int) -> tuple[TransactionEvent, ...]:
    """The longest beginning without a gap in which nothing is doubted that holds a bill."""
    whole = next((n for n, event in enumerate(record) if event.seq_no != n), len(record))
    believed, doubted = min(1, whole), whole + 1
    while believed + 1 < doubted:  # what is doubted in a beginning is doubted in every longer one
        middle = (believed + doubted) // 2
        if any(doubt.holds_bill for doubt in doubts_about(record[:middle], max_power_w)):
            doubted = middle
        else:
            believed = middle
    return tuple(record[:believed])


def amount_of(story: Sequence[TransactionEvent]) -> Price | None:
    """What a story costs; None where its tariff cannot tell, or its readings run backwards."""
    if not story or story[0].offer is None:
        return None
    try:
        return price_of_part(story[0].offer, samples_before(story), samples_of(story))
    except ValueError:
        return None


def proposals(case: Case) -> tuple[Proposal, ...]:
    """Everything that may be decided, the most careful first."""
    record = case.record
    sure = proved(record, case.max_power_w)
    whole, certain = amount_of(record), amount_of(sure)
    stake_minor = _of_payer(record, whole if whole is not None else certain)
    certain_minor = _of_payer(record, certain)
    found = []
    if certain is not None and len(sure) < len(record):
        found.append(Proposal(Choice.PROVED, sure, certain, max(0, stake_minor - certain_minor)))
    if whole is not None:
        found.append(Proposal(Choice.RECORDED, record, whole, 0, max(0, stake_minor - certain_minor)))
    found.append(Proposal(Choice.NOTHING, sure, _free(record), max(0, stake_minor)))
    found.append(Proposal(Choice.KEEP if case.cause is Cause.LATE else Choice.WAIT))
    return tuple(found)


def proposal(case: Case, choice: Choice) -> Proposal:
    """Raises NotDecidable."""
    offered = proposals(case)
    for one in offered:
        if one.choice is choice:
            return one
    raise NotDecidable(f"{choice.value}: not possible here; want one of {', '.join(p.choice.value for p in offered)}")


def at_stake_minor(case: Case) -> int | None:
    """What the payer would owe by the record; None where nobody can tell."""
    record = case.record
    amount = amount_of(record) or amount_of(proved(record, case.max_power_w))
    return None if amount is None else _of_payer(record, amount)


def _of_payer(record: Sequence[TransactionEvent], amount: Price | None) -> int:
    """Of an amount, what is the payer's to owe, in minor units."""
    if amount is None:
        return 0
    authority = record[0].authority
    if authority is None or not authority.is_guest or authority.cap_minor is None:
        return amount.incl_vat_minor
    return min(amount.incl_vat_minor, authority.cap_minor)


def _free(record: Sequence[TransactionEvent]) -> Price | None:
    if not record or record[0].offer is None:
        return None
    return Price(record[0].offer.tariff.currency, (), Decimal(0), Decimal(0), 0, ())
