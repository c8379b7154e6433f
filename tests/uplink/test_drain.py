"""The drain: what goes first, what waits, what is never sent twice needlessly, and that nothing is lost."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from contract.api import (
    AuthorizeAnswer,
    AuthorizeRequest,
    AuthorizeStatus,
    CommandAnswer,
    Commands,
    CommandStatus,
    Disclaim,
    Row,
    RowAnswer,
    RowBatch,
    RowKind,
)
from contract.identity import TokenKind
from kiosk.uplink.drain import (
    MOST_SET_ASIDE,
    TRIES_OF_A_REFUSED_ROW,
    Answer,
    AskRequest,
    Drain,
    DrainSettings,
    FetchRequest,
    Lane,
    LetterRequest,
    ListRequest,
    PollRequest,
    Request,
    RowsRequest,
    ServerRequest,
)
from kiosk.wire import Acknowledged, ListVersion, Online, RowsWaiting, SetAside, SignedCommand, SignedList, UplinkSays

SETTINGS = DrainSettings(poll_s=25, poll_gap_s=0.2, list_every_s=60, retry_least_s=1, retry_most_s=8, ask_lives_s=15)
ASK = AuthorizeRequest("t1", "o1", "r1", 1, TokenKind.ISO14443, "04A1")
ACCEPTED = AuthorizeAnswer("t1", AuthorizeStatus.BLOCKED)


def rows(*numbers: int) -> RowBatch:
    return RowBatch("e", tuple(Row(number, RowKind.STATUS, "{}") for number in numbers))


def connected(draw: float = 0.5) -> Drain:
    drain = Drain(SETTINGS, lambda: draw)
    assert drain.connected(0.0) == (Online(False),)
    return drain


def online(draw: float = 0.5) -> Drain:
    """List fetched, a poll under way, nothing to do."""
    drain = connected(draw)
    assert drain.succeeded(_next(drain, 0, ListRequest), None, 0.0) == (Online(True),)
    _next(drain, 0, PollRequest)
    assert drain.next_request(0.0) is None
    return drain


def _next(drain: Drain, now_s: float, kind: type[Request]) -> ServerRequest:
    found = drain.next_request(now_s)
    assert isinstance(found, kind)
    assert not isinstance(found, FetchRequest)
    return found


def fetched(drain: Drain, batch: RowBatch, now_s: float = 0.0) -> None:
    found = drain.next_request(now_s)
    assert isinstance(found, FetchRequest)
    drain.heard(batch, now_s)


def test_nothing_goes_before_the_controller_is_there() -> None:
    drain = Drain(SETTINGS, random.random)

    assert drain.next_request(0.0) is None
    assert drain.deadline_s == float("inf")


def test_a_payment_code_that_the_provider_is_slow_about_delays_no_card_and_no_letter() -> None:
    drain = online()
    payment = AuthorizeRequest("t2", "o2", "r2", 1, TokenKind.DIRECT_PAYMENT, "spay:lena:1")
    drain.heard(payment, 1.0)
    drain.heard(payment, 1.0)
    assert _next(drain, 1, AskRequest) == AskRequest(payment, Lane.PAYMENT)
    assert drain.next_request(1.0) is None, "one at a time"
    drain.heard(ASK, 2.0)
    drain.heard(CommandAnswer("c-1", CommandStatus.ACCEPTED), 2.0)
    card = _next(drain, 2, AskRequest)
    assert card == AskRequest(ASK)
    assert drain.succeeded(card, ACCEPTED, 3.0) == (ACCEPTED,)
    _next(drain, 3, LetterRequest)

    assert drain.next_request(9.0) is None
    answer = AuthorizeAnswer("t2", AuthorizeStatus.ACCEPTED)
    assert drain.succeeded(AskRequest(payment, Lane.PAYMENT), answer, 9.0) == (answer,)
    assert _next(drain, 9, AskRequest) == AskRequest(payment, Lane.PAYMENT)


def test_payment_codes_are_forgotten_with_the_controller_and_when_they_are_old() -> None:
    drain = online()
    payment = AuthorizeRequest("t2", "o2", "r2", 1, TokenKind.DIRECT_PAYMENT, "spay:lena:1")
    drain.heard(payment, 1.0)
    assert drain.next_request(1.0 + SETTINGS.ask_lives_s + 0.1) is None
    drain.heard(payment, 20.0)
    drain.lost()
    drain.connected(21.0)

    assert not isinstance(drain.next_request(21.0), AskRequest)


def test_the_list_is_fetched_first_then_every_minute() -> None:
    drain = online()
    drain.heard(ListVersion(7), 1.0)

    assert drain.deadline_s == 60.0
    assert drain.next_request(59.9) is None
    assert drain.next_request(60.0) == ListRequest(7)


def test_a_new_list_goes_to_the_controller() -> None:
    drain = online()

    assert drain.succeeded(_next(drain, 60, ListRequest), "KL1.a.b", 60.0) == (SignedList("KL1.a.b"),)


def test_an_ask_overtakes_rows_and_letters() -> None:
    drain = online()
    drain.heard(RowsWaiting(3), 0.0)
    drain.heard(Disclaim(("t0",)), 0.0)
    drain.heard(ASK, 0.0)

    ask = _next(drain, 0, AskRequest)
    assert drain.succeeded(ask, ACCEPTED, 0.1) == (ACCEPTED,)
    assert isinstance(drain.next_request(0.1), LetterRequest)


def test_a_slow_batch_does_not_hold_up_an_ask() -> None:
    drain = online()
    drain.heard(RowsWaiting(1), 0.0)
    fetched(drain, rows(1))
    _next(drain, 0, RowsRequest)
    drain.heard(ASK, 0.0)

    assert drain.next_request(0.0) == AskRequest(ASK)


def test_rows_are_acknowledged_before_the_next_are_fetched() -> None:
    drain = online()
    drain.heard(RowsWaiting(150), 0.0)
    fetched(drain, rows(*range(1, 101)))
    sending = _next(drain, 0, RowsRequest)
    assert drain.next_request(0.0) is None

    says = drain.succeeded(sending, RowAnswer("e2", tuple(range(1, 101))), 1.0)

    assert says == (Acknowledged(tuple(range(1, 101)), "e2"),)
    assert isinstance(drain.next_request(1.0), FetchRequest)


def test_rows_whose_acknowledgement_the_disk_does_not_take_go_again_after_a_pause() -> None:
    drain = online()
    drain.heard(RowsWaiting(2), 1.0)
    for at_s in (1.0, 20.0):
        assert isinstance(drain.next_request(at_s), FetchRequest)
        drain.heard(rows(1, 2), at_s)
        if at_s > 1.0:
            assert drain.next_request(at_s) is None
            at_s = drain.deadline_s
            assert at_s == 20.0 + SETTINGS.retry_most_s
        drain.succeeded(_next(drain, at_s, RowsRequest), RowAnswer("e", (1, 2)), at_s)
        drain.heard(RowsWaiting(2), 20.0)


def test_readings_wait_for_more_of_their_kind_but_not_long() -> None:
    drain = online()
    drain.heard(RowsWaiting(1, may_wait=True), 0.0)
    drain.heard(RowsWaiting(2, may_wait=True), 6.0)

    assert drain.next_request(SETTINGS.gather_s - 0.1) is None
    assert drain.deadline_s == SETTINGS.gather_s, "counted from the first"
    assert isinstance(drain.next_request(SETTINGS.gather_s), FetchRequest)


def test_whatever_is_urgent_goes_at_once_and_takes_along_what_waits() -> None:
    drain = online()
    drain.heard(RowsWaiting(1, may_wait=True), 0.0)
    drain.heard(RowsWaiting(2, may_wait=False), 1.0)
    drain.heard(RowsWaiting(3, may_wait=True), 1.0)

    fetched(drain, rows(1, 2, 3), 1.0)
    assert _next(drain, 1, RowsRequest).batch == rows(1, 2, 3)  # type: ignore[union-attr]


def test_what_is_written_while_a_batch_is_on_its_way_is_not_forgotten() -> None:
    drain = online()
    drain.heard(RowsWaiting(1), 0.0)
    fetched(drain, rows(1))
    sending = _next(drain, 0, RowsRequest)
    drain.heard(RowsWaiting(2), 0.5)
    drain.succeeded(sending, RowAnswer("e2", (1,)), 1.0)

    assert isinstance(drain.next_request(1.0), FetchRequest)


def test_an_empty_fetch_ends_the_draining_until_more_is_said() -> None:
    drain = online()
    drain.heard(RowsWaiting(1), 0.0)
    fetched(drain, rows())

    assert drain.next_request(0.0) is None
    drain.heard(RowsWaiting(1), 1.0)
    assert isinstance(drain.next_request(1.0), FetchRequest)


def test_a_failed_batch_is_sent_again_as_it_was() -> None:
    drain = online()
    drain.heard(RowsWaiting(2), 0.0)
    fetched(drain, rows(1, 2))
    sending = _next(drain, 0, RowsRequest)

    assert drain.failed(sending, 1.0) == (Online(False),)
    assert drain.next_request(1.4) is None
    assert drain.deadline_s == 1.5  # half of the first bound, as drawn
    assert drain.next_request(1.5) == sending


def test_pauses_grow_up_to_their_bound_and_are_drawn_from_nothing_upwards() -> None:
    drain, now_s, pauses = connected(draw=0.999), 0.0, []
    for _ in range(6):
        drain.failed(_next(drain, now_s, ListRequest), now_s)
        pauses.append(round(drain.deadline_s - now_s))
        now_s = drain.deadline_s

    assert pauses == [1, 2, 4, 8, 8, 8]
    hasty = connected(draw=0.0)
    hasty.failed(_next(hasty, 0, ListRequest), 0.0)
    assert hasty.deadline_s == 0.0


def test_a_failed_ask_is_not_sent_again() -> None:
    drain = online()
    drain.heard(ASK, 0.0)

    assert drain.failed(_next(drain, 0, AskRequest), 0.0) == (Online(False),)
    assert drain.next_request(5.0) is None


def test_an_ask_the_controller_gave_up_is_not_sent() -> None:
    drain = connected()
    drain.failed(_next(drain, 0, ListRequest), 0.0)
    drain.heard(ASK, 0.0)

    assert not isinstance(drain.next_request(16.0), AskRequest)


def test_while_offline_one_request_finds_out_whether_the_server_is_back() -> None:
    drain = connected()
    drain.heard(RowsWaiting(5), 0.0)
    drain.heard(Disclaim(("t0",)), 0.0)

    assert drain.next_request(0.0) == LetterRequest(Disclaim(("t0",)))
    assert drain.next_request(0.0) is None


def test_a_letter_is_sent_until_it_arrives() -> None:
    drain, letter = online(), CommandAnswer("c1", CommandStatus.ACCEPTED)
    drain.heard(letter, 0.0)
    drain.failed(_next(drain, 0, LetterRequest), 0.0)

    assert drain.next_request(1.0) == LetterRequest(letter)
    drain.succeeded(LetterRequest(letter), None, 1.0)
    assert not isinstance(drain.next_request(1.0), LetterRequest)


def test_a_letter_the_server_will_not_have_is_let_go() -> None:
    drain = online()
    drain.heard(Disclaim(("odd",)), 0.0)

    assert drain.refused(_next(drain, 0, LetterRequest), 0.0) == ()
    assert drain.next_request(0.0) is None


def test_a_batch_the_server_finds_too_large_goes_in_halves() -> None:
    drain = online()
    drain.heard(RowsWaiting(4), 0.0)
    fetched(drain, rows(1, 2, 3, 4))
    drain.refused(_next(drain, 0, RowsRequest), 0.0)

    found = drain.next_request(0.0)

    assert isinstance(found, FetchRequest)
    assert found.fetch.fetch == 2


def test_a_refused_row_is_tried_again_with_pauses_then_the_queue_goes_on_without_it() -> None:
    drain = online()
    drain.heard(RowsWaiting(2), 0.0)
    fetched(drain, rows(1))
    first = _next(drain, 0, RowsRequest)

    assert drain.refused(first, 0.0, "422: why not") == ()
    assert drain.next_request(0.5) is None
    assert drain.deadline_s == 1.0
    assert drain.next_request(1.0) == first
    for now_s in (1.0, 10.0):
        assert drain.refused(first, now_s, "422: why not") == ()
        assert drain.next_request(now_s + 8) == first
    assert drain.refused(first, 20.0, "422: why not") == (SetAside(1, "422: why not"),)
    assert isinstance(drain.next_request(20.0), FetchRequest)


def test_a_refused_row_holds_up_neither_asks_nor_the_list() -> None:
    drain = online()
    drain.heard(RowsWaiting(1), 0.0)
    fetched(drain, rows(1), 59.5)
    drain.refused(_next(drain, 59.5, RowsRequest), 59.5)
    drain.heard(ASK, 59.5)

    assert drain.next_request(59.5) == AskRequest(ASK)
    assert drain.deadline_s == 60.0
    assert isinstance(drain.next_request(60.0), ListRequest)


def test_a_server_that_refuses_every_row_is_ill_and_is_left_alone() -> None:
    drain, now_s = online(), 0.0
    drain.heard(RowsWaiting(1000), 0.0)
    for number in range(MOST_SET_ASIDE):
        fetched_at = drain.next_request(now_s)
        if isinstance(fetched_at, ListRequest):
            drain.succeeded(fetched_at, None, now_s)
            fetched_at = drain.next_request(now_s)
        assert isinstance(fetched_at, FetchRequest)
        drain.heard(rows(number), now_s)
        for _ in range(TRIES_OF_A_REFUSED_ROW):
            found = drain.next_request(now_s)
            while isinstance(found, ListRequest):
                drain.succeeded(found, None, now_s)
                found = drain.next_request(now_s)
            assert isinstance(found, RowsRequest)
            says = drain.refused(found, now_s, "404: no such path")
            now_s += 8.0
        assert says == (SetAside(number, "404: no such path"),)
    found = drain.next_request(now_s)
    while not isinstance(found, FetchRequest):
        assert isinstance(found, ListRequest)
        drain.succeeded(found, None, now_s)
        found = drain.next_request(now_s)
    drain.heard(rows(5000), now_s)
    found = drain.next_request(now_s)
    assert isinstance(found, RowsRequest)

    assert drain.refused(found, now_s, "404: no such path") == (Online(False),)


def test_what_was_set_aside_may_come_again_with_the_next_controller() -> None:
    drain = online()
    drain.heard(RowsWaiting(1), 0.0)
    fetched(drain, rows(1))
    for now_s in (0.0, 8.0, 16.0, 24.0):
        says = drain.refused(_next(drain, now_s, RowsRequest), now_s, "422")
    assert says == (SetAside(1, "422"),)
    drain.lost()
    drain.connected(30.0)
    drain.heard(RowsWaiting(1), 30.0)
    drain.succeeded(_next(drain, 30.0, ListRequest), None, 30.0)
    fetched(drain, rows(1), 30.0)

    assert drain.succeeded(_next(drain, 30.0, RowsRequest), RowAnswer("e", (1,)), 30.0) == (Acknowledged((1,), "e"),)


def test_commands_reach_the_controller_as_they_were_signed() -> None:
    drain = connected()
    drain.succeeded(_next(drain, 0, ListRequest), None, 0.0)
    poll = _next(drain, 0, PollRequest)

    assert drain.succeeded(poll, Commands(("KC1.a.b", "KC1.c.d")), 5.0) == (
        SignedCommand("KC1.a.b"),
        SignedCommand("KC1.c.d"),
    )


def test_the_controller_can_have_the_list_asked_for_at_once() -> None:
    drain = connected()
    drain.succeeded(_next(drain, 0, ListRequest), None, 0.0)
    drain.heard(ListVersion(7), 1.0)
    assert not isinstance(drain.next_request(1.0), ListRequest)
    drain.heard(ListVersion(7, is_due=True), 1.0)

    assert drain.next_request(1.0) == ListRequest(7)


def test_polls_keep_a_gap_and_do_not_wait_while_offline() -> None:
    drain = connected()
    drain.succeeded(_next(drain, 0, ListRequest), None, 0.0)
    first = drain.next_request(0.0)
    assert first == PollRequest(25)
    assert not isinstance(first, FetchRequest)
    drain.succeeded(first, Commands(()), 0.0)

    assert drain.next_request(0.1) is None
    second = _next(drain, 0.2, PollRequest)
    drain.failed(second, 0.2)
    drain.succeeded(_next(drain, 60, ListRequest), None, 60)
    drain.failed(_next(drain, 60, PollRequest), 60)
    assert drain.next_request(70) == PollRequest(0)


def test_a_lost_controller_takes_its_asks_along_and_its_rows_stay_in_its_journal() -> None:
    drain = online()
    drain.heard(RowsWaiting(1), 0.0)
    fetched(drain, rows(1))
    drain.heard(ASK, 0.0)
    drain.lost()
    assert drain.next_request(0.0) is None

    assert drain.connected(1.0) == (Online(True),)
    assert isinstance(drain.next_request(1.0), ListRequest)
    drain.heard(RowsWaiting(1), 1.0)
    assert drain.next_request(1.0) is None


class _Outbox:
    """The journal's side, as small as can be."""

    def __init__(self, count: int) -> None:
        self.epoch, self.waiting = "", list(range(1, count + 1))

    def told(self, drain: Drain, says: tuple[UplinkSays, ...], now_s: float) -> None:
        for said in says:
            if isinstance(said, Acknowledged):
                self.waiting = [number for number in self.waiting if number not in set(said.acknowledged)]
                self.epoch = said.epoch
                drain.heard(RowsWaiting(len(self.waiting)), now_s)


