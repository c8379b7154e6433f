"""Any value that may travel, drawn by hypothesis: every wire dataclass with every field its type allows."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

import contract.api
import contract.order
import contract.records
import contract.restrictions
import contract.tariff
import contract.tokens
import contract.transaction
import kiosk.wire
from contract.currency import MINOR_DIGITS
from contract.identity import IdToken, TokenKind
from contract.metering import MeterReading
from contract.order import Continuation
from contract.restrictions import DayOfWeek, ReservationRestriction, TariffRestrictions
from contract.tariff import Dimension, PriceComponent, PriceLimit, Tariff, TariffElement, TariffOffer
from contract.tokens import AuthorizationList, ListEntry
from contract.transaction import (
    Authority,
    ChargingState,
    EventType,
    MeterValue,
    Moment,
    StoppedReason,
    TransactionEvent,
    TransactionLimit,
    TriggerReason,
)
from contract.usage import Sample, TimeUse
from kiosk.session import events
from kiosk.session.snapshot import Limit, LimitKind, Snapshot

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
NOT_NEGATIVE = st.integers(0, 2**63 - 1)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at - timedelta(microseconds=at.microsecond % 1000)
)
PRICES = st.decimals(Decimal(0), Decimal(1000), places=4)
VATS = st.sampled_from(
    [Decimal(0), Decimal(7), Decimal("7.7"), Decimal(19), Decimal(20), Decimal("25.5"), Decimal(100)]
)


@st.composite
def components(draw: st.DrawFn, kind: Dimension) -> PriceComponent:
    return PriceComponent(kind, draw(PRICES), draw(VATS), draw(st.sampled_from([1, 7, 60, 300, 1000])))


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    elements = draw(st.lists(st.lists(st.sampled_from(Dimension), unique=True, max_size=4), max_size=3))
    return Tariff(
        draw(TEXTS),
        draw(st.integers(0, 10_000)),
        draw(st.sampled_from(sorted(MINOR_DIGITS))),
        tuple(TariffElement(tuple(draw(components(kind)) for kind in kinds)) for kinds in elements),
    )


OFFERS = st.builds(TariffOffer, tariffs(), st.integers(0, 86_400))
TIMES = st.sampled_from(["00:00", "00:30", "02:30", "06:00", "09:05", "18:00", "22:00", "23:59"])
DATES = st.dates(date(2020, 1, 1), date(2030, 12, 31)).map(str)


def _ranges(amounts: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    pairs = st.tuples(amounts, amounts).filter(lambda pair: pair[0] < pair[1])
    return pairs | pairs.map(lambda pair: (pair[0], None)) | pairs.map(lambda pair: (None, pair[1]))


@st.composite
def restrictions(draw: st.DrawFn, *, reservation: bool = False) -> TariffRestrictions:
    """Up to two restrictions of any kind that stand together."""
    found: dict[str, Any] = {}
    kinds = ["time", "date", "kwh", "current", "power", "duration", "day"]
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=2)):
        if kind == "time":
            start, end = draw(st.tuples(TIMES, TIMES).filter(lambda pair: pair[0] != pair[1]))
            found |= {"start_time": start, "end_time": end}
        elif kind == "date":
            found["start_date"], found["end_date"] = draw(_ranges(DATES))
        elif kind == "day":
            days = st.lists(st.sampled_from(DayOfWeek), unique=True, min_size=1, max_size=4)
            found["day_of_week"] = tuple(draw(days))
        else:
            amounts: Any = st.decimals(0, 40, places=3) if kind != "duration" else st.integers(0, 20_000)
            found[f"min_{kind}"], found[f"max_{kind}"] = draw(_ranges(amounts))
    if reservation:
        found["reservation"] = draw(st.sampled_from(ReservationRestriction))
    return TariffRestrictions(**found)


@st.composite
def elements(draw: st.DrawFn) -> TariffElement:
    is_reservation = draw(st.booleans())
    kinds = [Dimension.TIME, Dimension.FLAT] if is_reservation else list(Dimension)
    chosen = draw(st.lists(st.sampled_from(kinds), unique=True, max_size=3))
    rule = draw(restrictions(reservation=True)) if is_reservation else draw(st.none() | restrictions())
    return TariffElement(tuple(draw(components(kind)) for kind in chosen), rule)


@st.composite
def price_limits(draw: st.DrawFn) -> PriceLimit:
    excl = draw(PRICES)
    return PriceLimit(excl, excl + draw(PRICES))


LIMITS = st.builds(TransactionLimit, st.none() | WHOLE, st.none() | WHOLE, st.none() | WHOLE)
SAMPLES = st.builds(Sample, WHOLE, WHOLE, st.sampled_from(TimeUse))
CONTINUATIONS = st.builds(Continuation, TEXTS, st.lists(SAMPLES, min_size=2, max_size=4).map(tuple))


@st.composite
def transaction_events(draw: st.DrawFn) -> TransactionEvent:
    kind = draw(st.sampled_from(EventType))
    started, ended = kind is EventType.STARTED, kind is EventType.ENDED
    priced = ended or kind is EventType.METER_CORRECTION
    return TransactionEvent(
        event_type=kind,
        transaction_id=draw(TEXTS),
        seq_no=0 if started else draw(st.integers(1, 2**63 - 1)),
        order_id=draw(TEXTS),
        receipt_id=draw(TEXTS),
        evse_id=draw(WHOLE),
        connector_id=draw(WHOLE),
        trigger_reason=draw(st.sampled_from(TriggerReason)),
        charging_state=draw(st.sampled_from(ChargingState)),
        time_use=draw(st.sampled_from(TimeUse)),
        offline=draw(st.booleans()),
        at=draw(st.from_type(Moment)),
        elapsed_ms=draw(NOT_NEGATIVE),
        meter=draw(st.from_type(MeterValue)),
        authority=draw(st.from_type(Authority)) if started else None,
        offer=draw(OFFERS) if started else None,
        stopped_reason=draw(st.sampled_from(StoppedReason)) if ended else None,
        final=draw(st.none() | st.booleans()) if priced else None,
        total_incl_vat_minor=draw(st.none() | WHOLE) if priced else None,
        continues=draw(st.none() | CONTINUATIONS) if started else None,
        limit=draw(st.none() | LIMITS),
    )


st.register_type_strategy(str, TEXTS)
st.register_type_strategy(int, WHOLE)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(datetime, MOMENTS)
st.register_type_strategy(Decimal, PRICES)
st.register_type_strategy(Tariff, tariffs())
st.register_type_strategy(TariffOffer, OFFERS)
st.register_type_strategy(TransactionEvent, transaction_events())
st.register_type_strategy(Continuation, CONTINUATIONS)
st.register_type_strategy(TariffRestrictions, restrictions())
st.register_type_strategy(TariffElement, elements())
st.register_type_strategy(PriceLimit, price_limits())
st.register_type_strategy(PriceComponent, st.sampled_from(Dimension).flatmap(components))
st.register_type_strategy(Limit, st.builds(Limit, st.sampled_from(LimitKind), st.integers(1, 2**63 - 1)))
st.register_type_strategy(kiosk.wire.Fetch, st.builds(kiosk.wire.Fetch, st.integers(1, 100)))
TOKEN_VALUES = st.text(st.characters(codec="ascii", min_codepoint=32), min_size=1, max_size=40)
st.register_type_strategy(
    IdToken, st.builds(IdToken, st.sampled_from(TokenKind), TOKEN_VALUES.filter(lambda value: value.isprintable()))
)
st.register_type_strategy(
    AuthorizationList,
    st.builds(
        AuthorizationList,
        kiosk_id=TEXTS,
        version=NOT_NEGATIVE,
        issued_at=MOMENTS,
        valid_until=MOMENTS,
        offers=st.dictionaries(st.integers(1, 99).map(str), OFFERS, max_size=2),
        entries=st.lists(st.from_type(ListEntry), max_size=3).map(tuple),
        price_valid_until=st.none() | MOMENTS,
    ),
)


def _declared_in(module: ModuleType) -> list[type]:
    return [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if is_dataclass(cls) and cls.__module__ == module.__name__ and not cls.__name__.startswith("_")
    ]


WIRE_TYPES: list[type] = [
    *_declared_in(contract.api),
    *_declared_in(contract.order),
    *_declared_in(contract.records),
    *_declared_in(contract.restrictions),
    *_declared_in(contract.tariff),
    *_declared_in(contract.tokens),
    *_declared_in(contract.transaction),
    *_declared_in(kiosk.wire),
    *events.SCREEN_INTENTS,
    events.StopCommanded,
    events.ResetPressed,
    IdToken,
    MeterReading,
    Sample,
    Snapshot,
]


def any_wire_value() -> st.SearchStrategy[Any]:
    return st.sampled_from(WIRE_TYPES).flatmap(st.from_type)


def required_fields(cls: type) -> list[str]:
    from dataclasses import MISSING
    from typing import get_args, get_type_hints

    hints = get_type_hints(cls)
    return [
        f.name
        for f in fields(cls)
        if f.default is MISSING and f.default_factory is MISSING and type(None) not in get_args(hints[f.name])
    ]
