"""What a kiosk's screen shows so that a phone can prove to stand before it: a signed address and a short code. Pure.

Law:
- Both are made from one secret of the kiosk, the EVSE and the minute; without the secret nobody can make the next.
- Both are good in the minute they were made for and in the one after it. Kiosk and server clocks may differ by one
  minute more; further apart, nothing is accepted.
- A sticker and an NFC tag carry the plain address. It says which device, never that somebody stands there.

Source of the six digits: RFC 4226, 5.3 (dynamic truncation), with HMAC-SHA-256.
"""

from __future__ import annotations

import base64
import hmac
import re
from datetime import UTC, datetime, timedelta

STEP_S = 60
VALID_STEPS = 2
CLOCKS_DIFFER_STEPS = 1  # accepted before and after
CODE_DIGITS = 6
SECRET_BYTES = 32
PROOF_BYTES = 10  # 80 bits: 16 letters of base32

_SECRET = re.compile(r"[0-9a-f]{64}")
_CODE = re.compile(rf"[0-9]{{{CODE_DIGITS}}}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_secret(text: str) -> bool:
    """64 lower-case hex digits."""
    return _SECRET.fullmatch(text) is not None


def step_of(at: datetime) -> int:
    """The number of the minute since 1970 in UTC. Raises TypeError for a naive datetime."""
    return (at - _EPOCH) // timedelta(seconds=STEP_S)


def step_ends_at(at: datetime) -> datetime:
    """When another code takes the place of the one for `at`."""
    return _EPOCH + (step_of(at) + 1) * timedelta(seconds=STEP_S)


def device_address(base_url: str, kiosk_id: str, evse_id: int) -> str:
    """For stickers and NFC tags: which device, and no proof. `base_url` with or without its last slash."""
    return f"{base_url.rstrip('/')}/d/{kiosk_id}/{evse_id}"


def hinted(address: str, language: str) -> str:
    """The same with the screen's language, for a browser that wants none the server has."""
    return f"{address}{'&' if '?' in address else '?'}hl={language}"


def signed_address(base_url: str, kiosk_id: str, evse_id: int, secret: str, at: datetime) -> str:
    """For the QR code on the screen. Raises ValueError for a secret that is none."""
    return f"{device_address(base_url, kiosk_id, evse_id)}?s={_proof(secret, kiosk_id, evse_id, step_of(at))}"


def short_code(secret: str, evse_id: int, at: datetime) -> str:
    """Six digits to type on the phone. Raises ValueError for a secret that is none."""
    return _digits(secret, evse_id, step_of(at))


def is_signed(secret: str, kiosk_id: str, evse_id: int, proof: str, now: datetime) -> bool:
    """Whether `proof` (what follows `s=`) was made for this device in one of the minutes that still count."""
    said = proof.strip().upper().encode()
    return _any_same(said, [_proof(secret, kiosk_id, evse_id, step).encode() for step in _steps(now)])


def is_code(secret: str, evse_id: int, code: str, now: datetime) -> bool:
    """Whether the typed digits were this device's in one of the minutes that still count. Spaces do not matter."""
    said = code.replace(" ", "").replace("-", "")
    if not said.isascii() or _CODE.fullmatch(said) is None:
        return False
    return _any_same(said.encode(), [_digits(secret, evse_id, step).encode() for step in _steps(now)])


def _steps(now: datetime) -> range:
    oldest = step_of(now) - (VALID_STEPS - 1)
    return range(oldest - CLOCKS_DIFFER_STEPS, step_of(now) + CLOCKS_DIFFER_STEPS + 1)


def _any_same(said: bytes, wanted: list[bytes]) -> bool:
    """Without telling by its duration which one, or how much of it, was right."""
    found = False
    for one in wanted:
        found |= hmac.compare_digest(said, one)
    return found


def _proof(secret: str, kiosk_id: str, evse_id: int, step: int) -> str:
    digest = _mac(secret, f"address\n{kiosk_id}\n{evse_id}\n{step}")
    return base64.b32encode(digest[:PROOF_BYTES]).decode()


def _digits(secret: str, evse_id: int, step: int) -> str:
    digest = _mac(secret, f"code\n{evse_id}\n{step}")
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def _mac(secret: str, text: str) -> bytes:
    if not is_secret(secret):
        raise ValueError("code secret: want 64 hex digits in lower case")
    return hmac.digest(bytes.fromhex(secret), text.encode(), "sha256")
