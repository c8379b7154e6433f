"""The billing server of a world, called in-process: its real functions on a real SQLite database in memory."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, bindparam, func, select, update

from billing import tables
from billing.authorization import authorize, disclaim
from billing.commands import answer_command, has_commands, queue_command, take_commands
from billing.corrections import is_current
from billing.database import memory_connection, sqlite_of
from billing.directory import add_account, add_kiosk, add_token, block_token, load_tariff, set_offer
from billing.facts import renew_epoch
from billing.intake import take_rows
from billing.lists import newest_list
from billing.moments import to_ms
from billing.prepared import Prepared
from billing.vouchers import new_voucher
from contract.api import AuthorizeAnswer, AuthorizeRequest, CommandAnswer, Commands, Disclaim, RowAnswer, RowBatch
from contract.commands import Command
from contract.identity import IdToken, TokenKind
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement

KIOSK_ID = "world"
T = TypeVar("T")
VOUCHER_DAYS = timedelta(days=400)
_NOTE_CONTACT = Prepared(
    update(tables.kiosks).where(tables.kiosks.c.kiosk_id == KIOSK_ID).values(last_contact_ms=bindparam("at_ms"))
)


@dataclass(frozen=True, slots=True)
class Bill:
    transaction_id: str
    evse_id: int
    energy_wh: int


class Server:
    """Enrolled kiosk, two tariffs, `members` accounts with a card each and vouchers on demand."""

    def __init__(self, rng: random.Random, now: datetime, evse_ids: tuple[int, ...], members: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(str(rng.random()).encode()).digest())
        self.public_key = self._key.public_key()
        self._connection = memory_connection()  # one for all jobs: nobody else is here
        sqlite_of(self._connection).deserialize(_enrolled(now, members))
        self._backed_up: dict[str, tuple[int, int]] | None = None
        self.cards = _cards(members)
        connection = self._connection
        with connection.begin():
            for evse_id in evse_ids:
                tariff_id = rng.choice(["parking", "plain"])
                set_offer(connection, KIOSK_ID, evse_id, tariff_id, now, parking_grace_s=rng.choice([0, 300, 600]))

    def voucher(self, value_minor: int, now: datetime) -> IdToken:
        connection = self._connection
        with connection.begin():
            text = new_voucher(connection, KIOSK_ID, value_minor, "EUR", now + VOUCHER_DAYS, now, self._key)
        return IdToken(TokenKind.VOUCHER, text)

    kiosk_id = KIOSK_ID

    def transact(self, job: Callable[[Connection], T], /, of: str | None = None) -> T:
        with self._connection.begin():
            return job(self._connection)

    def note_contact(self, connection: Connection, now: datetime) -> None:
        """A kiosk that holds its poll open is heard, however long a world's poll is."""
        _NOTE_CONTACT.do(connection, {"at_ms": to_ms(now)})

    def has_commands(self, now: datetime) -> bool:
        return self.transact(lambda connection: has_commands(connection, KIOSK_ID, now))

    def authorize(self, request: AuthorizeRequest, now: datetime) -> AuthorizeAnswer:
        connection = self._connection
        with connection.begin():
            return authorize(connection, KIOSK_ID, request, now, self._key)

    def disclaim(self, request: Disclaim, now: datetime) -> None:
        connection = self._connection
        with connection.begin():
            disclaim(connection, KIOSK_ID, request, now)

    def take_rows(self, batch: RowBatch, now: datetime) -> RowAnswer:
        connection = self._connection
        with connection.begin():
            return take_rows(connection, KIOSK_ID, batch, now)

    def signed_list(self, after_version: int, now: datetime) -> str | None:
        connection = self._connection
        with connection.begin():
            return newest_list(connection, KIOSK_ID, after_version, now, self._key)

    def take_commands(self, now: datetime) -> Commands:
        connection = self._connection
        with connection.begin():
            return take_commands(connection, KIOSK_ID, now, self._key)

    def answer_command(self, answer: CommandAnswer, now: datetime) -> None:
        connection = self._connection
        with connection.begin():
            answer_command(connection, KIOSK_ID, answer, now)

    def order(self, command: Command, now: datetime) -> None:
        """An operator's order, queued whether the kiosk listens or not: the world is about what becomes of it."""
        connection = self._connection
        with connection.begin():
            queue_command(connection, KIOSK_ID, command, now)

    def block(self, token: IdToken, blocked: bool, now: datetime) -> None:
        connection = self._connection
        with connection.begin():
            block_token(connection, token, now, blocked=blocked)

    # ---- its data -------------------------------------------------------------------------------------------------

    def backup(self) -> bytes:
        """All of its data as they stand: the copy that `restore` will bring back."""
        self._backed_up = self.known_wh()
        return sqlite_of(self._connection).serialize()

    def restore(self, backup: bytes) -> None:
        """What was learned since is gone; kiosks notice the new epoch and send again."""
        self._backed_up = None
        sqlite_of(self._connection).deserialize(backup)
        connection = self._connection
        with connection.begin():
            renew_epoch(connection)

    # ---- what a checker may count: the bills ---------------------------------------------------------------------

    def bills(self) -> list[Bill]:
        """One per CDR that is owed: of a corrected one, the newest."""
        c, t = tables.cdrs.c, tables.transactions.c
        query = (
            select(c.transaction_id, t.evse_id, c.energy_wh)
            .join(tables.transactions, t.transaction_id == c.transaction_id)
            .where(is_current())
            .order_by(c.cdr_id)
        )
        connection = self._connection
        with connection.begin():
            return [Bill(r[0], r[1], r[2]) for r in connection.execute(query)]

    def known_wh(self) -> dict[str, tuple[int, int]]:
        """By transaction: its EVSE, and the Wh between the lowest and the highest register the server was told."""
        e, t = tables.events.c, tables.transactions.c
        query = (
            select(e.transaction_id, t.evse_id, func.max(e.import_wh) - func.min(e.import_wh))
            .join(tables.transactions, t.transaction_id == e.transaction_id)
            .group_by(e.transaction_id, t.evse_id)
        )
        connection = self._connection
        with connection.begin():
            return {r[0]: (r[1], r[2]) for r in connection.execute(query)}

    def kept_wh(self) -> dict[str, tuple[int, int]]:
        """The same as far as it will outlive the restoring of a backup that is to come."""
        known, backed_up = self.known_wh(), self._backed_up
        if backed_up is None:
            return known
        return {name: (evse_id, min(wh, backed_up.get(name, (0, 0))[1])) for name, (evse_id, wh) in known.items()}

    def event_keys(self) -> list[tuple[str, int]]:
        """(transaction_id, seq_no) of every stored event."""
        e = tables.events.c
        connection = self._connection
        with connection.begin():
            return [(r[0], r[1]) for r in connection.execute(select(e.transaction_id, e.seq_no))]

    def doubts(self) -> list[tuple[str, str]]:
        """(code, reason) of everything the server set aside."""
        q = tables.quarantine.c
        connection = self._connection
        with connection.begin():
            return [(r[0], r[1]) for r in connection.execute(select(q.code, q.reason))]


