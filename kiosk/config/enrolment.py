"""What enrolment left behind for everybody on the kiosk: state_dir/enrolment.json. It holds nothing secret."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from contract.codec import WireError, from_bytes
from contract.tokens import VerifyKey


class NotEnrolled(Exception):
    """There is no usable enrolment; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`server_keys` are Ed25519 public keys in hex: whose signatures count here."""

    kiosk_id: str
    server_keys: tuple[str, ...]
    server_url: str

    def __post_init__(self) -> None:
        self.keys()

    def keys(self) -> tuple[VerifyKey, ...]:
        """Raises ValueError for what is no key; the constructor has asked already."""
        return tuple(VerifyKey.from_public_bytes(bytes.fromhex(key)) for key in self.server_keys)


def read_enrolment(path: Path) -> Enrolment:
    """Raises NotEnrolled."""
    try:
        return from_bytes(Enrolment, path.read_bytes())
    except FileNotFoundError as error:
        raise NotEnrolled(f"{path}: not enrolled; enrol with: kiosk enrol --code CODE") from error
    except (OSError, WireError) as error:
        raise NotEnrolled(f"{path}: {error}; enrol again with: kiosk enrol --code CODE") from error
