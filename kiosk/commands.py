"""Commands of the server at the controller's door: once each, in time, and answered.

Law:
- A text whose signature or kiosk does not match changes nothing and gets no answer: nobody known has sent it.
- An answer is written down before it is given; a repetition, after a restart too, gets the same one.
- What has expired on arrival is answered Expired and nothing else; for a start that is the disclaim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from contract.api import CommandAnswer, CommandStatus
from contract.commands import Command, CommandKind, lacks
from contract.identity import TokenKind
from contract.transaction import Authority, token_hash
from kiosk.session import events
from kiosk.session.events import Answered, Ids

KNOWN_ANSWERS = 1_000


class CommandBook:
    """Which commands were heard, and what was answered. `old`: from the journal, before the restart."""

    def __init__(self, old: Mapping[str, CommandAnswer]) -> None:
        self._answers = dict(old)
        self._undecided: set[str] = set()  # taken, and the answer is not on disk yet

    def answer_to(self, command_id: str) -> CommandAnswer | None:
        return self._answers.get(command_id)

    def is_undecided(self, command_id: str) -> bool:
        return command_id in self._undecided

    def take(self, command_id: str) -> None:
        self._undecided.add(command_id)

    def decided(self, answered: Answered) -> CommandAnswer:
        """The answer stands on disk."""
        self._undecided.discard(answered.command_id)
        while len(self._answers) >= KNOWN_ANSWERS:
            self._answers.pop(next(iter(self._answers)))
        answer = CommandAnswer(answered.command_id, answered.status, answered.reason, answered.transaction_id)
        self._answers[answered.command_id] = answer
        return answer


def outcome_of(command: Command, mint: Callable[[], Ids]) -> events.Event | Answered:
    """What a command that was never heard before leads to: an event for the core, or an answer at once."""
    if command.left_s <= 0:
        why = f"it waited {command.age_s} s and was valid for {command.ttl_s} s"
        return Answered(command.command_id, CommandStatus.EXPIRED, why)
    if missing := lacks(command):
        return Answered(command.command_id, CommandStatus.REJECTED, f"{command.kind} lacks {missing}")
    match command.kind:
        case CommandKind.START:
            assert command.evse_id is not None and command.account_id and command.offer is not None
            word = Authority(
                TokenKind.CENTRAL,
                token_hash(TokenKind.CENTRAL, command.command_id),
                command.account_id,
                command.group_id,
                command_id=command.command_id,
                cap_minor=command.cap_minor,
            )
            ids = mint()
            if command.stop_code is not None:
                ids = replace(ids, stop_code=command.stop_code)
            return events.StartCommanded(command.command_id, command.evse_id, word, command.offer, ids)
        case CommandKind.STOP:
            return events.StopCommanded(command.transaction_id, None, "server", command.command_id)
        case CommandKind.UNLOCK:
            assert command.evse_id is not None
            return events.UnlockCommanded(command.command_id, command.evse_id)
        case CommandKind.RESERVE:
            assert command.evse_id is not None and command.reservation_id and command.hold_s is not None
            left_s = command.hold_s - command.age_s
            if left_s <= 0:
                return Answered(command.command_id, CommandStatus.EXPIRED, "the reservation is over already")
            return events.ReserveCommanded(
                command.command_id,
                command.evse_id,
                command.reservation_id,
                left_s,
                command.token_hash,
                command.account_id,
                command.group_id,
            )
        case CommandKind.CANCEL_RESERVATION:
            assert command.reservation_id is not None
            return events.ReservationCancelled(command.command_id, command.reservation_id)
        case CommandKind.CHANGE_AVAILABILITY:
            assert command.evse_id is not None and command.is_operative is not None
            return events.AvailabilityCommanded(command.command_id, command.evse_id, command.is_operative)
    return Answered(command.command_id, CommandStatus.REJECTED, f"{command.kind}: this kiosk does not do it")
