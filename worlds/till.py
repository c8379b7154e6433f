"""The server's side of a demo or test in the bytes tier: fresh data, one kiosk, cards, a tariff, vouchers, answers.

Everything is done with the server's own functions on its own database, beside the running server process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from billing.certificates import make_authority, make_certificate
from billing.corrections import as_corrected, in_order, is_current
from billing.database import open_database, reading
from billing.device_codes import check_code, check_signed
from billing.directory import add_account, add_kiosk, add_token, load_tariff, set_offer
from billing.enrolment import new_code
from billing.hosts.party import Host, add_host
from billing.hosts.terms import Terms, Window, write_terms
from billing.migrations import migrate
from billing.people.passwords import hash_password
from billing.people.persons import add_person, set_password
from billing.people.roles import Role
from billing.server_key import make_server_key
from billing.settings import SETTINGS_FILE, default_database_url, server_time
from billing.settlement.agreement import Agreement, agree
from billing.settlement.allocation import Bearer, PartnerTerms
from billing.settlement.sales import sold_in
from billing.tables import cdrs, events, kiosk_keys, quarantine, transactions
from billing.vouchers import new_voucher
from contract.codec import from_bytes
from contract.identity import IdToken, TokenKind
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement
from contract.transaction import TransactionEvent

KIOSK = "HK-07"
KIOSK_ID = "hk-07"
VAT = Decimal(20)
# With VAT 0.48 EUR per kWh, and 0.10 EUR per minute of parking after twenty free ones.
TARIFF = Tariff(
    "harbour-ac",
    1,
    "EUR",
    (
        TariffElement(
            (
                PriceComponent(Dimension.ENERGY, Decimal("0.40"), VAT),
                PriceComponent(Dimension.PARKING_TIME, Decimal("5.00"), VAT, 60),
            )
        ),
    ),
)
GRACE_S = 1_200
VOUCHER_LIVES = timedelta(days=365)
HELP_CONTACT = "+49 40 555 0177"  # as on the demo kiosk's screen
OPERATOR = "operator"  # signs in at the demo's pages, which listen on loopback only
PASSWORD = "seven kiosks in the harbour"
HOST, HOST_LOGIN = Host("H-12", "Café Mole", "Pier 4, 20457 Hamburg", "EUR", "Europe/Berlin"), "mole"
PARTNER = "volt-works"  # runs the charger; a fifth of the net is the operator's (system D)
PARTNERS = PartnerTerms(PARTNER, operator_permille=200)
TERMS = Terms(
    per_use=Decimal("0.10"), price=Decimal("0.31"), windows=(Window("22:00", "06:00", Decimal("0.24")),),
    paid_by=Bearer.PROVIDER,
)  # fmt: skip
# In real time nobody waits for a kilowatt-hour, so a use costs something by itself.
LIVE_TARIFF = Tariff(
    "harbour-live",
    1,
    "EUR",
    (
        TariffElement(
            (
                PriceComponent(Dimension.ENERGY, Decimal("0.45"), VAT),
                PriceComponent(Dimension.FLAT, Decimal("0.50"), VAT),
                PriceComponent(Dimension.PARKING_TIME, Decimal("3.00"), VAT, 60),
            )
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Billed:
    """A transaction as the server holds it. The `cdr_` fields are None until it was rated; `cdrs` counts them."""

    transaction_id: str
    receipt_key: str
    evse_id: int
    story: tuple[TransactionEvent, ...]
    cdrs: int
    cdr_wh: int | None
    cdr_minor: int | None

    @property
    def kiosk_minor(self) -> int | None:
        """The kiosk's own price, from its Ended."""
        return self.story[-1].total_incl_vat_minor if self.story else None

    @property
    def energy_wh(self) -> int:
        return self.story[-1].meter.import_wh - self.story[0].meter.import_wh

    @property
    def is_once(self) -> bool:
        """Every event from Started to Ended, each one time, and one bill."""
        numbers = [event.seq_no for event in self.story]
        ends = [event for event in self.story if event.stopped_reason is not None]
        return numbers == list(range(len(numbers))) and len(ends) == 1 and self.story[-1] is ends[0] and self.cdrs == 1


@dataclass(frozen=True, slots=True)
class Document:
    """A CDR. `takes_back`: the id of the one it credits; its energy and price are negative then."""

    cdr_id: str
    energy_wh: int
    minor: int
    takes_back: str | None


