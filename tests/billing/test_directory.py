"""Tariffs, offers, lists and commands: what kiosks are told, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, update

from billing.api.gate import CONTACT_IS_NOTED_EVERY
from billing.api.routes import LONGEST_POLL_S
from billing.commands import (
    REACHABLE_WITHIN,
    SEND_AGAIN_AFTER,
    NotReachable,
    answer_command,
    queue_command,
    send_command,
    take_commands,
)
from billing.directory import (
    NotKnown,
    add_account,
    add_kiosk,
    add_token,
    block_token,
    current_offer,
    find_kiosk,
    load_tariff,
    set_offer,
)
from billing.enrolment import enrol, new_code
from billing.facts import epoch, renew_epoch
from billing.lists import VALID_FOR, authorization_list, newest_list
from billing.moments import to_ms
from billing.tables import kiosks
from contract.api import CommandAnswer, CommandStatus, EnrolRequest
from contract.commands import Command, CommandKind, read_command
from contract.identity import IdToken, TokenKind
from contract.list_change import applied, is_change, read_change
from contract.tokens import AuthorizationList, read_list
from contract.transaction import token_hash
from tests.billing.client import Kiosk
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import CARD, NOON, TARIFF


def known_list(connection: Connection, after: int = 0) -> AuthorizationList:
    text = authorization_list(connection, "hk-07", after, NOON, SERVER_KEY)
    assert text is not None
    return read_list(text, [SERVER_KEY.public_key()])


def enrolled(connection: Connection) -> None:
    kiosk = Kiosk("")
    enrol(connection, EnrolRequest(new_code(connection, "hk-07", NOON), kiosk.public_key, "s"), NOON, SERVER_KEY)


def test_the_list_holds_every_token_and_the_kiosks_own_offers(connection: Connection) -> None:
    found = known_list(connection)

    assert found.offers["1"].tariff == TARIFF and found.valid_until == NOON + VALID_FOR
    assert found.price_valid_until == NOON + VALID_FOR
    assert [entry.token_hash for entry in found.entries] == [token_hash(TokenKind.ISO14443, CARD)]
    assert found.entries[0].cap_minor == 2_000 and not found.entries[0].is_blocked


def test_the_lists_version_rises_with_each_change_and_with_nothing_else(connection: Connection) -> None:
    first = known_list(connection)
    assert authorization_list(connection, "hk-07", first.version, NOON, SERVER_KEY) is None
    add_kiosk(connection, "HK-11", NOON)
    set_offer(connection, "hk-11", 1, TARIFF.id, NOON)  # another kiosk's price
    assert authorization_list(connection, "hk-07", first.version, NOON, SERVER_KEY) is None

    block_token(connection, IdToken(TokenKind.ISO14443, CARD), NOON)
    second = known_list(connection, first.version)
    assert second.version == first.version + 1 and second.entries[0].is_blocked
    load_tariff(connection, replace(TARIFF, version=2), NOON)
    third = known_list(connection, second.version)
    assert third.version == second.version + 1 and third.offers["1"].tariff.version == 2


def test_a_list_is_renewed_before_it_runs_out(connection: Connection) -> None:
    first = known_list(connection)
    later = NOON + VALID_FOR * 0.6
    text = authorization_list(connection, "hk-07", first.version, later, SERVER_KEY)

    assert text is not None
    assert read_list(text, [SERVER_KEY.public_key()]).valid_until == later + VALID_FOR


def test_a_kiosk_with_a_higher_version_than_a_restored_backup_gets_a_higher_one(connection: Connection) -> None:
    assert known_list(connection, after=41).version == 42


def test_a_kiosk_is_sent_what_changed_since_its_version_and_the_full_list_where_that_is_not_known(
    connection: Connection,
) -> None:
    add_account(connection, "many", NOON)
    for number in range(40):
        add_token(connection, IdToken(TokenKind.ISO14443, f"AA{number:06X}"), "many", NOON)
    base = known_list(connection)
    block_token(connection, IdToken(TokenKind.ISO14443, CARD), NOON)
    middle = known_list(connection, base.version)
    block_token(connection, IdToken(TokenKind.ISO14443, "AA000001"), NOON)
    newest = known_list(connection, middle.version)

    for known, blocked in ((base, 2), (middle, 1)):
        text = newest_list(connection, "hk-07", known.version, NOON, SERVER_KEY)
        assert text is not None and is_change(text)
        change = read_change(text, [SERVER_KEY.public_key()])
        assert len(change.changed) == blocked and applied(known, change) == newest
    full = newest_list(connection, "hk-07", 0, NOON, SERVER_KEY)
    assert full is not None and read_list(full, [SERVER_KEY.public_key()]) == newest
    assert newest_list(connection, "hk-07", newest.version, NOON, SERVER_KEY) is None
    restored = newest_list(connection, "hk-07", 400, NOON, SERVER_KEY)  # the kiosk knows more than a restored backup
    assert restored is not None and read_list(restored, [SERVER_KEY.public_key()]).version == 401
    after = newest_list(connection, "hk-07", newest.version, NOON, SERVER_KEY)
    assert after is not None and read_change(after, [SERVER_KEY.public_key()]).head.version == 401


def test_a_published_tariff_version_never_changes(connection: Connection) -> None:
    assert load_tariff(connection, TARIFF, NOON) is False
    with pytest.raises(ValueError, match="give this one version 2"):
        load_tariff(connection, replace(TARIFF, elements=()), NOON)
    assert load_tariff(connection, replace(TARIFF, version=2, elements=()), NOON) is True
    offer = current_offer(connection, "hk-07", 1)
    assert offer is not None and (offer.tariff.version, offer.parking_grace_s) == (2, 600)


def sent(connection: Connection, now: datetime) -> list[Command]:
    """What hk-07 gets when it polls, after its own look at the signatures."""
    texts = take_commands(connection, "hk-07", now, SERVER_KEY).commands
    return [read_command(text, [SERVER_KEY.public_key()], "hk-07") for text in texts]


def test_a_change_tells_each_enrolled_kiosk_once_to_fetch_its_list(connection: Connection) -> None:
    enrolled(connection)
    add_account(connection, "bert", NOON)
    add_token(connection, IdToken(TokenKind.ISO14443, "AABBCCDD"), "bert", NOON)
    found = sent(connection, NOON)

    assert [command.kind for command in found] == [CommandKind.UPDATE_LIST]


def test_a_command_is_sent_again_until_it_is_answered_or_expired(connection: Connection) -> None:
    command_id = queue_command(connection, "hk-07", Command("", CommandKind.STOP, 60, transaction_id="t"), NOON)

    def ids(after: timedelta) -> list[tuple[str, int]]:
        return [(c.command_id, c.left_s) for c in sent(connection, NOON + after)]

    assert ids(timedelta(0)) == [(command_id, 60)]
    assert ids(timedelta(seconds=1)) == []
    assert ids(SEND_AGAIN_AFTER) == [(command_id, 50)]
    assert ids(timedelta(seconds=60)) == []
    other = queue_command(connection, "hk-07", Command("", CommandKind.STOP, 60, transaction_id="u"), NOON)
    answered = CommandAnswer(other, CommandStatus.ACCEPTED)
    assert answer_command(connection, "hk-07", answered, NOON)
    assert not answer_command(connection, "hk-11", answered, NOON)
    assert ids(timedelta(seconds=30)) == [(command_id, 30)]


def test_a_kiosk_that_is_not_heard_is_not_reachable_and_nothing_waits_for_it(connection: Connection) -> None:
    stop = Command("", CommandKind.STOP, 60, transaction_id="t")
    late = NOON + REACHABLE_WITHIN + timedelta(seconds=1)

    with pytest.raises(NotReachable, match="never heard"):
        send_command(connection, "hk-07", stop, NOON)
    connection.execute(update(kiosks).values(last_contact_ms=to_ms(NOON)))
    with pytest.raises(NotReachable, match="last heard 71 s ago"):
        send_command(connection, "hk-07", stop, late)
    assert sent(connection, late) == []

    assert send_command(connection, "hk-07", stop, NOON + REACHABLE_WITHIN)
    assert len(sent(connection, NOON + REACHABLE_WITHIN)) == 1


def test_a_kiosk_that_polls_stays_reachable_between_two_longest_polls() -> None:
    assert REACHABLE_WITHIN >= timedelta(seconds=LONGEST_POLL_S) + CONTACT_IS_NOTED_EVERY


def test_the_epoch_stays_until_it_is_renewed(connection: Connection) -> None:
    before = epoch(connection)

    assert epoch(connection) == before
    assert renew_epoch(connection) == epoch(connection) != before


def test_what_does_not_exist_is_named_with_what_does(connection: Connection) -> None:
    with pytest.raises(NotKnown, match="HK-07"):
        find_kiosk(connection, "HK-70")
    with pytest.raises(NotKnown, match="harbour-ac"):
        set_offer(connection, "hk-07", 1, "harbor-ac", NOON)
    with pytest.raises(ValueError, match="Mars"):
        add_kiosk(connection, "X", NOON, time_zone="Mars/A")
