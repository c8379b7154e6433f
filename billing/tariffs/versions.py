"""Published versions with their validity, the draft of the next one, and where a tariff is offered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, func, select

from billing.database import insert_if_absent
from billing.directory import current_offers
from billing.moments import from_ms, to_ms
from billing.tables import kiosks, tariffs
from billing.tariffs.tables import tariff_drafts
from contract.codec import from_bytes
from contract.tariff import Tariff, TariffOffer


class Validity(StrEnum):
    SCHEDULED = "Scheduled"
    IN_FORCE = "In force"
    ENDED = "Ended"
    NEVER = "Never in force"  # a higher version came into force first


@dataclass(frozen=True, slots=True)
class Version:
    """`until` is when a higher version takes its place; None: no such moment is known."""

    tariff: Tariff
    created: datetime
    from_: datetime
    until: datetime | None
    validity: Validity


@dataclass(frozen=True, slots=True)
class Draft:
    fields: dict[str, str]
    edited_by: str
    edited: datetime


@dataclass(frozen=True, slots=True)
class Offered:
    """Where a tariff is sold, or stands in for one that needs a clock (`is_offline`)."""

    kiosk_id: str
    kiosk_name: str
    evse_id: int
    offer: TariffOffer
    is_offline: bool


def names(connection: Connection) -> list[str]:
    """Every tariff there is or is to be, by name."""
    known = set(connection.execute(select(tariffs.c.tariff_id).distinct()).scalars())
    return sorted(known | set(connection.execute(select(tariff_drafts.c.tariff_id)).scalars()))


def versions_of(connection: Connection, tariff_id: str, now: datetime) -> list[Version]:
    """The newest first."""
    t = tariffs.c
    rows = connection.execute(select(tariffs).where(t.tariff_id == tariff_id).order_by(t.version.desc())).all()
    found: list[Version] = []
    until_ms: int | None = None
    for row in rows:
        found.append(
            Version(
                from_bytes(Tariff, row.body),
                from_ms(row.created_ms),
                from_ms(row.from_ms),
                None if until_ms is None else from_ms(until_ms),
                _validity(row.from_ms, until_ms, to_ms(now)),
            )
        )
        until_ms = row.from_ms if until_ms is None else min(until_ms, row.from_ms)
    return found


def _validity(begin_ms: int, until_ms: int | None, now_ms: int) -> Validity:
    if until_ms is not None and until_ms <= begin_ms:
        return Validity.NEVER
    if begin_ms > now_ms:
        return Validity.SCHEDULED
    return Validity.ENDED if until_ms is not None and until_ms <= now_ms else Validity.IN_FORCE


def in_force(versions: list[Version]) -> Version | None:
    return next((version for version in versions if version.validity is Validity.IN_FORCE), None)


def next_version(connection: Connection, tariff_id: str) -> int:
    query = select(func.max(tariffs.c.version)).where(tariffs.c.tariff_id == tariff_id)
    return int(connection.execute(query).scalar() or 0) + 1


def draft_of(connection: Connection, tariff_id: str) -> Draft | None:
    row = connection.execute(select(tariff_drafts).where(tariff_drafts.c.tariff_id == tariff_id)).one_or_none()
    return None if row is None else Draft(json.loads(row.fields), row.edited_by, from_ms(row.edited_ms))


def save_draft(connection: Connection, tariff_id: str, fields: Mapping[str, str], by: str, now: datetime) -> None:
    values = {
        "tariff_id": tariff_id,
        "fields": json.dumps(dict(fields), sort_keys=True, ensure_ascii=False),
        "edited_by": by[:80],
        "edited_ms": to_ms(now),
    }
    discard_draft(connection, tariff_id)
    connection.execute(insert_if_absent(connection, tariff_drafts), values)


def discard_draft(connection: Connection, tariff_id: str) -> None:
    connection.execute(delete(tariff_drafts).where(tariff_drafts.c.tariff_id == tariff_id))


def offered_at(connection: Connection, tariff_id: str) -> list[Offered]:
    """In order of kiosk and EVSE."""
    site_names = {row.kiosk_id: row.name for row in connection.execute(select(kiosks.c.kiosk_id, kiosks.c.name))}
    found = []
    for row in current_offers(connection):
        offer = from_bytes(TariffOffer, row.body)
        own = row.tariff_id == tariff_id
        if own or (offer.offline_tariff is not None and offer.offline_tariff.id == tariff_id):
            found.append(Offered(row.kiosk_id, site_names[row.kiosk_id], row.evse_id, offer, not own))
    return found
