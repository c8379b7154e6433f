"""The money of a world judged: coins counted at the bank, against what was delivered and what it costs.

| harm | what it means |
|---|---|
| paid_not_supplied | somebody's money is taken for nothing, or still held when all has come to rest |
| charged_twice | more was taken for an order than it costs |
| unbalanced | a book that does not balance, ours and theirs that differ, or less taken than a hold would have covered |
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from billing.checkout.reconcile import differences, read_statement
from billing.corrections import is_current
from billing.payments.tables import payments
from billing.settlement import proof
from billing.tables import cdrs, transactions
from sim.social.bank import Hold
from worlds.bank_door import OWN_ACCOUNT, BankDoor

if TYPE_CHECKING:
    from worlds.checker import Harm
    from worlds.world import World


def judge_money(world: World, harm: Harm) -> None:
    for fault in world.server.transact(proof.faults_of):
        harm.unbalanced += 1
        world.tell(f"UNBALANCED: {fault}")
    if world.purse is None:
        return
    bank = world.purse.bank
    if off_minor := bank.total_minor():
        harm.unbalanced += 1
        world.tell(f"UNBALANCED: the bank's own accounts sum to {off_minor}")
    statement = read_statement(bank.statement(world.wall().timestamp()))
    for line in world.server.transact(lambda c: differences(c, BankDoor.name, OWN_ACCOUNT, statement)):
        harm.unbalanced += 1
        world.tell(f"UNBALANCED: {line}")
    _judge_orders(world, harm, list(bank.holds.values()))


def _judge_orders(world: World, harm: Harm, holds: list[Hold]) -> None:
    orders, costs = world.server.transact(_orders), world.server.transact(_costs)
    by_order: dict[str, list[Hold]] = defaultdict(list)
    for hold in holds:
        by_order[orders.get(hold.reference, "")].append(hold)
        if hold.state == "authorised":
            harm.paid_not_supplied += 1
            world.tell(f"PAID, NOT SUPPLIED: {hold.payer}'s {hold.amount_minor} are still held ({hold.reference})")
    for order_id, mine in by_order.items():
        cost_minor, energy_wh = costs.get(order_id, (0, 0))
        taken_minor = sum(h.captured_minor - h.refunded_minor - h.charged_back_minor for h in mine)
        what = f"order {order_id or 'unknown'}: {taken_minor} taken for {energy_wh} Wh that cost {cost_minor}"
        if taken_minor > cost_minor:
            is_for_nothing = energy_wh <= 0 or not order_id
            harm.paid_not_supplied += is_for_nothing
            harm.charged_twice += not is_for_nothing
            world.tell(f"{'PAID, NOT SUPPLIED' if is_for_nothing else 'CHARGED TWICE'}: {what}")
        held_minor = sum(h.amount_minor for h in mine if h.state == "captured")
        if taken_minor < min(cost_minor, held_minor):
            harm.unbalanced += 1
            world.tell(f"UNBALANCED: {what}, although {held_minor} were held")
    world.activity.paid_orders += sum(any(h.state == "captured" for h in mine) for mine in by_order.values())


def _orders(connection: Connection) -> dict[str, str]:
    """By payment: its order, where a transaction of that order is known."""
    p, t = payments.c, transactions.c
    query = select(p.payment_id, p.order_id).where(p.order_id.in_(select(t.order_id)))
    return {row.payment_id: row.order_id for row in connection.execute(query)}


def _costs(connection: Connection) -> dict[str, tuple[int, int]]:
    """By order: what its CDRs come to, and their energy; the energy was held against the physics already."""
    c, t = cdrs.c, transactions.c
    same = (c.kiosk_id == t.kiosk_id) & (c.transaction_id == t.transaction_id)
    query = (
        select(t.order_id, func.sum(c.incl_vat_minor), func.sum(c.energy_wh))
        .select_from(transactions.join(cdrs, same))
        .where(is_current())
        .group_by(t.order_id)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(query)}
