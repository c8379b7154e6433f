"""What a driver charged and what is open: over the accounts they linked and the orders they keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from billing.checkout import store
from billing.checkout.checkout import OPEN
from billing.checkout.tables import checkouts
from billing.checkout.view import CheckoutView, price_so_far, view_of
from billing.corrections import is_current
from billing.drivers.drivers import Driver, accounts_of
from billing.drivers.tables import driver_orders
from billing.ledger.book import balance
from billing.ledger.chart import Account, Kind
from billing.ledger.tables import ledger_accounts
from billing.moments import from_ms
from billing.rating import read_story
from billing.tables import cdrs, kiosks, transactions
from contract.price import Price

MOST = 200


@dataclass(frozen=True, slots=True)
class Use:
    """One order. `currency` None: it is not rated yet. `link_id` where a phone paid for it."""

    receipt_key: str
    kiosk_name: str
    place: str
    time_zone: str
    evse_id: int
    started: datetime | None
    is_open: bool
    energy_wh: int
    currency: str | None
    total_minor: int
    account_id: str
    link_id: str


def uses_of(connection: Connection, driver: Driver) -> list[Use]:
    """The newest first, at most MOST; parts of one order are one use."""
    own = accounts_of(connection, driver.driver_id)
    kept = _kept_orders(connection, driver)
    t, k = transactions.c, kiosks.c
    query = (
        select(transactions, k.name, k.place, k.time_zone, cdrs.c.energy_wh, cdrs.c.incl_vat_minor, cdrs.c.currency)
        .join(kiosks, k.kiosk_id == t.kiosk_id)
        .outerjoin(cdrs, and_(cdrs.c.kiosk_id == t.kiosk_id, cdrs.c.transaction_id == t.transaction_id, is_current()))
        .where(or_(t.account_id.in_(own), t.order_id.in_(kept)))
        .order_by(t.started_ms.desc(), t.transaction_id)
        .limit(MOST)
    )
    found: dict[str, Use] = {}
    for row in connection.execute(query).all():
        former = found.get(row.receipt_key)
        started = None if row.started_ms is None else from_ms(row.started_ms)
        found[row.receipt_key] = Use(
            row.receipt_key,
            row.name,
            row.place,
            row.time_zone,
            row.evse_id,
            started,
            row.ended_seq is None or (former is not None and former.is_open),
            (row.energy_wh or 0) + (former.energy_wh if former else 0),
            row.currency or (former.currency if former else None),
            (row.incl_vat_minor or 0) + (former.total_minor if former else 0),
            row.account_id or "",
            kept.get(row.order_id, ""),
        )
    return list(found.values())


@dataclass(frozen=True, slots=True)
class OpenCharge:
    """A charge by card that runs. `price` is the running total with its lines; None: it is not known yet."""

    kiosk_name: str
    evse_id: int
    time_zone: str
    receipt_key: str
    started: datetime | None
    energy_wh: int
    price: Price | None


def open_charges(connection: Connection, driver: Driver) -> list[OpenCharge]:
    """By the cards of linked accounts."""
    t = transactions.c
    query = (
        select(transactions, kiosks.c.name, kiosks.c.time_zone)
        .join(kiosks, kiosks.c.kiosk_id == t.kiosk_id)
        .where(t.account_id.in_(accounts_of(connection, driver.driver_id)), t.ended_seq.is_(None))
        .order_by(t.started_ms.desc())
        .limit(20)
    )
    found = []
    for row in connection.execute(query).all():
        story = read_story(connection, row.kiosk_id, row.transaction_id)
        whole = [event for place, event in enumerate(story) if event.seq_no == place]
        energy_wh = max(0, whole[-1].meter.import_wh - whole[0].meter.import_wh) if whole else 0
        found.append(
            OpenCharge(
                row.name,
                row.evse_id,
                row.time_zone,
                row.receipt_key,
                None if row.started_ms is None else from_ms(row.started_ms),
                energy_wh,
                price_so_far(whole),
            )
        )
    return found


def open_orders(connection: Connection, driver: Driver, now: datetime) -> list[CheckoutView]:
    """Orders by phone that are kept and not over."""
    query = (
        select(checkouts.c.link_id)
        .join(driver_orders, driver_orders.c.link_id == checkouts.c.link_id)
        .where(driver_orders.c.driver_id == driver.driver_id, checkouts.c.stage.in_([one.value for one in OPEN]))
        .order_by(checkouts.c.begun_ms.desc())
        .limit(20)
    )
    return [view_of(connection, link_id, now) for link_id in connection.execute(query).scalars().all()]


def owed(connection: Connection, driver: Driver) -> dict[str, int]:
    """What linked accounts owe: currency → minor units, more than zero."""
    a = ledger_accounts.c
    own = accounts_of(connection, driver.driver_id)
    query = select(a.owner, a.unit).where(a.kind == Kind.RECEIVABLE.value, a.owner.in_(own))
    found: dict[str, int] = {}
    for owner, unit in connection.execute(query).all():
        found[unit] = found.get(unit, 0) + balance(connection, Account(Kind.RECEIVABLE, owner, unit))
    return {currency: amount for currency, amount in found.items() if amount > 0}


def _kept_orders(connection: Connection, driver: Driver) -> dict[str, str]:
    """order → link."""
    query = (
        select(checkouts.c.order_id, checkouts.c.link_id)
        .join(driver_orders, driver_orders.c.link_id == checkouts.c.link_id)
        .where(driver_orders.c.driver_id == driver.driver_id, checkouts.c.order_id != "")
    )
    return {row.order_id: row.link_id for row in connection.execute(query).all()}


def is_order(connection: Connection, link_id: str) -> bool:
    return store.is_known(connection, link_id)