def _cards(members: int) -> tuple[IdToken, ...]:
    return tuple(IdToken(TokenKind.ISO14443, f"04{n:012X}") for n in range(members))


@cache
def _enrolled(now: datetime, members: int) -> bytes:
    """What every world's server begins with, made once: the kiosk, the accounts with their cards, the tariffs."""
    connection = memory_connection()
    with connection.begin():
        add_kiosk(connection, KIOSK_ID, now, kiosk_id=KIOSK_ID)
        for n, card in enumerate(_cards(members)):
            add_account(connection, f"member{n}", now, offline_cap_minor=50_000)
            add_token(connection, card, f"member{n}", now)
        for tariff in _tariffs():
            load_tariff(connection, tariff, now)
    image = sqlite_of(connection).serialize()
    connection.close()
    return image


def _tariffs() -> tuple[Tariff, ...]:
    vat = Decimal(20)
    energy = PriceComponent(Dimension.ENERGY, Decimal("0.50"), vat)
    parking = PriceComponent(Dimension.PARKING_TIME, Decimal("5.00"), vat, 60)
    time = PriceComponent(Dimension.TIME, Decimal("0.60"), vat, 1)
    return (
        Tariff("plain", 1, "EUR", (TariffElement((energy, time)),)),
        Tariff("parking", 1, "EUR", (TariffElement((energy, parking)),)),
    )
