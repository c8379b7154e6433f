"""Codes of a generator app: RFC 6238 with SHA-1, six digits, thirty seconds, which is what every app can.

The code of the step before or after is taken too, as clocks differ; none is taken twice, nor one older than the last.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
DRIFT_STEPS = 1
SECRET_BYTES = 20  # RFC 4226: as long as the hash


def new_secret() -> str:
    """Base32, 32 letters."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether `text` is a secret as new_secret makes them."""
    try:
        return len(base64.b32decode(text)) == SECRET_BYTES
    except (binascii.Error, ValueError):
        return False


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP_S


def code_of(secret: str, step: int, digits: int = DIGITS) -> str:
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def step_of_code(secret: str, typed: str, now: datetime, last_step: int | None) -> int | None:
    """The step a typed code is of; None where it is wrong, or not newer than the last one taken."""
    code = "".join(letter for letter in typed if letter.isdigit())
    found = None
    for step in range(step_at(now) - DRIFT_STEPS, step_at(now) + DRIFT_STEPS + 1):
        is_right = hmac.compare_digest(code_of(secret, step).encode(), code.encode())
        if is_right and (last_step is None or step > last_step):
            found = step
    return found


def address_of(secret: str, login: str, issuer: str) -> str:
    """What an app reads from the QR code (otpauth)."""
    label = f"{quote(issuer, safe='')}:{quote(login, safe='')}"
    query = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_S}, quote_via=quote)
    return f"otpauth://totp/{label}?{query}"
