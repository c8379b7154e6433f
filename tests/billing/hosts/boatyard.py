"""The design's story: the boatyard, host H-12, at HK-07 on 14 May 2026."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from billing.directory import add_account
from billing.hosts.bank import CONSOLE, approve_account, enter_account
from billing.hosts.party import Host, add_host
from billing.hosts.terms import Terms, Window, write_terms
from billing.intake import take_rows
from billing.payouts.runs import set_source
from contract.order import price_of_part
from contract.price import TimeUse
from contract.tariff import TariffOffer
from contract.transaction import TransactionEvent, samples_before, samples_of
from tests.billing.stories import OFFER, batch, charge, rows_of

BERLIN = "Europe/Berlin"
MARCH = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
BOATYARD = Host(
    "H-12", "Boatyard Möwe GmbH", "Werftstraße 4\n24143 Kiel", "EUR", BERLIN, "en", "DE123456789", Decimal(20)
)
TERMS = Terms(
    per_use=Decimal("0.80"),
    per_month=Decimal(15),
    price=Decimal("0.21"),
    windows=(Window("14:00", "17:00", Decimal("0.17")),),
    own_account="boatyard",
)
IBAN = "DE89 3704 0044 0532 0130 00"
OTHER_IBAN = "FR14 2004 1010 0505 0001 3M02 606"
OPERATORS_IBAN = "NL91 ABNA 0417 1643 00"


def furnish_host(connection: Connection, host: Host = BOATYARD, evse_id: int = 1, now: datetime = MARCH) -> None:
    """The host with its agreement at HK-07 from `now` on, and an account that is paid."""
    add_host(connection, host, now)
    add_account(connection, TERMS.own_account or "", now)
    write_terms(connection, host, "hk-07", evse_id, TERMS, now.date(), now)
    account = enter_account(connection, host.host_id, "Boatyard Möwe GmbH", IBAN, "", CONSOLE, now)
    approve_account(connection, host.host_id, account.account_no, "frida", now)
    set_source(connection, "Harbour Energy GmbH", OPERATORS_IBAN, "ABNANL2A", 500, CONSOLE, now)


def use(
    began: datetime,
    before_two_wh: int,
    after_two_wh: int = 0,
    *,
    account_id: str = "anna",
    minutes: int = 60,
    parked_minutes: int = 0,
    offer: TariffOffer = OFFER,
) -> list[TransactionEvent]:
    """A charge with a reading at 14:00 in Berlin where it crosses it, and then the cable left in."""
    two = began.astimezone(UTC).replace(hour=12, minute=0, second=0)
    marks = [(began, 0)]
    if after_two_wh and began < two:
        marks += [(two, before_two_wh), (two + timedelta(minutes=41), before_two_wh + after_two_wh)]
    else:
        marks += [(began + timedelta(minutes=minutes), before_two_wh + after_two_wh)]
    ended_at = marks[-1][0] + timedelta(minutes=parked_minutes)
    story = charge(minutes=len(marks), wh_per_minute=0, offer=offer, started_at=began, account_id=account_id)
    told = [*marks, (ended_at, marks[-1][1])]
    while len(told) < len(story):
        told.insert(-1, told[-2])
    uses = [TimeUse.CHARGING] * (len(marks) - 1) + [TimeUse.PARKING] * (len(story) - len(marks)) + [TimeUse.NONE]
    written = [
        replace(
            event,
            time_use=use,
            elapsed_ms=(at - began) // timedelta(milliseconds=1),
            at=replace(event.at, wall=at, monotonic_ms=(at - began) // timedelta(milliseconds=1)),
            meter=replace(event.meter, import_wh=48_213_407 + wh),
        )
        for event, (at, wh), use in zip(story, told, uses, strict=True)
    ]
    total = price_of_part(offer, samples_before(written), samples_of(written)).incl_vat_minor
    return [*written[:-1], replace(written[-1], total_incl_vat_minor=total)]


def upload(connection: Connection, stories: Sequence[list[TransactionEvent]], now: datetime | None = None) -> None:
    """Each arrives at its end, or all at `now`."""
    for story in stories:
        count = upload.__dict__.setdefault("count", 0)
        upload.__dict__["count"] = count + 100
        take_rows(connection, "hk-07", batch(rows_of(story, 1 + count)), now or story[-1].at.wall)
