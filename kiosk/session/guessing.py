"""Guessing cards, codes and vouchers at a reader is slowed: a pause that grows, ends, and spares who is known. Pure.

Law:
- Wrong tokens are counted per kind of reader; from the third within ten minutes on each brings a pause, 2 s, 4 s, and
  so on up to a minute. Nothing is asked and nothing is written during a pause.
- A token that the own list knows as good, or a voucher whose signature is good here, passes at any time: nobody is
  locked out by what others tried. Where there is no list yet the longest wait is one minute.
- What was tried is logged when a pause begins, the first few times and then every tenth.
"""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.session.snapshot import NoticeCode

FREE_TRIES = 2
FIRST_REST_S, LONGEST_REST_S = 2.0, 60.0
FORGOTTEN_AFTER_S = 600.0
TOLD_FIRST, TOLD_EVERY = 6, 10

WRONG = frozenset(
    {
        NoticeCode.UNKNOWN_TOKEN,
        NoticeCode.BLOCKED_TOKEN,
        NoticeCode.FORGED_VOUCHER,
        NoticeCode.PAYMENT_UNKNOWN,
        NoticeCode.PAYMENT_BLOCKED,
    }
)


@dataclass(frozen=True, slots=True)
class Guesses:
    """At one kind of reader. Times are kiosk monotonic seconds."""

    wrong: int = 0
    last_s: float = float("-inf")
    rests_until_s: float = float("-inf")

    def is_resting(self, now_s: float) -> bool:
        return now_s < self.rests_until_s

    @property
    def is_told(self) -> bool:
        """Whether the pause that has just begun is worth a line in the journal."""
        pauses = self.wrong - FREE_TRIES
        return 1 <= pauses <= TOLD_FIRST or (pauses > 0 and pauses % TOLD_EVERY == 0)


NO_GUESSES = Guesses()


def after_wrong(guesses: Guesses, now_s: float) -> Guesses:
    """One more token that is none here."""
    wrong = 1 if now_s - guesses.last_s >= FORGOTTEN_AFTER_S else guesses.wrong + 1
    pauses = wrong - FREE_TRIES
    if pauses <= 0:
        return Guesses(wrong, now_s)
    rest_s = min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(pauses - 1, 10))
    return Guesses(wrong, now_s, now_s + rest_s)