@given(seed=st.integers(0, 10_000), count=st.integers(0, 350))
@settings(max_examples=30)
def test_every_row_arrives_in_order_over_a_network_that_fails(seed: int, count: int) -> None:
    rng = random.Random(seed)
    drain, outbox, arrived, now_s = Drain(SETTINGS, rng.random), _Outbox(count), list[int](), 0.0
    drain.connected(0.0)
    drain.heard(RowsWaiting(count), 0.0)

    for _ in range(2_000):
        request = drain.next_request(now_s)
        if request is None:
            now_s = max(now_s + 0.01, drain.deadline_s)
        elif isinstance(request, FetchRequest):
            batch = tuple(Row(n, RowKind.STATUS, "{}") for n in outbox.waiting[: request.fetch.fetch])
            drain.heard(RowBatch(outbox.epoch, batch), now_s)
        elif rng.random() < 0.3:
            if isinstance(request, RowsRequest) and rng.random() < 0.5:  # arrived, but the answer was lost
                arrived.extend(row.journal_no for row in request.batch.rows)
            outbox.told(drain, drain.failed(request, now_s), now_s)
        else:
            answer: Answer = None
            if isinstance(request, RowsRequest):
                arrived.extend(row.journal_no for row in request.batch.rows)
                answer = RowAnswer("e", tuple(row.journal_no for row in request.batch.rows))
            elif isinstance(request, PollRequest):
                answer = Commands(())
            outbox.told(drain, drain.succeeded(request, answer, now_s), now_s)
        if not outbox.waiting:
            break

    assert not outbox.waiting
    assert list(dict.fromkeys(arrived)) == list(range(1, count + 1))
