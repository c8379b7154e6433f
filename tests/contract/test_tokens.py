"""Signed texts: only the signer's own words pass, in the one kind they were signed for."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.codec import from_bytes, to_bytes
from contract.identity import IdToken, TokenKind
from contract.list_change import applied, change_between
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from contract.tokens import (
    AuthorizationList,
    ForgedText,
    ListEntry,
    SignedKind,
    Voucher,
    classify,
    read_list,
    read_voucher,
    sign,
    sign_list,
    sign_voucher,
    verify,
)
from contract.transaction import token_hash

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
KEYS = (KEY.public_key(),)
VOUCHER = Voucher("v-1", "hk-07", 1000, "EUR", datetime(2027, 1, 1, tzinfo=UTC))
OFFER = TariffOffer(
    Tariff("t", 1, "EUR", (TariffElement((PriceComponent(Dimension.ENERGY, Decimal("0.5"), Decimal(20)),)),))
)
LIST = AuthorizationList(
    "hk-07",
    3,
    datetime(2026, 11, 21, tzinfo=UTC),
    datetime(2026, 12, 21, tzinfo=UTC),
    {"1": OFFER},
    (ListEntry(token_hash(TokenKind.ISO14443, "04AABB"), "anna", 2000),),
)
QR_ALPHANUMERIC = re.compile(r"[0-9A-Z $%*+\-./:]*")  # ISO/IEC 18004 table 5


@given(st.sampled_from(SignedKind), st.binary(max_size=200))
def test_what_was_signed_is_read_back(kind: SignedKind, payload: bytes) -> None:
    assert verify(kind, sign(kind, payload, KEY), KEYS) == payload


def test_any_of_the_known_keys_may_have_signed() -> None:
    text = sign_voucher(VOUCHER, OTHER)

    assert read_voucher(text, (*KEYS, OTHER.public_key())) == VOUCHER
    with pytest.raises(ForgedText, match="signature does not match"):
        read_voucher(text, KEYS)
    with pytest.raises(ForgedText):
        read_voucher(text, ())


@given(st.data())
def test_a_changed_letter_changes_nothing_or_is_noticed(data: st.DataObject) -> None:
    text = sign_voucher(VOUCHER, KEY)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567.0é "))
    changed = text[:at] + letter + text[at + 1 :]

    try:
        read = read_voucher(changed, KEYS)
    except ForgedText:
        return
    assert read == VOUCHER  # base32 pads its last letter with bits that mean nothing


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 20, 103, 104, 200])
def test_a_truncated_text_is_forged(cut: int) -> None:
    text = sign_voucher(VOUCHER, KEY)

    for part in (text[:-cut], text[cut:], text[:cut]):
        with pytest.raises(ForgedText):
            read_voucher(part, KEYS)


@settings(max_examples=200)
@given(st.text(max_size=60), st.sampled_from(SignedKind))
def test_no_text_raises_anything_but_forged(noise: str, kind: SignedKind) -> None:
    for text in (noise, f"{kind}.{noise}", f"{kind}.{noise}.{noise}", f"{kind}.AAAA.{noise}"):
        with pytest.raises(ForgedText):
            verify(kind, text, KEYS)


def test_a_signature_of_one_kind_never_passes_for_another() -> None:
    payload = to_bytes(VOUCHER)
    command = sign(SignedKind.COMMAND, payload, KEY)
    _, body, signature = command.split(".")
    as_list = f"{SignedKind.AUTHORIZATION_LIST}.{body}.{signature}"
    raw = base64.urlsafe_b64decode(signature + "==")
    as_voucher = ".".join(
        (SignedKind.VOUCHER, *(base64.b32encode(part).decode().rstrip("=") for part in (payload, raw)))
    )

    for kind, text in (
        (SignedKind.VOUCHER, command),
        (SignedKind.AUTHORIZATION_LIST, as_list),
        (SignedKind.VOUCHER, as_voucher),
    ):
        with pytest.raises(ForgedText):
            verify(kind, text, KEYS)


def test_a_payload_that_is_no_voucher_is_forged_even_if_well_signed() -> None:
    for payload in (b"", b"[]", b'{"voucher_id": 1}', to_bytes(LIST), b"\xff"):
        with pytest.raises(ForgedText):
            read_voucher(sign(SignedKind.VOUCHER, payload, KEY), KEYS)


def test_a_list_names_evses_by_number() -> None:
    text = sign(SignedKind.AUTHORIZATION_LIST, to_bytes(LIST).replace(b'"offers":{"1"', b'"offers":{"A"'), KEY)

    with pytest.raises(ForgedText, match="'A' is no evse_id"):
        read_list(text, KEYS)


def test_a_signed_list_is_read_back() -> None:
    assert read_list(sign_list(LIST, KEY), KEYS) == LIST


def test_a_voucher_fits_the_alphanumeric_mode_of_a_qr_code() -> None:
    text = sign_voucher(replace(VOUCHER, voucher_id="ü" * 20), KEY)

    assert QR_ALPHANUMERIC.fullmatch(text)
    assert len(text) <= 600


@pytest.mark.parametrize("spell", [str.upper, str.lower, str.swapcase, lambda text: f"  {text}\r\n"])
def test_a_voucher_is_read_in_any_case_and_with_blanks_around(spell: object) -> None:
    assert callable(spell)
    text: str = spell(sign_voucher(VOUCHER, KEY))

    assert read_voucher(text, KEYS) == VOUCHER
    assert classify(text) == IdToken(TokenKind.VOUCHER, sign_voucher(VOUCHER, KEY))


def test_base64_kinds_keep_their_case() -> None:
    with pytest.raises(ForgedText):
        read_list(sign_list(LIST, KEY).swapcase(), KEYS)


def test_a_member_code_is_the_same_token_in_either_case() -> None:
    assert classify("km1.abc-7") == classify(" KM1.ABC-7\n") == IdToken(TokenKind.MEMBER_CODE, "KM1.ABC-7")


@pytest.mark.parametrize(("text", "value"), [("spay:Ab-1", "spay:Ab-1"), (" SPAY:Ab/1+= \n", "spay:Ab/1+=")])
def test_a_payment_code_keeps_its_letters_and_only_its_first_word_is_in_any_case(text: str, value: str) -> None:
    assert classify(text) == IdToken(TokenKind.DIRECT_PAYMENT, value)


@pytest.mark.parametrize(("length", "is_one"), [(8, False), (9, True), (128, True), (129, False)])
def test_a_payment_code_is_9_to_128_characters_long(length: int, is_one: bool) -> None:
    assert (classify("spay:" + "x" * (length - 5)) is not None) is is_one


def test_a_list_from_before_the_codes_on_the_screen_still_reads() -> None:
    old = to_bytes(LIST)

    assert b"code_secret" not in old
    assert from_bytes(AuthorizationList, old).code_secret is None
    with_secret = replace(LIST, code_secret="0f" * 32)
    assert read_list(sign_list(with_secret, KEY), KEYS) == with_secret
    assert applied(LIST, change_between(LIST, replace(with_secret, version=4))).code_secret == "0f" * 32


@pytest.mark.parametrize("secret", ["", "0F" * 32, "0f" * 31, "zz" * 32, "0f" * 32 + "\n"])
def test_a_list_whose_secret_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        replace(LIST, code_secret=secret)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "spay:",
        "spay:a b c",
        "spay:héllo",
        "pay:12345",
        "KM1.",
        "KV2.A.B",
        "HTTPS://EXAMPLE.ORG",
        "KV1.É.A",
        "KM1." + "ß" * 500,
        "KM1.\x07",
        "K" * 601,
    ],
)
def test_what_is_not_ours_is_nothing(text: str) -> None:
    assert classify(text) is None


@settings(max_examples=300)
@given(st.sampled_from(["", "KV1.", "km1.", "KM1.", "spay:"]), st.text(max_size=700))
def test_no_scan_ever_raises(start: str, text: str) -> None:
    token = classify(start + text)

    assert token is None or token.kind in (TokenKind.VOUCHER, TokenKind.MEMBER_CODE, TokenKind.DIRECT_PAYMENT)


def test_a_list_beyond_every_size_is_not_even_looked_at() -> None:
    with pytest.raises(ForgedText, match="not a"):
        read_list("KL1." + "A" * 4_000_000 + ".AAAA", KEYS)


@pytest.mark.parametrize(("value", "masked"), [("04AABBCC", "…BBCC"), ("04AABB", "…AABB"), ("1234", "…"), ("1", "…")])
def test_a_masked_token_shows_four_letters_at_most(value: str, masked: str) -> None:
    assert IdToken(TokenKind.ISO14443, value).masked == masked


@pytest.mark.parametrize("value", ["", "a\nb", "x" * 601])
def test_an_id_token_is_short_and_printable(value: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        IdToken(TokenKind.ISO14443, value)
