"""Passkeys (WebAuthn): a key that never leaves somebody's device or its keeper, opened there by finger, face or PIN.

Law:
- A challenge is a nonce of this server: it counts once, for five minutes, in any worker.
- The device must have verified its user, so that a passkey is what one has and what one is or knows.
- A passkey belongs to one holder (person:ID or driver:ID); it is found by its own id, and nobody types a name.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.exceptions import WebAuthnException

from billing.moments import from_ms, to_ms
from billing.nonces import Nonces
from billing.people.tables import passkeys

LONGEST_ANSWER = 8_000
MOST_PER_HOLDER = 10
LONGEST_ID = 400


class NotTaken(Exception):
    """An answer that proves nothing here: old, forged, of another site, or of a key that is not known."""


@dataclass(frozen=True, slots=True)
class Site:
    """Whom a key is made for: `rp_id` is the host's name, `origin` its address without a path."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Passkey:
    credential_id: str
    label: str
    created: datetime
    used: datetime | None


def register(
    connection: Connection, site: Site, nonces: Nonces, holder: str, answer: str, label: str, now: datetime
) -> None:
    """Keep a key that a device has just made for this holder. Raises NotTaken."""
    if count(connection, holder) >= MOST_PER_HOLDER:
        raise NotTaken(f"at most {MOST_PER_HOLDER} passkeys")
    parsed = _parsed(answer)
    try:
        made = verify_registration_response(
            credential=parsed,
            expected_challenge=_challenge(connection, nonces, parsed, now),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise NotTaken(str(error)) from error
    name = _name(made.credential_id)
    if len(name) > LONGEST_ID or _find(connection, name) is not None:
        raise NotTaken("this key is known already")
    values = {
        "credential_id": name,
        "holder": holder,
        "public_key": made.credential_public_key,
        "sign_count": made.sign_count,
        "label": label.strip()[:80],
        "created_ms": to_ms(now),
    }
    connection.execute(passkeys.insert().values(values))


def authenticate(connection: Connection, site: Site, nonces: Nonces, answer: str, now: datetime) -> str:
    """Whose key answered: its holder. Raises NotTaken."""
    parsed = _parsed(answer)
    key = _find(connection, str(parsed.get("id", ""))[:LONGEST_ID])
    challenge = _challenge(connection, nonces, parsed, now)
    if key is None:
        raise NotTaken("this key is not known here")
    try:
        proved = verify_authentication_response(
            credential=parsed,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise NotTaken(str(error)) from error
    values = {"sign_count": proved.new_sign_count, "used_ms": to_ms(now)}
    connection.execute(update(passkeys).where(passkeys.c.credential_id == key.credential_id).values(values))
    return str(key.holder)


def passkeys_of(connection: Connection, holder: str) -> list[Passkey]:
    rows = connection.execute(select(passkeys).where(passkeys.c.holder == holder).order_by(passkeys.c.created_ms)).all()
    return [
        Passkey(
            row.credential_id, row.label, from_ms(row.created_ms), None if not row.used_ms else from_ms(row.used_ms)
        )
        for row in rows
    ]


def count(connection: Connection, holder: str) -> int:
    return int(connection.execute(select(func.count()).where(passkeys.c.holder == holder)).scalar_one())


def remove(connection: Connection, holder: str, credential_id: str) -> bool:
    mine = delete(passkeys).where(passkeys.c.holder == holder, passkeys.c.credential_id == credential_id)
    return connection.execute(mine).rowcount > 0


def remove_all(connection: Connection, holder: str) -> None:
    connection.execute(delete(passkeys).where(passkeys.c.holder == holder))


def _find(connection: Connection, name: str) -> Any:
    return connection.execute(select(passkeys).where(passkeys.c.credential_id == name)).one_or_none()


def _parsed(answer: str) -> dict[str, Any]:
    try:
        parsed = json.loads(answer[:LONGEST_ANSWER])
    except (ValueError, RecursionError) as error:
        raise NotTaken("not readable as an answer of a device") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("response"), dict):
        raise NotTaken("not readable as an answer of a device")
    return parsed


def _challenge(connection: Connection, nonces: Nonces, parsed: dict[str, Any], now: datetime) -> bytes:
    """The challenge that was answered, used up by this. Raises NotTaken where it is none of ours any more."""
    try:
        said = json.loads(_bytes(str(parsed["response"].get("clientDataJSON", ""))))
        challenge = _bytes(str(said["challenge"]))
        nonce = challenge.decode("ascii")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotTaken("names no challenge") from error
    if not nonces.take(connection, nonce, now):
        raise NotTaken("the challenge was used, has expired or is not ours")
    return challenge


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _name(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
