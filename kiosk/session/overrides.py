"""Settings the server may change: in force at once and after a restart. Pure.

Law:
- What is not in the table of contract.changeable is refused, and with it the whole update: nothing is applied in part.
- An empty value takes the update back: the configuration file's own value holds again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from contract.changeable import problem
from contract.values import replace
from kiosk.session.settings import KioskSettings


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
