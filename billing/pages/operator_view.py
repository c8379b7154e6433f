"""What the operator's desk shows, from the tables. Worst first; every live value has an age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from billing.checkout.checkout import shown_payer
from billing.corrections import is_current
from billing.decisions.cases import held_count
from billing.decisions.tables import is_decided
from billing.hosts.bank import waiting_count
from billing.moments import from_ms, to_ms
from billing.pages.render import ago, clock_text, date_text, kwh, money, zone_text
from billing.quarantine import HOLDS_BILL
from billing.tables import alarms, cdrs, events, kiosk_keys, kiosks, quarantine, transactions

SILENT_AFTER = timedelta(minutes=5)
ROWS_PER_PAGE = 200


@dataclass(frozen=True, slots=True)
class KioskLine:
    kiosk_id: str
    name: str
    place: str
    chip: str  # ok, warn, bad, off
    health: str
    reason: str
    last_heard: str
    last_upload: str
    waited: str
    open_count: int
    energy: str
    alarm_count: int

    @property
    def rank(self) -> tuple[int, str]:
        return ["bad", "warn", "off", "ok"].index(self.chip), self.name


@dataclass(frozen=True, slots=True)
class SessionLine:
    kiosk_id: str
    kiosk_name: str
    transaction_id: str
    evse_id: int
    account_id: str
    started: str
    energy: str
    amount: str
    chip: str
    state: str
    seen: str


def counts(connection: Connection) -> dict[str, int]:
    """For the side navigation: what waits."""
    running = select(func.count()).select_from(transactions).where(transactions.c.ended_seq.is_(None), ~is_decided())
    alarmed = select(func.count()).select_from(alarms).where(alarms.c.cleared_ms.is_(None))
    return {
        "sessions": connection.execute(running).scalar_one(),
        "alarms": connection.execute(alarmed).scalar_one(),
        "decisions": held_count(connection),
        "accounts": waiting_count(connection),
    }


def fleet(connection: Connection, now: datetime) -> list[KioskLine]:
    enrolled = set(connection.execute(select(kiosk_keys.c.kiosk_id).where(kiosk_keys.c.revoked_ms.is_(None))).scalars())
    t = transactions.c
    open_counts = _by_kiosk(
        connection, select(t.kiosk_id, func.count()).where(t.ended_seq.is_(None)).group_by(t.kiosk_id)
    )
    energy = _by_kiosk(
        connection,
        select(cdrs.c.kiosk_id, func.sum(cdrs.c.energy_wh))
        .where(cdrs.c.rated_ms >= to_ms(now - timedelta(days=1)))
        .group_by(cdrs.c.kiosk_id),
    )
    alarm_counts = _by_kiosk(
        connection,
        select(alarms.c.kiosk_id, func.count()).where(alarms.c.cleared_ms.is_(None)).group_by(alarms.c.kiosk_id),
    )
    lines = []
    for site in connection.execute(select(kiosks)):
        alarm_count = alarm_counts.get(site.kiosk_id, 0)
        chip, health, reason = _health(site, site.kiosk_id in enrolled, alarm_count, now)
        lines.append(
            KioskLine(
                kiosk_id=site.kiosk_id,
                name=site.name,
                place=site.place,
                chip=chip,
                health=health,
                reason=reason,
                last_heard=ago(_moment(site.last_contact_ms), now),
                last_upload=ago(_moment(site.last_rows_ms), now),
                waited=_arrival_age(site),
                open_count=open_counts.get(site.kiosk_id, 0),
                energy=kwh(energy.get(site.kiosk_id, 0), "en"),
                alarm_count=alarm_count,
            )
        )
    return sorted(lines, key=lambda line: line.rank)


def open_alarms(connection: Connection, now: datetime) -> list[dict[str, str]]:
    query = (
        select(alarms, kiosks.c.name)
        .join_from(alarms, kiosks)
        .where(alarms.c.cleared_ms.is_(None))
        .order_by(alarms.c.last_ms.desc())
        .limit(ROWS_PER_PAGE)
    )
    return [
        {
            "kiosk_id": row.kiosk_id,
            "name": row.name,
            "message": row.message,
            "times": f"{row.times}×" if row.times > 1 else "",
            "last": ago(from_ms(row.last_ms), now),
        }
        for row in connection.execute(query)
    ]


def sessions(connection: Connection, now: datetime, kiosk_id: str | None = None) -> list[SessionLine]:
    """The newest sessions, running ones first."""
    t, e = transactions.c, events.c
    span = (
        select(
            e.kiosk_id,
            e.transaction_id,
            (func.max(e.import_wh) - func.min(e.import_wh)).label("energy_wh"),
            func.max(e.received_ms).label("seen_ms"),
        )
        .group_by(e.kiosk_id, e.transaction_id)
        .subquery()
    )
    query = (
        select(transactions, kiosks.c.name, kiosks.c.time_zone, span.c.energy_wh, span.c.seen_ms, cdrs.c.incl_vat_minor)
        .add_columns(cdrs.c.currency, _is_held())
        .join_from(transactions, kiosks)
        .outerjoin(span, and_(span.c.kiosk_id == t.kiosk_id, span.c.transaction_id == t.transaction_id))
        .outerjoin(cdrs, and_(cdrs.c.kiosk_id == t.kiosk_id, cdrs.c.transaction_id == t.transaction_id, is_current()))
        .order_by(t.ended_seq.is_not(None), t.first_received_ms.desc())
        .limit(ROWS_PER_PAGE)
    )
    if kiosk_id is not None:
        query = query.where(t.kiosk_id == kiosk_id)
    return [_session_line(row, now) for row in connection.execute(query)]


def kept_aside(connection: Connection, now: datetime) -> list[dict[str, str]]:
    query = (
        select(quarantine, kiosks.c.name)
        .outerjoin_from(quarantine, kiosks, kiosks.c.kiosk_id == quarantine.c.kiosk_id)
        .order_by(quarantine.c.quarantine_no.desc())
        .limit(ROWS_PER_PAGE)
    )
    return [
        {
            "number": f"Q-{row.quarantine_no}",
            "kiosk": row.name or row.kiosk_id,
            "kiosk_id": row.kiosk_id,
            "code": row.code.replace("_", " "),
            "reason": row.reason,
            "holds": "no bill yet" if row.holds_bill else "",
            "transaction_id": row.transaction_id or "",
            "seq": "" if row.seq_no is None else str(row.seq_no),
            "journal_no": "" if row.journal_no is None else str(row.journal_no),
            "body": (row.body or "")[:2000],
            "age": ago(from_ms(row.received_ms), now),
        }
        for row in connection.execute(query)
    ]


def _is_held() -> Any:
    held = (
        select(quarantine.c.quarantine_no)
        .where(
            quarantine.c.kiosk_id == transactions.c.kiosk_id,
            quarantine.c.transaction_id == transactions.c.transaction_id,
            quarantine.c.code.in_(sorted(HOLDS_BILL)),
        )
        .exists()
    )
    return held.label("is_held")


def _session_line(row: Row[Any], now: datetime) -> SessionLine:
    if row.incl_vat_minor is not None:
        chip, state = "ok", "Rated"
    elif row.is_held:
        chip, state = "warn", "Held: to decide"
    elif row.ended_seq is not None:
        chip, state = "warn", "Ended, events missing"
    else:
        chip, state = "flow", "Open"
    return SessionLine(
        kiosk_id=row.kiosk_id,
        kiosk_name=row.name,
        transaction_id=row.transaction_id,
        evse_id=row.evse_id,
        account_id=shown_payer(row.account_id or "not yet known"),
        started="Started not yet received" if row.started_ms is None else local_time(row.started_ms, row.time_zone),
        energy=kwh(row.energy_wh or 0, "en"),
        amount="" if row.incl_vat_minor is None else money(row.incl_vat_minor, row.currency, "en"),
        chip=chip,
        state=state,
        seen=ago(_moment(row.seen_ms), now),
    )


def local_time(moment_ms: int, time_zone: str) -> str:
    moment = from_ms(moment_ms)
    clock = clock_text(moment, time_zone, "en", "HH:mm:ss")
    return f"{date_text(moment, time_zone, 'en')}, {clock} ({zone_text(moment, time_zone)})"


def _health(site: Row[Any], is_enrolled: bool, alarm_count: int, now: datetime) -> tuple[str, str, str]:
    if not is_enrolled:
        return "off", "Not enrolled", "waits for its code: kiosk-billing kiosk code prints a new one"
    if alarm_count:
        return "bad", "Alarm", "see alarms above"
    if site.last_contact_ms is None:
        return "off", "Never heard", "enrolled, but no signed request came yet"
    if from_ms(site.last_contact_ms) < now - SILENT_AFTER:
        return "off", "Not reachable", "runs on its own list; rows arrive when it is back"
    return "ok", "Well", ""


def _arrival_age(site: Row[Any]) -> str:
    """How long the newest uploaded event had waited; by the kiosk's own clock, so a wrong one shows here too."""
    if site.arrival_age_ms is None:
        return "nothing yet"
    if site.arrival_age_ms < -60_000:
        return "kiosk clock ahead"
    return ago(from_ms(0), from_ms(max(0, site.arrival_age_ms)))


def _by_kiosk(connection: Connection, query: Any) -> dict[str, int]:
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _moment(moment_ms: int | None) -> datetime | None:
    return None if moment_ms is None else from_ms(moment_ms)
