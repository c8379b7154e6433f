"""Whose request is this? Nonces, signatures, and the signs of a second live kiosk with the same key.

A nonce is the server's: issue time and randomness under a keyed hash. Issuing one stores nothing, so asking for
nonces fills nothing; only a nonce that a valid signature has used is remembered, until it expires anyway.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, select, update

from billing.alarms import raise_alarm
from billing.database import insert_if_absent
from billing.moments import to_ms
from billing.tables import boots, kiosk_keys, kiosks
from contract.api import request_bytes

NONCE_LIVES = timedelta(minutes=5)
MOST_USED_NONCES = 500_000


class NotAuthentic(Exception):
    """A request that no enrolled kiosk signed for this nonce. The kiosk takes the fresh nonce and tries once more."""


class WrongBoard(Exception):
    """A good key on another board than it was enrolled on."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What arrived: `target` is the path with its query, exactly as sent; `signature` is hex."""

    method: str
    target: str
    kiosk_id: str
    boot_id: str
    board_serial: str
    nonce: str
    signature: str
    body: bytes


class NonceBook:
    """Issues nonces and takes each back once. Shared by the threads of one process."""

    def __init__(self, secret: bytes | None = None, lives: timedelta = NONCE_LIVES) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self._lives_ms = lives // timedelta(milliseconds=1)
        self._used: dict[str, int] = {}  # in order of use, which is nearly the order of expiry
        self._lock = threading.Lock()

    def issue(self, now: datetime) -> str:
        stamp = to_ms(now).to_bytes(8, "big") + secrets.token_bytes(12)
        return base64.urlsafe_b64encode(stamp + self._seal(stamp)).decode().rstrip("=")

    def take(self, nonce: str, now: datetime) -> bool:
        """True the first time an unexpired nonce of this book comes back."""
        now_ms = to_ms(now)
        try:
            raw = base64.urlsafe_b64decode(nonce + "=" * (-len(nonce) % 4))
        except (binascii.Error, ValueError):
            return False
        stamp, seal = raw[:20], raw[20:]
        if not hmac.compare_digest(seal, self._seal(stamp)):
            return False
        expires_ms = int.from_bytes(stamp[:8], "big") + self._lives_ms
        if not expires_ms - self._lives_ms <= now_ms < expires_ms:
            return False
        canonical = raw.hex()  # base64 reads several texts as the same bytes
        with self._lock:
            self._forget(now_ms)
            if canonical in self._used or len(self._used) >= MOST_USED_NONCES:
                return False
            self._used[canonical] = expires_ms
        return True

    def _forget(self, now_ms: int) -> None:
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now_ms:
                return
            del self._used[oldest]

    def _seal(self, stamp: bytes) -> bytes:
        return hmac.digest(self._secret, stamp, hashlib.sha256)[:16]


def check_signature(connection: Connection, request: SignedRequest, nonces: NonceBook, now: datetime) -> str:
    """The board serial the key is bound to. Raises NotAuthentic. The nonce is used up only by a good signature."""
    k = kiosk_keys.c
    key = connection.execute(
        select(k.public_key, k.board_serial).where(k.kiosk_id == request.kiosk_id, k.revoked_ms.is_(None))
    ).one_or_none()
    if key is None:
        raise NotAuthentic(f"kiosk {request.kiosk_id!r} is not enrolled")
    signed = request_bytes(
        request.method,
        request.target,
        request.kiosk_id,
        request.boot_id,
        request.board_serial,
        request.nonce,
        request.body,
    )
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public_key)).verify(
            bytes.fromhex(request.signature), signed
        )
    except (InvalidSignature, ValueError) as error:
        raise NotAuthentic("the signature does not match") from error
    if not nonces.take(request.nonce, now):
        raise NotAuthentic("the nonce was used, has expired or is not ours")
    return str(key.board_serial)


def note_use(
    connection: Connection, kiosk_id: str, boot_id: str, board_serial: str, bound_serial: str, now: datetime
) -> bool:
    """Note a live use of a key; raise an alarm where it looks like two kiosks. False: refuse, it is another board.

    Boot ids of one kiosk only ever follow each other. One that comes back after its successor was seen belongs to
    a second kiosk that runs at the same time. Which of both is honest the server cannot know, so it serves both,
    keeps contradictions aside, and tells the operator.
    """
    if board_serial != bound_serial:
        raise_alarm(
            connection,
            kiosk_id,
            "other_board",
            f"This kiosk's key is used on board {board_serial[:80]}; it was enrolled on {bound_serial}. A copied or "
            "moved SD card. If the board was replaced, enrol the kiosk again.",
            now,
        )
        return False
    last_boot = connection.execute(select(kiosks.c.boot_id).where(kiosks.c.kiosk_id == kiosk_id)).scalar()
    contact: dict[str, int | str] = {"last_contact_ms": to_ms(now)}
    if last_boot != boot_id:
        contact["boot_id"] = boot_id
        values = {"kiosk_id": kiosk_id, "boot_id": boot_id, "first_ms": to_ms(now)}
        if connection.execute(insert_if_absent(connection, boots), values).rowcount == 0:
            raise_alarm(
                connection,
                kiosk_id,
                "second_live_use",
                "Two running kiosks take turns with this kiosk's key: an earlier boot spoke again after a later one. "
                "Find the copy, then enrol the true kiosk again with a new key.",
                now,
            )
    connection.execute(update(kiosks).where(kiosks.c.kiosk_id == kiosk_id).values(**contact))
    return True
