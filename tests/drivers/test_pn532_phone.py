"""A phone's payment app at the reader: the real nfcpy reads a simulated Type 4 tag, frame by frame."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.identity import IdToken, TokenKind
from kiosk.drivers import pn532
from kiosk.drivers.pn532 import MOST_TORN, MOST_TYPE4_BYTES, Pn532Reader, _Chip, read_once
from sim.nfc_tag import UidCard
from sim.pn532 import Pn532
from sim.type4_tag import ATS, Type4Tag, text_record, uri_record
from tests.drivers.patience import until
from tests.drivers.test_pn532 import looks

pytestmark = pytest.mark.bytes
CODE = "spay:lena:t000041"
PAYMENT = IdToken(TokenKind.DIRECT_PAYMENT, CODE)
CARD_UID = bytes.fromhex("04a1b2c3d4e580")


@pytest.mark.parametrize("message", [text_record(CODE), uri_record(CODE)], ids=["text", "address"])
@pytest.mark.parametrize("sel_res", [b"\x20", b"\x60"], ids=["type 4", "type 4 and peer to peer"])
def test_a_phones_payment_code_is_the_token_and_its_random_uid_is_none(
    chip: Pn532,
    reader: Pn532Reader,
    message: bytes,
    sel_res: bytes,
) -> None:
    chip.tag = Type4Tag(message, sel_res=sel_res)

    assert until(reader.take, "the code") == [PAYMENT]


def test_a_phone_left_on_the_reader_is_one_tap_though_its_uid_is_new_at_each_look(
    chip: Pn532,
    reader: Pn532Reader,
) -> None:
    chip.tag = phone = Type4Tag(text_record(CODE))
    assert until(reader.take, "the code") == [PAYMENT]
    seen = phone.activations
    until(lambda: phone.activations >= seen + 3, "three more readings")
    assert reader.take() == []

    chip.tag = Type4Tag(text_record("spay:lena:t000042"))
    assert [token.value for token in until(reader.take, "a newer code")] == ["spay:lena:t000042"]


@pytest.mark.parametrize(
    "phone",
    [
        Type4Tag(None),
        Type4Tag(b""),
        Type4Tag(text_record("https://example.org")),
        Type4Tag(b"\xd1\x01\x30T\x02en"),
        Type4Tag(b"\xff" * 20),
    ],
    ids=["no payment app", "no message", "none of our codes", "a record that ends too soon", "no record at all"],
)
def test_a_phone_that_says_nothing_of_ours_is_nobody(chip: Pn532, reader: Pn532Reader, phone: Type4Tag) -> None:
    chip.tag = phone
    until(lambda: phone.activations >= 3, "three readings")

    assert reader.take() == []
    until(lambda: reader.health().is_good, "the reader goes on")


def test_a_code_longer_than_a_frame_comes_in_a_chain_and_one_that_is_too_long_is_none(
    chip: Pn532,
    reader: Pn532Reader,
) -> None:
    voucher = "KV1." + "A" * 500 + ".B"
    phone = Type4Tag(text_record(voucher))
    phone.capabilities = bytes.fromhex("000f2000ff00f60406e104080000ff")  # it answers with more than a frame holds
    chip.tag = phone
    assert until(reader.take, "the code") == [IdToken(TokenKind.VOUCHER, voucher)]

    chip.tag = phone = Type4Tag(text_record("spay:" + "x" * (MOST_TYPE4_BYTES + 100)))
    until(lambda: phone.activations >= 2, "two readings")
    assert reader.take() == []


def test_a_tag_that_says_too_much_is_listened_to_no_longer(chip: Pn532) -> None:
    chip.tag = phone = Type4Tag(text_record("spay:" + "x" * 30_000))
    with _Chip(chip.path) as opened:
        assert opened.said(opened.sense()) is None

    assert phone.exchanges < 30


def test_a_phone_without_a_code_before_a_card_is_no_empty_field(chip: Pn532, reader: Pn532Reader) -> None:
    chip.tag = card = UidCard(bytes.fromhex("DEADBEEF"))
    assert until(reader.take, "a tap") == [IdToken(TokenKind.ISO14443, "DEADBEEF")]
    chip.tag = phone = Type4Tag(None)
    looks(chip, 8)
    assert phone.activations >= 7
    chip.tag = card
    looks(chip, 3)

    assert reader.take() == []


@pytest.mark.parametrize("exchanges", range(8))
def test_a_phone_torn_away_at_any_moment_is_nothing_until_it_is_back(
    chip: Pn532,
    reader: Pn532Reader,
    exchanges: int,
) -> None:
    chip.tag = phone = Type4Tag(text_record(CODE))
    phone.silent_after = exchanges
    looks(chip, 3)
    assert reader.take() == []
    until(lambda: reader.health().is_good, "the reader goes on")

    phone.silent_after = None
    assert until(reader.take, "the code") == [PAYMENT]


def test_a_phone_that_asks_for_time_gets_it_and_one_that_asks_for_ever_does_not(
    chip: Pn532,
    reader: Pn532Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pn532, "TYPE4_PATIENCE_S", 0.4)
    chip.tag = phone = Type4Tag(text_record(CODE))
    phone.waits = -1
    looks(chip, 2)
    assert reader.take() == []
    until(lambda: reader.health().is_good, "the reader goes on")
    phone.waits = 2

    assert until(reader.take, "the code") == [PAYMENT]


WRONG_CAPABILITIES = {
    "too short": "000320",
    "an unknown version": "000f9000f600f60406e104080000ff",
    "another file's control": "000f2000f600f60506e104080000ff",
    "a file that is not there": "000f2000f600f60406e105080000ff",
    "nothing may be read at once": "000f20000000000406e104080000ff",
}


@pytest.mark.parametrize("capabilities", WRONG_CAPABILITIES.values(), ids=WRONG_CAPABILITIES)
def test_wrong_capabilities_end_in_nothing_and_the_reader_goes_on(
    chip: Pn532,
    reader: Pn532Reader,
    monkeypatch: pytest.MonkeyPatch,
    capabilities: str,
) -> None:
    monkeypatch.setattr(pn532, "TYPE4_PATIENCE_S", 0.4)
    chip.tag = phone = Type4Tag(text_record(CODE))
    phone.capabilities = bytes.fromhex(capabilities)
    until(lambda: phone.activations >= 2, "two readings")
    assert reader.take() == []
    chip.tag = UidCard(bytes.fromhex("DEADBEEF"))

    assert until(reader.take, "the next card") == [IdToken(TokenKind.ISO14443, "DEADBEEF")]


@pytest.mark.parametrize("length", [0xFFFF, 40, 3], ids=["far beyond the file", "beyond the message", "within it"])
def test_a_message_of_a_wrong_length_is_read_within_its_bounds(
    chip: Pn532,
    reader: Pn532Reader,
    monkeypatch: pytest.MonkeyPatch,
    length: int,
) -> None:
    monkeypatch.setattr(pn532, "TYPE4_PATIENCE_S", 0.4)
    chip.tag = phone = Type4Tag(text_record(CODE))
    phone.length = length
    until(lambda: phone.activations >= 2, "two readings")

    assert reader.take() == []
    until(lambda: reader.health().is_good, "the reader goes on")


# ---- cards of the same kind --------------------------------------------------------------------------------------


def test_a_members_card_of_this_kind_is_its_uid_as_ever_and_read_through_once(
    chip: Pn532,
    reader: Pn532Reader,
) -> None:
    chip.tag = card = Type4Tag(None, uid=CARD_UID)
    assert until(reader.take, "a tap") == [IdToken(TokenKind.ISO14443, CARD_UID.hex().upper())]
    looks(chip, 8)

    assert reader.take() == [] and card.activations == 1


def test_a_card_that_never_finishes_its_sentence_is_its_uid_in_the_end(
    chip: Pn532,
    reader: Pn532Reader,
) -> None:
    chip.tag = card = Type4Tag(text_record(CODE), uid=CARD_UID)
    card.silent_after = 2

    assert until(reader.take, "a tap") == [IdToken(TokenKind.ISO14443, CARD_UID.hex().upper())]
    assert card.activations >= MOST_TORN


def test_a_phone_with_a_fixed_uid_is_its_code_and_not_that_uid(chip: Pn532, reader: Pn532Reader) -> None:
    chip.tag = Type4Tag(text_record(CODE), uid=bytes.fromhex("01020304"))

    assert until(reader.take, "the code") == [PAYMENT]
    looks(chip, 4)
    assert reader.take() == []


@pytest.mark.parametrize(
    ("phone", "told"),
    [
        (Type4Tag(text_record(CODE)), ("a phone: its UID is random", "DirectPayment …0041")),
        (Type4Tag(None), ("a phone: its UID is random", "no code of ours")),
        (Type4Tag(None, uid=CARD_UID), ("ISO-DEP card", "no code of ours")),
    ],
)
def test_the_technician_reads_what_a_phone_says_masked(chip: Pn532, phone: Type4Tag, told: tuple[str, str]) -> None:
    chip.tag = phone
    card = read_once(chip.path, 5.0)

    assert card is not None and (card.kind, card.says) == told


def test_the_chip_selects_a_tag_by_itself_only_where_nobody_told_it_not_to(chip: Pn532) -> None:
    """As it starts it answers with the ATS at once; nfcpy turns that off, and asks for the ATS in its own words."""
    chip.tag = Type4Tag(text_record(CODE))
    assert chip._list_targets(b"\x01\x00").endswith(ATS)
    chip.tag.field_off()
    with _Chip(chip.path) as opened:
        target = opened.sense()
        assert len(target.sdd_res) == 4 and opened.said(target) == (CODE,)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120), st.binary(min_size=0, max_size=15), st.integers(0, 200))
def test_no_bytes_of_a_tag_break_the_reader(
    chip: Pn532,
    message: bytes,
    capabilities: bytes,
    length: int,
) -> None:
    chip.tag = tag = Type4Tag(message)
    tag.capabilities, tag.length = capabilities or tag.capabilities, length
    with pytest.MonkeyPatch.context() as patch, _Chip(chip.path) as opened:
        patch.setattr(pn532, "TYPE4_PATIENCE_S", 0.1)
        said = opened.said(opened.sense())

    assert said is None or all(isinstance(text, str) for text in said)
