"""What a usage costs: against hand-computed examples, and against a second, naive way to compute it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contract.currency import MINOR_DIGITS, to_minor
from contract.price import Quantities, Sample, TimeUse, price, price_of
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from tests.contract.values import OFFERS

E, T, P, F = Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT
MINUTE_MS = 60_000


def offer(*parts: tuple[Dimension, str, int, int], currency: str = "EUR", grace_s: int = 0) -> TariffOffer:
    """Parts are (dimension, price, VAT, step_size)."""
    made = tuple(PriceComponent(kind, Decimal(cost), Decimal(vat), step) for kind, cost, vat, step in parts)
    return TariffOffer(Tariff("t", 1, currency, (TariffElement(made),)), grace_s)


@st.composite
def usages(draw: st.DrawFn) -> tuple[Sample, ...]:
    steps = draw(
        st.lists(
            st.tuples(st.integers(0, 10_000_000), st.integers(0, 40_000), st.sampled_from(TimeUse)),
            min_size=1,
            max_size=6,
        )
    )
    at_ms, register_wh, made = 0, draw(st.integers(0, 10**9)), []
    for span_ms, step_wh, use in steps:
        made.append(Sample(at_ms, register_wh, use))
        at_ms, register_wh = at_ms + span_ms, register_wh + step_wh
    return (*made, Sample(at_ms, register_wh, TimeUse.NONE))


def naive_total_minor(sold: TariffOffer, samples: tuple[Sample, ...], with_vat: bool) -> int:
    """The same money in fractions, from the words of facts and OCPI alone."""
    energy_wh = samples[-1].import_wh - samples[0].import_wh
    time_s = {use: Fraction(0) for use in TimeUse}
    for now, later in pairwise(samples):
        time_s[now.time_use] += Fraction(later.elapsed_ms - now.elapsed_ms, 1000)
    parked_s = max(Fraction(0), time_s[TimeUse.PARKING] - sold.parking_grace_s)
    charged_s = time_s[TimeUse.CHARGING]

    def first(kind: Dimension) -> PriceComponent | None:
        found = [part for e in sold.tariff.elements for part in e.price_components if part.type is kind]
        return found[0] if found else None

    total = Fraction(0)

    def add(part: PriceComponent, units: Fraction) -> None:
        nonlocal total
        total += units * Fraction(part.price) * (1 + Fraction(part.vat) / 100 if with_vat else 1)

    if (part := first(E)) and energy_wh:
        add(part, Fraction(ceil(Fraction(energy_wh, part.step_size)) * part.step_size, 1000))
    parking, charging = first(P), first(T)
    last, so_far_s = None, Fraction(0)
    for now, later in pairwise(samples):
        long_s = Fraction(later.elapsed_ms - now.elapsed_ms, 1000)
        if now.time_use is TimeUse.PARKING:
            so_far_s += long_s
        if long_s and now.time_use is TimeUse.CHARGING and charging:
            last = charging
        elif long_s and now.time_use is TimeUse.PARKING and parking and so_far_s > sold.parking_grace_s:
            last = parking
    for part, used_s in ((parking, parked_s), (charging, charged_s)):
        if part and part is last:
            used_s = Fraction(ceil(used_s / part.step_size) * part.step_size)
        if part:
            add(part, used_s / 3600)
    if (part := first(F)) and (energy_wh or parked_s or charged_s):
        add(part, Fraction(1))
    return floor(total * 10 ** MINOR_DIGITS[sold.tariff.currency] + Fraction(1, 2))


@settings(max_examples=400)
@given(OFFERS, usages())
def test_the_price_is_what_fractions_say(sold: TariffOffer, samples: tuple[Sample, ...]) -> None:
    cost = price(sold, samples)

    assert cost.incl_vat_minor == naive_total_minor(sold, samples, with_vat=True)
    assert to_minor(cost.excl_vat, cost.currency) == naive_total_minor(sold, samples, with_vat=False)


@settings(max_examples=200)
@given(OFFERS, usages(), st.data())
def test_a_sample_inserted_on_the_line_changes_no_price(
    sold: TariffOffer, samples: tuple[Sample, ...], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(samples) - 2))
    now, later = samples[at], samples[at + 1]
    share = data.draw(st.fractions(0, 1))
    between = Sample(
        now.elapsed_ms + floor(share * (later.elapsed_ms - now.elapsed_ms)),
        now.import_wh + floor(share * (later.import_wh - now.import_wh)),
        now.time_use,
    )

    assert price(sold, (*samples[: at + 1], between, *samples[at + 1 :])) == price(sold, samples)


@settings(max_examples=200)
@given(OFFERS, usages(), st.integers(0, 5_000), st.integers(0, 5_000_000))
def test_more_never_costs_less(sold: TariffOffer, samples: tuple[Sample, ...], more_wh: int, more_ms: int) -> None:
    last = samples[-1]
    longer = (*samples, Sample(last.elapsed_ms + more_ms, last.import_wh + more_wh, TimeUse.NONE))
    # Parking that begins takes the rounding of the charging time with it (OCPI): that alone may be cheaper.
    assume(sold.tariff.component(P) is None)

    assert price(sold, longer).incl_vat_minor >= price(sold, samples).incl_vat_minor


@given(st.lists(st.integers(0, 50_000), max_size=8), st.integers(0, 10**9))
def test_energy_adds_up_over_any_cut(steps_wh: list[int], start_wh: int) -> None:
    sold = offer((E, "0.4567", 19, 1))
    samples = [Sample(0, start_wh, TimeUse.CHARGING)]
    for step_wh in steps_wh:
        samples.append(Sample(samples[-1].elapsed_ms + 1, samples[-1].import_wh + step_wh, TimeUse.CHARGING))

    assert price(sold, samples) == price_of(sold, Quantities(sum(steps_wh), len(steps_wh), 0))


@settings(max_examples=100)
@given(OFFERS, usages())
def test_every_amount_is_explained_by_its_line(sold: TariffOffer, samples: tuple[Sample, ...]) -> None:
    cost = price(sold, samples)

    for line in cost.lines:
        part = sold.tariff.component(line.dimension)
        assert part is not None
        assert (line.unit_price, line.vat) == (part.price, part.vat)
        assert abs(line.quantity * line.unit_price - line.excl_vat) < Decimal("1e-12")
        assert abs(line.excl_vat * (100 + line.vat) / 100 - line.incl_vat) < Decimal("1e-12")
    whole = sum((line.incl_vat for line in cost.lines), Decimal(0)).scaleb(MINOR_DIGITS[cost.currency])
    assert abs(whole - cost.incl_vat_minor) <= Decimal("0.5") + Decimal("1e-9")
    assert cost.vat_minor == cost.incl_vat_minor - cost.excl_vat_minor


# Hand-computed. Quantities are (Wh, charging minutes, parked minutes).
@pytest.mark.parametrize(
    ("sold", "used", "excl_minor", "incl_minor"),
    [
        # OCPI 2.2.1 mod_tariffs "Simple Tariff example 0.25 per kWh": 20 kWh → 5.00
        (offer((E, "0.25", 0, 1)), (20_000, 0, 0), 500, 500),
        # … with 10 % VAT: 5.50
        (offer((E, "0.25", 10, 1)), (20_000, 0, 0), 500, 550),
        # "start and charging fee": 0.50 flat + 1.00/h with 20 % VAT; 2.5 h → 0.50 + 2.50 = 3.00, 3.60 gross
        (offer((F, "0.50", 20, 1), (T, "1.00", 20, 900)), (1_000, 150, 0), 300, 360),
        # VAT per component: 20 kWh × 0.25 + 10 % and 2 h × 2.00 + 20 %: 5.50 + 4.80
        (offer((E, "0.25", 10, 1), (T, "2.00", 20, 1)), (20_000, 120, 0), 900, 1030),
        # step_size 1000 Wh: 1 Wh is a whole kWh, 1001 Wh are two
        (offer((E, "0.30", 0, 1000)), (1, 0, 0), 30, 30),
        (offer((E, "0.30", 0, 1000)), (1_000, 0, 0), 30, 30),
        (offer((E, "0.30", 0, 1000)), (1_001, 0, 0), 60, 60),
        # step_size 300 s: 6 minutes are 10, 10 stay 10
        (offer((T, "6.00", 0, 300)), (0, 6, 0), 100, 100),
        (offer((T, "6.00", 0, 300)), (0, 10, 0), 100, 100),
        # TIME then PARKING_TIME rounds the parking only: 6 min × 6/h + 10 min × 12/h
        (offer((T, "6.00", 0, 300), (P, "12.00", 0, 300)), (0, 6, 6), 260, 260),
        # an unpriced tail does not count: the charging time is the last priced one and is rounded
        (offer((T, "6.00", 0, 300)), (0, 6, 6), 100, 100),
        # parking within the grace is no parking: again the charging time is rounded
        (offer((T, "6.00", 0, 300), (P, "12.00", 0, 300), grace_s=600), (0, 6, 6), 100, 100),
        (offer((T, "6.00", 0, 300), (P, "12.00", 0, 300), grace_s=300), (0, 6, 6), 160, 160),
        # yen and won know no minor unit, the dinar has three digits
        (offer((E, "43.5", 10, 1), currency="JPY"), (1_000, 0, 0), 44, 48),
        (offer((E, "347.2", 0, 1), currency="KRW"), (12_345, 0, 0), 4286, 4286),
        (offer((E, "0.0355", 0, 1), currency="KWD"), (1_000, 0, 0), 36, 36),
        # exact halves of a cent that a division too early would lose: 20 min × 0.015/h, 10 s × 1.80/h
        (offer((T, "0.015", 0, 1)), (0, 20, 0), 1, 1),
        (offer((T, "0.0125", 20, 1)), (0, 20, 0), 0, 1),
        # who used nothing pays nothing, not even the flat fee
        (offer((F, "1.00", 20, 1), (E, "0.50", 20, 1)), (0, 0, 0), 0, 0),
        (offer((F, "1.00", 20, 1), (E, "0.50", 20, 1)), (1, 0, 0), 100, 120),
    ],
)
def test_examples_computed_by_hand(
    sold: TariffOffer, used: tuple[int, int, int], excl_minor: int, incl_minor: int
) -> None:
    energy_wh, charging_min, parked_min = used
    samples = [Sample(0, 5_000, TimeUse.CHARGING)]
    samples.append(Sample(charging_min * MINUTE_MS, 5_000 + energy_wh, TimeUse.PARKING))
    samples.append(Sample((charging_min + parked_min) * MINUTE_MS, 5_000 + energy_wh, TimeUse.NONE))

    cost = price(sold, samples)

    assert (to_minor(cost.excl_vat, cost.currency), cost.incl_vat_minor) == (excl_minor, incl_minor)


def test_a_line_says_why_its_quantity_is_more_than_was_measured() -> None:
    sold = offer((E, "0.30", 0, 1000), (T, "1.00", 0, 60), (P, "1.00", 0, 60))

    rules = {line.dimension: line.rule for line in price_of(sold, Quantities(1, 61_000, 60_000)).lines}

    assert rules == {E: "rounded up to step_size 1000", T: "measured", P: "measured"}


def test_time_that_is_neither_charging_nor_parking_costs_nothing() -> None:
    sold = offer((T, "60.00", 0, 1), (P, "60.00", 0, 1))

    assert price(sold, [Sample(0, 0, TimeUse.NONE), Sample(3_600_000, 0, TimeUse.NONE)]).incl_vat_minor == 0


def test_parking_in_pieces_shares_one_grace() -> None:
    sold = offer((P, "60.00", 0, 1), grace_s=120)
    pieces = [
        Sample(0, 0, TimeUse.PARKING),
        Sample(60_000, 0, TimeUse.CHARGING),
        Sample(90_000, 0, TimeUse.PARKING),
        Sample(180_000, 0, TimeUse.NONE),
    ]

    assert price(sold, pieces).incl_vat_minor == 50  # 60 + 90 − 120 s at one unit a minute


def test_an_empty_usage_costs_nothing() -> None:
    assert price(offer((E, "1", 0, 1), (F, "1", 0, 1)), []).incl_vat_minor == 0


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([Sample(5, 0, TimeUse.NONE), Sample(4, 0, TimeUse.NONE)], "elapsed_ms falls from 5 to 4"),
        ([Sample(0, 9, TimeUse.NONE), Sample(1, 8, TimeUse.NONE)], "import_wh falls from 9 to 8"),
    ],
)
def test_what_runs_backwards_is_refused(samples: list[Sample], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        price(offer((E, "1", 0, 1)), samples)
