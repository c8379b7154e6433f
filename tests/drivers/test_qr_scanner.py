"""The QR scanner through the real pyserial, on a simulated scanner that sends lines on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.identity import IdToken, TokenKind
from kiosk.drivers.qr_scanner import LONGEST_LINE_BYTES, MOST_TOKENS, Lines, QrScanner, ScanEdges
from sim import scanner
from tests.drivers.patience import until

pytestmark = pytest.mark.bytes
VOUCHER = IdToken(TokenKind.VOUCHER, "KV1.MFRGG.ONXW2")
MEMBER = IdToken(TokenKind.MEMBER_CODE, "KM1.8231")


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("qr") / "scanner")


@pytest.fixture
def street(path: str):  # type: ignore[no-untyped-def]
    device = scanner.QrScanner(path)
    yield device
    device.close()


@pytest.fixture
def kiosk(street: scanner.QrScanner, path: str):  # type: ignore[no-untyped-def]
    device = QrScanner("scanner", path)
    until(lambda: device.health().is_good, "the scanner opens")
    yield device
    device.close()


def taken(kiosk: QrScanner, count: int) -> list[IdToken]:
    tokens: list[IdToken] = []

    def enough() -> bool:
        tokens.extend(kiosk.take())
        return len(tokens) >= count

    until(enough, f"{count} tokens")
    return tokens


def test_a_code_is_a_voucher_or_a_member_by_its_first_letters(street: scanner.QrScanner, kiosk: QrScanner) -> None:
    street.scan(VOUCHER.value)
    street.scan(MEMBER.value)

    assert taken(kiosk, 2) == [VOUCHER, MEMBER]


def test_a_payment_code_keeps_its_letters_as_they_are(street: scanner.QrScanner, kiosk: QrScanner) -> None:
    street.scan("SPAY:Lena:t000041")

    assert taken(kiosk, 1) == [IdToken(TokenKind.DIRECT_PAYMENT, "spay:Lena:t000041")]


def test_a_split_line_is_one_code_and_merged_lines_are_two(street: scanner.QrScanner, kiosk: QrScanner) -> None:
    street.send_bytes(b"KV1.MF")
    street.send_bytes(b"RGG.ONXW2\r")
    street.send_bytes(b"\nKM1.8231\rKM1.9\r")

    assert taken(kiosk, 3) == [VOUCHER, MEMBER, IdToken(TokenKind.MEMBER_CODE, "KM1.9")]


def test_a_code_held_in_front_of_the_scanner_is_one_scan(street: scanner.QrScanner, kiosk: QrScanner) -> None:
    for _ in range(5):
        street.scan(VOUCHER.value)
    street.scan(MEMBER.value)

    assert taken(kiosk, 2) == [VOUCHER, MEMBER]


def test_what_is_none_of_our_codes_is_counted_and_told(street: scanner.QrScanner, kiosk: QrScanner) -> None:
    street.scan("https://example.org")
    street.send_bytes(b"\xff\xfe\xfd\r\n")
    street.send_bytes(b"KM1.a\x07b\r\n")
    street.send_bytes(b"x" * 2000 + b"\r\n")
    street.scan(MEMBER.value)

    assert taken(kiosk, 1) == [MEMBER]
    assert until(lambda: kiosk.unreadable == 4, "four are counted")
    assert kiosk.health().is_good and "4 codes seen that are none of ours" in kiosk.health().message


def test_a_scanner_that_is_pulled_out_and_put_back_reads_again(street: scanner.QrScanner, kiosk: QrScanner) -> None:
    street.unplug()
    until(lambda: not kiosk.health().is_good, "the pulled scanner is noticed")
    assert "Check that the scanner is plugged in" in kiosk.health().message

    street.plug()
    until(lambda: kiosk.health().is_good, "it is opened again")
    street.scan(MEMBER.value)

    assert taken(kiosk, 1) == [MEMBER]


def test_a_scanner_that_is_not_there_says_so_and_closes_at_once(path: str) -> None:
    kiosk = QrScanner("scanner", path)
    until(lambda: "No such file" in kiosk.health().message, "the missing scanner is noticed")

    kiosk.close()

    assert not kiosk._thread.is_alive() and kiosk.take() == []


def test_codes_nobody_takes_are_bounded(street: scanner.QrScanner, kiosk: QrScanner) -> None:
    for number in range(30):
        street.scan(f"KM1.{number}")
    until(lambda: kiosk._tokens and kiosk._tokens[-1].value == "KM1.29", "the last one")

    assert len(kiosk.take()) == MOST_TOKENS


def test_the_same_code_counts_again_two_seconds_after_it_was_last_seen() -> None:
    edges = ScanEdges()

    assert [edges.is_new("a", at_s) for at_s in (0.0, 1.5, 3.0, 5.0)] == [True, False, False, True]


@given(
    st.lists(st.binary(min_size=1, max_size=LONGEST_LINE_BYTES).filter(lambda line: not set(line) & set(b"\r\n"))),
    st.lists(st.integers(1, 700), min_size=1),
)
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    stream, assembler, got = b"".join(line + b"\r\n" for line in lines), Lines(), []
    at = 0
    for turn in range(len(stream)):
        if at >= len(stream):
            break
        size = cuts[turn % len(cuts)]
        got += assembler.feed(stream[at : at + size])
        at += size

    assert got == lines and assembler.oversized == 0


@given(st.lists(st.integers(1, 300), min_size=1))
def test_a_line_without_an_end_is_one_loss_and_holds_no_memory(cuts: list[int]) -> None:
    assembler, stream = Lines(), b"x" * 3000
    while stream:
        for cut in cuts:
            assert assembler.feed(stream[:cut]) == []
            stream = stream[cut:]
            assert len(assembler._held) <= LONGEST_LINE_BYTES

    assert assembler.feed(b"\nnext\n") == [b"next"]
    assert assembler.oversized == 1
