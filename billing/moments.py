"""Times in the database: integer milliseconds since 1970 in UTC, the same on every database, sortable, exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970. Raises TypeError for a naive datetime."""
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(moment_ms: int) -> datetime:
    return _EPOCH + moment_ms * _MILLISECOND
