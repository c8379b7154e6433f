"""Enrolment: a one-time code binds a kiosk's own new key to its board.

Law:
- The code is stored as a hash, lives for a day, and is used up by its first success.
- Guessing is bounded: so many failures per address and in all, then everyone waits.
- Enrolling a kiosk again revokes its former key; there is one live key per kiosk.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, delete, func, select, update

from billing.device_codes import forget_secret
from billing.facts import epoch
from billing.moments import to_ms
from billing.server_key import public_hex
from billing.tables import enrolment_codes, enrolment_failures, kiosk_keys
from contract.api import EnrolAnswer, EnrolRequest

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that reads like something else
CODE_LENGTH = 12  # 31^12 > 2^59
CODE_LIVES = timedelta(hours=24)
FAILURES_COUNT_FOR = timedelta(minutes=10)
FAILURES_PER_ADDRESS = 5
FAILURES_IN_ALL = 100


class Refused(Exception):
    """An enrolment that is not granted; the message is for the technician."""


class SlowDown(Refused):
    """Too many failures; `wait_s` says when to come back."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong enrolment codes; try again in {wait_s} s")
        self.wait_s = wait_s


def new_code(connection: Connection, kiosk_id: str, now: datetime, lives: timedelta = CODE_LIVES) -> str:
    """A code for one enrolment, in groups of four. Earlier unused codes of this kiosk are void."""
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    e = enrolment_codes.c
    connection.execute(delete(enrolment_codes).where(e.kiosk_id == kiosk_id, e.used_ms.is_(None)))
    connection.execute(
        enrolment_codes.insert().values(code_hash=_code_hash(letters), kiosk_id=kiosk_id, expires_ms=to_ms(now + lives))
    )
    return "-".join(letters[i : i + 4] for i in range(0, CODE_LENGTH, 4))


def check_pace(connection: Connection, address: str, now: datetime) -> None:
    """Raises SlowDown where this address, or the world, guessed too often."""
    f = enrolment_failures.c
    recent = f.at_ms > to_ms(now - FAILURES_COUNT_FOR)
    own = connection.execute(select(func.count()).where(recent, f.address == address)).scalar_one()
    everyone = connection.execute(select(func.count()).where(recent)).scalar_one()
    if own >= FAILURES_PER_ADDRESS or everyone >= FAILURES_IN_ALL:
        raise SlowDown(int(FAILURES_COUNT_FOR.total_seconds()))


def note_failure(connection: Connection, address: str, now: datetime) -> None:
    """Count a failed attempt; in its own transaction, as the refused one is rolled back."""
    f = enrolment_failures.c
    connection.execute(delete(enrolment_failures).where(f.at_ms < to_ms(now - FAILURES_COUNT_FOR)))
    connection.execute(enrolment_failures.insert().values(address=address[:80], at_ms=to_ms(now)))


def enrol(connection: Connection, request: EnrolRequest, now: datetime, server_key: Ed25519PrivateKey) -> EnrolAnswer:
    """Bind the key. A repetition with the same code, key and board gives the same answer. Raises Refused."""
    _check(request)
    e = enrolment_codes.c
    code = connection.execute(select(enrolment_codes).where(e.code_hash == _code_hash(request.code))).one_or_none()
    if code is None or (code.used_ms is None and code.expires_ms <= to_ms(now)):
        raise Refused("this enrolment code is not known or has expired; ask the operator for a new one")
    kiosk_id = str(code.kiosk_id)
    k = kiosk_keys.c
    if code.used_ms is not None:
        # The answer to the first attempt may have been lost: the same key on the same board may hear it again.
        bound = select(k.public_key).where(
            k.public_key == request.public_key,
            k.kiosk_id == kiosk_id,
            k.board_serial == request.board_serial,
            k.revoked_ms.is_(None),
            k.enrolled_ms == code.used_ms,
        )
        if connection.execute(bound).first() is None:
            raise Refused("this enrolment code was used already; ask the operator for a new one")
        return _answer(connection, kiosk_id, server_key)
    owner = connection.execute(select(k.kiosk_id).where(k.public_key == request.public_key)).scalar()
    if owner is not None and owner != kiosk_id:
        raise Refused("this key belongs to another kiosk; delete the kiosk's key file and enrol again")
    connection.execute(update(enrolment_codes).where(e.code_hash == code.code_hash).values(used_ms=to_ms(now)))
    connection.execute(
        update(kiosk_keys).where(k.kiosk_id == kiosk_id, k.revoked_ms.is_(None)).values(revoked_ms=to_ms(now))
    )
    binding = {
        "kiosk_id": kiosk_id,
        "board_serial": request.board_serial,
        "enrolled_ms": to_ms(now),
        "revoked_ms": None,
    }
    if owner is None:
        connection.execute(kiosk_keys.insert().values(public_key=request.public_key, **binding))
    else:  # the same SD card on a new board keeps its key
        connection.execute(update(kiosk_keys).where(k.public_key == request.public_key).values(**binding))
    forget_secret(connection, kiosk_id)
    return _answer(connection, kiosk_id, server_key)


def _answer(connection: Connection, kiosk_id: str, server_key: Ed25519PrivateKey) -> EnrolAnswer:
    return EnrolAnswer(kiosk_id, (public_hex(server_key),), epoch(connection))


def _check(request: EnrolRequest) -> None:
    if not 1 <= len(request.board_serial) <= 80 or not request.board_serial.isprintable():
        raise Refused("board_serial: want 1 to 80 printable characters")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(request.public_key))
    except ValueError as error:
        raise Refused("public_key: want an Ed25519 public key as 64 hex digits") from error
    if request.public_key != request.public_key.lower() or len(request.public_key) != 64:
        raise Refused("public_key: want 64 lower-case hex digits")


def _code_hash(code: str) -> str:
    """Codes are typed by people: case, spaces and dashes do not count."""
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
