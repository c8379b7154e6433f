"""price() with restrictions: against the naive oracle, and the laws that make it a function of the readings."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contract.price import Sample, price, settled, span_between
from contract.restrictions import TariffRestrictions
from contract.tariff import Dimension, TariffOffer
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
    if between is None:
        return
    more = (*drawn.samples[: at + 1], between, *drawn.samples[at + 1 :])

    assert price(drawn.offer, more) == price(drawn.offer, drawn.samples)


def without_steps_and_limits(offer: TariffOffer) -> TariffOffer:
    """What is left of a tariff when all goes that looks at a session as a whole."""
    elements = []
    for element in offer.tariff.elements:
        rule = element.restrictions or TariffRestrictions()
        looks_back = (rule.min_kwh, rule.max_kwh, rule.min_duration, rule.max_duration)
        parts = tuple(replace(p, step_size=1) for p in element.price_components if p.type is not Dimension.FLAT)
        if parts and all(limit is None for limit in looks_back):
            elements.append(replace(element, price_components=parts))
    tariff = replace(offer.tariff, elements=tuple(elements), min_price=None, max_price=None)
    return replace(offer, tariff=tariff, parking_grace_s=0)


@settings(max_examples=300, deadline=None)
@given(CASES, st.data())
def test_where_no_step_or_limit_applies_the_price_is_additive_over_adjoining_parts(
    drawn: Case, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(drawn.samples) - 1))
    offer = without_steps_and_limits(drawn.offer)
    one, other, whole = (
        price(offer, samples) for samples in (drawn.samples[: at + 1], drawn.samples[at:], drawn.samples)
    )
    assume(all(line.rule == "measured" for cost in (one, other, whole) for line in cost.lines))

    assert abs(one.excl_vat + other.excl_vat - whole.excl_vat) < Decimal("1e-20")
    assert abs(one.incl_vat + other.incl_vat - whole.incl_vat) < Decimal("1e-20")
    assert abs(one.incl_vat_minor + other.incl_vat_minor - whole.incl_vat_minor) <= 1
