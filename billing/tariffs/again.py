"""All sessions of the last thirty days, priced again: what a draft would change for those who charged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from billing.corrections import is_current
from billing.directory import NotKnown
from billing.moments import to_ms
from billing.tables import cdrs, transactions
from billing.tariffs.trial import past, priced
from contract.tariff import Tariff

LOOKED_BACK = timedelta(days=30)
MOST_SESSIONS = 300  # the newest; each costs some milliseconds


@dataclass(frozen=True, slots=True)
class Again:
    """Amounts in minor units, by the version in force and by the draft. `not_priced`: the draft asks for what they
    do not tell. The two extremes are order ids, None where nobody pays less, or more."""

    count: int
    cheaper: int
    same: int
    dearer: int
    old_minor: int
    new_minor: int
    not_priced: int
    is_all: bool
    most_saved: tuple[str, int] | None = None
    most_added: tuple[str, int] | None = None


def priced_again(connection: Connection, old: Tariff, new: Tariff, now: datetime) -> Again:
    """Over the rated orders that were sold by this tariff, whichever version."""
    c, t = cdrs.c, transactions.c
    joined = (c.kiosk_id == t.kiosk_id) & (c.transaction_id == t.transaction_id)
    query = (
        select(t.order_id)
        .select_from(cdrs.join(transactions, joined))
        .where(is_current(), c.rated_ms >= to_ms(now - LOOKED_BACK), c.currency == new.currency)
        .where(c.body.contains(f'"id":"{old.id}"', autoescape=True))
        .order_by(c.rated_ms.desc())
        .limit(MOST_SESSIONS + 1)
    )
    orders = list(dict.fromkeys(connection.execute(query).scalars()))
    changes: list[tuple[str, int]] = []
    old_minor = new_minor = failed = 0
    for order_id in orders[:MOST_SESSIONS]:
        try:
            usage = past(connection, order_id)
            before, after = (priced(tariff, usage).incl_vat_minor for tariff in (old, new))
        except (NotKnown, ValueError):
            failed += 1
            continue
        old_minor, new_minor = old_minor + before, new_minor + after
        changes.append((order_id, after - before))
    return _summed(changes, old_minor, new_minor, failed, len(orders) <= MOST_SESSIONS)


def _summed(changes: Sequence[tuple[str, int]], old_minor: int, new_minor: int, failed: int, is_all: bool) -> Again:
    least, most = (pick(changes, key=lambda one: one[1], default=None) for pick in (min, max))
    return Again(
        count=len(changes),
        cheaper=sum(change < 0 for _, change in changes),
        same=sum(change == 0 for _, change in changes),
        dearer=sum(change > 0 for _, change in changes),
        old_minor=old_minor,
        new_minor=new_minor,
        not_priced=failed,
        is_all=is_all,
        most_saved=least if least is not None and least[1] < 0 else None,
        most_added=most if most is not None and most[1] > 0 else None,
    )
