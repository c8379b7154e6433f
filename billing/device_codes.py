"""Does the phone stand before this kiosk? What its screen shows, checked; and guessing is slowed.

Law:
- A kiosk's secret is made here, once for each enrolment, and travels in its signed list alone. A new enrolment makes
  a new one, so a board that was stolen makes no more codes.
- Wrong short codes are counted per kiosk and per address, in the database, so that all workers of a server count as
  one. While a rest lasts nothing is checked, not even a right code, and nothing is counted.
- A right code forgets what its own address tried, never what was tried at the kiosk. The address in the QR code on the
  screen is no guess of six digits: it is checked at any time, and nobody is locked out by what others tried.
"""

from __future__ import annotations

import ipaddress
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, select, update

from billing.database import insert_if_absent
from billing.facts import raise_directory_revision
from billing.moments import from_ms, to_ms
from billing.tables import code_guesses, device_secrets, kiosks
from contract.device_code import SECRET_BYTES, is_code, is_signed

FREE_PER_ADDRESS = 5
FREE_PER_KIOSK = 20
FORGOTTEN_AFTER = timedelta(minutes=10)
FIRST_REST_S, LONGEST_REST_S = 30, 900  # doubled with each wrong code after the free ones


class Checked(StrEnum):
    GOOD = "good"
    WRONG = "wrong"
    RESTS = "rests"  # nothing was checked


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tries_left` before a rest begins; `wait_s` until the next try is looked at, 0 where it is at once."""

    outcome: Checked
    tries_left: int
    wait_s: int = 0

    @property
    def is_good(self) -> bool:
        return self.outcome is Checked.GOOD


@dataclass(frozen=True, slots=True)
class Guesses:
    """Wrong codes of one subject; `free` of them bring no rest."""

    free: int
    wrong: int = 0
    last_at: datetime | None = None
    rests_until: datetime | None = None

    @property
    def tries_left(self) -> int:
        return max(0, self.free - self.wrong)

    def at(self, now: datetime) -> Guesses:
        """What is still remembered."""
        if self.last_at is None or (now - self.last_at >= FORGOTTEN_AFTER and self.wait_s(now) == 0):
            return Guesses(self.free)
        return self

    def wait_s(self, now: datetime) -> int:
        """Seconds, rounded up. A clock that was set back ends a rest, which else could last as long as it is off."""
        if self.rests_until is None or self.last_at is None or now < self.last_at:
            return 0
        return max(0, math.ceil((self.rests_until - now).total_seconds()))

    def after_wrong(self, now: datetime) -> Guesses:
        wrong = self.wrong + 1
        beyond = wrong - self.free
        rest_s = min(LONGEST_REST_S, FIRST_REST_S * 2 ** min(beyond, 10)) if beyond >= 0 else 0
        return Guesses(self.free, wrong, now, now + timedelta(seconds=rest_s))


def code_secret(connection: Connection, kiosk_id: str, now: datetime) -> str:
    """The kiosk's secret; the first call makes it. `connection` writes."""
    d = device_secrets.c
    known = connection.execute(select(d.secret).where(d.kiosk_id == kiosk_id)).scalar()
    if known is not None:
        return str(known)
    made = {"kiosk_id": kiosk_id, "secret": secrets.token_hex(SECRET_BYTES), "created_ms": to_ms(now)}
    connection.execute(insert_if_absent(connection, device_secrets), made)
    return str(connection.execute(select(d.secret).where(d.kiosk_id == kiosk_id)).scalar_one())


def forget_secret(connection: Connection, kiosk_id: str) -> None:
    """Another board is this kiosk from now on: its next list brings a new secret."""
    gone = connection.execute(delete(device_secrets).where(device_secrets.c.kiosk_id == kiosk_id))
    if gone.rowcount:
        raise_directory_revision(connection)


def check_signed(connection: Connection, kiosk_id: str, evse_id: int, token: str, now: datetime) -> bool:
    """Whether `token`, what follows `s=`, was on this kiosk's screen within the last two minutes. Reads only."""
    secret = _secret(connection, kiosk_id)
    return secret is not None and is_signed(secret, kiosk_id, evse_id, token, now)


def check_code(
    connection: Connection, kiosk_id: str, evse_id: int, code: str, now: datetime, address: str = ""
) -> Verdict:
    """Whether these six digits were on this kiosk's screen within the last two minutes.

    `address` is the one who asks, as the server saw it. `connection` writes; commit a wrong code too.
    """
    limits = {f"address:{who_asks(address)}": FREE_PER_ADDRESS}
    secret = _secret(connection, kiosk_id)
    if secret is not None:
        limits[f"kiosk:{kiosk_id}"] = FREE_PER_KIOSK
    tried = {subject: _guesses(connection, subject, free).at(now) for subject, free in limits.items()}
    if wait_s := max(guesses.wait_s(now) for guesses in tried.values()):
        return Verdict(Checked.RESTS, 0, wait_s)
    if secret is not None and is_code(secret, evse_id, code, now):
        _forget(connection, f"address:{who_asks(address)}")
        return Verdict(Checked.GOOD, FREE_PER_ADDRESS)
    tried = {subject: guesses.after_wrong(now) for subject, guesses in tried.items()}
    for subject, guesses in tried.items():
        _remember(connection, subject, guesses, now)
    left = min(guesses.tries_left for guesses in tried.values())
    return Verdict(Checked.WRONG, left, max(guesses.wait_s(now) for guesses in tried.values()))


def who_asks(address: str) -> str:
    """The address as it is counted: one IPv4 address, or the /64 that an IPv6 subscriber has to himself."""
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address[:60]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def _secret(connection: Connection, kiosk_id: str) -> str | None:
    """None where the kiosk is not known, or never asked for its list since it has one."""
    d = device_secrets.c
    query = select(d.secret).join_from(device_secrets, kiosks).where(d.kiosk_id == kiosk_id)
    known = connection.execute(query).scalar()
    return None if known is None else str(known)


def _guesses(connection: Connection, subject: str, free: int) -> Guesses:
    g = code_guesses.c
    row = connection.execute(select(code_guesses).where(g.subject == subject).with_for_update()).one_or_none()
    if row is None:
        return Guesses(free)
    return Guesses(free, row.wrong, from_ms(row.last_ms), from_ms(row.rests_until_ms))


def _remember(connection: Connection, subject: str, guesses: Guesses, now: datetime) -> None:
    g = code_guesses.c
    assert guesses.last_at is not None and guesses.rests_until is not None
    values = {
        "wrong": guesses.wrong,
        "last_ms": to_ms(guesses.last_at),
        "rests_until_ms": to_ms(guesses.rests_until),
    }
    forgotten_ms = to_ms(now - FORGOTTEN_AFTER)
    connection.execute(delete(code_guesses).where(g.last_ms < forgotten_ms, g.rests_until_ms < to_ms(now)))
    connection.execute(insert_if_absent(connection, code_guesses), {"subject": subject, **values})
    connection.execute(update(code_guesses).where(g.subject == subject).values(**values))


def _forget(connection: Connection, subject: str) -> None:
    connection.execute(delete(code_guesses).where(code_guesses.c.subject == subject))
