"""The differential list: what changed between two versions of a kiosk's authorisation list.

Law:
- A change applies on exactly its base: the version, and the hash over its entries. On anything else it is refused
  whole, and the full list is fetched.
- Full list and changes, applied in any order in which they are accepted at all, come to the same entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contract.codec import WireError, from_bytes, to_bytes
from contract.tokens import AuthorizationList, ForgedText, ListEntry, SignedKind, sign, verify


class WrongBase(ForgedText):
    """A change of another list than the one in force; the full list is wanted."""


@dataclass(frozen=True, slots=True)
class ListChange:
    """`head` is the new list without its entries; `changed` entries are new or take the place of the old ones."""

    base_version: int
    base_hash: str
    head: AuthorizationList
    changed: tuple[ListEntry, ...]
    removed: tuple[str, ...]  # token hashes


def entries_hash(entries: Iterable[ListEntry]) -> str:
    """Over the entries in the order of their token hashes."""
    ordered = sorted(entries, key=lambda entry: entry.token_hash)
    return hashlib.sha256(to_bytes(ordered)).hexdigest()


def change_between(base: AuthorizationList, newer: AuthorizationList) -> ListChange:
    before = {entry.token_hash: entry for entry in base.entries}
    after = {entry.token_hash: entry for entry in newer.entries}
    changed = tuple(entry for name, entry in sorted(after.items()) if before.get(name) != entry)
    removed = tuple(sorted(before.keys() - after.keys()))
    return ListChange(base.version, entries_hash(base.entries), replace(newer, entries=()), changed, removed)


def joined(first: ListChange, second: ListChange) -> ListChange:
    """One change for two that follow each other."""
    changed = {entry.token_hash: entry for entry in first.changed if entry.token_hash not in second.removed}
    changed |= {entry.token_hash: entry for entry in second.changed}
    removed = (set(first.removed) | set(second.removed)) - changed.keys()
    return ListChange(
        first.base_version,
        first.base_hash,
        second.head,
        tuple(entry for _, entry in sorted(changed.items())),
        tuple(sorted(removed)),
    )


def applied(base: AuthorizationList, change: ListChange) -> AuthorizationList:
    """Raises WrongBase."""
    if (base.kiosk_id, base.version) != (change.head.kiosk_id, change.base_version):
        raise WrongBase(f"a change of list version {change.base_version}; version {base.version} is in force")
    if entries_hash(base.entries) != change.base_hash:
        raise WrongBase(f"a change of another list with the same version {base.version}")
    entries = {entry.token_hash: entry for entry in base.entries}
    for name in change.removed:
        entries.pop(name, None)
    entries |= {entry.token_hash: entry for entry in change.changed}
    return replace(change.head, entries=tuple(entry for _, entry in sorted(entries.items())))


def sign_change(change: ListChange, key: Ed25519PrivateKey) -> str:
    return sign(SignedKind.LIST_CHANGE, to_bytes(change), key)


def is_change(text: str) -> bool:
    return text.startswith(f"{SignedKind.LIST_CHANGE}.")


def read_change(text: str, keys: Iterable[Ed25519PublicKey]) -> ListChange:
    """Raises ForgedText."""
    try:
        return from_bytes(ListChange, verify(SignedKind.LIST_CHANGE, text, keys))
    except WireError as error:
        raise ForgedText(str(error)) from error
