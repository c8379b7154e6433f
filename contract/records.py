"""Bodies of the journal rows that are not transaction events: who was asked for, what changed, who did it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contract.identity import TokenKind
from contract.transaction import Moment

GUESSING = "guessing: "  # an audit row's `what` begins so: the server raises an alarm


class AskStep(StrEnum):
    ASKED = "asked"  # journaled before the server hears of it
    DISCLAIMED = "disclaimed"  # never became Started: the server releases what it held for it


@dataclass(frozen=True, slots=True)
class AuthorizationRecord:
    """Row kind `authorization`. The token stands as a hash; ids beside ASKED only."""

    step: AskStep
    transaction_id: str
    at: Moment
    evse_id: int | None = None
    order_id: str | None = None
    receipt_id: str | None = None
    token_kind: TokenKind | None = None
    token_hash: str | None = None


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """Row kind `status`: an EVSE's availability changed. `fault` is a kiosk.session.faults code."""

    evse_id: int
    availability: str
    at: Moment
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Row kind `audit`: a change somebody made by name."""

    by: str
    what: str
    at: Moment
    evse_id: int | None = None
    command_id: str | None = None
    reason: str | None = None  # beside a command that was not accepted
    transaction_id: str | None = None  # what an accepted start began
