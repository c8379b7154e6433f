"""What stands on every screen: the header, and whether what it shows is old."""

from __future__ import annotations

from dataclasses import dataclass

from contract.transaction import ClockQuality
from kiosk.session.snapshot import EvseView, PhoneProblem, Snapshot
from kiosk.ui.formats import Formats, formats_for
from kiosk.ui.navigation import Nav, times_out
from kiosk.ui.texts import LANGUAGES, Language
from kiosk.ui.tokens import SECONDS


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to show: the newest snapshot, where the screen is, and how long the controller has been silent."""

    snapshot: Snapshot
    nav: Nav
    now_s: float
    silence_s: float

    @property
    def language(self) -> Language:
        return LANGUAGES[self.nav.language]

    @property
    def formats(self) -> Formats:
        return formats_for(self.language.locale, self.snapshot.time_zone)

    @property
    def is_silent(self) -> bool:
        return self.silence_s > SECONDS["silent_after"]

    @property
    def phase(self) -> int:
        """One step a second, for the few things that move."""
        return int(self.now_s) % 4

    @property
    def phones_are_taken(self) -> bool:
        """Whether a phone can pay here at all, now or when what is in the way is gone; where not, none is offered."""
        return self.snapshot.phone_problem is not PhoneProblem.NOT_TAKEN

    def say(self, key: str, **values: object) -> str:
        return self.language.say(key, **values)


@dataclass(frozen=True, slots=True)
class Frame:
    """`silent` is said instead of `sub` while the controller does not answer; `still` warns of the time-out."""

    symbol: str
    tint: str
    title: str
    sub: str
    clock: str
    is_online: bool
    help: str
    language: str
    one_moment: str
    asked: str | None = None
    silent: str | None = None
    no_answer: str = ""
    still: str | None = None
    still_here: str = ""


def frame(seen: Seen, symbol: str, title: str, sub: str, tint: str = "charge") -> Frame:
    snapshot, formats = seen.snapshot, seen.formats
    is_known = snapshot.clock_quality is not ClockQuality.UNKNOWN
    untouched_s = seen.now_s - seen.nav.touched_at_s
    still = None
    if times_out(seen.nav, snapshot) and untouched_s >= SECONDS["idle_warning"]:
        left_s = max(0, int(SECONDS["idle_end"] - untouched_s + 0.999))
        still = seen.say("frame.still", left=formats.duration(left_s))
    waits_long = seen.nav.sent is not None and seen.now_s - seen.nav.sent.at_s >= SECONDS["asked_after"]
    return Frame(
        symbol=symbol,
        tint=tint,
        title=title,
        sub=sub,
        clock=formats.clock(snapshot.at) if is_known else "–:––",
        is_online=snapshot.is_online,
        help=seen.say("frame.help"),
        language=seen.language.name,
        one_moment=seen.say("frame.one_moment"),
        asked=seen.say("frame.asked") if waits_long else None,
        silent=seen.say("frame.silent", time=formats.clock_s(snapshot.at)) if seen.is_silent else None,
        no_answer=seen.say("frame.no_answer"),
        still=still,
        still_here=seen.say("frame.still_here"),
    )


def connector_words(seen: Seen, evse: EvseView) -> str:
    """Connector 1 · CCS."""
    return seen.say("connector.name", number=evse.evse_id, type=evse.connector_type)
