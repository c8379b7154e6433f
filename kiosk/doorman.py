"""Who may still show a token after too many that are none here: a memory per kind of reader, rules in guessing.py."""

from __future__ import annotations

from contract.identity import IdToken, TokenKind
from contract.records import GUESSING
from kiosk import authority
from kiosk.session import events
from kiosk.session.events import Audited, Now
from kiosk.session.guessing import NO_GUESSES, WRONG, Guesses, after_wrong
from kiosk.session.kiosk import Kiosk
from kiosk.session.snapshot import NoticeCode


class Doorman:
    """Of one boot: a restart forgets what was tried, and takes longer than the longest rest would help."""

    def __init__(self) -> None:
        self._guesses: dict[str, Guesses] = {}

    def turns_away(self, token: IdToken, now: Now, knowledge: authority.Knowledge) -> bool:
        """The reader rests, and the token is not known here as good."""
        guesses = self._guesses.get(_reader_of(token), NO_GUESSES)
        return guesses.is_resting(now.s) and not authority.is_known_good(knowledge, token, now.wall)

    def heard(self, event: events.Event, kiosk: Kiosk, now: Now) -> list[Audited]:
        """Answers to Asks, before they are obeyed: a wrong token makes its reader rest, a good one ends that.

        Returns what is to be written down.
        """
        if not isinstance(event, (events.Authorized, events.Refused)):
            return []
        asking = (s for s in kiosk.sessions if s.asked and s.asked.ids.transaction_id == event.transaction_id)
        session = next(asking, None)
        if session is None or session.asked is None:
            return []
        token, reader = session.asked.token, _reader_of(session.asked.token)
        if isinstance(event, events.Authorized):
            self._guesses.pop(reader, None)
            return []
        if event.code not in WRONG:
            return []
        guesses = self._guesses[reader] = after_wrong(self._guesses.get(reader, NO_GUESSES), now.s)
        told = []
        if event.code is NoticeCode.BLOCKED_TOKEN:
            told.append(Audited(f"token {token.masked}", "a blocked token was shown", session.evse_id))
        if guesses.is_told:
            rest_s = guesses.rests_until_s - now.s
            what = f"{GUESSING}{guesses.wrong} wrong tokens, the {reader} reader rests {rest_s:g} s"
            told.append(Audited(f"{reader} reader", what, session.evse_id))
        return told


def _reader_of(token: IdToken) -> str:
    return "card" if token.kind is TokenKind.ISO14443 else "code"
