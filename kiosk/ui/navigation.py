"""Where the screen is: what only the screen knows, and how touches, snapshots and time move it. Pure.

Law:
- A touch changes this state or becomes an intent; what is true of a session comes from the snapshot alone.
- A running session never times out here. Everything else returns to the start after `idle_end` seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from contract.currency import MINOR_DIGITS
from contract.metering import Quality
from kiosk.session import events
from kiosk.session.snapshot import EvseView, Limit, LimitKind, Notice, NoticeCode, Snapshot, TransactionView
from kiosk.session.states import State
from kiosk.ui import acts
from kiosk.ui.acts import Act, Page
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.tokens import SECONDS
from kiosk.wire import Intent

CODE_LENGTH = 4
STEPS: dict[LimitKind, int] = {LimitKind.ENERGY: 5_000, LimitKind.MONEY: 5, LimitKind.TIME: 900}  # Wh, major units, s
MOST_STEPS = 40
# What the keypad itself says, instead of a screen of its own.
AT_THE_KEYPAD = frozenset({NoticeCode.WRONG_CODE, NoticeCode.CODE_LOCKED, NoticeCode.NOT_YOUR_SESSION})
KEYPADS = frozenset({Page.STOP, Page.UNLOCK, Page.LIMIT_CODE})


@dataclass(frozen=True, slots=True)
class Sent:
    """A touch that became an intent and whose effect is not seen yet."""

    act: Act
    at_s: float


@dataclass(frozen=True, slots=True)
class Nav:
    """`focus`: the connector whose session is looked at, None on the first screen. Times are monotonic seconds."""

    language: str
    default_language: str
    focus: int | None = None
    page: Page = Page.MAIN
    first_tile: int = 0
    digits: str = ""
    limit_kind: LimitKind = LimitKind.ENERGY
    limit_steps: int = 4
    limit_is_removed: bool = False  # what waits at the keypad is to have none
    touched_at_s: float = 0.0
    sent: Sent | None = None
    spoken: tuple[tuple[int, str], ...] = ()  # the language chosen during each connector's session

    def language_at(self, evse_id: int) -> str | None:
        return dict(self.spoken).get(evse_id)


@dataclass(frozen=True, slots=True)
class Moved:
    """The next state and what the controller must hear."""

    nav: Nav
    intents: tuple[Intent, ...] = ()


def evse_of(snapshot: Snapshot | None, evse_id: int | None) -> EvseView | None:
    if snapshot is None:
        return None
    return next((evse for evse in snapshot.evses if evse.evse_id == evse_id), None)


def running(evse: EvseView | None) -> bool:
    """Somebody is being served here, so no time-out of the screen may take it away."""
    return evse is not None and evse.state not in (State.IDLE, State.OUT_OF_SERVICE)


def current_notice(snapshot: Snapshot) -> Notice | None:
    notice = snapshot.notice
    return notice if notice is not None and snapshot.at_s < notice.until_s else None


def money_step(currency: str) -> int:
    """The step of a money limit in minor units: 5.00, or 500 where there are no minor units."""
    digits = MINOR_DIGITS[currency]
    return STEPS[LimitKind.MONEY] * (100 if digits == 0 else 10**digits)


def limit_value(kind: LimitKind, steps: int, currency: str) -> int:
    """Wh, minor units or seconds."""
    return steps * (money_step(currency) if kind is LimitKind.MONEY else STEPS[kind])


def used_so_far(kind: LimitKind, transaction: TransactionView) -> int:
    return {
        LimitKind.ENERGY: transaction.energy_wh,
        LimitKind.MONEY: transaction.bill.total_minor,
        LimitKind.TIME: transaction.elapsed_s,
    }[kind]


def least_steps(kind: LimitKind, transaction: TransactionView) -> int:
    """A limit lies beyond what is used already."""
    step = limit_value(kind, 1, transaction.bill.currency)
    return min(MOST_STEPS, used_so_far(kind, transaction) // step + 1)


# ---- touches -----------------------------------------------------------------------------------------------------


def touch(nav: Nav, act: Act, snapshot: Snapshot | None, now_s: float) -> Moved:
    """What a touch does. A touch that needs the controller while none is there changes nothing."""
    nav = replace(nav, touched_at_s=now_s)
    match act:
        case acts.Open(page):
            return Moved(_opened(nav, page, snapshot), _about(nav, page, snapshot))
        case acts.Close():
            return Moved(replace(nav, page=Page.MAIN, digits=""))
        case acts.Speak(language) if language in LANGUAGES:
            spoken = nav.spoken
            if nav.focus is not None:
                spoken = (*((k, v) for k, v in nav.spoken if k != nav.focus), (nav.focus, language))
            return Moved(replace(nav, language=language, page=Page.MAIN, spoken=spoken))
        case acts.Show(evse_id):
            return Moved(_focused(nav, evse_id, now_s), (events.ConnectorShown(evse_id),))
        case acts.More():
            return Moved(replace(nav, first_tile=nav.first_tile + 1))
        case acts.Digit(value) if len(nav.digits) < CODE_LENGTH and len(value) == 1 and value.isdecimal():
            return Moved(replace(nav, digits=nav.digits + value))
        case acts.Erase(is_all):
            return Moved(replace(nav, digits="" if is_all else nav.digits[:-1]))
        case acts.PickLimit(kind):
            return Moved(_with_limit(replace(nav, limit_kind=kind, limit_steps=4), snapshot, 0))
        case acts.StepLimit(steps):
            return Moved(_with_limit(nav, snapshot, steps))
        case acts.StillHere():
            chosen = snapshot.chosen_evse if snapshot else None
            again = chosen is not None and chosen == nav.focus
            return Moved(nav, (events.ConnectorChosen(chosen),) if again else ())
        case _:
            return _asked(nav, act, snapshot, now_s)


def _asked(nav: Nav, act: Act, snapshot: Snapshot | None, now_s: float) -> Moved:
    """Touches that become intents."""
    if snapshot is None:
        return Moved(nav)
    sent = replace(nav, sent=Sent(act, now_s))
    match act:
        case acts.Choose(evse_id):
            return Moved(sent, (events.ConnectorChosen(evse_id),))
        case acts.Home():
            at_home = replace(nav, focus=None, page=Page.MAIN, digits="")
            is_news = nav.focus is not None or waits_for_somebody(snapshot)
            return Moved(at_home, (events.ConnectorChosen(None),) if is_news else ())
        case acts.Stop(evse_id) if len(nav.digits) == CODE_LENGTH:
            return Moved(sent, (events.StopPressed(evse_id, nav.digits),))
        case acts.Unlock(evse_id) if len(nav.digits) == CODE_LENGTH:
            return Moved(sent, (events.UnlockPressed(evse_id, nav.digits),))
        case acts.ConfirmLimit(evse_id) if len(nav.digits) == CODE_LENGTH:
            limit = picked_limit(nav, snapshot, evse_id)
            return Moved(sent, (events.LimitChosen(evse_id, limit, nav.digits),))
        case acts.Cancel(evse_id):
            return Moved(sent, (events.CancelPressed(evse_id),))
        case acts.SetLimit(evse_id, is_removed):
            evse = evse_of(snapshot, evse_id)
            if evse is None or evse.transaction is None:
                return Moved(nav)
            sent = replace(sent, limit_is_removed=is_removed)
            limit = picked_limit(sent, snapshot, evse_id)
            if not evse.transaction.limit_needs_right:
                return Moved(replace(sent, page=Page.MAIN), (events.LimitChosen(evse_id, limit),))
            at_keypad = replace(nav, page=Page.LIMIT_CODE, digits="", limit_is_removed=is_removed)
            return Moved(at_keypad, (events.LimitChosen(evse_id, limit),))  # a card may follow instead of digits
        case acts.DismissReceipt(evse_id):
            return Moved(replace(sent, page=Page.MAIN), (events.ReceiptDismissed(evse_id),))
        case acts.DismissNotice():
            return Moved(sent, (events.NoticeDismissed(),))
        case _:
            return Moved(nav)


def picked_limit(nav: Nav, snapshot: Snapshot, evse_id: int) -> Limit | None:
    """As it stands on the screen; None takes it away."""
    evse = evse_of(snapshot, evse_id)
    if nav.limit_is_removed or evse is None or evse.transaction is None:
        return None
    currency = evse.transaction.bill.currency
    return Limit(nav.limit_kind, limit_value(nav.limit_kind, nav.limit_steps, currency))


def _about(nav: Nav, page: Page, snapshot: Snapshot | None) -> tuple[Intent, ...]:
    """The controller hears what the next card would be about."""
    evse = evse_of(snapshot, nav.focus)
    if evse is None:
        return ()
    if page is Page.UNLOCK:
        return (events.UnlockPressed(evse.evse_id),)
    return (events.ConnectorShown(evse.evse_id),) if page in (Page.STOP, Page.LIMIT) and running(evse) else ()


def waits_for_somebody(snapshot: Snapshot) -> bool:
    return snapshot.chosen_evse is not None or snapshot.token_waits


def _opened(nav: Nav, page: Page, snapshot: Snapshot | None) -> Nav:
    nav = replace(nav, page=page, digits="")
    if page is not Page.LIMIT:
        return nav
    evse = evse_of(snapshot, nav.focus)
    limit = evse.transaction.limit if evse and evse.transaction else None
    if evse is not None and evse.transaction is not None and limit is not None:
        steps = limit.value // limit_value(limit.kind, 1, evse.transaction.bill.currency)
        nav = replace(nav, limit_kind=limit.kind, limit_steps=max(1, steps))
    return _with_limit(nav, snapshot, 0)


def _with_limit(nav: Nav, snapshot: Snapshot | None, steps: int) -> Nav:
    evse = evse_of(snapshot, nav.focus)
    if evse is None or evse.transaction is None:
        return nav
    least = least_steps(nav.limit_kind, evse.transaction)
    return replace(nav, limit_steps=max(least, min(MOST_STEPS, nav.limit_steps + steps)))


def _focused(nav: Nav, evse_id: int, now_s: float) -> Nav:
    return replace(
        nav,
        focus=evse_id,
        page=Page.MAIN,
        digits="",
        touched_at_s=now_s,
        language=nav.language_at(evse_id) or nav.language,
    )


# ---- snapshots and time --------------------------------------------------------------------------------------------


def settle(nav: Nav, before: Snapshot | None, after: Snapshot | None, now_s: float) -> Moved:
    """Follow what became true since `before` and what time it is. Idempotent for equal snapshots and time."""
    if after is None:
        return Moved(nav)
    nav = _followed(nav, before, after, now_s)
    nav = _answered(nav, before, after, now_s)
    moved = _rested(nav, after, now_s)
    return Moved(_forgetting(moved.nav, after), moved.intents)


def _forgetting(nav: Nav, snapshot: Snapshot) -> Nav:
    """A language belongs to its driver's session and goes with it."""
    idle = {evse.evse_id for evse in snapshot.evses if evse.state is State.IDLE and evse.receipt is None}
    return replace(nav, spoken=tuple((k, v) for k, v in nav.spoken if k not in idle or k == nav.focus))


