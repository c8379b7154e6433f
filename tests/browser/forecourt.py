"""A kiosk in the street, a payment app and a server, each over real HTTP: what a driver's phone needs around it.

`Forecourt` speaks for the kiosk: it signs, polls, answers and uploads as one would. A stand-in for the kiosk alone.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from billing.checkout import store
from billing.checkout.checkout import Checkout
from billing.database import open_database
from billing.device_codes import code_secret
from billing.directory import set_offer
from billing.enrolment import new_code
from billing.payments.social import SocialAccess
from billing.settings import Settings
from contract.api import CommandAnswer, Commands, CommandStatus, EnrolRequest, RowBatch
from contract.codec import from_bytes
from contract.commands import Command, CommandKind, read_command
from contract.device_code import short_code, signed_address
from contract.identity import TokenKind
from contract.transaction import TransactionEvent, token_hash
from tests import social_server
from tests.billing import client
from tests.billing.databases import SERVER_KEY
from tests.billing.stories import TARIFF, charge, rows_of

PATIENCE_S = 60.0
EVSES = 20


@dataclass
class Shifted:
    """The real time and a difference: what is old can be made so without waiting."""

    by: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by


@dataclass
class Forecourt:
    base_url: str
    engine: Engine
    clock: Shifted
    social: social_server.Running
    kiosk: client.Kiosk
    journal_no: int = 0
    evse_id: int = 0  # each test has its own
    waiting: list[Command] = field(default_factory=list)

    @property
    def driver(self) -> str:
        return f"driver {self.evse_id}"

    @property
    def address(self) -> str:
        """As on the sticker."""
        return f"{self.base_url}/d/hk-07/{self.evse_id}"

    @property
    def scanned(self) -> str:
        """As in the QR code on the screen now."""
        return signed_address(self.base_url, "hk-07", self.evse_id, self._secret(), self.clock())

    @property
    def code(self) -> str:
        return short_code(self._secret(), self.evse_id, self.clock())

    def hear(self) -> None:
        """The kiosk polls once."""
        answer = self.kiosk.send("GET", "/v1/commands?wait_s=0")
        assert answer.status_code == 200, answer.text
        known = {command.command_id for command in self.waiting}
        for text in from_bytes(Commands, answer.content).commands:
            command = read_command(text, [SERVER_KEY.public_key()], "hk-07")
            if command.command_id not in known:
                self.waiting.append(command)

    def obey(self, kind: CommandKind, status: CommandStatus = CommandStatus.ACCEPTED, reason: str = "") -> Command:
        """Poll until a command of that kind is there, answer it, and give it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.hear()
            mine = [known for known in self.waiting if known.evse_id in (None, self.evse_id)]
            for command in [known for known in mine if known.kind is kind]:
                self.waiting.remove(command)
                name = uuid.uuid4().hex if kind is CommandKind.START else None
                given = CommandAnswer(command.command_id, status, reason, name)
                assert self.kiosk.send("POST", "/v1/commands/answer", given).status_code == 204
                return command
            time.sleep(0.05)
        raise AssertionError(f"no {kind} came within {PATIENCE_S} s")

    def story_of(self, start: Command, **how: object) -> list[TransactionEvent]:
        """What the kiosk writes for a start it obeyed."""
        assert start.offer is not None and start.account_id is not None
        story = charge(
            offer=start.offer,
            account_id=start.account_id,
            cap_minor=start.cap_minor,
            started_at=self.clock(),
            token_kind=TokenKind.CENTRAL,
            evse_id=start.evse_id or 1,
            **how,  # type: ignore[arg-type]
        )
        assert story[0].authority is not None
        name = token_hash(TokenKind.CENTRAL, start.command_id)
        return [
            replace(story[0], authority=replace(story[0].authority, token_hash=name, command_id=start.command_id)),
            *story[1:],
        ]

    def upload(self, story: list[TransactionEvent]) -> None:
        rows = rows_of(story, self.journal_no + 1)
        self.journal_no += len(rows)
        answer = self.kiosk.send("POST", "/v1/rows", RowBatch("", tuple(rows)))
        assert answer.status_code == 200, answer.text

    def checkout(self, page_url: str) -> Checkout:
        """The one behind an address /o/…"""
        link_id = page_url.split("/o/")[1].split("/")[0].split("?")[0]
        with self.engine.begin() as connection:
            return store.load(connection, link_id)

    def _secret(self) -> str:
        with self.engine.begin() as connection:
            return code_secret(connection, "hk-07", self.clock())


@contextmanager
def forecourt(database_url: str) -> Iterator[Forecourt]:
    engine, clock = open_database(database_url), Shifted()
    with engine.begin() as connection:
        enrolment_code = new_code(connection, "hk-07", clock())
        for evse_id in range(1, EVSES + 1):
            set_offer(connection, "hk-07", evse_id, TARIFF.id, clock(), parking_grace_s=600)
    with social_server.running() as social:
        access = SocialAccess(
            social.url, social_server.MERCHANT_SECRET, social_server.WEBHOOK_SECRET, "operator", social.url
        )
        settings = Settings(database_url, SERVER_KEY, help_contact="+49 40 555 0107", social=access, now=clock)
        with client.running(settings) as base_url:
            kiosk = client.Kiosk(base_url)
            asked = EnrolRequest(enrolment_code, kiosk.public_key, kiosk.serial)
            answer = kiosk.http.post(f"{base_url}/v1/enrol", json=vars_of(asked), timeout=30)
            assert answer.status_code == 200, answer.text
            place = Forecourt(base_url, engine, clock, social, kiosk)
            place.hear()
            yield place
    engine.dispose()


def vars_of(asked: EnrolRequest) -> dict[str, str]:
    return {"code": asked.code, "public_key": asked.public_key, "board_serial": asked.board_serial}
