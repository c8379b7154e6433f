"""Links by mail: whoever can read mail at an address is its driver.

Law:
- Asking for a link does and says the same for every address, known or not, so nobody learns who has an account.
- A link is opened by pressing a button, not by fetching its address: mail scanners fetch.
- It works once, for half an hour (an invitation for a week), and is made with the operator's own address of this
  server, never with one that a request brought along.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, select, update

from billing.drivers import drivers
from billing.drivers.drivers import Driver
from billing.drivers.mail_texts import MAILS
from billing.drivers.tables import mail_links
from billing.mail import outbox
from billing.mail.outbox import Mail
from billing.moments import to_ms
from billing.people.tokens import new_token, token_hash

LIVES = timedelta(minutes=30)
INVITATION_LIVES = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Post:
    """What a mail is made with."""

    server_key: Ed25519PrivateKey
    public_url: str
    operator_name: str


@dataclass(frozen=True, slots=True)
class Link:
    """An open link: for whom, and what it does besides signing in."""

    mail: str
    next: str
    household_id: str | None
    invited_by: Driver | None


def send_link(connection: Connection, post: Post, mail: str, language: str, next_: str, now: datetime) -> None:
    """A link to sign in, on its way to that address."""
    address = _new_link(connection, post, now, LIVES, mail=mail, language=language, next=next_)
    _send(connection, post, "sign_in", mail, language, address, now, LIVES)


def send_invitation(connection: Connection, post: Post, driver: Driver, mail: str, now: datetime) -> None:
    """Into the household of `driver`, who makes one by this where there is none yet."""
    household_id = driver.household_id
    if household_id is None:
        household_id = drivers.new_household_id()
        drivers.join_household(connection, driver, household_id, now)
    about = {"household_id": household_id, "invited_by": driver.driver_id, "next": "/account/household"}
    address = _new_link(connection, post, now, INVITATION_LIVES, mail=mail, language=driver.language, **about)
    _send(connection, post, "invite", mail, driver.language, address, now, INVITATION_LIVES, who=driver.mail)


def find_link(connection: Connection, token: str, now: datetime) -> Link | None:
    """None for one that was used, is too old, or none."""
    m = mail_links.c
    live = select(mail_links).where(m.token_hash == token_hash(token), m.used_ms.is_(None), m.expires_ms > to_ms(now))
    row = connection.execute(live).one_or_none()
    if row is None:
        return None
    invited_by = None if row.invited_by is None else drivers.find_driver(connection, row.invited_by)
    still_there = invited_by is not None and invited_by.household_id == row.household_id
    return Link(row.mail, row.next, row.household_id if still_there else None, invited_by if still_there else None)


def open_link(
    connection: Connection, token: str, language: str, now: datetime, *, joins: bool
) -> tuple[Driver, Link] | None:
    """Use it up: the driver behind it, made where there was none. `joins`: also the household it invites into."""
    link = find_link(connection, token, now)
    if link is None:
        return None
    m = mail_links.c
    connection.execute(update(mail_links).where(m.token_hash == token_hash(token)).values(used_ms=to_ms(now)))
    driver = drivers.find_or_add(connection, link.mail, language, now)
    if joins and link.household_id is not None:
        drivers.join_household(connection, driver, link.household_id, now)
    return driver, link


def _new_link(connection: Connection, post: Post, now: datetime, lives: timedelta, **about: str) -> str:
    connection.execute(delete(mail_links).where(mail_links.c.expires_ms < to_ms(now)))
    token = new_token()
    values = {"token_hash": token_hash(token), "expires_ms": to_ms(now + lives), **about}
    connection.execute(mail_links.insert().values(values))
    return f"{post.public_url.rstrip('/')}/account/enter/{token}"


def _send(
    connection: Connection,
    post: Post,
    what: str,
    mail: str,
    language: str,
    address: str,
    now: datetime,
    lives: timedelta,
    **more: str,
) -> None:
    words = MAILS[language]
    filled = {"operator": post.operator_name, "address": address, **more}
    text = words[f"{what}_text"].format(**filled)
    outbox.put(
        connection, post.server_key, Mail(mail, words[f"{what}_subject"].format(**filled), text), now, now + lives
    )
