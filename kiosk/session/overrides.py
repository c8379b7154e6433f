"""Settings the server may change: a short list, each checked, in force at once and after a restart. Pure.

Law:
- What is not in the table is refused by name, and with it the whole update: nothing is applied in part.
- Nothing here can raise a current, a limit of the site or a cap, or switch a protection off.
- An empty value takes the update back: the configuration file's own value holds again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from contract.values import replace
from kiosk.session.settings import KioskSettings

LONGEST_TEXT = 40


@dataclass(frozen=True, slots=True)
class Seconds:
    least: float
    most: float


# key as in the configuration file → what it may be
CHANGEABLE: dict[str, Seconds | type[bool] | type[str]] = {
    "kiosk.stop_with_code": bool,
    "kiosk.helpline": str,
    "patience.plug_in_s": Seconds(30, 600),
    "patience.choose_s": Seconds(10, 300),
    "patience.token_waits_s": Seconds(10, 60),
    "patience.receipt_s": Seconds(10, 600),
    "patience.notice_s": Seconds(3, 30),
    "patience.own_start_s": Seconds(30, 600),
}


def problem(update: Mapping[str, str]) -> str:
    """Why it is refused, naming the key; "" where it may be applied."""
    for key, value in update.items():
        kind = CHANGEABLE.get(key)
        if kind is None:
            return f"{key}: not a key the server may change; want one of {', '.join(CHANGEABLE)}"
        if value == "":
            continue
        if kind is bool:
            if value not in ("true", "false"):
                return f"{key}: {value!r}, want true or false"
        elif isinstance(kind, Seconds):
            try:
                seconds = float(value)
            except ValueError:
                return f"{key}: {value!r}, want seconds"
            if not kind.least <= seconds <= kind.most:  # also refuses what is no number
                return f"{key}: {value}, want {kind.least:g} to {kind.most:g} seconds"
        elif len(value) > LONGEST_TEXT or not value.isprintable():
            return f"{key}: want at most {LONGEST_TEXT} printable characters"
    return ""


def merged(old: Mapping[str, str], update: Mapping[str, str]) -> dict[str, str]:
    """The overrides in force after an update without a problem."""
    return {key: value for key, value in sorted((dict(old) | dict(update)).items()) if value != ""}


def applied(settings: KioskSettings, overrides: Mapping[str, str]) -> KioskSettings:
    """The file's settings with the overrides laid over them. `kiosk.helpline` is no setting of the core."""
    patience = {
        key.removeprefix("patience."): float(value) for key, value in overrides.items() if key.startswith("patience.")
    }
    settings = replace(settings, patience=replace(settings.patience, **patience))
    if (with_code := overrides.get("kiosk.stop_with_code")) is not None:
        settings = replace(settings, stop_with_code=with_code == "true")
    return settings


def readable(text: str | None) -> dict[str, str]:
    """What a journal kept of it; anything that does not fit the table, as of another version, is left out."""
    try:
        parsed = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(parsed, dict):
        return {}
    return {
        key: value
        for key, value in parsed.items()
        if isinstance(key, str) and isinstance(value, str) and not problem({key: value})
    }
