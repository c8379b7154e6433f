"""The operator page's one password, as an scrypt hash (RFC 7914). Accounts of persons come with the money issue."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_N, _R, _P = 2**14, 8, 1


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
