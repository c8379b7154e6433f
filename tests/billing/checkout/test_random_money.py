"""Random money: whatever is done, in whatever order: units sum to zero, both books agree, a replay is the same.

Answers get lost, the provider is away, time passes; the bank's coins are counted, not our ledger.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from billing.checkout import refunds
from billing.checkout.refunds import NotRefundable, Rule
from billing.commands import NotReachable
from billing.ledger import book
from billing.ledger.tables import ledger_accounts, ledger_postings
from contract.commands import CommandKind
from contract.transaction import StoppedReason
from tests.billing.checkout.shop import MINA_HAS, Shop, sight_of
from tests.billing.databases import Databases

ACTS = (
    "charge", "interrupted", "unplugged", "code", "code given back", "cancelled", "refund", "courtesy", "chargeback",
    "correct", "too late", "webhooks", "again", "lose answers", "hear answers", "down", "up", "hours", "days",
)  # fmt: skip

acts = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(1, 40)), min_size=1, max_size=9)


class Player:
    """Does what it is told, as far as it can be done."""

    def __init__(self, engine: Engine) -> None:
        self.shop, self.count = Shop(engine), 0
        self.paid: list[tuple[str, list[object]]] = []

    def act(self, what: str, size: int) -> None:
        shop = self.shop
        self.count += 1
        match what:
            case "charge" | "interrupted" | "unplugged":
                self._charge(what, size)
            case "code" | "code given back":
                name = f"t-{self.count}"
                answer = shop.ask(shop.bank.issue_token("mina", shop.now.timestamp()), name)
                if answer.offer is None:
                    return
                if what == "code":
                    shop.upload(shop.direct_story(answer, name))
                else:
                    shop.disclaim(name)
            case "cancelled":
                shop.hear()
                checkout = shop.begin()
                shop.pay(checkout)
                shop.pass_time(125)
            case "refund" | "courtesy":
                rule = Rule.SHARED if what == "refund" else Rule.OPERATOR
                for name in self._captured():
                    try:
                        shop.run(lambda c, name=name: refunds.ask(c, name, size, rule, "sorry", "olga", shop.now))
                    except NotRefundable:
                        continue
            case "chargeback":
                for hold_id, hold in list(shop.bank.holds.items())[:1]:
                    left = hold.captured_minor - hold.refunded_minor - hold.charged_back_minor
                    if hold.state == "captured" and left > 0:
                        shop.bank.charge_back(hold_id, shop.now.timestamp())
                        shop.till.tell(hold.reference, sight_of(hold.words()))
            case "correct":
                for _, story in self.paid[-1:]:
                    shop.work()
                    shop.correct_down(story, wh=100)  # type: ignore[arg-type]
                self.paid = self.paid[:-1]
            case "too late":
                shop.pass_time(130)
            case "webhooks":
                for event in reversed(shop.bank.events):
                    shop.till.tell(str(event.body["reference"]), sight_of(event.body))
            case "again":
                for _, story in self.paid:
                    shop.upload(story)  # type: ignore[arg-type]
            case "lose answers" | "hear answers":
                shop.trouble.loses_answer = 0.6 if what == "lose answers" else 0.0
            case "down" | "up":
                shop.trouble.is_down = what == "down"
            case "hours" | "days":
                shop.pass_time(**{what: size})
        shop.work()

    def _charge(self, what: str, size: int) -> None:
        shop = self.shop
        shop.hear()
        try:
            checkout = shop.begin()
        except NotReachable:
            return
        shop.obey(CommandKind.RESERVE)
        shop.pay(checkout)
        shop.work()
        starts = [c for c in shop.commands() if c.kind is CommandKind.START and c.account_id == checkout.payer]
        if not starts:
            return  # the provider was silent, or the account is empty
        shop.answer(starts[0], of=f"t-{self.count}")
        names = {"transaction_id": f"t-{self.count}", "order_id": f"o-{self.count}"}
        if what == "unplugged":
            shop.upload(shop.unplugged(starts[0]))
            return
        why = StoppedReason.POWER_LOSS if what == "interrupted" else StoppedReason.LOCAL
        story = shop.story_of(starts[0], minutes=size, wh_per_minute=200, stopped_reason=why, **names)
        shop.upload(story)
        if what == "interrupted":
            shop.upload(shop.going_on(story))
        elif size > 3:
            self.paid.append((names["order_id"], list(story)))

    def _captured(self) -> list[str]:
        return [hold.reference for hold in self.shop.bank.holds.values() if hold.state == "captured"]

    def rest(self) -> None:
        """All that is broken is whole again, and time passes until nothing is left to do."""
        self.shop.trouble.is_down, self.shop.trouble.loses_answer = False, 0.0
        self.shop.pass_time(days=8)
        self.shop.hear()
        self.shop.pass_time(hours=1)
        self.shop.hear()
        self.shop.work_until_rest(200)

    def balances(self) -> Counter[tuple[str, str]]:
        """By kind and owner; guests, whose names are drawn, all together."""
        found = Counter[tuple[str, str]]()
        for account, amount in self.shop.run(book.balances).items():
            owner = "guests" if account.owner.startswith("checkout:") else account.owner
            found[account.kind.value, owner] += amount
        return found


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 10), ("postgresql", 3)])
def test_random_money_balances_is_paid_once_and_replays_to_the_same(
    databases: Databases, kind: str, examples: int
) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(acts)
    def holds(script: list[tuple[str, int]]) -> None:
        with databases.opened(kind) as one, databases.opened(kind) as other:
            play(Player(one), Player(other), script)

    holds()


def play(first: Player, again: Player, script: list[tuple[str, int]]) -> None:
    for player in (first, again):
        for what, size in script:
            player.act(what, size)
        player.rest()
        player.shop.check()
        assert set(player.shop.run(_sums_by_unit).values()) <= {0}
    shop = first.shop
    captured = [hold for hold in shop.bank.holds.values() if hold.state == "captured"]
    remitted = sum(move.amount_minor for move in shop.bank.moves if move.why == "remittance")
    back = sum(hold.refunded_minor + hold.charged_back_minor for hold in captured)

    assert first.balances() == again.balances()
    assert shop.mina_held == 0 and shop.mina_paid == remitted - back <= MINA_HAS
    assert len({hold.reference for hold in captured}) == len(captured)  # no payment took twice
    before = first.balances()
    first.act("webhooks", 1)
    first.act("again", 1)
    shop.work_until_rest()
    assert first.balances() == before  # what is told again changes nothing


def _sums_by_unit(connection: Connection) -> dict[str, int]:
    query = (
        select(ledger_accounts.c.unit, func.sum(ledger_postings.c.amount))
        .join_from(ledger_postings, ledger_accounts)
        .group_by(ledger_accounts.c.unit)
    )
    return {unit: int(amount) for unit, amount in connection.execute(query)}
