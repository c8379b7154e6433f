"""Alarms: something an operator must look at. The same alarm is one row that counts, not a flood."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from billing.moments import to_ms
from billing.tables import alarms


def raise_alarm(connection: Connection, kiosk_id: str, code: str, message: str, now: datetime) -> None:
    """Open an alarm, or count one more time on the open one with this code."""
    a = alarms.c
    counted = connection.execute(
        update(alarms)
        .where(a.kiosk_id == kiosk_id, a.code == code, a.cleared_ms.is_(None))
        .values(times=a.times + 1, last_ms=to_ms(now), message=message)
    )
    if counted.rowcount == 0:
        connection.execute(
            alarms.insert().values(
                kiosk_id=kiosk_id, code=code, message=message, first_ms=to_ms(now), last_ms=to_ms(now), times=1
            )
        )


def clear_alarms(connection: Connection, kiosk_id: str, now: datetime) -> int:
    """An operator has looked. Returns how many were open."""
    is_open = (alarms.c.kiosk_id == kiosk_id, alarms.c.cleared_ms.is_(None))
    return connection.execute(update(alarms).where(*is_open).values(cleared_ms=to_ms(now))).rowcount
