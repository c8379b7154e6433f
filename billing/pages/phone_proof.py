"""That a phone stood before the kiosk, kept while its owner reads the price: a signed word in the form. Pure.

The address on the kiosk's screen is good for two minutes and a short code for as long. Who came by one of them, or paid
once and was refused, has `LASTS` to choose an amount without proving it again.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LASTS = timedelta(minutes=5)


def seen_word(key: Ed25519PrivateKey, kiosk_id: str, evse_id: int, now: datetime) -> str:
    until_s = int((now + LASTS).timestamp())
    return f"{until_s}.{_mac(key, kiosk_id, evse_id, until_s)}"


def is_seen(key: Ed25519PrivateKey, kiosk_id: str, evse_id: int, word: str, now: datetime) -> bool:
    """Whether `word` is ours, for this device, and not over."""
    until, _, mac = word[:80].partition(".")
    if not (until.isascii() and until.isdigit()) or int(until) < now.timestamp():
        return False
    return hmac.compare_digest(mac.encode(), _mac(key, kiosk_id, evse_id, int(until)).encode())


def _mac(key: Ed25519PrivateKey, kiosk_id: str, evse_id: int, until_s: int) -> str:
    secret = hashlib.sha256(b"seen at the kiosk\n" + key.private_bytes_raw()).digest()
    return hmac.digest(secret, f"{kiosk_id}\n{evse_id}\n{until_s}".encode(), "sha256").hex()[:32]
