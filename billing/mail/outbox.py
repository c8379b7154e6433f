"""The mails that wait. At least once: a crash between sending and noting it sends a second one.

Law: a mail is tried until its time is over, later each time; what it says is erased with its end either way.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, select, update

from billing.mail.tables import mails
from billing.moments import to_ms
from billing.people.sealed import seal, unseal
from contract.codec import from_bytes, to_bytes

FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 600
AT_A_TIME = 20
KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Mail:
    """Plain text to one address."""

    to: str
    subject: str
    text: str


def put(connection: Connection, server_key: Ed25519PrivateKey, mail: Mail, now: datetime, expires: datetime) -> None:
    """Let it be sent, until it expires."""
    name = secrets.token_hex(8)
    values = {
        "seal_name": name,
        "sealed": seal(server_key, to_bytes(mail), f"mail {name}"),
        "due_ms": to_ms(now),
        "expires_ms": to_ms(expires),
        "tries": 0,
        "outcome": "",
    }
    connection.execute(mails.insert().values(values))


def due(connection: Connection, server_key: Ed25519PrivateKey, now: datetime) -> list[tuple[int, Mail]]:
    """(number, mail) of those to be tried now; those whose time is over are given up."""
    m = mails.c
    connection.execute(delete(mails).where(m.due_ms.is_(None), m.expires_ms < to_ms(now - KEPT)))
    over = update(mails).where(m.due_ms.is_not(None), m.expires_ms <= to_ms(now))
    connection.execute(over.values(due_ms=None, sealed="", outcome="given up: its time was over"))
    query = select(mails).where(m.due_ms <= to_ms(now)).order_by(m.due_ms).limit(AT_A_TIME)
    return [
        (row.mail_no, from_bytes(Mail, unseal(server_key, row.sealed, f"mail {row.seal_name}")))
        for row in connection.execute(query).all()
    ]


def is_waiting(connection: Connection, now: datetime) -> bool:
    """Whether `due` has anything to do; costs no write."""
    m = mails.c
    return connection.execute(select(m.mail_no).where(m.due_ms <= to_ms(now)).limit(1)).first() is not None


def note_sent(connection: Connection, mail_no: int) -> None:
    values = {"due_ms": None, "sealed": "", "outcome": "sent"}
    connection.execute(update(mails).where(mails.c.mail_no == mail_no).values(values))


def note_failed(connection: Connection, mail_no: int, why: str, now: datetime, *, is_final: bool) -> None:
    """`why` is the mail server's word; it names no text and no link."""
    mine = mails.c.mail_no == mail_no
    if is_final:
        values = {"due_ms": None, "sealed": "", "outcome": f"refused: {why}"[:200]}
        connection.execute(update(mails).where(mine).values(values))
        return
    tries = connection.execute(select(mails.c.tries).where(mine)).scalar_one() + 1
    again = now + timedelta(seconds=pause_s(tries))
    connection.execute(update(mails).where(mine).values(due_ms=to_ms(again), tries=tries))


def note_broken(connection: Connection, mail_no: int, why: str, now: datetime) -> None:
    """The line broke: what was not sent before is tried again."""
    waits = select(mails.c.due_ms).where(mails.c.mail_no == mail_no)
    if connection.execute(waits).scalar() is not None:
        note_failed(connection, mail_no, why, now, is_final=False)


def pause_s(tries: int) -> int:
    return int(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(tries - 1, 10)))
