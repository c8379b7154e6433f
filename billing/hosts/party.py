"""Hosts as parties: name and address as a statement prints them, currency, time zone, VAT."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Row, select

from billing.database import insert_if_absent
from billing.directory import NotKnown
from billing.hosts.tables import hosts
from billing.ledger.chart import Account, Kind
from billing.moments import to_ms
from contract.currency import MINOR_DIGITS

LANGUAGES = ("en", "de", "ja")
LONGEST_NAME = 70
LONGEST_ADDRESS = 400


FIELDS = {
    "host_id": "host id", "name": "name", "address": "address", "currency": "currency", "time_zone": "time zone",
    "language": "language", "vat_id": "VAT number", "vat_rate": "VAT rate",
}  # fmt: skip


class WrongHost(ValueError):
    """Every field that is wrong, by its name in Host, and why."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{FIELDS[name]}: {why}" for name, why in fields.items()))
        self.fields = dict(fields)


@dataclass(frozen=True, slots=True)
class Host:
    """`vat_rate` in per cent is paid on top of a month's sum; None: the host charges no VAT. `time_zone` is that of
    their days and months. Raises WrongHost."""

    host_id: str
    name: str
    address: str = ""
    currency: str = "EUR"
    time_zone: str = "UTC"
    language: str = "en"
    vat_id: str | None = None
    vat_rate: Decimal | None = None

    def __post_init__(self) -> None:
        if wrong := dict(_wrong_fields(self)):
            raise WrongHost(wrong)

    @property
    def payable(self) -> Account:
        """What the operator owes them."""
        return Account(Kind.HOST_PAYABLE, self.host_id, self.currency)


def _wrong_fields(host: Host) -> Iterator[tuple[str, str]]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}", host.host_id):
        yield "host_id", f"want 1 to 40 letters, digits and dashes, as H-12, not {host.host_id!a}"
    if not 1 <= len(host.name) <= LONGEST_NAME or not host.name.isprintable():
        yield "name", f"want 1 to {LONGEST_NAME} characters, as the bank prints it"
    if len(host.address) > LONGEST_ADDRESS:
        yield "address", f"want at most {LONGEST_ADDRESS} characters"
    if host.currency not in MINOR_DIGITS:
        yield "currency", f"{host.currency!a} is not known"
    if host.language not in LANGUAGES:
        yield "language", f"want {', '.join(LANGUAGES)}, not {host.language!a}"
    if host.vat_rate is not None and not 0 < host.vat_rate <= 100:
        yield "vat_rate", f"want more than 0 and at most 100 per cent, empty where none is due; not {host.vat_rate}"
    if host.vat_rate is not None and not host.vat_id:
        yield "vat_id", "a host who charges VAT has a number"
    try:
        ZoneInfo(host.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "time_zone", f"{host.time_zone!a} is not known; want a name as Europe/Berlin"


def rate_of(text: str) -> Decimal | None:
    """A VAT rate as people type it; None for an empty text or 0. Raises WrongHost."""
    try:
        rate = Decimal(text.replace(",", ".").strip() or 0)
    except InvalidOperation as error:
        raise WrongHost({"vat_rate": f"want a number of per cent, not {text!a}"}) from error
    return rate.normalize() if rate else None


def add_host(connection: Connection, host: Host, now: datetime) -> None:
    """Raises WrongHost where there is a host of that id."""
    values = {**_values(host), "host_id": host.host_id, "created_ms": to_ms(now)}
    if connection.execute(insert_if_absent(connection, hosts), values).rowcount == 0:
        raise WrongHost({"host_id": f"there is a host {host.host_id} already"})


def change_host(connection: Connection, host_id: str, changes: Mapping[str, str | None]) -> Host:
    """Name, address, language, vat_id: what may change. Closed statements keep what they had. Raises NotKnown."""
    allowed = {"name", "address", "language", "vat_id"}
    if not set(changes) <= allowed:
        raise ValueError(f"{', '.join(sorted(set(changes) - allowed))}: cannot be changed; add a new host")
    host = replace(find_host(connection, host_id), **changes)  # type: ignore[arg-type]
    connection.execute(hosts.update().where(hosts.c.host_id == host_id).values(**_values(host)))
    return host


def find_host(connection: Connection, host_id: str) -> Host:
    """Raises NotKnown."""
    row = connection.execute(select(hosts).where(hosts.c.host_id == host_id)).one_or_none()
    if row is None:
        raise NotKnown(f"no host {host_id!a}; kiosk-billing host list shows them")
    return _host(row)


def all_hosts(connection: Connection) -> list[Host]:
    return [_host(row) for row in connection.execute(select(hosts).order_by(hosts.c.host_id))]


def _values(host: Host) -> dict[str, object]:
    return {
        "name": host.name,
        "address": host.address,
        "currency": host.currency,
        "time_zone": host.time_zone,
        "language": host.language,
        "vat_id": host.vat_id,
        "vat_rate": None if host.vat_rate is None else format(host.vat_rate, "f"),
    }


def _host(row: Row[tuple[object, ...]]) -> Host:
    found = row._mapping
    rate = found["vat_rate"]
    names = ("host_id", "name", "address", "currency", "time_zone", "language", "vat_id")
    return Host(**{name: found[name] for name in names}, vat_rate=None if rate is None else Decimal(rate))
