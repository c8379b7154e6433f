"""What the server must be told: `billing.toml` and `server.key` in its data directory, and the database's URL."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing.server_key import read_server_key

SETTINGS_FILE = "billing.toml"
DATABASE_FILE = "billing.db"
_KEYS = ("operator_name", "help_contact", "public_url")
_FORMER = {"operator_password_hash": "people sign in by name now: remove this line, then kiosk-billing person add"}


class BadSettings(ValueError):
    """The settings file is not as it should be; the message names file and key."""


def server_time() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """`now` is the server's clock; `public_url` how browsers reach it, as https://charge.example.org, "" if unknown.

    `is_behind_proxy`: plain HTTP here, but TLS between the browser and a proxy.
    """

    database_url: str
    server_key: Ed25519PrivateKey = field(repr=False)
    operator_name: str = "Harbour Energy"
    help_contact: str = ""
    public_url: str = ""
    is_behind_proxy: bool = False
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
    for key, value in values.items():
        if key in _FORMER:
            raise BadSettings(f"{path}: {key}: {_FORMER[key]}")
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            raise BadSettings(f"{path}: {key}: unknown key" + (f"; did you mean '{near[0]}'?" if near else ""))
        if not isinstance(value, str):
            raise BadSettings(f"{path}: {key}: want a text in quotes")
    return Settings(database_url or default_database_url(data_dir), read_server_key(data_dir), **values)
