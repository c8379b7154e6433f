"""Who somebody is, and what that lets them do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """One per person. The first three are the operator's staff."""

    ADMIN = "admin"  # everything, and who else is let in
    OPERATOR = "operator"  # kiosks, sessions, tariffs; moves no money
    FINANCE = "finance"  # refunds and payouts besides
    HOST = "host"  # sees the uses of their own devices


STAFF = frozenset({Role.ADMIN, Role.OPERATOR, Role.FINANCE})
MOVES_MONEY = frozenset({Role.ADMIN, Role.FINANCE})


@dataclass(frozen=True, slots=True)
class Person:
    """`host_id` is whose devices a HOST sees; None for staff."""

    person_id: str
    name: str
    role: Role
    host_id: str | None = None

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF

    @property
    def moves_money(self) -> bool:
        return self.role in MOVES_MONEY
