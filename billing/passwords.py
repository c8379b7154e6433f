"""The operator page's one password, as an scrypt hash (RFC 7914). Accounts of persons come with the money issue."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import deque
from datetime import datetime, timedelta

USER = "operator"
FAILURES_COUNT_FOR = timedelta(minutes=5)
FAILURES_ALLOWED = 30
_N, _R, _P = 2**14, 8, 1


class TooManyGuesses(Exception):
    """Wrong passwords came too often; nobody new is let in for a while."""


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_digest(password, salt).hex()}"


def password_matches(password: str, stored: str) -> bool:
    """Constant time for a stored hash of this form; raises ValueError for any other."""
    kind, salt, digest = stored.split("$")
    if kind != "scrypt":
        raise ValueError(f"password hash of kind {kind!r}: want scrypt")
    return hmac.compare_digest(_digest(password, bytes.fromhex(salt)), bytes.fromhex(digest))


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=32)


class Doorkeeper:
    """HTTP Basic: checks the password slowly the first time and quickly after; bounds guessing."""

    def __init__(self) -> None:
        self._known = b""  # digest of the last good header
        self._failures: deque[datetime] = deque(maxlen=FAILURES_ALLOWED)

    def admits(self, header: str, stored_hash: str, now: datetime) -> bool:
        """Whether an Authorization header names the operator. Raises TooManyGuesses."""
        digest = hashlib.sha256(f"{stored_hash}\n{header}".encode()).digest()
        if hmac.compare_digest(digest, self._known):
            return True
        if len(self._failures) == FAILURES_ALLOWED and now - self._failures[0] < FAILURES_COUNT_FOR:
            raise TooManyGuesses("too many wrong passwords; wait five minutes")
        try:
            scheme, _, encoded = header.partition(" ")
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if not stored_hash or scheme.lower() != "basic" or not encoded:
            return False
        if user == USER and password_matches(password, stored_hash):
            self._known = digest
            return True
        self._failures.append(now)
        return False
