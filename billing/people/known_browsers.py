"""A browser somebody has signed in with before carries a sign of it, so that strangers guessing do not slow it down.

The sign is a number and its seal for that one person; it lets nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIVES_S = 180 * 86_400


def new_sign(server_key: Ed25519PrivateKey, person_id: str) -> str:
    number = secrets.token_hex(8)
    return f"{number}.{_seal(server_key, number, person_id)}"


def number_of(server_key: Ed25519PrivateKey, sign: str, person_id: str) -> str:
    """The browser's number; "" where the sign is not one for this person."""
    number, _, seal = sign.partition(".")
    is_ours = hmac.compare_digest(seal.encode(), _seal(server_key, number, person_id).encode())
    return number if is_ours else ""


def _seal(server_key: Ed25519PrivateKey, number: str, person_id: str) -> str:
    key = hmac.digest(server_key.private_bytes_raw(), b"known browsers", hashlib.sha256)
    return hmac.digest(key, f"{number}/{person_id}".encode(), hashlib.sha256).hex()[:32]
