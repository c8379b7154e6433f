"""A differential list applies on exactly its base, and every way to the newest version comes to the same list."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.list_change import (
    WrongBase,
    applied,
    change_between,
    entries_hash,
    is_change,
    joined,
    read_change,
    sign_change,
)
from contract.tokens import AuthorizationList, ForgedText, ListEntry, read_list, sign_list
from kiosk.authority import Knowledge

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ENTRIES = st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 3), st.booleans()), max_size=6)


def made(version: int, entries: dict[str, tuple[int, bool]]) -> AuthorizationList:
    kept = tuple(ListEntry(name, f"acc-{name}", cap, None, blocked) for name, (cap, blocked) in sorted(entries.items()))
    return AuthorizationList("hk-07", version, NOON, NOON + timedelta(days=version), {}, kept)


@given(st.lists(ENTRIES, min_size=2, max_size=6), st.data())
def test_changes_alone_joined_and_the_full_list_come_to_the_same(
    contents: list[dict[str, tuple[int, bool]]], data: st.DataObject
) -> None:
    lists = [made(version, entries) for version, entries in enumerate(contents, 1)]
    steps = [change_between(a, b) for a, b in pairwise(lists)]
    at = data.draw(st.integers(0, len(steps) - 1))
    whole = steps[at]
    for step in steps[at + 1 :]:
        whole = joined(whole, step)

    assert applied(lists[at], whole) == lists[-1]
    one_by_one = lists[at]
    for step in steps[at:]:
        one_by_one = applied(one_by_one, step)
    assert one_by_one == lists[-1]


@settings(max_examples=60)
@given(st.lists(ENTRIES, min_size=2, max_size=5), st.lists(st.integers(0, 20), max_size=25))
def test_any_order_of_full_lists_and_changes_converges(
    contents: list[dict[str, tuple[int, bool]]], order: list[int]
) -> None:
    """What does not fit is refused whole; a refused change is followed by the full list, as the kiosk asks for it."""
    lists = [made(version, entries) for version, entries in enumerate(contents, 1)]
    texts = [sign_list(one, KEY) for one in lists]
    texts += [sign_change(change_between(a, b), KEY) for n, a in enumerate(lists) for b in lists[n + 1 :]]
    known = Knowledge("hk-07", (KEY.public_key(),))
    for number in order:
        before = known
        try:
            known = known.with_list(texts[number % len(texts)])
        except WrongBase:
            assert known == before
            known = known.with_list(texts[len(lists) - 1])
        except ForgedText:
            assert known == before
        if known.authorizations is not None:
            version = known.authorizations.version
            assert known.authorizations == lists[version - 1]
            assert before.authorizations is None or version >= before.authorizations.version
    known = known.with_list(texts[len(lists) - 1])

    assert known.authorizations == lists[-1]
    again = Knowledge("hk-07", (KEY.public_key(),)).with_list(known.list_text)
    assert (again.authorizations, again.cards, again.blocked) == (known.authorizations, known.cards, known.blocked)


def test_a_change_of_another_list_with_the_same_version_is_refused_whole() -> None:
    base, other = made(3, {"a": (1, False)}), made(3, {"a": (2, False)})
    change = change_between(base, made(4, {}))

    with pytest.raises(WrongBase, match="another list with the same version 3"):
        applied(other, change)
    with pytest.raises(WrongBase, match="version 2 is in force"):
        applied(made(2, {"a": (1, False)}), change)
    with pytest.raises(WrongBase):
        applied(replace(base, kiosk_id="hk-08"), change)


def test_a_change_is_signed_as_a_change_and_passes_for_nothing_else() -> None:
    change = change_between(made(1, {}), made(2, {"a": (1, True)}))
    text = sign_change(change, KEY)

    assert is_change(text) and read_change(text, [KEY.public_key()]) == change
    with pytest.raises(ForgedText):
        read_list(text, [KEY.public_key()])
    with pytest.raises(ForgedText):
        read_change(text, [Ed25519PrivateKey.generate().public_key()])
    with pytest.raises(ForgedText):
        read_change(text.replace("KD1", "KL1"), [KEY.public_key()])


def test_the_order_of_entries_makes_no_other_list() -> None:
    entries = made(1, {"a": (1, False), "b": (2, True)}).entries

    assert entries_hash(entries) == entries_hash(reversed(entries))
