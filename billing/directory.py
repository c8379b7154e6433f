"""The directory: kiosks, accounts, tokens, tariffs and what is offered where.

Every change raises the directory's revision and tells each kiosk to fetch its list, so a blocked card reaches a
kiosk with its next contact.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Row, bindparam, func, select, update

from billing.commands import ask_for_list_update
from billing.facts import raise_directory_revision
from billing.moments import from_ms, to_ms
from billing.prepared import Prepared
from billing.tables import accounts, evse_offers, kiosks, tariffs, tokens, transactions
from contract.codec import from_bytes, to_bytes
from contract.identity import IdToken, TokenKind
from contract.tariff import Tariff, TariffOffer
from contract.tokens import LaterOffer
from contract.transaction import token_hash

LONGEST_AHEAD = timedelta(days=400)  # a tariff may be published before it is in force
CLOCKS_DIFFER = timedelta(minutes=5)
DEFAULT_MAX_POWER_W = 22_080  # 32 A × 230 V × 3


class NotKnown(LookupError):
    """Something named by the operator does not exist; the message names it and what does."""


def add_kiosk(
    connection: Connection,
    name: str,
    now: datetime,
    *,
    place: str = "",
    time_zone: str = "UTC",
    max_power_w: int = DEFAULT_MAX_POWER_W,
    kiosk_id: str | None = None,
) -> str:
    """A new kiosk, not yet enrolled. Returns its id. Raises ValueError for a bad name, zone or power."""
    kiosk_id = kiosk_id or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or uuid.uuid4().hex[:8]
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", kiosk_id) or not 1 <= len(name) <= 80 or not name.isprintable():
        raise ValueError(f"kiosk {name!r}: want 1 to 80 printable characters, an id of letters, digits, '.', '_', '-'")
    if not 1_000 <= max_power_w <= 1_000_000:
        raise ValueError(f"kiosk {name}: max_power_w {max_power_w}: want 1000 to 1000000")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"kiosk {name}: time zone {time_zone!r} is not known; want a name as Europe/Berlin") from error
    k = kiosks.c
    if connection.execute(select(k.name).where((k.kiosk_id == kiosk_id) | (k.name == name))).first() is not None:
        raise ValueError(f"kiosk {name}: there is one with this name or id {kiosk_id} already")
    connection.execute(
        kiosks.insert().values(
            kiosk_id=kiosk_id,
            name=name,
            place=place,
            time_zone=time_zone,
            max_power_w=max_power_w,
            created_ms=to_ms(now),
        )
    )
    return kiosk_id


def find_kiosk(connection: Connection, name_or_id: str) -> str:
    """The id of a kiosk named by name or id. Raises NotKnown."""
    k = kiosks.c
    found = connection.execute(select(k.kiosk_id).where((k.kiosk_id == name_or_id) | (k.name == name_or_id))).scalar()
    if found is None:
        names = ", ".join(connection.execute(select(k.name).order_by(k.name).limit(20)).scalars()) or "none yet"
        raise NotKnown(f"no kiosk {name_or_id!r}; known: {names}")
    return str(found)


def evses_of(connection: Connection, kiosk_id: str) -> list[int]:
    """The EVSEs somebody offered something at, or that charged: what is known of a kiosk's connectors."""
    offered = select(evse_offers.c.evse_id).where(evse_offers.c.kiosk_id == kiosk_id)
    charged = select(transactions.c.evse_id).where(transactions.c.kiosk_id == kiosk_id)
    return sorted(set(connection.execute(offered.union(charged)).scalars()))


def add_account(
    connection: Connection,
    account_id: str,
    now: datetime,
    *,
    group_id: str | None = None,
    cap_minor: int | None = None,
    offline_cap_minor: int = 2_000,
    concurrent_limit: int = 1,
) -> None:
    """A new account. Caps are gross, in minor units, per order."""
    if offline_cap_minor < 0 or (cap_minor is not None and cap_minor < 1) or concurrent_limit < 1:
        raise ValueError(f"account {account_id}: a cap or limit below its least value")
    if not re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", account_id):
        raise ValueError(f"account {account_id!r}: want 1 to 64 letters, digits, '.', '_', '@', '-'")
    connection.execute(
        accounts.insert().values(
            account_id=account_id,
            group_id=group_id,
            cap_minor=cap_minor,
            offline_cap_minor=offline_cap_minor,
            concurrent_limit=concurrent_limit,
            is_blocked=False,
            created_ms=to_ms(now),
        )
    )
    _changed(connection, now)


