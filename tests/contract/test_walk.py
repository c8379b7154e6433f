"""price() with restrictions: against the naive oracle, and the laws that make it a function of the readings."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import floor

from hypothesis import given, settings
from hypothesis import strategies as st

from contract.price import Sample, price, settled, span_between
from contract.walk import Tally, rules_of
from tests.contract import oracle
from tests.contract.sessions import Case, case

CASES = st.integers(0, 10**9).map(case)


def on_the_line(now: Sample, later: Sample, share: Fraction) -> Sample | None:
    """A reading the meter could have shown on the way: whole ms, whole Wh, and exactly linear."""
    span_ms, wh = later.elapsed_ms - now.elapsed_ms, later.import_wh - now.import_wh
    ms = floor(share * span_ms)
    if span_ms == 0 or (ms * wh) % span_ms:
        return None
    at_ms = None if now.at_ms is None else now.at_ms + ms
    return replace(now, elapsed_ms=now.elapsed_ms + ms, import_wh=now.import_wh + ms * wh // span_ms, at_ms=at_ms)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**9))
def test_the_price_is_what_a_second_by_second_oracle_says(seed: int) -> None:
    drawn = case(seed, longest_s=2400)
    excl, incl = oracle.total(drawn.offer, drawn.samples, drawn.started_at)

    cost = price(drawn.offer, drawn.samples)

    assert cost.incl_vat_minor == oracle.minor(incl, cost.currency)
    assert abs(Fraction(cost.excl_vat) - excl) < Fraction(1, 10**20)
    assert abs(Fraction(cost.incl_vat) - incl) < Fraction(1, 10**20)


@settings(max_examples=200, deadline=None)
@given(CASES)
def test_what_is_walked_reading_by_reading_costs_the_same_as_the_whole(drawn: Case) -> None:
    """The kiosk adds one reading after the other; the server has them all at once."""
    tally = Tally(rules_of(drawn.offer))
    for now, later in pairwise(drawn.samples):
        tally = tally.after(span_between(now, later))

    assert settled(tally) == price(drawn.offer, drawn.samples)


@settings(max_examples=300, deadline=None)
@given(CASES, st.data())
def test_a_reading_inserted_on_the_line_changes_no_price(drawn: Case, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(drawn.samples) - 2))
    now, later = drawn.samples[at], drawn.samples[at + 1]
    between = on_the_line(now, later, data.draw(st.fractions(0, 1)))
    if now.power_w is None or between is None:
        return
    more = (*drawn.samples[: at + 1], between, *drawn.samples[at + 1 :])

    assert price(drawn.offer, more) == price(drawn.offer, drawn.samples)
