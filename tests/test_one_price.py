"""One price: kiosk, server and a naive oracle agree on ten thousand random sessions, to the minor unit.

The kiosk's side is its own core: facts go in, and what it writes down and its own total come out. The server's side
reads the bytes that were written down. The oracle walks the same readings second by second (tests/contract/oracle.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection, select

from billing.directory import add_kiosk, load_tariff, set_offer
from billing.intake import take_rows
from billing.tables import cdrs, quarantine
from contract.codec import from_bytes, to_bytes
from contract.identity import TokenKind
from contract.iec61851 import PilotState
from contract.metering import MeterReading
from contract.order import price_of_part
from contract.price import TimeUse
from contract.transaction import (
    Authority,
    ClockQuality,
    EventType,
    StoppedReason,
    TransactionEvent,
    TriggerReason,
    samples_of,
    token_hash,
)
from kiosk.session.events import Ids, Now
from kiosk.session.facts import Facts
from kiosk.session.recording import recorded
from kiosk.session.session import Session
from kiosk.session.settings import Patience
from kiosk.session.states import State
from kiosk.session.transaction import Transaction
from tests.billing.databases import Databases
from tests.billing.stories import NOON, batch, rows_of
from tests.contract import oracle
from tests.contract.sessions import Case, case

SESSIONS, PARTS, LONGEST_S = 10_000, 4, 400
UPLOADED = {"sqlite": 100, "postgresql": 20}  # of them through the server's whole intake, into a database
PATIENCE = Patience()
BOOTED_S = 50.0
STATES = {  # what the kiosk sees where time counts as that
    TimeUse.CHARGING: (State.DELIVERING, PilotState.C, True),
    TimeUse.NONE: (State.DELIVERING, PilotState.B, True),
    TimeUse.PARKING: (State.PARKED, PilotState.B, False),
}


def told_by_the_kiosk(drawn: Case, name: str) -> list[TransactionEvent]:
    """The story the kiosk's core writes when its meter and pilot show what was drawn."""
    began = Now(BOOTED_S, drawn.started_at, ClockQuality.SYNCHRONISED, f"boot-{name}")
    authority = Authority(TokenKind.ISO14443, token_hash(TokenKind.ISO14443, "04A2"), "anna")
    ids = Ids(f"{name:0>32}", f"{name:0>31}o", f"{name:0>32}", "4711")
    t = Transaction(ids, authority, drawn.offer, "…", False, 1, 1, began)
    story, last = [], len(drawn.samples) - 1
    for number, sample in enumerate(drawn.samples):
        at_s = BOOTED_S + sample.elapsed_ms / 1000
        now = replace(began, s=at_s, wall=drawn.started_at + timedelta(milliseconds=sample.elapsed_ms))
        state, pilot, closed = STATES[sample.time_use] if number < last else (State.CLOSING, PilotState.B, False)
        reading = MeterReading(at_s, sample.import_wh, 0, sample.power_w or 0, (sample.current_ma or 0,))
        facts = Facts(pilot, closed, at_s, reading, True)
        t = replace(t, stopped_reason=StoppedReason.LOCAL if number == last else None)
        session = Session(1, state, facts=facts, transaction=t)
        kind = EventType.STARTED if number == 0 else EventType.ENDED if number == last else EventType.UPDATED
        trigger = TriggerReason.METER_VALUE_PERIODIC
        t, event = recorded(session, now, PATIENCE, kind, trigger, True if number == last else None)
        story.append(event)
    return story


def seeds(part: int) -> Iterator[int]:
    return iter(range(part, SESSIONS, PARTS))


@pytest.mark.parametrize("part", range(PARTS))
def test_kiosk_server_and_oracle_agree_to_the_minor_unit(part: int) -> None:
    seen: Counter[str] = Counter()
    for seed in seeds(part):
        drawn = case(seed, LONGEST_S)
        story = told_by_the_kiosk(drawn, str(seed))
        read = [from_bytes(TransactionEvent, to_bytes(event)) for event in story]
        offer, samples = read[0].offer, samples_of(read)
        assert offer is not None
        of_server = price_of_part(offer, (), samples)
        _, gross = oracle.total(offer, samples, drawn.started_at)

        assert story[-1].total_incl_vat_minor == of_server.incl_vat_minor, f"seed {seed}: kiosk and server"
        assert of_server.incl_vat_minor == oracle.minor(gross, of_server.currency), f"seed {seed}: server and oracle"
        seen.update({of_server.currency, of_server.rule, *(line.dimension.value for line in of_server.lines)})
        seen["owed"] += of_server.incl_vat_minor > 0
        seen["two elements in one dimension"] += len({(x.dimension, x.element) for x in of_server.lines}) > len(
            {x.dimension for x in of_server.lines}
        )
    # Agreement on nothing would prove nothing.
    kinds = ("EUR", "JPY", "KRW", "KWD", "ENERGY", "TIME", "PARKING_TIME", "FLAT", "min_price", "max_price")
    assert all(seen[kind] > 25 for kind in kinds), seen
    assert seen["owed"] > 1500 and seen["two elements in one dimension"] > 100, seen


@pytest.mark.parametrize("kind", UPLOADED)
def test_the_servers_intake_bills_what_the_kiosk_showed(databases: Databases, kind: str) -> None:
    with databases.opened(kind) as engine, engine.begin() as connection:  # furnished with Anna
        for seed in range(UPLOADED[kind]):
            upload(connection, case(seed, LONGEST_S), seed)
        rows = connection.execute(select(cdrs.c.kiosk_id, cdrs.c.incl_vat_minor))
        billed = {row.kiosk_id: row.incl_vat_minor for row in rows}
        doubts = connection.execute(select(quarantine.c.code, quarantine.c.reason)).all()

    assert len(billed) == UPLOADED[kind] and not doubts
    for seed in range(UPLOADED[kind]):
        assert billed[f"hk-{seed}"] == told_by_the_kiosk(case(seed, LONGEST_S), str(seed))[-1].total_incl_vat_minor


def upload(connection: Connection, drawn: Case, seed: int) -> None:
    """Each at a kiosk of its own, which offers that tariff."""
    kiosk_id, tariff = f"hk-{seed}", drawn.offer.tariff
    add_kiosk(connection, kiosk_id.upper(), NOON, time_zone=drawn.offer.time_zone, max_power_w=60_000)
    load_tariff(connection, tariff, NOON)
    grace_s = drawn.offer.parking_grace_s
    offer = set_offer(connection, kiosk_id, 1, tariff.id, NOON, parking_grace_s=grace_s)
    story = told_by_the_kiosk(replace(drawn, offer=offer), str(seed))
    at = drawn.started_at + timedelta(milliseconds=drawn.samples[-1].elapsed_ms + 1000)
    take_rows(connection, kiosk_id, batch(rows_of(story)), at)


def test_the_readings_of_a_story_are_in_order() -> None:
    """What is drawn is what a kiosk may write: the sessions above are of use only as long as this holds."""
    for seed in range(200):
        story = told_by_the_kiosk(case(seed, LONGEST_S), str(seed))
        assert [event.seq_no for event in story] == list(range(len(story)))
        assert all(a.elapsed_ms <= b.elapsed_ms for a, b in pairwise(story))
