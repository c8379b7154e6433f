"""Less is taken for the same use: everybody's part goes down, and nobody gives more than they had."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.checkout.parts import capture_parts
from billing.ledger.chart import Kind
from billing.ledger.draft import Draft, split
from billing.settlement.agreement import Agreement
from billing.settlement.allocation import HostTerms, PartnerTerms, Sale, allocate
from billing.settlement.allowance import allowance_entry
from billing.settlement.entries import Parties, sale_entry
from billing.settlement.sales import Sold

PARTIES = Parties("o1", "checkout:x", "EUR", "rosa", "cpo")
ROSA = HostTerms("rosa", "EUR", per_use_minor=50, per_kwh=Decimal("2.5"))
SHARES = PartnerTerms("cpo", operator_permille=100)


def sold(gross_minor: int, vat_minor: int, energy_wh: int) -> Sold:
    sale = Sale(gross_minor, {"20": vat_minor}, energy_wh, 3_600_000, electricity_cost_minor=energy_wh // 40)
    return Sold(PARTIES, sale, Agreement(), allocate(sale, ROSA, SHARES))


def part(draft: Draft, kind: Kind) -> int:
    return sum(leg.amount for leg in draft.legs if leg.account.kind is kind)


@given(st.integers(100, 10**6), st.integers(0, 40_000), st.data())
def test_a_whole_refund_takes_the_whole_sale_back_and_a_part_of_it_a_part(
    gross_minor: int, energy_wh: int, data: st.DataObject
) -> None:
    one = sold(gross_minor, gross_minor // 6, energy_wh)
    sale = sale_entry("C1", PARTIES, one.allocation)
    assert sale is not None
    taken = capture_parts(gross_minor, [one])
    amount_minor = data.draw(st.integers(1, gross_minor))
    whole = allowance_entry("a", PARTIES, [one], gross_minor, taken, "all of it")
    some = allowance_entry("b", PARTIES, [one], amount_minor, split(amount_minor, taken), "some of it")

    for kind in (Kind.RECEIVABLE, Kind.VAT_PAYABLE, Kind.HOST_PAYABLE):
        assert part(whole, kind) == -part(sale, kind)
        assert abs(part(some, kind)) <= abs(part(sale, kind)) + 1
    assert part(some, Kind.RECEIVABLE) == -amount_minor


def test_a_courtesy_leaves_host_and_partner_what_they_earned() -> None:
    one = sold(1_200, 200, 10_000)
    entry = allowance_entry("a", PARTIES, [one], 300, {"operator": 300}, "by courtesy", keeps_host=True)

    assert (part(entry, Kind.HOST_PAYABLE), part(entry, Kind.PARTNER_PAYABLE)) == (0, 0)
    assert (part(entry, Kind.VAT_PAYABLE), part(entry, Kind.MARGIN)) == (50, 250)
