"""What the server must be told: `billing.toml` and `server.key` in its data directory, and the database's URL."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing.payments.social import SocialAccess
from billing.server_key import read_server_key

SETTINGS_FILE = "billing.toml"
DATABASE_FILE = "billing.db"
_KEYS = ("operator_name", "help_contact", "public_url")
_SOCIAL_KEYS = ("url", "merchant_secret", "webhook_secret", "fee_account", "app_url")
_FORMER = {"operator_password_hash": "people sign in by name now: remove this line, then kiosk-billing person add"}


class BadSettings(ValueError):
    """The settings file is not as it should be; the message names file and key."""


def server_time() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """`now` is the server's clock; `public_url` how browsers reach it, as https://charge.example.org, "" if unknown.

    `social`: the payment app's server, None where nobody pays by phone. `is_behind_proxy`: plain HTTP here, but TLS
    between the browser and a proxy.
    """

    database_url: str
    server_key: Ed25519PrivateKey = field(repr=False)
    operator_name: str = "Harbour Energy"
    help_contact: str = ""
    public_url: str = ""
    is_behind_proxy: bool = False
    social: SocialAccess | None = field(default=None, repr=False)
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
    _check(f"{path}: ", values, _KEYS)
    url = database_url or default_database_url(data_dir)
    return Settings(url, read_server_key(data_dir), **values, social=social)


def _check(where: str, values: dict[str, Any], known: Sequence[str]) -> None:
    for key, value in values.items():
        if key in _FORMER:
            raise BadSettings(f"{where}{key}: {_FORMER[key]}")
        if key not in known:
            near = get_close_matches(key, known, 1)
            raise BadSettings(f"{where}{key}: unknown key" + (f"; did you mean '{near[0]}'?" if near else ""))
        if not isinstance(value, str):
            raise BadSettings(f"{where}{key}: want a text in quotes")


def _social(path: Path, values: object) -> SocialAccess | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise BadSettings(f"{path}: social: want a table [social]")
    _check(f"{path}: social.", values, _SOCIAL_KEYS)
    if missing := [key for key in _SOCIAL_KEYS[:3] if not values.get(key)]:
        raise BadSettings(f"{path}: social.{missing[0]}: missing")
    return SocialAccess(
        values["url"].rstrip("/"),
        values["merchant_secret"],
        values["webhook_secret"].encode(),
        values.get("fee_account", "operator"),
        str(values.get("app_url", values["url"])).rstrip("/"),
    )
