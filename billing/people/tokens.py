"""Secrets that are their own proof: sessions, invitations, keys of programs. Kept as SHA-256, shown once.

They carry 256 bits of chance, so that a fast hash suffices; what people choose goes through billing.people.passwords.
"""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """43 characters that are safe in an address and in a cookie."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
