"""The phone says what it read off a kiosk's screen; the server believes the right thing, and slows who guesses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, update

from billing.device_codes import (
    FREE_PER_ADDRESS,
    FREE_PER_KIOSK,
    LONGEST_REST_S,
    Checked,
    Guesses,
    check_code,
    check_signed,
    code_secret,
    who_asks,
)
from billing.directory import add_kiosk
from billing.enrolment import enrol, new_code
from billing.facts import note_takes_phones
from billing.lists import authorization_list
from billing.server_key import public_hex
from billing.tables import lists
from contract.api import EnrolRequest
from contract.device_code import short_code, signed_address
from contract.tokens import AuthorizationList, read_list
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import NOON

PHONE, OTHER_PHONE = "203.0.113.7", "203.0.113.8"
MINUTE = timedelta(minutes=1)


def wrong_code(connection: Connection) -> str:
    """A code that is none now, nor within five minutes."""
    secret = code_secret(connection, "hk-07", NOON)
    near = {short_code(secret, evse_id, NOON + n * MINUTE) for n in range(-3, 60) for evse_id in (1, 2)}
    return next(code for code in ("000000", *map(str, range(100_000, 100_100))) if code not in near)


def test_the_list_brings_a_kiosk_its_own_secret_and_always_the_same(connection: Connection) -> None:
    add_kiosk(connection, "HK-08", NOON, place="Pier 5", time_zone="Europe/Berlin")
    first, other, later = (
        authorization_list(connection, kiosk_id, 0, at, SERVER_KEY)
        for kiosk_id, at in (("hk-07", NOON), ("hk-08", NOON), ("hk-07", NOON + timedelta(days=20)))
    )
    secrets = [read_list(str(text), [SERVER_KEY.public_key()]).code_secret for text in (first, other, later)]

    assert secrets[0] is not None and secrets[0] == secrets[2] == code_secret(connection, "hk-07", NOON)
    assert secrets[1] is not None and secrets[1] != secrets[0]


def test_the_list_says_where_no_payments_are_taken_by_phone_as_soon_as_that_changes(connection: Connection) -> None:
    def newest(after: int) -> AuthorizationList | None:
        text = authorization_list(connection, "hk-07", after, NOON, SERVER_KEY)
        return None if text is None else read_list(text, [SERVER_KEY.public_key()])

    first = newest(0)
    note_takes_phones(connection, True)
    assert newest(1) is None, "a server that takes them says nothing, as an older one"
    note_takes_phones(connection, False)
    none = newest(1)
    note_takes_phones(connection, True)
    again = newest(2)

    assert [None if one is None else one.phone_payments for one in (first, none, again)] == [None, False, None]
    assert none is not None and again is not None


def test_a_kiosk_on_another_board_has_another_secret_with_its_next_list(connection: Connection) -> None:
    before = code_secret(connection, "hk-07", NOON)
    assert authorization_list(connection, "hk-07", 0, NOON, SERVER_KEY) is not None
    public_key = public_hex(Ed25519PrivateKey.generate())
    asked = EnrolRequest(new_code(connection, "hk-07", NOON), public_key, "another-board")
    enrol(connection, asked, NOON, SERVER_KEY)
    enrol(connection, asked, NOON, SERVER_KEY)  # the answer was lost
    text = authorization_list(connection, "hk-07", 1, NOON, SERVER_KEY)

    assert text is not None
    after = read_list(text, [SERVER_KEY.public_key()]).code_secret
    assert after is not None and after != before
    assert not check_code(connection, "hk-07", 1, short_code(before, 1, NOON), NOON, PHONE).is_good


def test_a_list_from_before_the_secrets_is_built_anew_after_the_migration(connection: Connection) -> None:
    before = authorization_list(connection, "hk-07", 0, NOON, SERVER_KEY)
    assert authorization_list(connection, "hk-07", 1, NOON, SERVER_KEY) is None
    connection.execute(update(lists).values(revision=-1, content_hash="of old"))

    after = authorization_list(connection, "hk-07", 1, NOON, SERVER_KEY)

    assert before is not None and after is not None
    assert read_list(after, [SERVER_KEY.public_key()]).version == 2


def test_what_the_screen_shows_is_believed_for_its_own_device_alone(connection: Connection) -> None:
    secret = code_secret(connection, "hk-07", NOON)
    proof = signed_address("https://x", "hk-07", 1, secret, NOON).partition("?s=")[2]

    assert check_signed(connection, "hk-07", 1, proof, NOON + MINUTE)
    assert not check_signed(connection, "hk-07", 2, proof, NOON)
    assert not check_signed(connection, "hk-07", 1, proof, NOON + 3 * MINUTE)
    assert not check_signed(connection, "nobody", 1, proof, NOON)
    assert check_code(connection, "hk-07", 1, short_code(secret, 1, NOON), NOON + MINUTE, PHONE).is_good
    assert check_code(connection, "hk-07", 2, short_code(secret, 1, NOON), NOON, PHONE).outcome is Checked.WRONG


def test_who_guesses_has_five_tries_and_then_waits_longer_each_time(connection: Connection) -> None:
    wrong, now = wrong_code(connection), NOON
    left = [check_code(connection, "hk-07", 1, wrong, now, PHONE).tries_left for _ in range(FREE_PER_ADDRESS)]
    assert left == [4, 3, 2, 1, 0]

    right = short_code(code_secret(connection, "hk-07", NOON), 1, NOON)
    during = check_code(connection, "hk-07", 1, right, now + timedelta(seconds=1), PHONE)
    elsewhere = check_code(connection, "hk-07", 1, right, now + timedelta(seconds=1), OTHER_PHONE)
    waits = []
    for _ in range(4):
        now += timedelta(seconds=check_code(connection, "hk-07", 1, wrong, now, PHONE).wait_s)
        waits.append(check_code(connection, "hk-07", 1, wrong, now, PHONE).wait_s)

    assert (during.outcome, during.wait_s) == (Checked.RESTS, 29)
    assert elsewhere.is_good
    assert waits == [60, 120, 240, 480]


def test_a_kiosk_that_many_phones_guess_at_rests_but_its_qr_code_works(connection: Connection) -> None:
    wrong, secret = wrong_code(connection), code_secret(connection, "hk-07", NOON)
    for number in range(FREE_PER_KIOSK):
        check_code(connection, "hk-07", 1, wrong, NOON, f"198.51.100.{number}")

    verdict = check_code(connection, "hk-07", 1, short_code(secret, 1, NOON), NOON, PHONE)
    proof = signed_address("https://x", "hk-07", 1, secret, NOON).partition("?s=")[2]

    assert verdict.outcome is Checked.RESTS and verdict.wait_s == 30
    assert check_signed(connection, "hk-07", 1, proof, NOON)
    assert check_code(connection, "hk-07", 1, short_code(secret, 1, NOON), NOON + MINUTE, PHONE).is_good


def test_a_right_code_forgets_the_phones_own_mistakes_and_ten_minutes_everybodys(connection: Connection) -> None:
    wrong, secret = wrong_code(connection), code_secret(connection, "hk-07", NOON)
    for _ in range(FREE_PER_ADDRESS - 1):
        check_code(connection, "hk-07", 1, wrong, NOON, PHONE)
    assert check_code(connection, "hk-07", 1, short_code(secret, 1, NOON), NOON, PHONE).is_good
    assert check_code(connection, "hk-07", 1, wrong, NOON, PHONE).tries_left == FREE_PER_ADDRESS - 1

    assert check_code(connection, "hk-07", 1, wrong, NOON + 10 * MINUTE, PHONE).tries_left == FREE_PER_ADDRESS - 1


def test_an_unknown_kiosk_costs_the_phone_its_tries_too(connection: Connection) -> None:
    verdicts = [check_code(connection, f"no-{n}", 1, "123456", NOON, PHONE) for n in range(FREE_PER_ADDRESS + 1)]

    assert [verdict.outcome for verdict in verdicts] == [Checked.WRONG] * FREE_PER_ADDRESS + [Checked.RESTS]


def test_two_workers_count_as_one(engine: Engine) -> None:
    with engine.begin() as connection:
        wrong = wrong_code(connection)
    left = []
    for _ in range(FREE_PER_ADDRESS):
        with engine.begin() as worker:
            left.append(check_code(worker, "hk-07", 1, wrong, NOON, PHONE).tries_left)

    assert left == [4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("x" * 200, "x" * 60),
    ],
)
def test_a_subscriber_with_many_addresses_is_one(address: str, counted: str) -> None:
    assert who_asks(address) == counted


@given(st.lists(st.integers(0, 2_000), max_size=40))
def test_a_rest_is_never_longer_than_a_quarter_of_an_hour_and_ends(pauses_s: list[int]) -> None:
    guesses, now = Guesses(FREE_PER_ADDRESS), NOON
    for pause_s in pauses_s:
        now += timedelta(seconds=pause_s)
        guesses = guesses.at(now)
        if guesses.wait_s(now) == 0:
            guesses = guesses.after_wrong(now)
        assert guesses.wait_s(now) <= LONGEST_REST_S
        assert guesses.wait_s(now - timedelta(days=400)) == 0

    assert guesses.at(now + timedelta(seconds=LONGEST_REST_S)) == Guesses(FREE_PER_ADDRESS)
