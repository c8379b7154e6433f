"""The server's own key, which signs vouchers, lists and commands. A file of 64 hex digits, readable by its owner."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE = "server.key"


def public_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def make_server_key(data_dir: Path) -> Ed25519PrivateKey:
    """A new key in `data_dir`. Raises FileExistsError: a lost key voids every voucher, so none is overwritten."""
    key = Ed25519PrivateKey.generate()
    descriptor = os.open(data_dir / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.private_bytes_raw().hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def read_server_key(data_dir: Path) -> Ed25519PrivateKey:
    """Raises FileNotFoundError, ValueError."""
    path = data_dir / KEY_FILE
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))
    except ValueError as error:
        raise ValueError(f"{path}: want 64 hex digits") from error
