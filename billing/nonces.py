"""Nonces: issued by the server, good for one signed request.

A nonce is issue time, who issued it and a count, under a keyed hash: nobody else makes one, and none comes twice.
Issuing one stores nothing, so asking for nonces fills nothing; only a nonce that a valid signature has used is
remembered, until it expires anyway. One process remembers in its memory; workers of one PostgreSQL share the key of the
hash and a table of used nonces, so that a nonce issued by one is taken by any, once
(docs/decisions/0012-nonces-without-memory.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import itertools
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import BigInteger, Connection, Select, String, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from billing.moments import to_ms
from billing.prepared import Prepared, prepared_insert
from billing.tables import used_nonces

NONCE_LIVES = timedelta(minutes=5)
MOST_USED_NONCES = 500_000
_STAMP_BYTES = 20  # when, 8; by whom, 8; a count, 4


class Condition:
    """`query` finds a row where the condition holds. Asked together with the taking, in one statement where nonces are
    in the database."""

    def __init__(self, query: Select[Any]) -> None:
        self.asks = Prepared(query)
        self.takes = Prepared(lambda _dialect: _use_where(query))


class Nonces(Protocol):
    def issue(self, now: datetime) -> str: ...

    def take(self, connection: Connection, nonce: str, now: datetime) -> bool:
        """True the first time an unexpired nonce of ours comes back."""
        ...

    def take_if(
        self, connection: Connection, nonce: str, now: datetime, condition: Condition, values: Mapping[str, Any]
    ) -> bool:
        """The same, where the condition holds."""
        ...


class Seal:
    """The keyed hash that tells our nonces from others'.

    Every answer carries a new one, so it is made without asking the system for randomness and without letting go of
    the interpreter, as hmac does: on a busy server each costs a turn of another thread.
    """

    def __init__(self, secret: bytes, lives: timedelta) -> None:
        self._secret = secret
        self._lives_ms = lives // timedelta(milliseconds=1)
        self._issuer = secrets.token_bytes(8)
        self._numbers = itertools.count()

    def issue(self, now: datetime) -> str:
        stamp = to_ms(now).to_bytes(8, "big") + self._issuer + (next(self._numbers) % 2**32).to_bytes(4, "big")
        return base64.urlsafe_b64encode(stamp + self._hash(stamp)).decode().rstrip("=")

    def open(self, nonce: str, now: datetime) -> tuple[str, int] | None:
        """(its one name, when it expires) of a nonce of ours that has not expired; UTC milliseconds."""
        now_ms = to_ms(now)
        try:
            raw = base64.urlsafe_b64decode(nonce + "=" * (-len(nonce) % 4))
        except (binascii.Error, ValueError):
            return None
        stamp, seal = raw[:_STAMP_BYTES], raw[_STAMP_BYTES:]
        if not hmac.compare_digest(seal, self._hash(stamp)):
            return None
        expires_ms = int.from_bytes(stamp[:8], "big") + self._lives_ms
        if not expires_ms - self._lives_ms <= now_ms < expires_ms:
            return None
        return stamp.hex(), expires_ms  # base64 reads several texts as the same bytes

    def _hash(self, stamp: bytes) -> bytes:
        return hashlib.blake2b(stamp, key=self._secret, digest_size=16).digest()


class NonceBook:
    """Nonces of one process, remembered in its memory; a restart voids them all. Shared by its threads."""

    def __init__(self, lives: timedelta = NONCE_LIVES) -> None:
        self._seal = Seal(secrets.token_bytes(32), lives)
        self._used: dict[str, int] = {}  # in order of use, which is nearly the order of expiry
        self._lock = threading.Lock()

    def issue(self, now: datetime) -> str:
        return self._seal.issue(now)

    def take(self, connection: Connection | None, nonce: str, now: datetime) -> bool:
        return self._take(nonce, now)

    def take_if(
        self, connection: Connection, nonce: str, now: datetime, condition: Condition, values: Mapping[str, Any]
    ) -> bool:
        return condition.asks.value(connection, values) is not None and self._take(nonce, now)

    def _take(self, nonce: str, now: datetime) -> bool:
        found = self._seal.open(nonce, now)
        if found is None:
            return False
        name, expires_ms = found
        with self._lock:
            self._forget(to_ms(now))
            if name in self._used or len(self._used) >= MOST_USED_NONCES:
                return False
            self._used[name] = expires_ms
        return True

    def _forget(self, now_ms: int) -> None:
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now_ms:
                return
            del self._used[oldest]


class SharedNonces:
    """Nonces of all workers of one PostgreSQL. Some are taken in a glance, so a crash of that server may forget those
    of its last second: what could be repeated then is one signed request, which does no harm twice."""

    def __init__(self, server_key: Ed25519PrivateKey, lives: timedelta = NONCE_LIVES) -> None:
        self._seal = Seal(
            hmac.digest(server_key.private_bytes_raw(), b"nonces of kiosk requests", hashlib.sha256), lives
        )

    def issue(self, now: datetime) -> str:
        return self._seal.issue(now)

    def take(self, connection: Connection, nonce: str, now: datetime) -> bool:
        found = self._seal.open(nonce, now)
        if found is None:
            return False
        name, expires_ms = found
        return _USE.do(connection, {"nonce": name, "expires_ms": expires_ms}) == 1

    def take_if(
        self, connection: Connection, nonce: str, now: datetime, condition: Condition, values: Mapping[str, Any]
    ) -> bool:
        found = self._seal.open(nonce, now)
        if found is None:
            return False
        name, expires_ms = found
        return condition.takes.do(connection, {"nonce": name, "expires_ms": expires_ms, **values}) == 1


_USE = prepared_insert(used_nonces)


def _use_where(query: Select[Any]) -> Any:
    given = bindparam("nonce", type_=String), bindparam("expires_ms", type_=BigInteger)
    asked = select(*given).where(query.exists())
    return insert(used_nonces).from_select(["nonce", "expires_ms"], asked).on_conflict_do_nothing()


def forget_expired(connection: Connection, now: datetime) -> int:
    """Used nonces that could not be used again anyway. Returns how many they were."""
    return int(connection.execute(delete(used_nonces).where(used_nonces.c.expires_ms <= to_ms(now))).rowcount)
