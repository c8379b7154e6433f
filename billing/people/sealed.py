"""Small secrets the database must give back, sealed with the server's key: a stolen database alone opens none.

The name of what a secret belongs to is sealed in, so that one copied to another row opens there neither.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

NONCE_BYTES = 12


class NotOurs(Exception):
    """Sealed with another server key, or for something else."""


def seal(server_key: Ed25519PrivateKey, secret: bytes, owner: str) -> str:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.urlsafe_b64encode(nonce + _cipher(server_key).encrypt(nonce, secret, owner.encode())).decode()


def unseal(server_key: Ed25519PrivateKey, text: str, owner: str) -> bytes:
    """Raises NotOurs."""
    raw = base64.urlsafe_b64decode(text)
    try:
        return _cipher(server_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], owner.encode())
    except InvalidTag as error:
        raise NotOurs(f"a secret of {owner} was sealed with another server.key; reset it") from error


def _cipher(server_key: Ed25519PrivateKey) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(hmac.digest(server_key.private_bytes_raw(), b"sealed secrets", hashlib.sha256))
