"""What a touch means. Values, so that a screen can be compared and a touch can be tested without a window."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kiosk.session.snapshot import LimitKind


class Page(StrEnum):
    """What is open over the session's own screen; only the screen knows of it."""

    MAIN = "main"
    HELP = "help"
    LANGUAGES = "languages"
    STOP = "stop"
    LIMIT = "limit"
    LIMIT_CODE = "limit_code"
    UNLOCK = "unlock"
    RECEIPT = "receipt"
    PRICES = "prices"


@dataclass(frozen=True, slots=True)
class Choose:
    """This connector, for a new charge."""

    evse_id: int


@dataclass(frozen=True, slots=True)
class Show:
    """Look at this connector's session or fault."""

    evse_id: int


@dataclass(frozen=True, slots=True)
class Home:
    pass


@dataclass(frozen=True, slots=True)
class More:
    """The next connectors, where they do not all fit."""


@dataclass(frozen=True, slots=True)
class Open:
    page: Page


@dataclass(frozen=True, slots=True)
class Close:
    pass


@dataclass(frozen=True, slots=True)
class Speak:
    language: str


@dataclass(frozen=True, slots=True)
class Digit:
    value: str


@dataclass(frozen=True, slots=True)
class Erase:
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    evse_id: int


@dataclass(frozen=True, slots=True)
class Unlock:
    """Free this connector's cable, with the digits entered."""

    evse_id: int


@dataclass(frozen=True, slots=True)
class ConfirmLimit:
    """The limit that was picked, with the digits entered."""

    evse_id: int


@dataclass(frozen=True, slots=True)
class Cancel:
    evse_id: int


@dataclass(frozen=True, slots=True)
class PickLimit:
    kind: LimitKind


@dataclass(frozen=True, slots=True)
class StepLimit:
    steps: int


@dataclass(frozen=True, slots=True)
class SetLimit:
    evse_id: int
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class DismissReceipt:
    evse_id: int


@dataclass(frozen=True, slots=True)
class DismissNotice:
    pass


@dataclass(frozen=True, slots=True)
class StillHere:
    pass


Act = (
    Choose
    | Show
    | Home
    | More
    | Open
    | Close
    | Speak
    | Digit
    | Erase
    | Stop
    | Unlock
    | ConfirmLimit
    | Cancel
    | PickLimit
    | StepLimit
    | SetLimit
    | DismissReceipt
    | DismissNotice
    | StillHere
)
