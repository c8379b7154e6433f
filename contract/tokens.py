"""Signed texts: vouchers, authorisation lists, commands. Ed25519 over kind and payload.

A signed text is `KIND.payload.signature`. Kinds that travel as a QR code use base32, whose letters fit the QR
alphanumeric mode (ISO/IEC 18004 table 5) and give a coarser, easier code; the others use base64url.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contract.codec import WireError, from_bytes, to_bytes
from contract.device_code import is_secret
from contract.identity import LONGEST_TOKEN, IdToken, TokenKind
from contract.tariff import TariffOffer

T = TypeVar("T")
VerifyKey = Ed25519PublicKey

LONGEST_SIGNED_TEXT = 4_000_000  # a list of 20,000 cards is below 3 MB


class SignedKind(StrEnum):
    """The first part of a signed text; a signature of one kind never passes for another."""

    VOUCHER = "KV1"
    AUTHORIZATION_LIST = "KL1"
    COMMAND = "KC1"
    LIST_CHANGE = "KD1"


QR_KINDS = frozenset({SignedKind.VOUCHER})
MEMBER_CODE_PREFIX = "KM1."
PAYMENT_CODE_PREFIX = "spay:"
PAYMENT_CODE = re.compile(r"(?i:spay:)[!-~]{4,123}")  # 9 to 128 characters; what follows is the payment app's


class ForgedText(ValueError):
    """A signed text that none of the known keys signed, or that is damaged."""


def sign(kind: SignedKind, payload: bytes, key: Ed25519PrivateKey) -> str:
    encode = _base32 if kind in QR_KINDS else _base64
    return f"{kind}.{encode(payload)}.{encode(key.sign(_signed_bytes(kind, payload)))}"


def verify(kind: SignedKind, text: str, keys: Iterable[Ed25519PublicKey]) -> bytes:
    """The payload, if one of `keys` signed it as this kind; a QR kind in either case. Raises ForgedText."""
    text = text.strip()
    parts = (text.upper() if kind in QR_KINDS else text).split(".")
    if len(text) > LONGEST_SIGNED_TEXT or len(parts) != 3 or parts[0] != kind.value:
        raise ForgedText(f"not a {kind.name.lower()} text")
    decode = _from_base32 if kind in QR_KINDS else _from_base64
    payload, signature = decode(parts[1]), decode(parts[2])
    for key in keys:
        try:
            key.verify(signature, _signed_bytes(kind, payload))
        except InvalidSignature:
            continue
        return payload
    raise ForgedText(f"{kind.name.lower()}: signature does not match")


def classify(text: str) -> IdToken | None:
    """What a scanned text is: voucher, member code, payment code, or nothing of ours. Never raises, whatever it was."""
    text = text.strip()
    if not text.isascii() or not text.isprintable() or not 1 <= len(text) <= LONGEST_TOKEN:
        return None  # ours are ASCII, and other letters may change their number in upper case
    upper = text.upper()
    if upper.startswith(SignedKind.VOUCHER + "."):
        return IdToken(TokenKind.VOUCHER, upper)
    if upper.startswith(MEMBER_CODE_PREFIX) and len(text) > len(MEMBER_CODE_PREFIX):
        return IdToken(TokenKind.MEMBER_CODE, upper)
    if PAYMENT_CODE.fullmatch(text):
        return IdToken(TokenKind.DIRECT_PAYMENT, PAYMENT_CODE_PREFIX + text[len(PAYMENT_CODE_PREFIX) :])
    return None


@dataclass(frozen=True, slots=True)
class Voucher:
    """Prepaid value for ONE kiosk, so that it can be honoured offline without being spent twice."""

    voucher_id: str
    kiosk_id: str
    value_minor: int
    currency: str
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A known token: `cap_minor` is the credit given offline per use, gross, in minor units."""

    token_hash: str
    account_id: str
    cap_minor: int
    group_id: str | None = None
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class LaterOffer:
    """What an EVSE offers from a moment on, by the wall clock, in place of what it offers until then."""

    from_at: datetime
    evse_id: int
    offer: TariffOffer


@dataclass(frozen=True, slots=True)
class AuthorizationList:
    """What a kiosk may decide alone: the known tokens and the offer of each EVSE, by evse_id in digits.

    `later` are published changes to come, in order of time: a kiosk makes them by its own clock, also while it is
    alone. `code_secret` is what its screen makes addresses and short codes for phones from (contract.device_code).
    `phone_payments` is False where this server takes none, so that no screen offers any; a server that does leaves it
    out, and so does an older one.
    """

    kiosk_id: str
    version: int
    issued_at: datetime
    valid_until: datetime
    offers: dict[str, TariffOffer]
    entries: tuple[ListEntry, ...]
    price_valid_until: datetime | None = None
    code_secret: str | None = None
    later: tuple[LaterOffer, ...] | None = None  # None rather than none of them: absent on the wire
    phone_payments: bool | None = None

    def __post_init__(self) -> None:
        if self.code_secret is not None and not is_secret(self.code_secret):
            raise ValueError("code_secret: want 64 hex digits in lower case")
        for evse_id in self.offers:
            if not (evse_id.isascii() and evse_id.isdecimal() and len(evse_id) <= 9):
                raise ValueError(f"offers: {evse_id!a} is no evse_id")


def in_force(offers: Mapping[int, TariffOffer], later: Iterable[LaterOffer], at: datetime) -> dict[int, TariffOffer]:
    """What is offered at a moment, by evse_id."""
    due = sorted((change for change in later if change.from_at <= at), key=lambda change: change.from_at)
    return {**offers, **{change.evse_id: change.offer for change in due}}


def sign_voucher(voucher: Voucher, key: Ed25519PrivateKey) -> str:
    return sign(SignedKind.VOUCHER, to_bytes(voucher), key)


def read_voucher(text: str, keys: Iterable[Ed25519PublicKey]) -> Voucher:
    """Raises ForgedText for a bad signature and for a payload that is no voucher."""
    return _read(SignedKind.VOUCHER, Voucher, text, keys)


def sign_list(authorizations: AuthorizationList, key: Ed25519PrivateKey) -> str:
    return sign(SignedKind.AUTHORIZATION_LIST, to_bytes(authorizations), key)


def read_list(text: str, keys: Iterable[Ed25519PublicKey]) -> AuthorizationList:
    """Raises ForgedText."""
    return _read(SignedKind.AUTHORIZATION_LIST, AuthorizationList, text, keys)


def _read(kind: SignedKind, cls: type[T], text: str, keys: Iterable[Ed25519PublicKey]) -> T:
    try:
        return from_bytes(cls, verify(kind, text, keys))
    except WireError as error:
        raise ForgedText(str(error)) from error


def _signed_bytes(kind: SignedKind, payload: bytes) -> bytes:
    return kind.value.encode() + b"." + payload


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _from_base32(text: str) -> bytes:
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError as error:  # binascii.Error is one; a letter beyond ASCII is another
        raise ForgedText(f"not base32: {error}") from error


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise ForgedText(f"not base64url: {error}") from error
