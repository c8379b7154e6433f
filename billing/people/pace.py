"""How fast somebody may try. Guessing gets slower and slower; nobody is locked out.

| who is counted | free tries | longest pause |
|---|---|---|
| a browser that was let in before, for its own account | 5 | 30 s |
| an account, tried from anywhere else | 5 | 30 s |
| somebody's codes, which are only a million | 5 | 300 s |
| an address | 30 | 60 s |

After the free tries in an hour the pause doubles with every try from one second on. An attempt counts
before it is judged, so that many at one time count as many. Whoever attacks an account slows other strange browsers
down, never the one its owner has signed in with.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from billing.moments import from_ms, to_ms
from billing.people.tables import sign_in_attempts

COUNTS_FOR = timedelta(hours=1)


class TooFast(Exception):
    """`wait_s`: when the next attempt is looked at."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many attempts; the next one is looked at in {wait_s} s")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Limit:
    free: int
    longest_s: int


OF_ACCOUNT = Limit(5, 30)
OF_CODE = Limit(5, 300)
OF_ADDRESS = Limit(30, 60)


def pause_s(attempts: int, since_last_s: float, limit: Limit) -> int:
    """Seconds until the next try after so many in the last hour; 0: now."""
    beyond = attempts - limit.free
    if beyond < 0:
        return 0
    pause = limit.longest_s if beyond >= 16 else min(limit.longest_s, 2**beyond)
    return max(0, math.ceil(pause - since_last_s))


def account_subject(login: str, known_browser: str = "") -> str:
    """Names are kept as hashes: people type their password into the wrong field."""
    return f"account:{hashlib.sha256(login.encode()).hexdigest()[:32]}:{known_browser}"[:120]


def begin_attempt(connection: Connection, account: str, address: str, now: datetime, limit: Limit = OF_ACCOUNT) -> int:
    """Count one and return its number. Raises TooFast, and counts nothing then."""
    a = sign_in_attempts.c
    connection.execute(delete(sign_in_attempts).where(a.at_ms < to_ms(now - COUNTS_FOR)))
    address = f"address:{address}"
    wait = max(_pause_of(connection, account, now, limit), _pause_of(connection, address, now, OF_ADDRESS))
    if wait > 0:
        raise TooFast(wait)
    insert = sign_in_attempts.insert()
    connection.execute(insert.values(subject=account, at_ms=to_ms(now)))
    made = connection.execute(insert.values(subject=address, at_ms=to_ms(now)))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def forgive(connection: Connection, account: str, attempt_no: int) -> None:
    """It was the right person: what they mistyped before counts no more, and neither does this attempt."""
    a = sign_in_attempts.c
    connection.execute(delete(sign_in_attempts).where((a.subject == account) | (a.attempt_no == attempt_no)))


def _pause_of(connection: Connection, subject: str, now: datetime, limit: Limit) -> int:
    a = sign_in_attempts.c
    query = select(func.count(), func.max(a.at_ms)).where(a.subject == subject, a.at_ms >= to_ms(now - COUNTS_FOR))
    attempts, last_ms = connection.execute(query).one()
    return 0 if last_ms is None else pause_s(attempts, (now - from_ms(last_ms)).total_seconds(), limit)
