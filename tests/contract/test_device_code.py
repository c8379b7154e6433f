"""What a kiosk's screen shows is made only with its secret, and is good for two minutes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.device_code import (
    device_address,
    is_code,
    is_secret,
    is_signed,
    short_code,
    signed_address,
    step_ends_at,
    step_of,
)

SECRET, OTHER = "0f" * 32, "a0" * 32
NOON = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 10**12).map(lambda ms: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
SECRETS = st.binary(min_size=32, max_size=32).map(bytes.hex)
EVSES = st.integers(1, 99)
BASE = "https://charge.example.org"


def proof(at: datetime, secret: str = SECRET, kiosk_id: str = "hk-07", evse_id: int = 1) -> str:
    return signed_address(BASE, kiosk_id, evse_id, secret, at).partition("?s=")[2]


def test_the_code_and_the_address_never_change_for_the_same_minute() -> None:
    """Kiosks in the field make them too: these very texts are the agreement."""
    assert short_code(SECRET, 1, NOON) == "672678"
    assert signed_address(BASE + "/", "hk-07", 1, SECRET, NOON) == f"{BASE}/d/hk-07/1?s=OBU2Q6HJMZ5HYX6H"
    assert device_address(BASE, "hk-07", 1) == f"{BASE}/d/hk-07/1"


@given(SECRETS, EVSES, MOMENTS)
def test_a_code_is_six_digits_and_a_proof_sixteen_letters_that_need_no_escape(
    secret: str, evse_id: int, at: datetime
) -> None:
    assert re.fullmatch(r"[0-9]{6}", short_code(secret, evse_id, at))
    assert re.fullmatch(r"[A-Z2-7]{16}", proof(at, secret, "hk-07", evse_id))


@given(SECRETS, EVSES, MOMENTS, st.integers(-60, 60))
def test_what_was_shown_within_the_last_minute_is_good_though_clocks_differ_by_one(
    secret: str, evse_id: int, shown_at: datetime, clock_s: int
) -> None:
    for age_s in (0, 59):
        now = shown_at + timedelta(seconds=age_s + clock_s)
        assert is_code(secret, evse_id, short_code(secret, evse_id, shown_at), now)
        assert is_signed(secret, "hk-07", evse_id, proof(shown_at, secret, "hk-07", evse_id), now)


@given(MOMENTS, st.integers(180, 10**8) | st.integers(-(10**8), -120))
def test_nothing_is_good_three_minutes_later_or_two_before(shown_at: datetime, age_s: int) -> None:
    now = shown_at + timedelta(seconds=age_s)

    assert not is_signed(SECRET, "hk-07", 1, proof(shown_at), now)


@given(MOMENTS)
def test_a_proof_is_of_one_kiosk_one_evse_and_one_secret(at: datetime) -> None:
    assert not is_signed(SECRET, "hk-08", 1, proof(at), at)
    assert not is_signed(SECRET, "hk-07", 2, proof(at), at)
    assert not is_signed(OTHER, "hk-07", 1, proof(at), at)


def test_a_code_of_another_evse_or_kiosk_is_wrong() -> None:
    code = short_code(SECRET, 1, NOON)

    assert not is_code(SECRET, 2, code, NOON)
    assert not is_code(OTHER, 1, code, NOON)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_answered(text: str) -> None:
    assert is_code(SECRET, 1, text, NOON) in (True, False)
    assert not is_signed(SECRET, "hk-07", 1, text, NOON)


@pytest.mark.parametrize("spell", ["{}", " {} ", "{:.3} {:.0}", "{:.3}-"])
def test_blanks_and_a_dash_between_the_digits_do_not_matter(spell: str) -> None:
    code = short_code(SECRET, 1, NOON)
    typed = spell.format(code, "") + (code[3:] if ".3" in spell else "")

    assert is_code(SECRET, 1, typed, NOON)


@given(MOMENTS)
def test_a_step_ends_where_the_next_begins(at: datetime) -> None:
    ends = step_ends_at(at)

    assert timedelta(0) < ends - at <= timedelta(seconds=60)
    assert step_of(ends) == step_of(at) + 1 and step_of(ends - timedelta(milliseconds=1)) == step_of(at)


@pytest.mark.parametrize("text", ["", "0F" * 32, "0f" * 33, "0f" * 32 + "\n"])
def test_a_secret_that_is_none_makes_nothing(text: str) -> None:
    assert not is_secret(text)
    with pytest.raises(ValueError, match="64 hex digits"):
        short_code(text, 1, NOON)
