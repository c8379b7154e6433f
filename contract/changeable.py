"""What the server may change of a kiosk's settings; the server checks before it asks, the kiosk checks again. Pure.

Law:
- What is not in the table is refused by name.
- Nothing here can raise a current, a limit of the site or a cap, or switch a protection off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
