"""What the server must be told: `billing.toml` and `server.key` in its data directory, and the database's URL."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing.mail.mail_server import mail_server_of
from billing.payments.social import SocialAccess
from billing.payments.stripe_access import StripeAccess
from billing.server_key import read_server_key

SETTINGS_FILE = "billing.toml"
DATABASE_FILE = "billing.db"
_KEYS = ("operator_name", "help_contact", "public_url", "country_code", "party_id", "mail_server", "mail_from")
_SOCIAL_KEYS = ("url", "merchant_secret", "webhook_secret", "fee_account", "app_url")
_STRIPE_KEYS = ("secret_key", "webhook_secret", "own_account", "url")
_FORMER = {"operator_password_hash": "people sign in by name now: remove this line, then kiosk-billing person add"}


class BadSettings(ValueError):
    """The settings file is not as it should be; the message names file and key."""


def server_time() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """`now` is the server's clock; `public_url` how browsers reach it, as https://charge.example.org, "" if unknown.

    `country_code` (ISO 3166 alpha-2) and `party_id` (three letters) are the operator's in OCPI, "" where it has none.
    A refund above `second_approval_above_minor` needs a second person.
    `mail_server` and `mail_from`: where mails are handed in, and as whom (billing.mail.mail_server); "" where none are
    sent. `social`: the payment app's server, `stripe`: cards; None where nobody pays that way. `is_behind_proxy`: plain
    HTTP here, but TLS between the browser and a proxy.
    """

    database_url: str
    server_key: Ed25519PrivateKey = field(repr=False)
    operator_name: str = "Harbour Energy"
    help_contact: str = ""
    public_url: str = ""
    mail_server: str = field(default="", repr=False)
    mail_from: str = ""
    country_code: str = ""
    party_id: str = ""
    is_behind_proxy: bool = False
    social: SocialAccess | None = field(default=None, repr=False)
    stripe: StripeAccess | None = field(default=None, repr=False)
    second_approval_above_minor: int = 5_000
    now: Callable[[], datetime] = server_time


def default_database_url(data_dir: Path) -> str:
    return f"sqlite:///{(data_dir / DATABASE_FILE).resolve()}"


def read_settings(data_dir: Path, database_url: str | None = None) -> Settings:
    """Raises BadSettings, FileNotFoundError."""
    path = data_dir / SETTINGS_FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{path}: {error}") from error
    social = _social(path, values.pop("social", None))
    stripe = _stripe(path, values.pop("stripe", None))
    second_minor = values.pop("second_approval_above_minor", 5_000)
    if type(second_minor) is not int or second_minor < 0:
        raise BadSettings(f"{path}: second_approval_above_minor: want a whole number of minor units, 0 or more")
    _check(f"{path}: ", values, _KEYS)
    check_url(f"{path}: public_url", values.get("public_url", ""))
    _check_mail(path, values.get("mail_server", ""), values.get("mail_from", ""))
    url = database_url or default_database_url(data_dir)
    return Settings(
        url, read_server_key(data_dir), **values, social=social, stripe=stripe, second_approval_above_minor=second_minor
    )


def check_url(where: str, url: str) -> None:
    """Links in mails begin with it and passkeys are made for its name. Raises BadSettings."""
    parts = urlsplit(url)
    if url and (parts.scheme not in ("https", "http") or not parts.hostname or parts.path.strip("/") or parts.query):
        raise BadSettings(f"{where}: want https://NAME or https://NAME:PORT, and nothing behind it")


def _check_mail(path: Path, server: str, sender: str) -> None:
    if bool(server) != bool(sender):
        raise BadSettings(f"{path}: mail_server and mail_from: want both or neither")
    try:
        if server:
            mail_server_of(server)
    except ValueError as error:
        raise BadSettings(f"{path}: {error}") from error


def _check(where: str, values: dict[str, Any], known: Sequence[str]) -> None:
    for key, value in values.items():
        if key in _FORMER:
            raise BadSettings(f"{where}{key}: {_FORMER[key]}")
        if key not in known:
            near = get_close_matches(key, known, 1)
            raise BadSettings(f"{where}{key}: unknown key" + (f"; did you mean '{near[0]}'?" if near else ""))
        if not isinstance(value, str):
            raise BadSettings(f"{where}{key}: want a text in quotes")


def _table(path: Path, name: str, values: object, known: Sequence[str], wanted: int) -> dict[str, Any]:
    """The first `wanted` of the known keys have to be there."""
    if not isinstance(values, dict):
        raise BadSettings(f"{path}: {name}: want a table [{name}]")
    _check(f"{path}: {name}.", values, known)
    if missing := [key for key in known[:wanted] if not values.get(key)]:
        raise BadSettings(f"{path}: {name}.{missing[0]}: missing")
    return values


def _stripe(path: Path, values: object) -> StripeAccess | None:
    if values is None:
        return None
    accounts = values.pop("accounts", {}) if isinstance(values, dict) else {}
    words = _table(path, "stripe", values, _STRIPE_KEYS, 2)
    words["url"] = words.get("url", "https://api.stripe.com").rstrip("/")
    if not isinstance(accounts, dict):
        raise BadSettings(f"{path}: stripe.accounts: want a table [stripe.accounts]")
    for partner, account in accounts.items():
        if not isinstance(account, str) or not account.startswith("acct_"):
            raise BadSettings(f"{path}: stripe.accounts.{partner}: want a connected account as acct_…")
    return StripeAccess(**words, accounts=accounts)


def _social(path: Path, values: object) -> SocialAccess | None:
    if values is None:
        return None
    values = _table(path, "social", values, _SOCIAL_KEYS, 3)
    return SocialAccess(
        values["url"].rstrip("/"),
        values["merchant_secret"],
        values["webhook_secret"].encode(),
        values.get("fee_account", "operator"),
        str(values.get("app_url", values["url"])).rstrip("/"),
    )
