"""A running server with a clock of its own and nobody let in yet, for tests of signing in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from unittest.mock import patch

from argon2 import PasswordHasher
from sqlalchemy import Engine

from billing.database import open_database
from billing.people import audit, invitations, passwords, persons
from billing.people.roles import Role
from billing.settings import Settings
from tests.billing.client import running
from tests.billing.conftest import SERVER_KEY
from tests.billing.people import Browser, signed_in
from tests.billing.stories import NOON

PASSWORD = "seven kiosks in the harbour"


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, span: timedelta) -> None:
        self.now += span


@dataclass
class Desk:
    url: str
    engine: Engine
    clock: Clock = field(default_factory=Clock)

    def browser(self) -> Browser:
        return Browser(self.url)

    def of(self, role: Role, host_id: str | None = None) -> Browser:
        return signed_in(self.url, self.engine, role, host_id=host_id, now=self.clock)

    def link_for(self, login: str, role: Role = Role.OPERATOR) -> str:
        with self.engine.begin() as connection:
            host_id = "pier-4" if role is Role.HOST else None
            person = persons.add_person(connection, login, "Ole Olsen", role, self.clock(), host_id=host_id)
            return invitations.invite(connection, person.person_id, self.clock())

    def signed_up(self, login: str, role: Role = Role.OPERATOR) -> Browser:
        """A browser in which somebody has just chosen PASSWORD."""
        browser = self.browser()
        browser.post(self.link_for(login, role), data={"password": PASSWORD, "again": PASSWORD})
        return browser

    def deeds(self) -> list[str]:
        with self.engine.begin() as connection:
            return [f"{deed.who} {deed.what}" for deed in audit.deeds(connection, 50)]


@contextmanager
def quick_passwords() -> Iterator[None]:
    """argon2 with so little memory that a test may compare often; tests/billing/test_database.py sees the earnest.

    The hash of nobody was made with the parameters before and is made anew.
    """
    with patch.object(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)):
        passwords._of_nobody.cache_clear()
        yield
    passwords._of_nobody.cache_clear()


@contextmanager
def open_desk(database_url: str, mail_server: str = "") -> Iterator[Desk]:
    clock = Clock()
    engine = open_database(database_url)
    mail = {"mail_server": mail_server, "mail_from": "kiosk@harbour.example"} if mail_server else {}
    with quick_passwords(), running(Settings(database_url, SERVER_KEY, now=clock, **mail)) as url:
        yield Desk(url, engine, clock)
    engine.dispose()


def sign_in(browser: Browser, login: str, password: str, next_: str = "") -> int:
    """The answer's status: 303 in, 403 wrong, 429 too fast."""
    fields = {"login": login, "password": password, "next": next_}
    return browser.post("/sign-in", data=fields, allow_redirects=False).status_code