def _followed(nav: Nav, before: Snapshot | None, after: Snapshot, now_s: float) -> Nav:
    for evse in after.evses:
        was = evse_of(before, evse.evse_id)
        if _calls_for_attention(nav, was, evse, len(after.evses) == 1) and nav.focus != evse.evse_id:
            nav = _focused(nav, evse.evse_id, now_s)
        elif was is not None and was.state is not evse.state and nav.focus == evse.evse_id:
            nav = replace(nav, page=Page.MAIN, digits="", touched_at_s=now_s)
    chosen_before = before.chosen_evse if before else None
    if after.chosen_evse is not None and after.chosen_evse != chosen_before:
        nav = _focused(nav, after.chosen_evse, now_s)
    focused, was_focused = evse_of(after, nav.focus), evse_of(before, nav.focus)
    if nav.page is Page.LIMIT_CODE and _limit_of(focused) != _limit_of(was_focused):
        nav = replace(nav, page=Page.MAIN, digits="")
    if nav.page is Page.UNLOCK and focused is not None and focused.held:
        return nav
    if nav.focus is not None and (
        focused is None
        or (
            focused.state is State.IDLE
            and focused.receipt is None
            and not focused.reserved_for_phone
            and after.chosen_evse != nav.focus
        )
    ):
        nav = replace(nav, focus=None, page=nav.page if nav.page in (Page.HELP, Page.LANGUAGES) else Page.MAIN)
    return nav