def card_of(uid_hex: str) -> IdToken:
    """A card by its UID as printed. Raises ValueError."""
    uid = uid_hex.replace(":", "").replace(" ", "").upper()
    try:
        size = len(bytes.fromhex(uid))
    except ValueError as error:
        raise ValueError(f"card {uid_hex!r}: want the UID in hex") from error
    if not 4 <= size <= 10:
        raise ValueError(f"card {uid_hex!r}: want 4 to 10 bytes of UID in hex")
    return IdToken(TokenKind.ISO14443, uid)


def account_exists(connection: Connection, account_id: str) -> bool:
    query = select(accounts.c.account_id).where(accounts.c.account_id == account_id)
    return connection.execute(query).first() is not None


def add_token(connection: Connection, token: IdToken, account_id: str, now: datetime) -> str:
    """Give a token to an account. Returns the token's hash. Raises ValueError where it is known already."""
    name = token_hash(token.kind, token.value)
    if connection.execute(select(tokens.c.account_id).where(tokens.c.token_hash == name)).first() is not None:
        raise ValueError(f"token {token.masked} is known already")
    if not account_exists(connection, account_id):
        raise NotKnown(f"no account {account_id!r}")
    connection.execute(
        tokens.insert().values(
            token_hash=name,
            token_kind=token.kind.value,
            label=token.masked,
            account_id=account_id,
            is_blocked=False,
            created_ms=to_ms(now),
        )
    )
    _changed(connection, now)
    return name


def block_token(connection: Connection, token: IdToken, now: datetime, *, blocked: bool = True) -> None:
    """Block a lost card, or free it again. Raises NotKnown."""
    if not set_blocked(connection, token_hash(token.kind, token.value), now, blocked=blocked):
        raise NotKnown(f"no token {token.masked}")


def set_blocked(connection: Connection, name: str, now: datetime, *, blocked: bool) -> bool:
    """The same by the token's hash. False where there is none."""
    known = tokens.c.token_hash == name
    if connection.execute(update(tokens).where(known).values(is_blocked=blocked)).rowcount == 0:
        return False
    _changed(connection, now)
    return True


def set_group(connection: Connection, account_id: str, group_id: str | None, now: datetime) -> None:
    """Whose cards may stop whose charges: those of one group. Raises NotKnown."""
    known = accounts.c.account_id == account_id
    if connection.execute(update(accounts).where(known).values(group_id=group_id)).rowcount == 0:
        raise NotKnown(f"no account {account_id!r}")
    _changed(connection, now)


def block_account(connection: Connection, account_id: str, now: datetime, *, blocked: bool = True) -> None:
    """Block everything an account holds, or free it again. Raises NotKnown."""
    known = accounts.c.account_id == account_id
    if connection.execute(update(accounts).where(known).values(is_blocked=blocked)).rowcount == 0:
        raise NotKnown(f"no account {account_id!r}")
    _changed(connection, now)


def load_tariff(connection: Connection, tariff: Tariff, now: datetime, from_: datetime | None = None) -> bool:
    """Publish a tariff, in force from now or from a moment to come. EVSEs that offer an older version offer this one
    from then on; a kiosk has it in its list before, and makes the change by its own clock.

    Returns False where exactly this tariff is known. Raises ValueError for other content under a known version,
    or a version that is not the next, or a moment that is past or too far away.
    """
    body = to_bytes(tariff).decode()
    t = tariffs.c
    known = connection.execute(select(t.body).where(t.tariff_id == tariff.id, t.version == tariff.version)).scalar()
    if known == body:
        return False
    newest = connection.execute(select(func.max(t.version)).where(t.tariff_id == tariff.id)).scalar()
    if newest is not None and tariff.version <= newest:
        raise ValueError(
            f"tariff {tariff.id}: version {newest} is published and never changes; give this one version {newest + 1}"
        )
    from_ = now if from_ is None else from_
    if from_ < now:
        raise ValueError(f"tariff {tariff.id}: in force from {from_:%Y-%m-%d %H:%M} UTC: want a moment to come")
    if from_ > now + LONGEST_AHEAD:
        raise ValueError(f"tariff {tariff.id}: in force from {from_:%Y-%m-%d}: want within {LONGEST_AHEAD.days} days")
    values = {"tariff_id": tariff.id, "version": tariff.version, "body": body}
    connection.execute(tariffs.insert().values(**values, created_ms=to_ms(now), from_ms=to_ms(from_)))
    for row in current_offers(connection):
        _check_to_come(connection, from_bytes(TariffOffer, row.body), now)
    follow_tariffs(connection, now)
    _changed(connection, now)
    return True


