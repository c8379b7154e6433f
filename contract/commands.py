"""Commands: what a server may ask of a kiosk. Signed one by one: the process that has no network checks them itself.

Law:
- Idempotent by `command_id`: the kiosk acts once, writes its answer down before it gives it, and gives the same answer
  to a repetition, after a restart too.
- `ttl_s` is the command's whole life. What it spent waiting at the server stands in `age_s`, written and signed at
  each sending; from its arrival on the kiosk counts by its own monotonic clock. What came too late is answered Expired.
- For a start, Rejected and Expired are the disclaim: the server releases what it held for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contract.codec import WireError, from_bytes, to_bytes
from contract.tariff import TariffOffer
from contract.tokens import ForgedText, SignedKind, sign, verify

LONGEST_TTL_S = 86_400
LONGEST_ID = 64
LONGEST_HOLD_S = 86_400  # of a reservation
MOST_SETTINGS = 32
_STOP_CODE = re.compile("[0-9]{4}")


class CommandKind(StrEnum):
    """OCPP 2.1 names of what a server may ask."""

    START = "RequestStartTransaction"
    STOP = "RequestStopTransaction"
    UPDATE_LIST = "SendLocalList"
    UNLOCK = "UnlockConnector"
    RESERVE = "ReserveNow"
    CANCEL_RESERVATION = "CancelReservation"
    CHANGE_AVAILABILITY = "ChangeAvailability"
    SET_CONFIG = "SetVariables"


@dataclass(frozen=True, slots=True)
class Command:
    """One command and what its kind needs (`lacks` tells what is missing).

    | kind                | carries                                                                        |
    |---------------------|--------------------------------------------------------------------------------|
    | START               | evse_id, account_id, offer; group_id, cap_minor, stop_code where there are such |
    | STOP                | transaction_id                                                                 |
    | UPDATE_LIST         | –                                                                              |
    | UNLOCK              | evse_id                                                                        |
    | RESERVE             | evse_id, reservation_id, hold_s, and whom for: token_hash or account_id (group_id)|
    | CANCEL_RESERVATION  | reservation_id                                                                 |
    | CHANGE_AVAILABILITY | evse_id, is_operative                                                          |
    | SET_CONFIG          | settings: key → value as text; see kiosk/session/overrides.py                       |

    `kiosk_id` and `age_s` are written at each sending. `hold_s` counts from the issue of the command, as `ttl_s` does.
    """

    command_id: str
    kind: CommandKind
    ttl_s: int
    evse_id: int | None = None
    transaction_id: str | None = None
    account_id: str | None = None
    group_id: str | None = None
    offer: TariffOffer | None = None
    cap_minor: int | None = None
    kiosk_id: str = ""
    age_s: int = 0
    token_hash: str | None = None
    reservation_id: str | None = None
    hold_s: int | None = None
    is_operative: bool | None = None
    settings: dict[str, str] | None = None
    stop_code: str | None = None  # four digits that stop this charge at the kiosk, where who paid knows them already

    def __post_init__(self) -> None:
        if not 1 <= self.ttl_s <= LONGEST_TTL_S:
            raise ValueError(f"ttl_s {self.ttl_s}: want 1 to {LONGEST_TTL_S}")
        if self.age_s < 0:
            raise ValueError(f"age_s {self.age_s}: want 0 or more")
        if self.hold_s is not None and not 1 <= self.hold_s <= LONGEST_HOLD_S:
            raise ValueError(f"hold_s {self.hold_s}: want 1 to {LONGEST_HOLD_S}")
        if len(self.command_id) > LONGEST_ID or len(self.reservation_id or "") > LONGEST_ID:
            raise ValueError(f"command_id and reservation_id: want at most {LONGEST_ID} characters")
        if self.stop_code is not None and _STOP_CODE.fullmatch(self.stop_code) is None:
            raise ValueError("stop_code: want four digits")
        if self.settings is not None and not 1 <= len(self.settings) <= MOST_SETTINGS:
            raise ValueError(f"settings: want 1 to {MOST_SETTINGS}")

    @property
    def left_s(self) -> int:
        """What is left of its life where it is sent now; 0 or less: it has expired."""
        return self.ttl_s - self.age_s


NEEDS: dict[CommandKind, tuple[str, ...]] = {
    CommandKind.START: ("evse_id", "account_id", "offer"),
    CommandKind.STOP: ("transaction_id",),
    CommandKind.UPDATE_LIST: (),
    CommandKind.UNLOCK: ("evse_id",),
    CommandKind.RESERVE: ("evse_id", "reservation_id", "hold_s"),
    CommandKind.CANCEL_RESERVATION: ("reservation_id",),
    CommandKind.CHANGE_AVAILABILITY: ("evse_id", "is_operative"),
    CommandKind.SET_CONFIG: ("settings",),
}


def lacks(command: Command) -> str:
    """The fields its kind needs and it does not carry, in words; "" where it is whole."""
    missing = [name for name in NEEDS[command.kind] if getattr(command, name) in (None, "")]
    if command.kind is CommandKind.RESERVE and not (command.token_hash or command.account_id):
        missing.append("token_hash or account_id")
    return ", ".join(missing)


def sign_command(command: Command, key: Ed25519PrivateKey) -> str:
    return sign(SignedKind.COMMAND, to_bytes(command), key)


def read_command(text: str, keys: Iterable[Ed25519PublicKey], kiosk_id: str) -> Command:
    """Raises ForgedText: not ours, damaged, or for another kiosk."""
    try:
        command = from_bytes(Command, verify(SignedKind.COMMAND, text, keys))
    except WireError as error:
        raise ForgedText(str(error)) from error
    if command.kiosk_id != kiosk_id or not command.command_id:
        raise ForgedText(f"command for kiosk {command.kiosk_id!r}, this is {kiosk_id!r}")
    return command
