"""Guessing at a reader is slowed and logged, and keeps nobody out who is known; strangers cannot fill the disk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contract.api import AuthorizeStatus, RowKind
from contract.identity import IdToken, TokenKind
from contract.transaction import EventType
from kiosk.controller import MOST_UNWRITTEN
from kiosk.session import events
from kiosk.session.guessing import FREE_TRIES, LONGEST_REST_S, NO_GUESSES, after_wrong
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from tests.rig import CARD, Rig, voucher
from tests.test_controller import notice


def stranger(number: int) -> IdToken:
    return IdToken(TokenKind.ISO14443, f"05{number:06X}")


def guess(rig: Rig, number: int) -> None:
    rig.tap(stranger(number))
    rig.beat(3)
    if rig.server.asked and rig.state() is State.AUTHORIZING:
        rig.accept(AuthorizeStatus.UNKNOWN)
    rig.beat(1)


def test_the_third_unknown_card_makes_the_reader_rest_and_is_told_to_the_server() -> None:
    rig = Rig(count=1)
    rig.beat(2)
    for number in range(3):
        guess(rig, number)
    asked = len(rig.server.asked)
    rig.tap(stranger(9))
    assert notice(rig) is NoticeCode.SLOW_DOWN and len(rig.server.asked) == asked == 3
    rows = len(rig.disk.rows)
    for number in range(50):
        rig.tap(stranger(number))
        rig.controller.post(events.NoticeDismissed())
    rig.beat(2)

    assert rig.disk.audits()[0].what == "guessing: 3 wrong tokens, the card reader rests 2 s"
    assert len(rig.disk.rows) - rows <= 40, "what is tried during a rest is not written"


def test_a_known_card_and_a_good_voucher_pass_a_resting_reader() -> None:
    rig = Rig(count=1)
    rig.beat(2)
    for number in range(3):
        guess(rig, number)
    rig.tap(CARD)

    assert rig.state() is State.AUTHORIZING
    other = Rig(count=1)
    other.beat(2)
    for _ in range(3):
        other.tap(IdToken(TokenKind.VOUCHER, "KV1.AAAA.BBBB"))
        other.beat(4)
    other.tap(IdToken(TokenKind.VOUCHER, "KV1.AAAA.CCCC"))
    assert notice(other) is NoticeCode.SLOW_DOWN
    other.tap(voucher())
    assert other.state() is State.AUTHORIZING


def test_a_good_card_ends_the_rest_for_everybody() -> None:
    rig = Rig(count=1)
    rig.beat(2)
    for number in range(3):
        guess(rig, number)
    rig.tap(CARD)
    rig.beat(3)
    rig.accept()
    rig.controller.post(events.CancelPressed(1))
    rig.run(30)
    asked = len(rig.server.asked)
    rig.tap(stranger(7))
    rig.beat(3)

    assert len(rig.server.asked) == asked + 1


@given(st.lists(st.floats(0.1, 400), max_size=60))
def test_a_rest_grows_and_never_lasts_longer_than_a_minute(gaps_s: list[float]) -> None:
    guesses, now_s, before_s = NO_GUESSES, 1_000.0, 0.0
    for number, gap_s in enumerate(gaps_s, 1):
        guesses, now_s = after_wrong(guesses, now_s), now_s + gap_s
        rest_s = round(max(0.0, guesses.rests_until_s - guesses.last_s), 6)
        assert rest_s <= LONGEST_REST_S
        assert (rest_s > 0) == (number > FREE_TRIES)
        assert rest_s >= before_s
        before_s = rest_s


def test_while_the_disk_takes_nothing_strangers_cannot_grow_what_waits_for_it_and_no_event_is_lost() -> None:
    rig = Rig(count=2)
    rig.charge(for_s=5)
    rig.disk.hangs = True
    rig.beat(2)
    waiting = rig.controller._outgoing
    for number in range(3 * MOST_UNWRITTEN):
        rig.controller._add(RowKind.AUDIT, b"{}")
        if number % 500 == 0:
            rig.tap(stranger(number))
    assert len(waiting.entries) <= MOST_UNWRITTEN + 5
    rig.controller.post(events.StopPressed(1, "4711"))
    rig.pilots[1].at = rig.pilots[2].at
    rig.run(10)
    rig.disk.hangs = False
    rig.run(20)

    kinds = [event.event_type for event in rig.disk.events()]
    assert kinds[0] is EventType.STARTED and kinds[-1] is EventType.ENDED
    assert [event.seq_no for event in rig.disk.events()] == list(range(len(kinds)))
