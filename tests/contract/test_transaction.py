"""An event that breaks the law of transactions cannot be made, nor read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from contract.api import request_bytes
from contract.codec import WireError, from_bytes, to_bytes, to_wire
from contract.identity import TokenKind
from contract.transaction import EventType, StoppedReason, TransactionEvent, token_hash
from tests.contract.values import transaction_events


@settings(max_examples=60)
@given(transaction_events())
def test_started_is_the_first_event_and_only_the_first(event: TransactionEvent) -> None:
    wrong = 1 if event.event_type is EventType.STARTED else 0

    with pytest.raises(ValueError, match="Started is 0, and only Started"):
        replace(event, seq_no=wrong)


@settings(max_examples=60)
@given(transaction_events())
def test_authority_and_offer_stand_in_started_and_only_there(event: TransactionEvent) -> None:
    changes: list[dict[str, Any]] = [{"authority": None}, {"offer": None}]
    if event.event_type is not EventType.STARTED:
        wire = to_wire(event)
        assert "authority" not in wire
        assert "offer" not in wire
        return
    for change in changes:
        with pytest.raises(ValueError, match="authority and offer stand in Started"):
            replace(event, **change)


@settings(max_examples=60)
@given(transaction_events())
def test_a_reason_stands_in_ended_and_only_there(event: TransactionEvent) -> None:
    wrong = None if event.event_type is EventType.ENDED else StoppedReason.LOCAL

    with pytest.raises(ValueError, match="stopped_reason stands in Ended"):
        replace(event, stopped_reason=wrong)


@settings(max_examples=30)
@given(transaction_events())
def test_time_and_number_never_fall_below_zero(event: TransactionEvent) -> None:
    with pytest.raises(ValueError, match="want 0 or more"):
        replace(event, elapsed_ms=-1)
    with pytest.raises(WireError, match="want 0 or more"):
        from_bytes(TransactionEvent, to_bytes(event).replace(f'"seq_no":{event.seq_no}'.encode(), b'"seq_no":-1'))


@settings(max_examples=30)
@given(transaction_events())
def test_the_same_event_is_the_same_bytes(event: TransactionEvent) -> None:
    once = to_bytes(event)

    assert to_bytes(replace(event)) == once
    assert event.sample.elapsed_ms == event.elapsed_ms
    assert event.sample.import_wh == event.meter.import_wh


def test_a_token_is_named_by_its_hash_and_its_kind() -> None:
    card = token_hash(TokenKind.ISO14443, "04AABB")

    assert card == hashlib.sha256(b"ISO14443:04AABB").hexdigest()
    assert card != token_hash(TokenKind.MEMBER_CODE, "04AABB")


def test_no_two_requests_are_signed_alike() -> None:
    parts = ("POST", "/v1/rows", "hk", "boot", "serial", "nonce", b"{}")
    changed = [(*parts[:i], b"x" if i == 6 else "x", *parts[i + 1 :]) for i in range(7)]

    signed = {request_bytes(*each) for each in (parts, *changed)}  # type: ignore[arg-type]

    assert len(signed) == 8
    assert request_bytes(*parts) == request_bytes("post", *parts[1:])
