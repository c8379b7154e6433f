"""Whose request is this? Signatures, and the signs of a second live kiosk with the same key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, bindparam, select, update

from billing.alarms import raise_alarm
from billing.database import insert_if_absent
from billing.moments import to_ms
from billing.nonces import Condition, Nonces
from billing.prepared import Prepared
from billing.tables import boots, kiosk_keys, kiosks
from contract.api import request_bytes


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


@dataclass(frozen=True, slots=True)
class KioskKey:
    """A kiosk's public key as it is enrolled, bound to one board."""

    public_key: str  # hex, as the database has it
    board_serial: str
    reads: Ed25519PublicKey


_KEY = Prepared(
    select(kiosk_keys.c.public_key, kiosk_keys.c.board_serial).where(
        kiosk_keys.c.kiosk_id == bindparam("of_kiosk"), kiosk_keys.c.revoked_ms.is_(None)
    )
)


def key_of(connection: Connection, kiosk_id: str) -> KioskKey:
    """Raises NotAuthentic where the kiosk has none."""
    found = _KEY.row(connection, {"of_kiosk": kiosk_id})
    if found is None:
        raise NotAuthentic(f"kiosk {kiosk_id!r} is not enrolled")
    return KioskKey(found[0], found[1], Ed25519PublicKey.from_public_bytes(bytes.fromhex(found[0])))


def is_signed(request: SignedRequest, key: KioskKey) -> bool:
    """By nothing but the key: whether the nonce is good is another question."""
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
        key.reads.verify(bytes.fromhex(request.signature), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_signature(connection: Connection, request: SignedRequest, nonces: Nonces, now: datetime) -> str:
    """The board serial the key is bound to. Raises NotAuthentic. The nonce is used up only by a good signature."""
    key = key_of(connection, request.kiosk_id)
    if not is_signed(request, key):
        raise NotAuthentic("the signature does not match")
    if not nonces.take(connection, request.nonce, now):
        raise NotAuthentic("the nonce was used, has expired or is not ours")
    return key.board_serial


_IS_ENROLLED = Condition(
    select(kiosk_keys.c.kiosk_id).where(
        kiosk_keys.c.public_key == bindparam("key"),
        kiosk_keys.c.kiosk_id == bindparam("of_kiosk"),
        kiosk_keys.c.board_serial == bindparam("board"),
        kiosk_keys.c.revoked_ms.is_(None),
    )
)


def confirm(connection: Connection, request: SignedRequest, key: KioskKey, nonces: Nonces, now: datetime) -> None:
    """In the transaction of what a request does, whose signature was checked against a key that was read before: the
    key holds now, and the nonce is used up. Raises NotAuthentic."""
    asked = {"key": key.public_key, "of_kiosk": request.kiosk_id, "board": request.board_serial}
    if not nonces.take_if(connection, request.nonce, now, _IS_ENROLLED, asked):
        raise NotAuthentic("the nonce was used, has expired or is not ours, or the key is another one since")


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
