"""The signed authorisation list of a kiosk: what it may decide while it is alone.

Its version rises with every change of content, and once per half of its validity so that it never runs out on a
kiosk in contact. The signed text is kept, so asking costs nothing while nothing changed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, bindparam, delete, select, update

from billing.device_codes import code_secret
from billing.directory import current_offers, later_offers
from billing.facts import directory_revision, takes_phones
from billing.moments import to_ms
from billing.prepared import Prepared
from billing.tables import accounts, list_changes, lists, tokens
from contract.codec import from_bytes, to_bytes
from contract.list_change import ListChange, change_between, joined, sign_change
from contract.tariff import TariffOffer
from contract.tokens import AuthorizationList, ListEntry, read_list, sign_list

VALID_FOR = timedelta(days=30)
CHANGES_KEPT = 50  # versions a kiosk may be behind and still be sent the difference


def newest_list(
    connection: Connection, kiosk_id: str, after_version: int, now: datetime, server_key: Ed25519PrivateKey
) -> str | None:
    """What a kiosk with `after_version` is sent: the change since, where that is known and short; else the full list.

    None where nothing is newer.
    """
    text = authorization_list(connection, kiosk_id, after_version, now, server_key)
    if text is None or after_version == 0:
        return text
    change = _change_since(connection, kiosk_id, after_version)
    if change is None or len(to_bytes(change)) * 2 > len(text):
        return text
    return sign_change(change, server_key)


def _change_since(connection: Connection, kiosk_id: str, version: int) -> ListChange | None:
    """All changes from that version to the newest as one; None where one of them is not kept."""
    c = list_changes.c
    query = select(c.body, c.base_version, c.version).where(c.kiosk_id == kiosk_id, c.version > version)
    change: ListChange | None = None
    for row in connection.execute(query.order_by(c.version)):
        if row.base_version != version:
            return None
        following, version = from_bytes(ListChange, row.body), row.version
        change = following if change is None else joined(change, following)
    newest = connection.execute(select(lists.c.version).where(lists.c.kiosk_id == kiosk_id)).scalar()
    return change if version == newest else None


def _note_change(connection: Connection, kiosk_id: str, old: AuthorizationList, new: AuthorizationList) -> None:
    body = to_bytes(change_between(old, new)).decode()
    values = {"kiosk_id": kiosk_id, "version": new.version, "base_version": old.version, "body": body}
    connection.execute(list_changes.insert().values(**values))
    forgotten = (list_changes.c.kiosk_id == kiosk_id, list_changes.c.version <= new.version - CHANGES_KEPT)
    connection.execute(delete(list_changes).where(*forgotten))


class _Stored(NamedTuple):
    """A kiosk's newest list."""

    version: int
    revision: int
    content_hash: str
    issued_ms: int
    text: str


_STORED = Prepared(  # asked for by every kiosk all the time
    select(*[lists.c[name] for name in _Stored._fields]).where(lists.c.kiosk_id == bindparam("of_kiosk"))
)


def authorization_list(
    connection: Connection,
    kiosk_id: str,
    after_version: int,
    now: datetime,
    server_key: Ed25519PrivateKey,
    valid_for: timedelta = VALID_FOR,
) -> str | None:
    """The signed list, or None where the kiosk's `after_version` is the newest."""
    revision = directory_revision(connection)
    found = _STORED.row(connection, {"of_kiosk": kiosk_id})
    stored = None if found is None else _Stored(*found)
    # A kiosk that holds a higher version than ours heard it before a backup was restored here; it takes no lower one.
    is_good = stored is not None and stored.issued_ms > to_ms(now - valid_for / 2) and stored.version >= after_version
    if stored is not None and is_good and stored.revision == revision:
        return stored.text if stored.version != after_version else None
    offers = {str(row.evse_id): from_bytes(TariffOffer, row.body) for row in current_offers(connection, kiosk_id)}
    entries = _entries(connection)
    secret = code_secret(connection, kiosk_id, now)
    later = later_offers(connection, kiosk_id, now)
    content = {"offers": offers, "entries": entries, "secret": secret, "valid_for_s": int(valid_for.total_seconds())}
    content |= {"later": later} if later else {}
    phones = None if takes_phones(connection) else False
    content |= {} if phones is None else {"phones": phones}
    content_hash = hashlib.sha256(to_bytes(content)).hexdigest()
    if stored is not None and is_good and stored.content_hash == content_hash:
        connection.execute(update(lists).where(lists.c.kiosk_id == kiosk_id).values(revision=revision))
        return stored.text if stored.version != after_version else None
    version = max(after_version, stored.version if stored is not None else 0) + 1
    until = now + valid_for
    newer = AuthorizationList(
        kiosk_id,
        version,
        now,
        until,
        offers,
        entries,
        price_valid_until=until,
        code_secret=secret,
        later=later or None,
        phone_payments=phones,
    )
    text = sign_list(newer, server_key)
    if stored is not None:
        _note_change(connection, kiosk_id, read_list(stored.text, [server_key.public_key()]), newer)
    values = {
        "version": version,
        "revision": revision,
        "content_hash": content_hash,
        "issued_ms": to_ms(now),
        "text": text,
    }
    if stored is None:
        connection.execute(lists.insert().values(kiosk_id=kiosk_id, **values))
    else:
        connection.execute(update(lists).where(lists.c.kiosk_id == kiosk_id).values(**values))
    return text


def _entries(connection: Connection) -> tuple[ListEntry, ...]:
    query = (
        select(
            tokens.c.token_hash,
            tokens.c.account_id,
            accounts.c.offline_cap_minor,
            accounts.c.group_id,
            (tokens.c.is_blocked | accounts.c.is_blocked).label("is_blocked"),
        )
        .join_from(tokens, accounts)
        .order_by(tokens.c.token_hash)
    )
    return tuple(
        ListEntry(row.token_hash, row.account_id, row.offline_cap_minor, row.group_id, bool(row.is_blocked))
        for row in connection.execute(query)
    )
