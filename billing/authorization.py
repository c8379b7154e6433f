"""Asks: who is this, may they charge here, at what price, up to what amount?

Law:
- The same transaction_id gives the same answer, so an Ask may be repeated after a lost answer.
- Disclaimed is disclaimed: what was held for the Ask is free again and a repetition is refused.
- The answer is a decision, not a booking: nothing is owed before a Started arrives.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Select, bindparam, exists, func, select

from billing.checkout import direct
from billing.commands import find_start
from billing.decisions.tables import is_decided
from billing.directory import current_offer
from billing.moments import to_ms
from billing.prepared import Prepared, prepared_insert
from billing.tables import accounts, asks, disclaims, kiosks, quarantine, tokens, transactions
from billing.vouchers import claim_voucher, release_voucher, remember_voucher
from contract.api import AuthorizeAnswer, AuthorizeRequest, AuthorizeStatus, Disclaim
from contract.codec import from_bytes, to_bytes
from contract.identity import TokenKind
from contract.tariff import TariffOffer
from contract.tokens import ForgedText, read_voucher
from contract.transaction import token_hash

# A transaction blocks a second one elsewhere only while its kiosk is in contact: what a silent kiosk has open may
# have ended long ago, and nobody should stand before a plug because another one is offline.
CONTACT_IS_FRESH = timedelta(minutes=15)
ASK_IS_FRESH = timedelta(minutes=5)
MOST_DISCLAIMED = 1000


def authorize(
    connection: Connection, kiosk_id: str, request: AuthorizeRequest, now: datetime, server_key: Ed25519PrivateKey
) -> AuthorizeAnswer:
    """Decide an Ask and remember the answer."""
    request_hash = hashlib.sha256(to_bytes(request)).hexdigest()
    asked = {"of_kiosk": kiosk_id, "of_id": request.transaction_id}
    known = _KNOWN_ASK.row(connection, asked)
    if known is not None and known[0] != request_hash:
        return _refused(request, AuthorizeStatus.INVALID)
    if _is_disclaimed(connection, kiosk_id, request.transaction_id):
        return _refused(request, AuthorizeStatus.EXPIRED)
    if known is not None:
        return from_bytes(AuthorizeAnswer, known[1])
    answer = _decide(connection, kiosk_id, request, now, server_key)
    values = {
        "kiosk_id": kiosk_id,
        "transaction_id": request.transaction_id,
        "order_id": request.order_id,
        "request_hash": request_hash,
        "token_hash": token_hash(request.token_kind, request.token),
        "status": answer.status.value,
        "answer": to_bytes(answer).decode(),
        "asked_ms": to_ms(now),
    }
    _NOTE_ASK.do(connection, values)
    return answer


def begin_payment(
    connection: Connection, kiosk_id: str, request: AuthorizeRequest, provider: str, now: datetime
) -> str | None:
    """The payment that is to be asked for before a payment code's Ask is decided; None where there is none to ask."""
    name = request.transaction_id
    known = _KNOWN_ASK.row(connection, {"of_kiosk": kiosk_id, "of_id": name})
    if known is not None or _is_disclaimed(connection, kiosk_id, name):
        return None
    return direct.begin(connection, kiosk_id, request, provider, now)


def disclaim(connection: Connection, kiosk_id: str, request: Disclaim, now: datetime) -> None:
    """Asks that never became Started: release what they held. One that did become Started keeps what it holds."""
    if len(request.transaction_ids) > MOST_DISCLAIMED:
        raise ValueError(f"transaction_ids: want at most {MOST_DISCLAIMED}")
    for transaction_id in request.transaction_ids:
        asked = {"of_kiosk": kiosk_id, "of_id": transaction_id}
        if _STARTED.value(connection, asked) is not None:
            continue
        direct.disclaimed(connection, kiosk_id, transaction_id, now)
        values = {"kiosk_id": kiosk_id, "transaction_id": transaction_id[:64], "at_ms": to_ms(now)}
        _DISCLAIM.do(connection, values)
        order_id = _ORDER_OF_ASK.value(connection, asked)
        if order_id is not None:
            release_voucher(connection, order_id)


def _decide(
    connection: Connection, kiosk_id: str, request: AuthorizeRequest, now: datetime, server_key: Ed25519PrivateKey
) -> AuthorizeAnswer:
    if request.token_kind is TokenKind.DIRECT_PAYMENT:
        return direct.decide(connection, kiosk_id, request, now)
    offer = current_offer(connection, kiosk_id, request.evse_id, now)
    if offer is None:
        return _refused(request, AuthorizeStatus.NOT_AT_THIS_LOCATION)
    if request.token_kind is TokenKind.VOUCHER:
        return _decide_voucher(connection, kiosk_id, request, offer, now, server_key)
    if request.token_kind is TokenKind.CENTRAL:
        return _decide_start(connection, kiosk_id, request, now)
    return _decide_token(connection, kiosk_id, request, offer, now)


def _decide_token(
    connection: Connection, kiosk_id: str, request: AuthorizeRequest, offer: TariffOffer, now: datetime
) -> AuthorizeAnswer:
    name = token_hash(request.token_kind, request.token)
    holder = connection.execute(_HOLDER, {"name": name}).one_or_none()
    if holder is None:
        return _refused(request, AuthorizeStatus.UNKNOWN)
    if holder.token_is_blocked or holder.is_blocked:
        return _refused(request, AuthorizeStatus.BLOCKED)
    if _open_elsewhere(connection, kiosk_id, request, name, now) >= holder.concurrent_limit:
        return _refused(request, AuthorizeStatus.CONCURRENT_TX)
    return AuthorizeAnswer(
        transaction_id=request.transaction_id,
        status=AuthorizeStatus.ACCEPTED,
        offer=offer,
        account_id=holder.account_id,
        group_id=holder.group_id,
        cap_minor=holder.cap_minor,
    )


