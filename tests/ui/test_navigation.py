"""Where the screen goes: touches, snapshots and time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.iec61851 import PilotState
from kiosk.session import events
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import EvseView, Limit, LimitKind, NoticeCode, Snapshot
from kiosk.session.states import State
from kiosk.ui import acts
from kiosk.ui.acts import Act, Page
from kiosk.ui.choose import choose
from kiosk.ui.navigation import MOST_STEPS, Moved, Nav, limit_value, settle, touch
from kiosk.ui.screens.all import draw, name_of
from kiosk.ui.views.trouble import FaultScreen
from tests.ui import samples as s

NAV = Nav("en", "en")
AT_1 = replace(NAV, focus=1)
HOME = s.snapshot()
CHARGING = s.snapshot(s.delivering(1), s.evse(2))
SHOWN = events.ConnectorShown(1)


def play(nav: Nav, snapshot: Snapshot, *acted: Act) -> Moved:
    """Touches one after the other; the intents of all of them."""
    intents: list[object] = []
    for act in acted:
        moved = touch(nav, act, snapshot, 1.0)
        nav = moved.nav
        intents += moved.intents
    return Moved(nav, tuple(intents))  # type: ignore[arg-type]


def test_a_chosen_connector_is_asked_for_and_shown_only_when_the_controller_agrees() -> None:
    moved = touch(NAV, acts.Choose(2), HOME, 1.0)

    assert moved.intents == (events.ConnectorChosen(2),)
    assert moved.nav.focus is None and moved.nav.sent is not None

    agreed = settle(moved.nav, HOME, s.snapshot(chosen_evse=2), 1.2).nav

    assert agreed.focus == 2 and agreed.sent is None


def test_a_touch_without_an_answer_is_taken_back() -> None:
    sent = touch(NAV, acts.Choose(2), HOME, 1.0).nav

    assert settle(sent, HOME, HOME, 5.0).nav.sent is not None
    assert settle(sent, HOME, HOME, 7.1).nav.sent is None


def test_four_digits_stop_the_charge_and_three_do_not() -> None:
    digits = [acts.Digit(value) for value in "1234"]

    assert play(AT_1, CHARGING, acts.Open(Page.STOP), *digits[:3], acts.Stop(1)).intents == (SHOWN,)
    assert play(AT_1, CHARGING, acts.Open(Page.STOP), *digits, acts.Stop(1)).intents == (
        SHOWN,
        events.StopPressed(1, "1234"),
    )
    assert play(AT_1, CHARGING, *digits, acts.Digit("9")).nav.digits == "1234"
    assert play(AT_1, CHARGING, *digits, acts.Erase()).nav.digits == "123"
    assert play(AT_1, CHARGING, *digits, acts.Erase(True)).nav.digits == ""


def test_a_wrong_code_clears_the_digits_for_the_next_try() -> None:
    typed = play(AT_1, CHARGING, acts.Open(Page.STOP), *(acts.Digit(v) for v in "1111"), acts.Stop(1)).nav
    refused = replace(CHARGING, notice=s.notice(NoticeCode.WRONG_CODE))

    after = settle(typed, CHARGING, refused, 2.0).nav

    assert after.page is Page.STOP and after.digits == "" and after.sent is None


@pytest.mark.parametrize(
    ("kind", "value"), [(LimitKind.ENERGY, 25_000), (LimitKind.MONEY, 2_500), (LimitKind.TIME, 4_500)]
)
def test_a_limit_is_sent_in_its_own_unit(kind: LimitKind, value: int) -> None:
    moved = play(AT_1, CHARGING, acts.Open(Page.LIMIT), acts.PickLimit(kind), acts.StepLimit(1), acts.SetLimit(1))

    assert moved.intents == (SHOWN, events.LimitChosen(1, Limit(kind, value)))
    assert moved.nav.page is Page.MAIN


def test_a_limit_is_taken_away() -> None:
    limited = s.snapshot(s.delivering(1, limit=s.ENERGY_LIMIT), s.evse(2))

    assert play(AT_1, limited, acts.Open(Page.LIMIT), acts.SetLimit(1, True)).intents == (
        SHOWN,
        events.LimitChosen(1, None),
    )


def test_long_after_the_start_a_limit_waits_for_the_code_or_the_card() -> None:
    before = s.snapshot(s.delivering(1, limit_needs_right=True), s.evse(2))
    limit = Limit(LimitKind.ENERGY, 25_000)
    asked = play(
        AT_1, before, acts.Open(Page.LIMIT), acts.PickLimit(LimitKind.ENERGY), acts.StepLimit(1), acts.SetLimit(1)
    )

    assert asked.intents == (SHOWN, events.LimitChosen(1, limit))
    assert asked.nav.page is Page.LIMIT_CODE

    confirmed = play(asked.nav, before, *(acts.Digit(value) for value in "1234"), acts.ConfirmLimit(1))

    assert confirmed.intents == (events.LimitChosen(1, limit, "1234"),)
    after = s.snapshot(s.delivering(1, limit_needs_right=True, limit=limit), s.evse(2))
    assert settle(confirmed.nav, before, after, 2.0).nav.page is Page.MAIN


def test_help_for_a_stuck_cable_takes_the_code_or_the_card_and_stays_while_the_cable_is_in() -> None:
    locked = s.snapshot(replace(s.with_receipt(PilotState.B), has_lock=True, held=True), s.evse(2))
    opened = play(AT_1, locked, acts.Open(Page.UNLOCK))
    assert opened.intents == (events.UnlockPressed(1),)
    later = s.snapshot(s.evse(1, pilot=PilotState.B, has_lock=True, held=True), s.evse(2))
    nav = settle(opened.nav, locked, later, 2.0).nav
    assert (nav.page, nav.focus) == (Page.UNLOCK, 1)

    assert play(nav, later, *(acts.Digit(value) for value in "1234"), acts.Unlock(1)).intents == (
        events.UnlockPressed(1, "1234"),
    )
    released = replace(later, notice=s.notice(NoticeCode.CABLE_RELEASED))
    assert settle(nav, later, released, 3.0).nav.page is Page.MAIN


def test_a_look_at_a_session_is_told_for_the_next_card_is_about_it() -> None:
    assert touch(NAV, acts.Show(1), CHARGING, 1.0).intents == (SHOWN,)


@given(steps=st.lists(st.integers(-50, 50), max_size=8), kind=st.sampled_from(LimitKind))
def test_a_limit_always_lies_beyond_what_is_used(steps: list[int], kind: LimitKind) -> None:
    nav = play(AT_1, CHARGING, acts.Open(Page.LIMIT), acts.PickLimit(kind), *(acts.StepLimit(k) for k in steps)).nav
    transaction = CHARGING.evses[0].transaction
    assert transaction is not None
    used = {
        LimitKind.ENERGY: transaction.energy_wh,
        LimitKind.MONEY: transaction.bill.total_minor,
        LimitKind.TIME: transaction.elapsed_s,
    }[kind]

    assert used < limit_value(kind, nav.limit_steps, "EUR")
    assert 1 <= nav.limit_steps <= MOST_STEPS


def test_back_from_the_choice_lets_the_connector_go() -> None:
    assert touch(AT_1, acts.Home(), s.snapshot(chosen_evse=1), 1.0).intents == (events.ConnectorChosen(None),)
    assert touch(AT_1, acts.Home(), CHARGING, 1.0).intents == (events.ConnectorChosen(None),)
    assert touch(NAV, acts.Home(), CHARGING, 1.0).intents == ()


def test_nobody_there_means_the_connector_is_let_go_after_a_minute() -> None:
    chosen = s.snapshot(chosen_evse=1)

    assert settle(AT_1, chosen, chosen, 59.9) == Moved(AT_1)

    gone = settle(AT_1, chosen, chosen, 60.0)

    assert gone.intents == (events.ConnectorChosen(None),) and gone.nav.focus is None


def test_still_here_keeps_the_connector() -> None:
    chosen = s.snapshot(chosen_evse=1)
    moved = touch(AT_1, acts.StillHere(), chosen, 50.0)

    assert moved.intents == (events.ConnectorChosen(1),)
    assert settle(moved.nav, chosen, chosen, 100.0).nav.focus == 1


@pytest.mark.parametrize(
    "evse", [s.delivering(1), s.preparing(), s.parked(), s.evse(1, state=State.AUTHORIZING)], ids=lambda e: str(e.state)
)
def test_a_running_session_never_times_out(evse: EvseView) -> None:
    now = s.snapshot(evse, s.evse(2))

    assert settle(AT_1, now, now, 3_600.0).nav.focus == 1


@pytest.mark.parametrize("page", [Page.STOP, Page.LIMIT, Page.HELP, Page.LANGUAGES])
def test_a_page_left_open_closes_and_the_session_stays(page: Page) -> None:
    after = settle(replace(AT_1, page=page, digits="12"), CHARGING, CHARGING, 61.0).nav

    assert (after.page, after.focus, after.digits) == (Page.MAIN, 1, "")


def test_a_card_on_the_other_connector_takes_the_screen() -> None:
    after = s.snapshot(s.delivering(1), s.evse(2, state=State.AUTHORIZING))

    assert settle(AT_1, CHARGING, after, 1.0).nav.focus == 2


def test_an_unplugged_car_shows_its_receipt_on_the_first_screen_only() -> None:
    closing = s.snapshot(replace(s.delivering(1), state=State.CLOSING), s.evse(2))
    ended = s.snapshot(s.with_receipt(), s.evse(2))

    assert settle(NAV, closing, ended, 1.0).nav.focus == 1
    assert settle(replace(NAV, focus=2), closing, replace(ended, chosen_evse=2), 1.0).nav.focus == 2


def test_a_dismissed_receipt_leads_home() -> None:
    assert settle(AT_1, s.snapshot(s.with_receipt(), s.evse(2)), HOME, 1.0).nav.focus is None


def test_a_kiosk_with_one_connector_shows_its_session_after_a_restart_of_the_screen() -> None:
    assert settle(NAV, None, s.snapshot(s.delivering(1)), 1.0).nav.focus == 1
    assert settle(NAV, None, CHARGING, 1.0).nav.focus is None


def test_the_fault_of_the_only_connector_stays_on_the_screen() -> None:
    now = s.snapshot(s.broken(FaultCode.METER_LOST))
    view = choose(now, AT_1, 50.0)

    assert settle(AT_1, now, now, 3_600.0).nav.focus == 1
    assert isinstance(view, FaultScreen) and view.back is None and view.frame.still is None


def test_each_connector_keeps_the_language_of_its_driver() -> None:
    both = s.snapshot(s.delivering(1), s.delivering(2))
    nav = play(AT_1, both, acts.Speak("ja"), acts.Show(2), acts.Speak("de"), acts.Show(1)).nav

    assert nav.language == "ja"
    assert play(nav, both, acts.Show(2)).nav.language == "de"
    assert settle(replace(nav, focus=None, spoken=()), HOME, HOME, 61.0).nav.language == "en"


def test_an_unknown_language_changes_nothing() -> None:
    assert touch(NAV, acts.Speak("tlh"), HOME, 1.0).nav.language == "en"


def test_without_a_controller_no_touch_becomes_an_intent() -> None:
    for act in (acts.Choose(1), acts.Stop(1), acts.Cancel(1), acts.SetLimit(1), acts.DismissNotice()):
        assert touch(replace(AT_1, digits="1234"), act, None, 1.0).intents == ()


EVSES = st.sampled_from(
    [s.evse(1), s.delivering(1), s.preparing(), s.parked(), s.with_receipt(), s.broken(FaultCode.METER_LOST),
     s.evse(1, state=State.AUTHORIZING), replace(s.delivering(1), state=State.CLOSING)]
)  # fmt: skip
SNAPSHOTS = st.builds(
    lambda one, chosen, waits, code: s.snapshot(
        one, s.evse(2), chosen_evse=chosen, token_waits=waits, notice=s.notice(code) if code else None
    ),
    EVSES, st.sampled_from([None, 1, 2]), st.booleans(), st.none() | st.sampled_from(NoticeCode),
)  # fmt: skip
ACTS: st.SearchStrategy[Act] = st.sampled_from(
    [acts.Choose(1), acts.Show(1), acts.Show(9), acts.Home(), acts.More(), acts.Open(Page.STOP), acts.Open(Page.LIMIT),
     acts.Open(Page.HELP), acts.Close(), acts.Speak("de"), acts.Digit("1"), acts.Erase(), acts.Stop(1), acts.Cancel(1),
     acts.PickLimit(LimitKind.TIME), acts.StepLimit(-9), acts.SetLimit(1), acts.StillHere(), acts.DismissNotice(),
     acts.DismissReceipt(1)]
)  # fmt: skip


@given(st.lists(st.tuples(SNAPSHOTS, st.lists(ACTS, max_size=3), st.floats(0, 70)), max_size=6))
def test_whatever_happens_there_is_a_screen_and_settling_twice_changes_nothing(
    story: list[tuple[Snapshot, list[Act], float]],
) -> None:
    nav, before, now_s = NAV, None, 0.0
    for after, touched, passed_s in story:
        now_s += passed_s
        nav = settle(nav, before, after, now_s).nav
        assert settle(nav, after, after, now_s) == Moved(nav)
        for act in touched:
            nav = touch(nav, act, after, now_s).nav
            view = choose(after, nav, now_s, passed_s)
            assert draw(view) is not None and name_of(view)
        before = after


# ---- a phone reserves ----------------------------------------------------------------------------------------------

KEPT = s.evse(1, reserved_for_phone=True, reserved_s=100.0, reserved_until=s.START)


def test_a_phones_reservation_is_shown_at_once_and_until_its_end_without_a_time_out() -> None:
    kept = s.snapshot(KEPT, s.evse(2))
    nav = settle(NAV, HOME, kept, 1.0).nav
    assert name_of(choose(kept, nav, 1.0)) == "reserved"
    assert settle(nav, kept, kept, 119.0).nav.focus == 1

    ended = settle(nav, kept, HOME, 120.0).nav
    assert ended.focus is None and name_of(choose(HOME, ended, 120.0)) == "home"


def test_a_phones_reservation_takes_nobody_elses_screen_away() -> None:
    busy = s.snapshot(s.evse(1), s.delivering(2))
    nav = replace(NAV, focus=2)

    assert settle(nav, busy, s.snapshot(KEPT, s.delivering(2)), 1.0).nav.focus == 2


def test_who_chose_the_connector_and_scanned_its_code_sees_the_reservation_in_its_place() -> None:
    chosen, kept = s.snapshot(chosen_evse=1), s.snapshot(KEPT, s.evse(2), chosen_evse=1)
    nav = settle(AT_1, chosen, kept, 1.0).nav

    assert name_of(choose(kept, nav, 1.0)) == "reserved"
    begun = s.snapshot(s.preparing(is_by_phone=True), s.evse(2))
    assert name_of(choose(begun, settle(nav, kept, begun, 2.0).nav, 2.0)) == "plug-in"


def test_the_tile_of_a_connector_reserved_by_phone_leads_to_its_screen_and_starts_nothing() -> None:
    kept = s.snapshot(KEPT, s.evse(2))
    moved = touch(NAV, acts.Show(1), kept, 1.0)

    assert moved.intents == (events.ConnectorShown(1),)
    assert name_of(choose(kept, settle(moved.nav, kept, kept, 1.1).nav, 1.1)) == "reserved"