def follow_tariffs(connection: Connection, now: datetime) -> int:
    """Every EVSE offers the version of its tariffs that is in force now. How many changed; none is the usual answer."""
    t = tariffs.c
    query = select(t.tariff_id, func.max(t.version)).where(t.from_ms <= to_ms(now)).group_by(t.tariff_id)
    newest = {row[0]: row[1] for row in connection.execute(query)}
    followers = 0
    for row in current_offers(connection):
        if row.tariff_version >= newest.get(row.tariff_id, 0) and '"offline_tariff":{' not in row.body:
            continue
        offer = from_bytes(TariffOffer, row.body)
        due = _as_in_force(connection, offer, now)
        if due is not offer:
            _offer(connection, row.kiosk_id, row.evse_id, due, now)
            followers += 1
    if followers:
        _changed(connection, now)
    return followers


def _as_in_force(connection: Connection, offer: TariffOffer, at: datetime) -> TariffOffer:
    """The offer itself, or with the newer versions of its tariffs that are in force."""
    own = _newer(connection, offer.tariff, at)
    offline = None if offer.offline_tariff is None else _newer(connection, offer.offline_tariff, at)
    if own is None and offline is None:
        return offer
    return replace(offer, tariff=own or offer.tariff, offline_tariff=offline or offer.offline_tariff)


def _check_to_come(connection: Connection, offer: TariffOffer, now: datetime) -> None:
    """Raises ValueError where an offer could not be made any more once a published version comes into force."""
    t = tariffs.c
    for moment_ms in connection.execute(select(t.from_ms).where(t.from_ms >= to_ms(now)).distinct()).scalars().all():
        _as_in_force(connection, offer, from_ms(moment_ms))


def _newer(connection: Connection, tariff: Tariff, at: datetime) -> Tariff | None:
    asked = {"of_id": tariff.id, "than": tariff.version, "at_ms": to_ms(at)}
    body = _NEWER.value(connection, asked)
    return None if body is None else from_bytes(Tariff, body)


_NEWER = Prepared(
    select(tariffs.c.body)
    .where(tariffs.c.tariff_id == bindparam("of_id"), tariffs.c.version > bindparam("than"))
    .where(tariffs.c.from_ms <= bindparam("at_ms"))
    .order_by(tariffs.c.version.desc())
    .limit(1)
)
_CHANGES_TO_COME = (
    select(tariffs.c.from_ms).where(tariffs.c.from_ms > bindparam("now_ms")).distinct().order_by(tariffs.c.from_ms)
)


def later_offers(connection: Connection, kiosk_id: str, now: datetime) -> tuple[LaterOffer, ...]:
    """The published changes to come at a kiosk's EVSEs, in order of time."""
    found = []
    moments_ms = list(connection.execute(_CHANGES_TO_COME, {"now_ms": to_ms(now)}).scalars())
    for row in current_offers(connection, kiosk_id) if moments_ms else ():
        offer = from_bytes(TariffOffer, row.body)
        for moment_ms in moments_ms:
            due = _as_in_force(connection, offer, from_ms(moment_ms))
            if due is not offer:
                offer = _in_zone(connection, kiosk_id, due)
                found.append(LaterOffer(from_ms(moment_ms), row.evse_id, offer))
    return tuple(sorted(found, key=lambda change: (change.from_at, change.evse_id)))


def may_have_offered(connection: Connection, kiosk_id: str, made: TariffOffer, at: datetime) -> TariffOffer:
    """What an EVSE with that offer sells at a moment by the kiosk's clock, which may run ahead of ours a little."""
    return _in_zone(connection, kiosk_id, _as_in_force(connection, made, at + CLOCKS_DIFFER))


