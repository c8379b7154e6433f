"""March to 14 May 2026 at the boatyard: closed months, a refund after a payout, and the day of the design's story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from billing.directory import add_account, load_tariff, set_offer
from billing.hosts.bank import CONSOLE
from billing.hosts.months import close_month
from billing.hosts.movements import movements_of
from billing.payouts.runs import make_run, step
from billing.payouts.states import State
from billing.settlement.sales import take_back
from billing.tables import kiosks
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from tests.billing.hosts.boatyard import BOATYARD, furnish_host, upload, use
from tests.billing.stories import TARIFF, corrected

FREE = Tariff(
    "free",
    1,
    "EUR",
    (TariffElement((PriceComponent(Dimension.FLAT, TARIFF.elements[0].price_components[0].price * 0),)),),
)
HALF_PAST_FOUR = datetime(2026, 5, 14, 14, 32, tzinfo=UTC)


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """In UTC; Berlin is an hour ahead in winter and two in summer."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def furnish_spring(connection: Connection) -> None:
    furnish_host(connection)
    add_account(connection, "anna-2", at(3, 1, 0))
    for day in (4, 11, 17, 25):
        upload(connection, [use(at(3, day, 8), 9_000 + 311 * day)])
    close_month(connection, "2026-03", CONSOLE, at(4, 1, 6))
    make_run(connection, "Frida", at(4, 3, 7))
    step(connection, "PR-0001-001", State.PAID, "Frida", at(4, 4, 8))
    for day in range(1, 30, 2):
        upload(connection, [use(at(4, day, 7 + day % 9), 4_200 + 611 * day % 9_000, 0)])
        if day == 9:
            refunded = movements_of(connection, BOATYARD)[2].cdr_id or ""
            take_back(connection, refunded, "refunded", at(4, 9, 12))
    close_month(connection, "2026-04", CONSOLE, at(4, 30, 22, 6))
    make_run(connection, "Frida", at(5, 4, 7))
    step(connection, "PR-0002-001", State.PAID, "Frida", at(5, 5, 8, 12))
    furnish_today(connection)


def furnish_today(connection: Connection) -> None:
    """The design's day: three paid uses, an own one, one without energy, and one that runs."""
    day = [
        use(at(5, 14, 4, 58), 9_120, minutes=74),
        use(at(5, 14, 7, 30), 13_405, minutes=74),
        use(at(5, 14, 9, 10), 6_300, minutes=52, account_id="boatyard"),
        use(at(5, 14, 10, 58), 11_346, 7_296, parked_minutes=22),
        use(at(5, 14, 13, 20), 0, minutes=1),
    ]
    upload(connection, day)
    upload(connection, [use(at(5, 14, 14, 5), 4_870, minutes=26)[:-2]], at(5, 14, 14, 31))
    kiosk = HALF_PAST_FOUR - timedelta(seconds=4)
    connection.execute(kiosks.update().values(last_contact_ms=int(kiosk.timestamp() * 1000)))


def furnish_oddities(connection: Connection) -> None:
    """On 13 May: free of charge, corrected by a silent meter, and late by a day."""
    load_tariff(connection, FREE, at(5, 1, 0))
    set_offer(connection, "hk-07", 1, "free", HALF_PAST_FOUR)
    upload(connection, [use(at(5, 13, 5), 3_000, offer=TariffOffer(FREE, 0))])
    set_offer(connection, "hk-07", 1, TARIFF.id, HALF_PAST_FOUR, parking_grace_s=600)
    upload(connection, [corrected(use(at(5, 13, 8), 5_000), 120)])
    upload(connection, [use(at(5, 13, 11), 2_000)], HALF_PAST_FOUR - timedelta(minutes=5))