def _limit_of(evse: EvseView | None) -> Limit | None:
    return None if evse is None or evse.transaction is None else evse.transaction.limit


def _calls_for_attention(nav: Nav, was: EvseView | None, evse: EvseView, is_the_only_one: bool) -> bool:
    """A session that began, or ended in front of nobody else's screen."""
    if is_the_only_one and (evse.state is not State.IDLE or evse.receipt is not None or evse.reserved_for_phone):
        return True
    if was is None:
        return False
    if was.state is not evse.state and evse.state in (State.AUTHORIZING, State.PREPARING):
        return was.state is State.IDLE
    if nav.focus is not None:
        return False
    if evse.reserved_for_phone and not was.reserved_for_phone:
        return True
    ended = evse.receipt is not None and was.receipt is None
    stopped = was.state is State.DELIVERING and evse.state is not State.DELIVERING
    return ended or stopped


def _answered(nav: Nav, before: Snapshot | None, after: Snapshot, now_s: float) -> Nav:
    if before is not None and after.notice is not None and after.notice != before.notice:
        nav = replace(nav, sent=None, digits="" if after.notice.code in AT_THE_KEYPAD else nav.digits)
        if after.notice.code is NoticeCode.CABLE_RELEASED:
            nav = replace(nav, page=Page.MAIN, digits="")
    if nav.sent is None:
        return nav
    has_effect = before is not None and _outline(before) != _outline(after)
    if has_effect or now_s - nav.sent.at_s >= SECONDS["forgotten_after"]:
        nav = replace(nav, sent=None)
    return nav


