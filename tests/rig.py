"""A controller on a rig: the real Controller, devices in memory, and a disk and a server that can be told to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.api import AuthorizeAnswer, AuthorizeRequest, AuthorizeStatus, CommandAnswer, PaymentRefusal, RowKind
from contract.codec import from_bytes
from contract.identity import IdToken, TokenKind
from contract.iec61851 import PilotState
from contract.metering import MeterReading
from contract.records import AskStep, AuditRecord, AuthorizationRecord
from contract.tokens import AuthorizationList, ListEntry, Voucher, read_voucher, sign_list, sign_voucher
from contract.transaction import ClockQuality, TransactionEvent, token_hash
from kiosk.authority import Knowledge
from kiosk.controller import Controller, Found, Identity, Write
from kiosk.devices import Health, Observation
from kiosk.sensing import EvseParts, Parts
from kiosk.session.events import Ids, Now
from kiosk.session.settings import EvseSettings, KioskSettings
from kiosk.session.snapshot import Snapshot
from kiosk.session.states import State
from kiosk.wire import read_snapshot, snapshot_line
from tests.session.bench import NOON, WITH_PARKING

KEY = Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
CARD = IdToken(TokenKind.ISO14443, "04AABBCC")
IDENTITY = Identity("Harbour", "Kai", "+49 30 1", "https://kiosk.example", "Europe/Berlin")


@dataclass
class Part:
    """What all devices of the rig share: one clock, one list of deeds in the order they were done."""

    name: str
    rig: Rig
    good: bool = True

    def health(self) -> Health:
        return Health(self.good, "" if self.good else f"{self.name}: no answer. Check the wiring.")


@dataclass
class ContactorPart(Part):
    closed: bool = False
    welded: bool = False

    def command(self, closed: bool) -> None:
        if closed != self.closed:
            self.rig.deeds.append("close" if closed else "open")
        self.closed = closed or self.welded

    def feedback(self) -> Observation[bool] | None:
        return Observation(self.closed, self.rig.s)


@dataclass
class PilotPart(Part):
    at: PilotState = PilotState.A
    offered_a: int = 0

    def state(self) -> Observation[PilotState] | None:
        return Observation(self.at, self.rig.s)

    def offer(self, amps: int) -> None:
        self.offered_a = amps


@dataclass
class MeterPart(Part):
    register_wh: float = 500_000.0
    power_w: int = 0
    last_good: MeterReading | None = None
    doubt: Observation[str] | None = None

    def reading(self) -> MeterReading | None:
        """A register that runs backwards is set aside, as drivers do it, until somebody believes it."""
        now = MeterReading(self.rig.s, int(self.register_wh), 0, self.power_w)
        is_doubted = self.last_good is not None and now.import_wh < self.last_good.import_wh
        self.doubt = Observation("import ran backwards", now.at_s) if is_doubted else None
        self.last_good = self.last_good if is_doubted else now
        return self.last_good

    def doubted(self) -> Observation[str] | None:
        return self.doubt

    def start_anew(self) -> None:
        self.last_good = None


@dataclass
class LinePart(Part):
    active: bool = False

    def is_active(self) -> bool:
        return self.active


@dataclass
class LockPart(Part):
    locked: bool = False

    def command(self, locked: bool) -> None:
        self.locked = locked


@dataclass
class HeartbeatPart(Part):
    beats: int = 0

    def beat(self) -> None:
        self.beats += 1


@dataclass
class ReaderPart(Part):
    tokens: list[IdToken] = field(default_factory=list)

    def take(self) -> list[IdToken]:
        taken, self.tokens = self.tokens[:8], self.tokens[8:]
        return taken


@dataclass
class Disk:
    """Rows in the order they became durable. A write hangs while `hangs`, and fails as long as `failures` last."""

    rig: Rig
    hangs: bool = False
    failures: int = 0
    rows: list[tuple[RowKind, bytes]] = field(default_factory=list)
    spent: list[tuple[str, str]] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    tries_at_s: list[float] = field(default_factory=list)
    most_in_flight: int = 0
    is_acknowledged: bool = False  # the server has every row
    written: list[Write] = field(default_factory=list)
    _in_flight: list[tuple[Write, Callable[[Exception | None], None]]] = field(default_factory=list)

    def write(self, write: Write, done: Callable[[Exception | None], None]) -> None:
        self.rig.deeds.append("write")
        self.tries_at_s.append(self.rig.s)
        self._in_flight.append((write, done))
        self.most_in_flight = max(self.most_in_flight, len(self._in_flight))

    def waiting(self) -> int:
        return 0 if self.is_acknowledged else len(self.rows)

    def turn(self) -> None:
        """What the writer thread would do between two beats."""
        while self._in_flight and not self.hangs:
            write, done = self._in_flight.pop(0)
            if self.failures:
                self.failures -= 1
                done(OSError("disk full"))
                continue
            self.written.append(write)
            self.rows += [(entry.kind, entry.body) for entry in write.entries]
            self.spent += write.spends
            self.documents.update(write.documents)
            done(None)

    def events(self) -> list[TransactionEvent]:
        return [from_bytes(TransactionEvent, body) for kind, body in self.rows if kind is RowKind.TRANSACTION]

    def asks(self, step: AskStep) -> list[str]:
        found = [from_bytes(AuthorizationRecord, body) for kind, body in self.rows if kind is RowKind.AUTHORIZATION]
        return [record.transaction_id for record in found if record.step is step]

    def audits(self) -> list[AuditRecord]:
        return [from_bytes(AuditRecord, body) for kind, body in self.rows if kind is RowKind.AUDIT]


@dataclass
class Server:
    online: bool = True
    asked: list[AuthorizeRequest] = field(default_factory=list)
    disclaimed: list[str] = field(default_factory=list)
    answers: list[CommandAnswer] = field(default_factory=list)
    list_refreshes: list[int] = field(default_factory=list)

    def is_online(self) -> bool:
        return self.online

    def ask(self, request: AuthorizeRequest) -> None:
        self.asked.append(request)

    def disclaim(self, transaction_ids: tuple[str, ...]) -> None:
        self.disclaimed += transaction_ids

    def answer(self, answer: CommandAnswer) -> None:
        self.answers.append(answer)

    def refresh_list(self, version: int) -> None:
        self.list_refreshes.append(version)


def knowledge() -> Knowledge:
    entry = ListEntry(token_hash(CARD.kind, CARD.value), "anna", 2000)
    authorizations = AuthorizationList(
        "hk-07",
        1,
        NOON - timedelta(days=1),
        NOON + timedelta(days=1),
        {"1": WITH_PARKING, "2": WITH_PARKING},
        (entry,),
        code_secret="5e" * 32,
    )
    return Knowledge("hk-07", (KEY.public_key(),)).with_list(sign_list(authorizations, KEY))


def voucher(voucher_id: str = "v-1") -> IdToken:
    made = Voucher(voucher_id, "hk-07", 1000, "EUR", datetime(2030, 1, 1, tzinfo=UTC))
    return IdToken(TokenKind.VOUCHER, sign_voucher(made, KEY))


class Rig:
    """Two EVSEs unless told otherwise; time passes only in `beat`."""

    def __init__(self, count: int = 2, found: Found | None = None, at_s: float = 100.0) -> None:
        self.s, self.wall, self.boot_id = at_s, NOON, "boot-1"
        self.deeds: list[str] = []
        numbers = range(1, count + 1)
        self.contactors = {n: ContactorPart(f"contactor {n}", self) for n in numbers}
        self.pilots = {n: PilotPart(f"pilot {n}", self) for n in numbers}
        self.meters = {n: MeterPart(f"meter {n}", self) for n in numbers}
        self.rcds = {n: LinePart(f"rcd {n}", self) for n in numbers}
        self.locks = {n: LockPart(f"lock {n}", self) for n in numbers}
        self.stop = LinePart("emergency stop", self)
        self.heartbeat = HeartbeatPart("heartbeat", self)
        self.reader = ReaderPart("reader", self)
        self.disk, self.server = Disk(self), Server()
        self._minted, self._states = 0, list[State]()
        evses = {
            n: EvseParts(self.contactors[n], self.pilots[n], self.meters[n], self.rcds[n], self.locks[n])
            for n in numbers
        }
        settings = KioskSettings(tuple(EvseSettings(n) for n in numbers))
        parts = Parts(evses, (("nfc", self.reader),), self.stop, self.heartbeat)
        self.controller = Controller(
            settings, IDENTITY, parts, knowledge(), self.disk, self.server, self._mint, found or Found(), self.now
        )
        self.patience = settings.patience

    def _mint(self) -> Ids:
        self._minted += 1
        n = self._minted
        return Ids(f"tx-{n}", f"order-{n}", f"receipt-{n}", "4711")

    @property
    def now(self) -> Now:
        return Now(self.s, self.wall, ClockQuality.SYNCHRONISED, self.boot_id)

    def beat(self, times: int = 1, every_s: float = 0.25) -> None:
        """Time passes, the disk answers, the controller beats; in every new state the snapshot survives the wire."""
        for _ in range(times):
            self.s += every_s
            self.wall += timedelta(seconds=every_s)
            for n, meter in self.meters.items():
                flows = self.contactors[n].closed and self.pilots[n].at.asks_for_energy and self.pilots[n].offered_a
                meter.power_w = 7_200 if flows else 0
                meter.register_wh += meter.power_w * every_s / 3600
            self.disk.turn()
            self.controller.beat(self.now)
            states = [session.state for session in self.controller.kiosk.sessions]
            if states != self._states:
                self._states = states
                self.snapshot()

    def run(self, span_s: float) -> None:
        self.beat(round(span_s / 0.25))

    def run_until(self, state: State, evse_id: int = 1, at_most_s: float = 60.0) -> None:
        until_s = self.s + at_most_s
        while self.state(evse_id) is not state:
            assert self.s < until_s, f"still {self.state(evse_id)} after {at_most_s} s"
            self.beat()

    def tap(self, token: IdToken = CARD) -> None:
        self.reader.tokens.append(token)
        self.beat()

    def accept(
        self,
        status: AuthorizeStatus = AuthorizeStatus.ACCEPTED,
        number: int = -1,
        reason: PaymentRefusal | None = None,
    ) -> None:
        """The server answers one of its asks."""
        asked = self.server.asked[number]
        answer = AuthorizeAnswer(asked.transaction_id, status, WITH_PARKING, "anna", cap_minor=2000)
        if asked.token_kind is TokenKind.VOUCHER:
            shown = read_voucher(asked.token, [KEY.public_key()])
            answer = replace(answer, voucher_id=shown.voucher_id, cap_minor=shown.value_minor)
        if status is not AuthorizeStatus.ACCEPTED:
            answer = AuthorizeAnswer(asked.transaction_id, status, reason=reason)
        self.controller.answered(answer, self.now)
        self.beat()

    def charge(self, for_s: float = 10.0) -> None:
        """Energy flows at EVSE 1, by card."""
        self.beat(2)
        self.pilots[1].at = PilotState.C
        self.beat()
        self.tap()
        self.beat(2)
        if self.server.online:
            self.accept()
        self.run_until(State.DELIVERING)
        self.run(for_s)

    def state(self, evse_id: int = 1) -> State:
        session = self.controller.kiosk.session(evse_id)
        assert session is not None
        return session.state

    def snapshot(self) -> Snapshot:
        """The snapshot, after its way over the wire."""
        made = self.controller.snapshot(self.now)
        read = read_snapshot(snapshot_line(made))
        assert read == replace(made, at=read.at, evses=read.evses)  # times of day travel in milliseconds
        assert [evse.state for evse in read.evses] == [evse.state for evse in made.evses]
        return read
