"""People for tests: a browser that is signed in, and programs with keys. They come in by the server's own functions."""

from __future__ import annotations

import secrets
from typing import Any

import requests
from sqlalchemy import Engine

from billing.people import api_keys, persons, sessions
from billing.people.forms import FIELD, form_token
from billing.people.passwords import hash_password
from billing.people.roles import Person, Role
from billing.settings import server_time

FORM_KEYS = ("session", "driver", "form")  # cookies whose secret a form's token is made from, the first there is


class Browser(requests.Session):
    """Asks one server; paths instead of addresses. `post` sends the form's token along, as a page's form does."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.trust_env = False  # no .netrc, no proxies
        self.base_url = base_url

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", 30)
        if method == "POST" and isinstance(kwargs.get("data") or {}, dict):
            kwargs["data"] = {FIELD: self.form_token, **(kwargs.get("data") or {})}
        return super().request(method, self.base_url + str(url), *args, **kwargs)

    def carry(self, session_token: str) -> None:
        """Have this session's cookie, as the server would have set it."""
        self.cookies.set("session", session_token, domain="127.0.0.1", path="/")

    @property
    def form_token(self) -> str:
        """What a form on a page of this browser carries now; opens the sign-in page where there is no cookie yet."""
        if not any(self.cookies.get(name) for name in FORM_KEYS):
            super().request("GET", f"{self.base_url}/sign-in", timeout=30)
        return form_token(next(key for name in FORM_KEYS if (key := self.cookies.get(name))))


def add(engine: Engine, role: Role = Role.OPERATOR, *, host_id: str | None = None, password: str = "") -> Person:
    """A person with a login of their own, `login-ID` lower case; with `password`, one that can be typed."""
    with engine.begin() as connection:
        login = f"{role.value}-{secrets.token_hex(4)}"
        person = persons.add_person(connection, login, login, role, server_time(), host_id=host_id)
        if password:
            persons.set_password(connection, person.person_id, hash_password(password))
    return person


def signed_in(
    base_url: str,
    engine: Engine,
    role: Role = Role.OPERATOR,
    *,
    host_id: str | None = None,
    now: Any = server_time,
) -> Browser:
    """A browser of a new person with that role. `now`: the clock of the server's settings."""
    person = add(engine, role, host_id=host_id)
    with engine.begin() as connection:
        holder = persons.holder_of(person.person_id)
        token = sessions.open_session(connection, holder, sessions.Stage.FULL, sessions.STAFF_LIVES, now())
    browser = Browser(base_url)
    browser.carry(token)
    return browser


def key_for(engine: Engine, role: Role = Role.OPERATOR) -> dict[str, str]:
    """Headers of a program that has a key."""
    with engine.begin() as connection:
        key = api_keys.add_key(connection, f"test-{secrets.token_hex(4)}", role, server_time())
    return {"Authorization": f"Bearer {key}"}
