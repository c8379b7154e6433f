"""Orders of an operator: by command line, API and page; a kiosk that does not listen is said at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import requests
from sqlalchemy import Connection, Engine, select, update

from billing.commands import NotReachable, answer_command, take_commands
from billing.database import open_database
from billing.directory import NotKnown
from billing.ledger import holds
from billing.ledger.chart import Account, Kind
from billing.moments import to_ms
from billing.orders import (
    Order,
    OrderKind,
    closed_evses,
    expire_starts,
    give,
    hold_of_start,
    release_hold,
    reservations,
)
from billing.settings import Settings, server_time
from billing.tables import commands, kiosks
from contract.api import CommandAnswer, CommandStatus
from contract.codec import to_bytes
from contract.commands import Command, CommandKind, read_command
from contract.identity import TokenKind
from contract.transaction import token_hash
from tests.billing.client import running
from tests.billing.conftest import SERVER_KEY
from tests.billing.people import key_for, signed_in
from tests.billing.stories import CARD, NOON

LATER = NOON + timedelta(seconds=5)


def listening(connection: Connection, now: datetime = NOON) -> None:
    connection.execute(update(kiosks).values(last_contact_ms=to_ms(now)))


def sent(connection: Connection, now: datetime = NOON) -> list[Command]:
    texts = take_commands(connection, "hk-07", now, SERVER_KEY).commands
    own = [read_command(text, [SERVER_KEY.public_key()], "hk-07") for text in texts]
    return [command for command in own if command.kind is not CommandKind.UPDATE_LIST]


def accepted(connection: Connection, order: Order, now: datetime = NOON) -> str:
    listening(connection, now)
    command_id = give(connection, order, now)
    assert answer_command(connection, "hk-07", CommandAnswer(command_id, CommandStatus.ACCEPTED), now)
    return command_id


@pytest.mark.parametrize(
    "order",
    [
        Order("HK-07", OrderKind.START, evse_id=1, account_id="anna"),
        Order("HK-07", OrderKind.UNLOCK, evse_id=1),
        Order("HK-07", OrderKind.RESERVE, evse_id=1, account_id="anna", minutes=30),
        Order("HK-07", OrderKind.CANCEL, reservation_id="r-1"),
        Order("HK-07", OrderKind.CLOSE, evse_id=1),
        Order("HK-07", OrderKind.OPEN, evse_id=1),
        Order("HK-07", OrderKind.SET, settings={"patience.plug_in_s": "120"}),
    ],
    ids=lambda order: order.kind,
)
def test_every_order_is_refused_at_once_by_a_kiosk_that_does_not_listen_and_signed_for_one_that_does(
    connection: Connection, order: Order
) -> None:
    with pytest.raises(NotReachable, match="nothing was queued"):
        give(connection, order, NOON)
    assert sent(connection) == []
    listening(connection)
    command_id = give(connection, order, NOON)

    assert [(c.command_id, c.age_s, c.left_s) for c in sent(connection, LATER)] == [(command_id, 5, 55)]


@pytest.mark.parametrize(
    "order",
    [
        Order("HK-99", OrderKind.UNLOCK, evse_id=1),
        Order("HK-07", OrderKind.START, evse_id=9, account_id="anna"),
        Order("HK-07", OrderKind.START, evse_id=1, account_id="nobody"),
        Order("HK-07", OrderKind.STOP, transaction_id="none"),
        Order("HK-07", OrderKind.RESERVE, evse_id=1, minutes=30),
        Order("HK-07", OrderKind.RESERVE, evse_id=1, minutes=0, account_id="anna"),
        Order("HK-07", OrderKind.RESERVE, evse_id=1, minutes=10, card="xyz"),
        Order("HK-07", OrderKind.CANCEL),
        Order("HK-07", OrderKind.SET),
        Order("HK-07", OrderKind.SET, settings={"patience.notice_s": "31"}),
        Order("HK-07", OrderKind.CLOSE, evse_id=0),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_where_it_is_given(connection: Connection, order: Order) -> None:
    listening(connection)
    with pytest.raises((NotKnown, ValueError)):
        give(connection, order, NOON)

    assert sent(connection) == []


def test_what_stands_by_order_is_what_the_kiosk_has_accepted(connection: Connection) -> None:
    accepted(connection, Order("hk-07", OrderKind.CLOSE, evse_id=1))
    accepted(connection, Order("hk-07", OrderKind.CLOSE, evse_id=2))
    accepted(connection, Order("hk-07", OrderKind.OPEN, evse_id=1), LATER)
    assert closed_evses(connection, "hk-07") == {2}

    accepted(connection, Order("hk-07", OrderKind.RESERVE, evse_id=1, card=CARD, minutes=30, reservation_id="r-1"))
    refused = give(connection, Order("hk-07", OrderKind.RESERVE, evse_id=1, account_id="anna", minutes=5), NOON)
    answer_command(connection, "hk-07", CommandAnswer(refused, CommandStatus.REJECTED, "reserved already"), NOON)
    kept = reservations(connection, LATER)
    assert [(one.reservation_id, one.evse_id, one.until) for one in kept] == [("r-1", 1, NOON + timedelta(minutes=30))]
    assert reservations(connection, NOON + timedelta(minutes=30)) == []
    accepted(connection, Order("hk-07", OrderKind.CANCEL, reservation_id="r-1"), LATER)
    assert reservations(connection, LATER) == []


def test_a_card_is_reserved_for_by_its_hash(connection: Connection) -> None:
    listening(connection)
    give(connection, Order("hk-07", OrderKind.RESERVE, evse_id=1, card=CARD.lower(), minutes=30), NOON)

    assert sent(connection)[0].token_hash == token_hash(TokenKind.ISO14443, CARD)


def held_start(connection: Connection) -> str:
    listening(connection)
    command_id = give(connection, Order("hk-07", OrderKind.START, evse_id=1, account_id="anna"), NOON)
    account = Account(Kind.RECEIVABLE, "anna", "EUR")
    holds.place(connection, hold_of_start(command_id), "order", account, 500, NOON + timedelta(days=1), NOON)
    return command_id


def test_a_hold_is_released_by_a_refused_start_and_by_one_that_nobody_answered_in_time(connection: Connection) -> None:
    command_id = held_start(connection)
    over = NOON + timedelta(seconds=60)
    much_later = over + timedelta(minutes=10)
    assert expire_starts(connection, much_later) == []  # the kiosk was not heard since: it may have delivered
    connection.execute(update(kiosks).values(last_rows_ms=to_ms(much_later)))

    assert expire_starts(connection, much_later) == [command_id]
    hold = holds.find(connection, hold_of_start(command_id))
    assert hold is not None and hold.end is holds.End.RELEASED
    status = connection.execute(select(commands.c.status).where(commands.c.command_id == command_id)).scalar()
    assert status == "Expired"
    assert not release_hold(connection, command_id, much_later)


# ---- over HTTP -------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(database_url: str) -> Iterator[tuple[str, Engine]]:
    settings = Settings(database_url, SERVER_KEY)
    engine = open_database(database_url)
    with running(settings) as base_url:
        yield base_url, engine
    engine.dispose()


def test_the_api_answers_at_once_whether_the_kiosk_listens(desk: tuple[str, Engine]) -> None:
    url, engine = desk
    key = key_for(engine)
    body = to_bytes(Order("hk-07", OrderKind.UNLOCK, evse_id=1))
    assert requests.post(f"{url}/v1/operator/orders", data=body, timeout=30).status_code == 401
    unheard = requests.post(f"{url}/v1/operator/orders", data=body, headers=key, timeout=30)
    assert (unheard.status_code, unheard.json()["status"]) == (409, "NotReachable")
    wrong = requests.post(
        f"{url}/v1/operator/orders", data=b'{"kiosk":"hk-07","kind":"dance"}', headers=key, timeout=30
    )
    assert wrong.status_code == 422 and "kind" in wrong.json()["error"]
    nobody = to_bytes(Order("hk-99", OrderKind.UNLOCK, evse_id=1))
    assert requests.post(f"{url}/v1/operator/orders", data=nobody, headers=key, timeout=30).status_code == 404
    with engine.begin() as connection:
        listening(connection, server_time())
    queued = requests.post(f"{url}/v1/operator/orders", data=body, headers=key, timeout=30)

    assert queued.status_code == 202
    what = requests.get(f"{url}/v1/operator/orders/{queued.json()['command_id']}", headers=key, timeout=30).json()
    assert (what["kind"], what["status"]) == ("UnlockConnector", None)


def test_the_operators_page_orders_and_says_what_became_of_it(desk: tuple[str, Engine]) -> None:
    url, engine = desk
    page, browser = "/operator/kiosks/hk-07", signed_in(url, engine)
    unknown = browser.get(page).text
    assert "Take out of service" in unknown and "In service" not in unknown
    assert browser.get("/operator/kiosks/none").status_code == 404
    unheard = browser.post(f"{page}/order", data={"kind": "close", "evse_id": 1})
    assert "hk-07 is not reachable" in unheard.text
    with engine.begin() as connection:
        listening(connection, server_time())
    given = browser.post(
        f"{page}/order",
        data={"kind": "reserve", "evse_id": 1, "account_id": "anna", "minutes": 30},
    )
    assert "waits for the kiosk" in given.text and "Reserve" in given.text
    for wrong in ({"kind": "dance"}, {"kind": "close", "evse_id": "x"}, {"kind": "close", "evse_id": 1, "more": 1}):
        assert "note bad" in browser.post(f"{page}/order", data=wrong).text
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    refused = browser.post(f"{page}/order", data={"kind": "close"}, headers=elsewhere)

    assert refused.status_code == 403
