"""Sessions live on the server; the browser holds a token, and the database the token's hash.

Law:
- A session is over when it was ended, when it was not seen for its idle time, or at its last hour, whichever is first.
- Whoever proves more (a password, a code) gets a new token; a token never grows in what it may do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from billing.moments import from_ms, to_ms
from billing.people.tables import web_sessions
from billing.people.tokens import new_token, token_hash

SEEN_IS_NOTED_EVERY = timedelta(minutes=1)
ENDED_ARE_KEPT = timedelta(days=30)


class Stage(StrEnum):
    """How far somebody has come."""

    FULL = "full"
    CODE = "code"  # the password was right, the code is missing
    ENROL = "enrol"  # the password was right, a second proof must be set up first


@dataclass(frozen=True, slots=True)
class Lifetime:
    idle: timedelta
    whole: timedelta


STAFF_LIVES = Lifetime(timedelta(hours=1), timedelta(hours=12))
HOST_LIVES = Lifetime(timedelta(days=1), timedelta(days=14))
DRIVER_LIVES = Lifetime(timedelta(days=30), timedelta(days=180))
UNFINISHED_LIVES = Lifetime(timedelta(minutes=10), timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is let in."""

    session_hash: str
    holder: str
    stage: Stage
    created: datetime
    seen: datetime
    expires: datetime
    address: str
    browser: str


def open_session(
    connection: Connection,
    holder: str,
    stage: Stage,
    lives: Lifetime,
    now: datetime,
    *,
    address: str = "",
    browser: str = "",
) -> str:
    """The token of a new session."""
    w = web_sessions.c
    connection.execute(delete(web_sessions).where(w.expires_ms < to_ms(now - ENDED_ARE_KEPT)))
    token = new_token()
    values = {
        "session_hash": token_hash(token),
        "holder": holder,
        "stage": stage.value,
        "created_ms": to_ms(now),
        "seen_ms": to_ms(now),
        "idle_ms": lives.idle // timedelta(milliseconds=1),
        "expires_ms": to_ms(now + lives.whole),
        "address": address[:80],
        "browser": browser[:200],
    }
    connection.execute(web_sessions.insert().values(values))
    return token


def find_session(connection: Connection, token: str, now: datetime) -> Session | None:
    row = connection.execute(select(web_sessions).where(web_sessions.c.session_hash == token_hash(token))).one_or_none()
    return _live(row, now) if row is not None else None


def live_sessions(connection: Connection, holder: str, now: datetime) -> list[Session]:
    """The one seen last first."""
    w = web_sessions.c
    query = select(web_sessions).where(w.holder == holder, w.ended_ms.is_(None)).order_by(w.seen_ms.desc())
    found = (_live(row, now) for row in connection.execute(query).all())
    return [session for session in found if session is not None]


def is_worth_noting(session: Session, now: datetime) -> bool:
    return now - session.seen >= SEEN_IS_NOTED_EVERY


def note_seen(connection: Connection, session_hash: str, now: datetime) -> None:
    w = web_sessions.c
    connection.execute(update(web_sessions).where(w.session_hash == session_hash).values(seen_ms=to_ms(now)))


def end_session(connection: Connection, session_hash: str, holder: str, now: datetime) -> bool:
    """False where this holder has no such session that is still open."""
    w = web_sessions.c
    mine = update(web_sessions).where(w.session_hash == session_hash, w.holder == holder, w.ended_ms.is_(None))
    return connection.execute(mine.values(ended_ms=to_ms(now))).rowcount > 0


def end_all(connection: Connection, holder: str, now: datetime, except_hash: str = "") -> int:
    """How many were open."""
    w = web_sessions.c
    mine = update(web_sessions).where(w.holder == holder, w.ended_ms.is_(None), w.session_hash != except_hash)
    return connection.execute(mine.values(ended_ms=to_ms(now))).rowcount


def forget_all(connection: Connection, holder: str) -> None:
    """Ended, and no trace left of where they were."""
    connection.execute(delete(web_sessions).where(web_sessions.c.holder == holder))


def _live(row: Row[Any], now: datetime) -> Session | None:
    now_ms = to_ms(now)
    if row.ended_ms is not None or now_ms >= row.expires_ms or now_ms - row.seen_ms >= row.idle_ms:
        return None
    times = (from_ms(row.created_ms), from_ms(row.seen_ms), from_ms(row.expires_ms))
    return Session(row.session_hash, row.holder, Stage(row.stage), *times, row.address, row.browser)
