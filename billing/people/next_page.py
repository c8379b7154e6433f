"""Where somebody goes after signing in: back to the page they asked for, and never off this server."""

from __future__ import annotations

from urllib.parse import urlsplit

from billing.people.roles import Person

LONGEST = 500


def safe_next(asked: str) -> str:
    """A path of this server with its query; "" for anything else a browser might take to another site."""
    if not asked.startswith("/") or asked.startswith("//") or len(asked) > LONGEST:
        return ""
    if "\\" in asked or not asked.isprintable() or " " in asked:  # browsers drop tabs and turn \\ into /
        return ""
    parts = urlsplit(asked)
    return "" if parts.scheme or parts.netloc else asked


def home_of(person: Person) -> str:
    return "/operator" if person.is_staff else "/host"
