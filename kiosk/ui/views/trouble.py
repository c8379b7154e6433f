"""When something is not as it should be: what happened, your money, what to do; then whom to call and what to say."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import EvseView, Notice, NoticeCode
from kiosk.ui import acts
from kiosk.ui.acts import Act, Page
from kiosk.ui.formats import Formats
from kiosk.ui.texts import LANGUAGES, Language
from kiosk.ui.views.charging import sum_words
from kiosk.ui.views.frame import Frame, Seen, connector_words, frame
from kiosk.ui.views.home import free_elsewhere


@dataclass(frozen=True, slots=True)
class Answer:
    symbol: str
    tint: str
    question: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class FaultScreen:
    frame: Frame
    answers: tuple[Answer, Answer, Answer]
    call: str
    phone: str
    say: str
    back: str | None
    back_act: Act
    receipt: str | None
    receipt_act: Act
    use_other: str | None
    use_other_act: Act | None
    stuck: str | None
    stuck_act: Act


@dataclass(frozen=True, slots=True)
class NoticeScreen:
    """`tint` warn for a refusal, charge where all is well."""

    frame: Frame
    symbol: str
    tint: str
    title: str
    text: str
    action: str
    act: Act
    clears: str


@dataclass(frozen=True, slots=True)
class NobodyScreen:
    """No controller: nothing is known, so nothing is shown but that. It has no snapshot to take its header from."""

    title: str
    text: str
    safe: str
    call: str
    language: str
    language_act: Act
    lit: int


# Nobody did wrong here, and the screen does not look as if.
FRIENDLY = frozenset(
    {
        NoticeCode.WHICH_CONNECTOR,
        NoticeCode.STOP_WITH_CARD,
        NoticeCode.UNPLUG_TO_FINISH,
        NoticeCode.CANCELLED,
        NoticeCode.CABLE_RELEASED,
        NoticeCode.ALREADY_CHARGING,
    }
)


def fault_screen(seen: Seen, evse: EvseView) -> FaultScreen:
    say, number = seen.say, evse.evse_id
    key = f"fault.{evse.fault.code.value}" if evse.fault else "fault.unknown"
    transaction = evse.transaction or evse.receipt
    other = free_elsewhere(seen, number)
    if transaction is not None:
        money = seen.formats.money(transaction.bill.total_minor, transaction.bill.currency)
        money_text, money_detail = say("fault.pay_only", money=money), sum_words(seen, transaction)
        money_detail = say("fault.pay_detail", sum=money_detail)
    else:
        money_text, money_detail = say("fault.pay_nothing"), say("fault.pay_nothing_detail")
    can_move = other is not None and not _whole_kiosk(evse)
    todo = say(f"{key}.do", number=number)
    if can_move and other is not None:
        detail = say("fault.use_other_detail", number=other.evse_id)
    else:
        detail = say("fault.call_detail")
    since = evse.fault.since if evse.fault else seen.snapshot.at
    return FaultScreen(
        frame(
            seen,
            "warn",
            say("fault.title_stopped" if transaction else "fault.title"),
            f"{connector_words(seen, evse)} · {say('fault.since', time=seen.formats.clock(since))}",
            "stop",
        ),
        (
            Answer(
                "warn",
                "stop",
                say("fault.what"),
                say(f"{key}.what", number=number),
                say(f"{key}.detail", number=number),
            ),
            Answer("receipt", "brand", say("fault.money"), money_text, money_detail),
            Answer("hand", "charge", say("fault.do"), todo, detail),
        ),
        say("fault.call"),
        seen.snapshot.helpline,
        reference(seen, evse),
        say("fault.back") if len(seen.snapshot.evses) > 1 else None,
        acts.Home(),
        say("fault.receipt") if evse.receipt is not None else None,
        acts.Open(Page.RECEIPT),
        say("fault.use_other", number=other.evse_id) if can_move and other is not None else None,
        acts.Choose(other.evse_id) if can_move and other is not None else None,
        _stuck(seen, evse, can_move),
        acts.Open(Page.UNLOCK),
    )


def _stuck(seen: Seen, evse: EvseView, can_move: bool) -> str | None:
    """Help for a cable that will not release, where the row has room for it."""
    is_in = evse.pilot is None or evse.pilot.is_connected
    has_room = evse.receipt is None or not can_move
    return seen.say("unlock.stuck") if evse.has_lock and evse.held and is_in and has_room else None


def _whole_kiosk(evse: EvseView) -> bool:
    """The emergency stop switches all connectors off."""
    return evse.fault is not None and evse.fault.code is FaultCode.EMERGENCY_STOP


_CODES = {code: number for number, code in enumerate(FaultCode, start=1)}


def reference_number(code: FaultCode) -> int:
    """What a driver says on the phone, after the F."""
    return _CODES[code]


def reference(seen: Seen, evse: EvseView) -> str:
    """What to say on the phone: kiosk, connector and the fault's number."""
    code = _CODES[evse.fault.code] if evse.fault else 0
    return f"{seen.snapshot.kiosk_id}-{evse.evse_id}-F{code}"


def notice_screen(seen: Seen, notice: Notice) -> NoticeScreen:
    say = seen.say
    is_friendly = notice.code in FRIENDLY
    evses = seen.snapshot.evses
    evse = next((evse for evse in evses if evse.evse_id == notice.evse_id), None)
    head = connector_words(seen, evse) if evse else seen.snapshot.operator or seen.say("home.title")
    left_s = notice.until_s - seen.snapshot.at_s
    key = f"notice.{notice.code.value}"
    tint = "charge" if is_friendly else "warn"
    return NoticeScreen(
        frame(seen, "check" if is_friendly else "warn", head, seen.snapshot.place, tint),
        "hand" if is_friendly else "warn",
        tint,
        say(f"{key}.title"),
        say(f"{key}.text", **_values(seen, evse)),
        say(f"{key}.action"),
        acts.DismissNotice(),
        say("receipt.clears", left=Formats.duration(left_s + 0.999)),
    )


def _values(seen: Seen, evse: EvseView | None) -> dict[str, str]:
    until = evse.reserved_until if evse is not None else None
    return {"time": seen.formats.clock(until) if until is not None else "–:––"}


def nobody_screen(language: Language, now_s: float, was_there: bool, helpline: str) -> NobodyScreen:
    title = language.say("nobody.again" if was_there else "nobody.starting")
    codes = sorted(LANGUAGES)
    following = codes[(codes.index(language.code) + 1) % len(codes)]
    return NobodyScreen(
        title,
        language.say("nobody.text"),
        language.say("nobody.safe"),
        language.say("nobody.call", phone=helpline) if helpline else "",
        language.name,
        acts.Speak(following),
        int(now_s) % 4,
    )