def set_offer(
    connection: Connection,
    kiosk_id: str,
    evse_id: int,
    tariff_id: str,
    now: datetime,
    *,
    parking_grace_s: int = 0,
    offline_tariff_id: str | None = None,
) -> TariffOffer:
    """Offer the newest version of a tariff at an EVSE, in its kiosk's time zone. Raises NotKnown, ValueError.

    `offline_tariff_id` prices where the kiosk's clock is not known and the tariff depends on it; without one, nothing
    is sold there then.
    """
    if not 1 <= evse_id <= 99:
        raise ValueError(f"evse {evse_id}: want 1 to 99")
    offline = None if offline_tariff_id is None else newest_tariff(connection, offline_tariff_id, now)
    offer = TariffOffer(newest_tariff(connection, tariff_id, now), parking_grace_s, offline_tariff=offline)
    _check_to_come(connection, offer, now)
    offer = _offer(connection, kiosk_id, evse_id, offer, now)
    _changed(connection, now)
    return offer


def newest_tariff(connection: Connection, tariff_id: str, now: datetime) -> Tariff:
    """The version in force. Raises NotKnown."""
    t = tariffs.c
    query = select(t.body).where(t.tariff_id == tariff_id, t.from_ms <= to_ms(now))
    body = connection.execute(query.order_by(t.version.desc()).limit(1)).scalar()
    if body is None:
        names = ", ".join(connection.execute(select(t.tariff_id).distinct().limit(20)).scalars()) or "none yet"
        raise NotKnown(f"no tariff {tariff_id!r} is in force; known: {names}")
    return from_bytes(Tariff, body)


_CURRENT_OFFER = Prepared(
    select(evse_offers.c.body)
    .where(evse_offers.c.kiosk_id == bindparam("of_kiosk"), evse_offers.c.evse_id == bindparam("evse"))
    .order_by(evse_offers.c.offer_no.desc())
    .limit(1)
)


def current_offer(
    connection: Connection, kiosk_id: str, evse_id: int, now: datetime | None = None
) -> TariffOffer | None:
    """What the EVSE offers; with `now` to the second, where a version has just come into force."""
    body = _CURRENT_OFFER.value(connection, {"of_kiosk": kiosk_id, "evse": evse_id})
    if body is None:
        return None
    offer = from_bytes(TariffOffer, body)
    if now is None or (due := _as_in_force(connection, offer, now)) is offer:
        return offer
    return _in_zone(connection, kiosk_id, due)


def current_offers(connection: Connection, kiosk_id: str | None = None) -> Sequence[Row[Any]]:
    """The newest offer of every EVSE (rows of `evse_offers`), of one kiosk or of all."""
    o = evse_offers.c
    newest = select(func.max(o.offer_no)).group_by(o.kiosk_id, o.evse_id)
    query = select(evse_offers).where(o.offer_no.in_(newest)).order_by(o.kiosk_id, o.evse_id)
    if kiosk_id is not None:
        query = query.where(o.kiosk_id == kiosk_id)
    return connection.execute(query).all()


def _offer(connection: Connection, kiosk_id: str, evse_id: int, offer: TariffOffer, now: datetime) -> TariffOffer:
    """Append an offer, in its kiosk's time zone where the price depends on the clock."""
    offer = _in_zone(connection, kiosk_id, offer)
    body = to_bytes(offer)
    connection.execute(
        evse_offers.insert().values(
            kiosk_id=kiosk_id,
            evse_id=evse_id,
            tariff_id=offer.tariff.id,
            tariff_version=offer.tariff.version,
            parking_grace_s=offer.parking_grace_s,
            body=body.decode(),
            body_hash=hashlib.sha256(body).hexdigest(),
            from_ms=to_ms(now),
        )
    )
    return offer


def _in_zone(connection: Connection, kiosk_id: str, offer: TariffOffer) -> TariffOffer:
    zone = "UTC"
    if offer.tariff.needs_clock:
        k = kiosks.c
        zone = connection.execute(select(k.time_zone).where(k.kiosk_id == kiosk_id)).scalar_one()
    return replace(offer, time_zone=zone)


def _changed(connection: Connection, now: datetime) -> None:
    raise_directory_revision(connection)
    ask_for_list_update(connection, now)