class Till:
    """The server's data under `folder`, made new by the constructor. `authority`: the file of who signs for it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._key = make_server_key(folder)
        settings = 'operator_name = "Harbour Charging"\n'
        settings += f'help_contact = "{HELP_CONTACT}"\n'
        self._settings = folder / SETTINGS_FILE
        self._settings.write_text(settings, encoding="utf-8")
        self.authority = make_authority(folder, "Harbour Charging", server_time())
        make_certificate(folder, ("127.0.0.1",), server_time())
        self._engine = open_database(default_database_url(folder))
        migrate(self._engine)

    def take_payments(self, url: str, merchant_secret: str, webhook_secret: str) -> None:
        """Phones pay through the social server at `url`. Before the server starts."""
        words = {"url": url, "merchant_secret": merchant_secret, "webhook_secret": webhook_secret}
        lines = "".join(f'{key} = "{value}"\n' for key, value in words.items())
        with self._settings.open("a", encoding="utf-8") as settings:
            settings.write(f"\n[social]\n{lines}")

    def furnish(self, evse_ids: list[int], cards: dict[str, str], tariff: Tariff = TARIFF) -> None:
        """The kiosk, the tariff at each EVSE, an account with a card for each name → UID."""
        now = server_time()
        with self._engine.begin() as connection:
            ole = add_person(connection, OPERATOR, "Ole", Role.OPERATOR, now)
            set_password(connection, ole.person_id, hash_password(PASSWORD))
            add_kiosk(connection, KIOSK, now, place="Pier 4 North", time_zone="Europe/Berlin")
            load_tariff(connection, tariff, now)
            for evse_id in evse_ids:
                set_offer(connection, KIOSK_ID, evse_id, tariff.id, now, parking_grace_s=GRACE_S)
            for name, uid in cards.items():
                add_account(connection, name, now, offline_cap_minor=5_000)
                add_token(connection, IdToken(TokenKind.ISO14443, uid.upper()), name, now)

    def agree(self, evse_ids: list[int]) -> None:
        """A host and a partner have their parts of every EVSE from today on, and the host may sign in."""
        now = server_time()
        today = now.astimezone(ZoneInfo(HOST.time_zone)).date()
        with self._engine.begin() as connection:
            add_host(connection, HOST, now)
            person = add_person(connection, HOST_LOGIN, "Mara", Role.HOST, now, host_id=HOST.host_id)
            set_password(connection, person.person_id, hash_password(PASSWORD))
            for evse_id in evse_ids:
                begins = datetime.combine(today, time(), ZoneInfo(HOST.time_zone))
                agree(connection, KIOSK_ID, evse_id, Agreement(partners=PARTNERS), begins, now)
                write_terms(connection, HOST, KIOSK_ID, evse_id, TERMS, today, now)

    def earned_by_host(self) -> dict[str, int]:
        """Per transaction, what its use pays the host, in minor units."""
        with reading(self._engine) as connection:
            query = select(cdrs.c.transaction_id, cdrs.c.cdr_id).where(is_current())
            sold = {name: sold_in(connection, cdr_id) for name, cdr_id in connection.execute(query).all()}
            return {name: one.allocation.host.total_minor for name, one in sold.items() if one is not None}

    def enrolment_code(self) -> str:
        with self._engine.begin() as connection:
            return new_code(connection, KIOSK_ID, server_time())

    def voucher(self, value_minor: int) -> str:
        """A new voucher's text, as it stands in its QR code."""
        now = server_time()
        with self._engine.begin() as connection:
            return new_voucher(connection, KIOSK_ID, value_minor, "EUR", now + VOUCHER_LIVES, now, self._key)

    def believes(self, evse_id: int, proof: str, code: str) -> tuple[bool, bool]:
        """Whether a phone with this proof, and one with these digits, stands before that EVSE now."""
        now = server_time()
        with self._engine.begin() as connection:
            is_good = check_code(connection, KIOSK_ID, evse_id, code, now).is_good
            return check_signed(connection, KIOSK_ID, evse_id, proof, now), is_good

    def billed(self) -> dict[str, Billed]:
        """Every transaction the server knows, by id."""
        with reading(self._engine) as connection:
            found = {}
            for row in connection.execute(select(transactions)).all():
                mine = events.c.transaction_id == row.transaction_id
                bodies = connection.execute(select(events.c.body).where(mine).order_by(events.c.seq_no)).scalars()
                story = tuple(as_corrected([from_bytes(TransactionEvent, body) for body in bodies]))
                query = select(cdrs).where(cdrs.c.transaction_id == row.transaction_id, is_current())
                bills = connection.execute(query).all()
                found[str(row.transaction_id)] = Billed(
                    row.transaction_id,
                    row.receipt_key,
                    row.evse_id,
                    story,
                    len(bills),
                    bills[0].energy_wh if bills else None,
                    bills[0].incl_vat_minor if bills else None,
                )
            return found

    def documents(self, transaction_id: str) -> list[Document]:
        """All that was written for it, the oldest first: the bill, its credit, the new bill."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(cdrs).where(cdrs.c.transaction_id == transaction_id)).all()
            return [Document(r.cdr_id, r.energy_wh, r.incl_vat_minor, r.credit_reference_id) for r in in_order(rows)]

    def kept_aside(self) -> list[str]:
        """Why rows are in quarantine, in words."""
        with reading(self._engine) as connection:
            return list(connection.execute(select(quarantine.c.reason)).scalars())

    @contextmanager
    def revoked(self) -> Iterator[None]:
        """The operator has withdrawn the kiosk's key: the server refuses all it says."""
        self._revoke(0)
        try:
            yield
        finally:
            self._revoke(None)

    def _revoke(self, at_ms: int | None) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(kiosk_keys).values(revoked_ms=at_ms))

    def close(self) -> None:
        self._engine.dispose()
