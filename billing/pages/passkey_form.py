"""What the forms of passkeys carry for the browser's script: whom a key is made for, and for which site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from fastapi import Request

from billing.api.gate import server_of
from billing.drivers import drivers
from billing.drivers.drivers import Driver
from billing.pages.render import date_text
from billing.people import persons
from billing.people.cookies import LOCAL_NAMES
from billing.people.passkeys import Passkey, Site
from billing.people.persons import Entry


def site_of(request: Request) -> Site | None:
    """Whom keys are made for here; None where the settings name no public address, or one of numbers only."""
    url = server_of(request).settings.public_url
    if not url and request.url.hostname in LOCAL_NAMES:
        url = str(request.base_url)
    parts = urlsplit(url)
    if not parts.hostname or parts.hostname.replace(".", "").isdigit() or ":" in parts.hostname:
        return None
    return Site(parts.hostname, f"{parts.scheme}://{parts.netloc}")


def passkey_values(request: Request, owner: Entry | Driver | None = None) -> dict[str, str] | None:
    """For a template's macros; None where there are no passkeys. `owner`: for whom one would be made."""
    site = site_of(request)
    if site is None:
        return None
    holder, name = "", ""
    if isinstance(owner, Entry):
        holder, name = persons.holder_of(owner.person.person_id), owner.login
    elif isinstance(owner, Driver):
        holder, name = drivers.holder_of(owner.driver_id), owner.mail
    return {"rp": site.rp_id, "site": server_of(request).settings.operator_name, "user": holder, "name": name}


def passkey_lines(found: Iterable[Passkey], words: Mapping[str, str], language: str) -> list[dict[str, str]]:
    return [{"name": one.credential_id, "label": one.label, "when": _when(one, words, language)} for one in found]


def _when(one: Passkey, words: Mapping[str, str], language: str) -> str:
    made = date_text(one.created, "UTC", language)
    if one.used is None:
        return words["passkey_made"].format(made=made)
    return words["passkey_used"].format(made=made, used=date_text(one.used, "UTC", language))
