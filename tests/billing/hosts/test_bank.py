"""Account numbers are checked; a changed account waits, and a second person agrees to it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from billing.hosts.bank import (
    WAITS,
    AccountState,
    NotAllowed,
    accounts_of,
    approve_account,
    enter_account,
    paid_to,
    waiting_count,
    withdraw_account,
)
from billing.hosts.iban import BadIban, bic_of, iban_of, in_groups
from tests.billing.hosts.boatyard import IBAN, MARCH, OTHER_IBAN, furnish_host

LATER = MARCH + timedelta(days=30)


def test_an_iban_is_read_as_people_write_it_and_shown_in_groups() -> None:
    assert iban_of("de89-3704 0044 0532 0130 00") == "DE89370400440532013000"
    assert in_groups(iban_of(OTHER_IBAN)) == "FR14 2004 1010 0505 0001 3M02 606"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DE89 3704 0044 0532 0130 01", "check digits"),
        ("DE98 3704 0044 0532 0130 00", "check digits"),
        ("DE89 3704 0044 0532 0130", "22 characters, this one 20"),
        ("US89 3704 0044 0532 0130 00", "no country"),
        ("nonsense", "two letters, two digits"),
        ("", "two letters, two digits"),
    ],
)
def test_a_mistyped_iban_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(BadIban, match=says):
        iban_of(text)


def test_a_bic_may_be_missing_and_may_not_be_wrong() -> None:
    assert bic_of(" ") is None and bic_of("coba de ff xxx") == "COBADEFFXXX"
    with pytest.raises(BadIban, match="8 or 11"):
        bic_of("COBA")


def test_a_first_account_counts_once_somebody_else_agreed(connection: Connection) -> None:
    furnish_host(connection)
    (account,) = accounts_of(connection, "H-12")

    assert account.state is AccountState.IN_USE and account.ending == "3000"
    assert paid_to([account]).account == account


def test_a_changed_account_waits_and_meanwhile_nobody_is_paid(connection: Connection) -> None:
    furnish_host(connection)
    new = enter_account(connection, "H-12", "Boatyard", OTHER_IBAN, "", "harry", LATER)

    with pytest.raises(NotAllowed, match="may object until 2026-04-03 09:00 UTC"):
        approve_account(connection, "H-12", new.account_no, "frida", LATER + WAITS - timedelta(seconds=1))
    with pytest.raises(NotAllowed, match="somebody else has to"):
        approve_account(connection, "H-12", new.account_no, "harry", LATER + WAITS)
    told = paid_to(accounts_of(connection, "H-12"))
    assert told.account is None and told.waiting == new and waiting_count(connection) == 1
    approve_account(connection, "H-12", new.account_no, "frida", LATER + WAITS)
    old, in_use = accounts_of(connection, "H-12")
    assert (old.state, in_use.state) == (AccountState.REPLACED, AccountState.IN_USE)
    assert waiting_count(connection) == 0
    assert paid_to([old, in_use]).account == in_use


def test_a_withdrawn_change_leaves_the_account_as_it_was(connection: Connection) -> None:
    furnish_host(connection)
    new = enter_account(connection, "H-12", "Boatyard", OTHER_IBAN, "", "harry", LATER)
    withdraw_account(connection, "H-12", new.account_no, "harry", LATER)

    paid = paid_to(accounts_of(connection, "H-12")).account
    assert paid is not None and paid.iban == iban_of(IBAN)
    with pytest.raises(NotAllowed, match="does not wait: it is withdrawn"):
        approve_account(connection, "H-12", new.account_no, "frida", LATER + WAITS)


def test_the_newest_of_two_changes_counts(connection: Connection) -> None:
    furnish_host(connection)
    first = enter_account(connection, "H-12", "Boatyard", OTHER_IBAN, "", "harry", LATER)
    second = enter_account(connection, "H-12", "Boatyard GmbH", OTHER_IBAN, "", "harry", LATER)

    with pytest.raises(NotAllowed, match="it is replaced"):
        approve_account(connection, "H-12", first.account_no, "frida", LATER + WAITS)
    approve_account(connection, "H-12", second.account_no, "frida", LATER + WAITS)
    assert [one.state for one in accounts_of(connection, "H-12")] == [
        AccountState.REPLACED,
        AccountState.REPLACED,
        AccountState.IN_USE,
    ]


def test_entering_the_account_that_counts_changes_nothing(connection: Connection) -> None:
    furnish_host(connection)

    with pytest.raises(NotAllowed, match="in use already"):
        enter_account(connection, "H-12", "Boatyard Möwe GmbH", IBAN, "", "harry", LATER)
