"""The NFC reader through the real nfcpy, on a simulated PN532 that speaks its frames on a terminal."""

from __future__ import annotations

import ndef
import nfc.clf.transport
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.identity import IdToken, TokenKind
from kiosk.drivers.pn532 import MOST_TOKENS, Card, Pn532Reader, ReaderError, TapEdges, read_once
from sim.nfc_tag import Ntag215, UidCard
from sim.pn532 import Pn532
from tests.drivers.patience import until

pytestmark = pytest.mark.bytes


def looks(chip: Pn532, count: int) -> None:
    """Wait until the reader has looked at its field `count` more times."""
    goal = chip.seen[0x4A] + count
    until(lambda: chip.seen[0x4A] >= goal, f"{count} looks at the field")


def iso14443(uid: str) -> IdToken:
    return IdToken(TokenKind.ISO14443, uid)


@pytest.mark.parametrize("uid", ["04A1B2C3D4E5F6", "DEADBEEF"])
def test_a_card_is_its_uid_in_upper_case_hex(chip: Pn532, reader: Pn532Reader, uid: str) -> None:
    chip.tag = UidCard(bytes.fromhex(uid))

    assert until(reader.take, "a tap") == [iso14443(uid)]


def test_a_card_left_on_the_reader_is_one_tap_and_counts_again_after_it_was_away(
    chip: Pn532, reader: Pn532Reader
) -> None:
    chip.tag = Ntag215()
    assert len(until(reader.take, "a tap")) == 1
    looks(chip, 8)
    assert reader.take() == []

    chip.tag = None
    looks(chip, 8)
    chip.tag = Ntag215()

    assert len(until(reader.take, "a second tap")) == 1


def test_a_random_uid_identifies_nobody(chip: Pn532, reader: Pn532Reader) -> None:
    chip.tag = UidCard(bytes.fromhex("08A1B2C3"))
    looks(chip, 3)

    assert reader.take() == []


def test_a_card_left_on_a_reader_that_hangs_and_is_reset_is_still_one_tap(path: str, chip: Pn532) -> None:
    resets: list[float] = []

    def reset() -> None:
        resets.append(0.0)
        chip.reset()

    reader = Pn532Reader("reader", path, reset=reset)
    chip.tag = Ntag215()
    assert len(until(reader.take, "a tap")) == 1
    chip.is_mute = True
    until(lambda: not reader.health().is_good, "the dead chip is noticed")
    assert "reader: pn532 at" in reader.health().message and path in reader.health().message

    until(lambda: reader.health().is_good, "the reset heals it")
    looks(chip, 8)

    assert resets and reader.take() == []
    reader.close()


def test_a_reader_that_is_pulled_out_and_put_back_reads_again(chip: Pn532, reader: Pn532Reader) -> None:
    chip.unplug()
    until(lambda: not reader.health().is_good, "the pulled reader is noticed")

    chip.plug()
    until(lambda: reader.health().is_good, "it is opened again")
    chip.tag = Ntag215()

    assert until(reader.take, "a tap") == [iso14443("04A1B2C3D4E5F6")]


def test_a_reader_that_is_not_there_says_so_and_closes_at_once(path: str) -> None:
    reader = Pn532Reader("reader", path)
    until(lambda: "No such file" in reader.health().message, "the missing reader is noticed")

    reader.close()

    assert not reader._thread.is_alive() and reader.take() == []


def test_a_killed_owner_leaves_a_chip_that_can_be_opened(chip: Pn532) -> None:
    # The rate is never raised, and nothing of a half-done exchange is in the way.
    transport = nfc.clf.transport.TTY(chip.path)
    transport.write(bytes.fromhex("0000ff03fdd44a"))
    transport.tty.close()
    chip.tag = Ntag215()

    assert read_once(chip.path, 5.0) == Card("04A1B2C3D4E5F6", "NXP NTAG215")
    assert 0x10 not in chip.seen or chip.seen[0x10] == 1  # only nfcpy's own return to 115200 at closing


def test_an_owned_reader_is_not_opened_twice(chip: Pn532, reader: Pn532Reader) -> None:
    with pytest.raises(ReaderError, match=r"no other program holds the terminal"):
        read_once(chip.path, 0.0)
    looks(chip, 3)

    assert reader.health().is_good


def test_the_technician_reads_uid_and_kind(chip: Pn532) -> None:
    assert read_once(chip.path, 0.0) is None
    chip.tag = Ntag215()
    assert read_once(chip.path, 5.0) == Card("04A1B2C3D4E5F6", "NXP NTAG215")
    chip.tag = UidCard(bytes.fromhex("DEADBEEF"))
    assert read_once(chip.path, 5.0) == Card("DEADBEEF", "MIFARE Classic")


def test_the_technician_is_told_what_to_check(chip: Pn532) -> None:
    chip.is_mute = True

    with pytest.raises(ReaderError, match=r"pn532 at .*reader: .*switches are on HSU, TX and RX are crossed"):
        read_once(chip.path, 1.0)


def test_a_path_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute path"):
        Pn532Reader("reader", "ttyS0; reboot")


def test_taps_nobody_takes_are_bounded(chip: Pn532, reader: Pn532Reader) -> None:
    for number in range(MOST_TOKENS + 2):
        before = len(reader._tokens)
        chip.tag = UidCard(bytes([4, 0, 0, number]))
        looks(chip, 2)
        assert len(reader._tokens) in (before, before + 1)

    assert len(reader.take()) <= MOST_TOKENS


@given(st.lists(st.tuples(st.sampled_from([None, "A", "B"]), st.floats(0.01, 1.0)), max_size=80))
def test_a_card_taps_again_only_after_looks_without_it_for_half_a_second(
    looks: list[tuple[str | None, float]],
) -> None:
    edges, now_s = TapEdges(), 0.0
    away_since_s: dict[str, float | None] = {}  # cards that tapped; None: there at the last look
    for uid, pause_s in looks:
        now_s += pause_s
        is_tap = edges.is_tap(uid, now_s)
        for card, since_s in list(away_since_s.items()):
            if card != uid and since_s is None:
                away_since_s[card] = now_s
        if uid is None:
            assert not is_tap
            continue
        since_s = away_since_s.get(uid)
        if uid not in away_since_s:
            assert is_tap
        elif is_tap:
            assert since_s is not None and now_s - since_s >= 0.5
        away_since_s[uid] = None


def test_nfcpy_writes_and_reads_the_tag_through_the_chip(chip: Pn532) -> None:
    """The simulated tag keeps what is written, and one torn away in the middle of it is left empty."""
    from kiosk.drivers import pn532

    chip.tag = tag = Ntag215()
    with pn532._Chip(chip.path) as opened:

        def found() -> nfc.tag.Tag:
            return nfc.tag.activate(opened._frontend, opened.sense())

        found().ndef.records = [ndef.TextRecord("pack 7")]
        assert [record.text for record in found().ndef.records] == ["pack 7"]
        tag.torn_after_writes = tag.writes + 2
        with pytest.raises(nfc.tag.TagCommandError):
            found().ndef.records = [ndef.TextRecord("x" * 60)]
        tag.torn_after_writes = None

        assert found().ndef.length == 0
