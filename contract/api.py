"""The values of the kiosk–server API, version 1.

| request                      | body                   | answer                                  |
|------------------------------|------------------------|-----------------------------------------|
| POST /v1/enrol               | EnrolRequest           | EnrolAnswer                             |
| GET  /v1/nonce               | –                      | header Kiosk-Nonce                      |
| POST /v1/authorize           | AuthorizeRequest       | AuthorizeAnswer                         |
| POST /v1/disclaim            | Disclaim               | 204                                     |
| POST /v1/rows                | RowBatch               | RowAnswer                               |
| GET  /v1/list?after=VERSION  | –                      | the signed list, or its change since    |
|                              |                        | VERSION, as text; 204: nothing is newer |
| GET  /v1/commands?wait_s=N   | –                      | Commands, signed one by one (long poll) |
| POST /v1/commands/answer     | CommandAnswer          | 204                                     |

Every request but the first two is signed by the kiosk's key over method, path with query, nonce and body hash
(`request_bytes`), in the headers Kiosk-Id, Kiosk-Boot, Kiosk-Serial, Kiosk-Nonce and Kiosk-Signature; every
answer carries the nonce for the next request in Kiosk-Nonce. A nonce is the server's, so a kiosk needs no clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from contract.commands import Command as Command  # for those whose door is this module
from contract.commands import CommandKind as CommandKind
from contract.identity import TokenKind
from contract.tariff import TariffOffer

ROWS_PER_BATCH = 100


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """Binds a kiosk's own new public key (Ed25519, 64 hex digits) to its board's serial number."""

    code: str
    public_key: str
    board_serial: str


@dataclass(frozen=True, slots=True)
class EnrolAnswer:
    kiosk_id: str
    server_keys: tuple[str, ...]  # Ed25519 public keys in hex that sign lists, vouchers and commands
    epoch: str


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """An Ask: who is this, at this EVSE? The ids are minted by the controller and journaled before this is sent."""

    transaction_id: str
    order_id: str
    receipt_id: str
    evse_id: int
    token_kind: TokenKind
    token: str


class AuthorizeStatus(StrEnum):
    """OCPP 2.1 AuthorizationStatusEnumType, the ones we use."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    UNKNOWN = "Unknown"


class PaymentRefusal(StrEnum):
    """Why a payment code was not accepted; each has its words on the kiosk's screen. No money was taken."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    UNKNOWN_CODE = "unknown_code"
    USED_CODE = "used_code"
    EXPIRED_CODE = "expired_code"
    BLOCKED = "blocked"  # the payer's account, by the payment provider
    PROVIDER_SILENT = "provider_silent"  # what was asked is released as soon as it answers
    NOT_TAKEN_HERE = "not_taken_here"  # this kiosk, its currency or its price is not for payment codes
    DECLINED = "declined"  # no reason was given


@dataclass(frozen=True, slots=True)
class AuthorizeAnswer:
    """`offer`, `account_id` and the caps stand beside Accepted only, `reason` beside a refused payment code."""

    transaction_id: str
    status: AuthorizeStatus
    offer: TariffOffer | None = None
    account_id: str | None = None
    group_id: str | None = None
    voucher_id: str | None = None
    cap_minor: int | None = None
    reason: PaymentRefusal | None = None


@dataclass(frozen=True, slots=True)
class Disclaim:
    """Asks that never became Started: the server releases whatever it held for them."""

    transaction_ids: tuple[str, ...]


class RowKind(StrEnum):
    """Kinds of journal rows. Only `transaction` has OCPP shape."""

    TRANSACTION = "transaction"
    ITEM = "item"
    AUTHORIZATION = "authorization"
    STATUS = "status"
    CLOCK = "clock"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Row:
    """One journal row: its bytes exactly as stored, as text."""

    journal_no: int
    kind: RowKind
    body: str


@dataclass(frozen=True, slots=True)
class RowBatch:
    """At most ROWS_PER_BATCH rows in journal order. `epoch` is the one the kiosk last heard, "" before that."""

    epoch: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row the server keeps aside, and why. It is acknowledged all the same: sending it again would not help."""

    journal_no: int
    reason: str


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """Every row of the batch is acknowledged. Another epoch than the batch's asks for everything again."""

    epoch: str
    acknowledged: tuple[int, ...]
    quarantined: tuple[Quarantined, ...] = ()


@dataclass(frozen=True, slots=True)
class Commands:
    """Each is a signed contract.commands.Command: the process that acts on it checks the signature itself."""

    commands: tuple[str, ...]


class CommandStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    EXPIRED = "Expired"


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    command_id: str
    status: CommandStatus
    reason: str = ""
    transaction_id: str | None = None


def request_bytes(method: str, target: str, kiosk_id: str, boot_id: str, serial: str, nonce: str, body: bytes) -> bytes:
    """What a kiosk signs: one line per part, so no two requests read the same."""
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join((method.upper(), target, kiosk_id, boot_id, serial, nonce, digest)).encode()