def _decide_voucher(
    connection: Connection,
    kiosk_id: str,
    request: AuthorizeRequest,
    offer: TariffOffer,
    now: datetime,
    server_key: Ed25519PrivateKey,
) -> AuthorizeAnswer:
    try:
        voucher = read_voucher(request.token, [server_key.public_key()])
    except ForgedText:
        return _refused(request, AuthorizeStatus.INVALID)
    if voucher.kiosk_id != kiosk_id:
        return _refused(request, AuthorizeStatus.NOT_AT_THIS_LOCATION)
    if voucher.valid_until <= now:
        return _refused(request, AuthorizeStatus.EXPIRED)
    if voucher.currency != offer.tariff.currency:
        return _refused(request, AuthorizeStatus.INVALID)
    remember_voucher(connection, voucher, now)
    if not claim_voucher(connection, voucher.voucher_id, request.order_id):
        return _refused(request, AuthorizeStatus.NO_CREDIT)
    return AuthorizeAnswer(
        transaction_id=request.transaction_id,
        status=AuthorizeStatus.ACCEPTED,
        offer=offer,
        account_id=f"voucher:{voucher.voucher_id}",
        voucher_id=voucher.voucher_id,
        cap_minor=voucher.value_minor,
    )


def _decide_start(connection: Connection, kiosk_id: str, request: AuthorizeRequest, now: datetime) -> AuthorizeAnswer:
    command = find_start(connection, kiosk_id, request.token, now)
    if command is None:
        return _refused(request, AuthorizeStatus.EXPIRED)
    if command.evse_id != request.evse_id:
        return _refused(request, AuthorizeStatus.NOT_AT_THIS_LOCATION)
    return replace(
        _refused(request, AuthorizeStatus.ACCEPTED),
        offer=command.offer,
        account_id=command.account_id,
        group_id=command.group_id,
        cap_minor=command.cap_minor,
    )


def _open_elsewhere(connection: Connection, kiosk_id: str, request: AuthorizeRequest, name: str, now: datetime) -> int:
    """Transactions and fresh accepted Asks of this token at other kiosks; its own kiosk knows its own better."""
    asked = {
        "name": name,
        "of_kiosk": kiosk_id,
        "of_order": request.order_id,
        "contact_ms": to_ms(now - CONTACT_IS_FRESH),
        "since_ms": to_ms(now - ASK_IS_FRESH),
    }
    return int(_OPEN_ELSEWHERE.value(connection, asked))


def _is_disclaimed(connection: Connection, kiosk_id: str, transaction_id: str) -> bool:
    return _DISCLAIMED.value(connection, {"of_kiosk": kiosk_id, "of_id": transaction_id}) is not None


def _refused(request: AuthorizeRequest, status: AuthorizeStatus) -> AuthorizeAnswer:
    return AuthorizeAnswer(request.transaction_id, status)


# ---- asked for at every Ask: built once ------------------------------------------------------------------------------


def _open_elsewhere_query() -> Select[Any]:
    t, a = transactions.c, asks.c
    in_contact = select(kiosks.c.kiosk_id).where(kiosks.c.last_contact_ms >= bindparam("contact_ms"))
    is_held = exists().where(quarantine.c.kiosk_id == t.kiosk_id, quarantine.c.transaction_id == t.transaction_id)
    running = select(func.count()).where(
        t.token_hash == bindparam("name"),
        t.ended_seq.is_(None),
        t.kiosk_id != bindparam("of_kiosk"),
        t.order_id != bindparam("of_order"),
        t.kiosk_id.in_(in_contact),
        ~is_held,
        ~is_decided(),
    )
    became = exists().where(t.kiosk_id == a.kiosk_id, t.transaction_id == a.transaction_id)
    given_up = exists().where(disclaims.c.kiosk_id == a.kiosk_id, disclaims.c.transaction_id == a.transaction_id)
    asked = select(func.count()).where(
        a.token_hash == bindparam("name"),
        a.status == AuthorizeStatus.ACCEPTED.value,
        a.kiosk_id != bindparam("of_kiosk"),
        a.asked_ms >= bindparam("since_ms"),
        ~became,
        ~given_up,
    )
    return select(running.scalar_subquery() + asked.scalar_subquery())


_OPEN_ELSEWHERE = Prepared(_open_elsewhere_query())
_OF_ASK = (asks.c.kiosk_id == bindparam("of_kiosk"), asks.c.transaction_id == bindparam("of_id"))
_KNOWN_ASK = Prepared(select(asks.c.request_hash, asks.c.answer).where(*_OF_ASK))
_ORDER_OF_ASK = Prepared(select(asks.c.order_id).where(*_OF_ASK))
_NOTE_ASK = Prepared(asks.insert(), [column.name for column in asks.columns])
_STARTED = Prepared(
    select(transactions.c.started_ms)
    .where(transactions.c.kiosk_id == bindparam("of_kiosk"), transactions.c.transaction_id == bindparam("of_id"))
    .where(transactions.c.started_ms.is_not(None))
)
_DISCLAIM = prepared_insert(disclaims)
_DISCLAIMED = Prepared(
    select(disclaims.c.at_ms).where(
        disclaims.c.kiosk_id == bindparam("of_kiosk"), disclaims.c.transaction_id == bindparam("of_id")
    )
)
_HOLDER = (
    select(tokens.c.is_blocked.label("token_is_blocked"), accounts)
    .join_from(tokens, accounts)
    .where(tokens.c.token_hash == bindparam("name"))
)