def _outline(snapshot: Snapshot) -> tuple[object, ...]:
    """What an intent can change."""
    return (
        snapshot.chosen_evse,
        snapshot.token_waits,
        snapshot.notice,
        tuple(
            (evse.state, evse.receipt is None, evse.transaction and evse.transaction.limit) for evse in snapshot.evses
        ),
    )


def times_out(nav: Nav, snapshot: Snapshot) -> bool:
    """Whether the screen returns to the start, or to the session, when nobody touches it."""
    if nav.page is not Page.MAIN:
        return True
    evse = evse_of(snapshot, nav.focus)
    if evse is None or running(evse) or evse.receipt is not None or evse.reserved_for_phone:
        return False
    return evse.state is State.IDLE or len(snapshot.evses) > 1  # the only connector's fault is all there is to show


def _rested(nav: Nav, snapshot: Snapshot, now_s: float) -> Moved:
    if now_s - nav.touched_at_s < SECONDS["idle_end"]:
        return Moved(nav)
    if times_out(nav, snapshot):
        nav = replace(nav, page=Page.MAIN, digits="", touched_at_s=now_s)
        if running(evse_of(snapshot, nav.focus)):
            return Moved(nav)
        given_up = snapshot.chosen_evse is not None and snapshot.chosen_evse == nav.focus
        return Moved(replace(nav, focus=None), (events.ConnectorChosen(None),) if given_up else ())
    if nav.focus is None:
        nav = replace(nav, language=nav.default_language, first_tile=0, touched_at_s=now_s)
    return Moved(nav)


def meter_is_stale(transaction: TransactionView) -> bool:
    return transaction.meter_quality is not Quality.GOOD or transaction.power_w is None
