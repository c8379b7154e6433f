"""Authority: who may do what when the server does not answer. Pure.

It decides from the newest signed list and from what the journal says was already spent. It knows no clock: the
moment comes in. A voucher valid offline names one kiosk and is spent by the same commit as its Started.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from contract.api import AuthorizeAnswer, AuthorizeStatus, PaymentRefusal
from contract.identity import IdToken, TokenKind
from contract.list_change import WrongBase, applied, is_change, read_change
from contract.tariff import TariffOffer
from contract.tokens import (
    AuthorizationList,
    ForgedText,
    LaterOffer,
    ListEntry,
    VerifyKey,
    Voucher,
    in_force,
    read_list,
    read_voucher,
)
from contract.transaction import Authority, token_hash
from kiosk.session.events import Ask, Authorized, Refused
from kiosk.session.snapshot import NoticeCode


@dataclass(frozen=True)
class Knowledge:
    """What the kiosk knows by itself. `cards` is the list's entries by token hash."""

    kiosk_id: str
    server_keys: tuple[VerifyKey, ...] = ()
    authorizations: AuthorizationList | None = None
    cards: dict[str, ListEntry] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()  # token hashes of the list that are blocked
    list_text: str = ""  # the list in force as it was signed: the full one, then changes, line by line
    spent_vouchers: frozenset[str] = frozenset()
    drawn_minor: dict[str, int] = field(default_factory=dict)  # by account: used offline, not yet on the server
    vouchers_in_doubt: bool = False  # some may be spent without being in `spent_vouchers`: the server must be asked

    def with_list(self, text: str) -> Knowledge:
        """Knowledge with a newer signed list: a full one, a change of the one in force, or a full one and its changes
        line by line, as the journal keeps them.

        Raises ForgedText for a list of others, or an older one; WrongBase for a change of another list.
        """
        known = self
        for line in text.split("\n"):
            known = known._with_change(line) if is_change(line) else known._with_full(line)
        return known

    def _with_change(self, text: str) -> Knowledge:
        change = read_change(text, self.server_keys)
        if self.authorizations is None:
            raise WrongBase(f"a change of list version {change.base_version}; there is no list here")
        return self._in_force(applied(self.authorizations, change), f"{self.list_text}\n{text}")

    def _with_full(self, text: str) -> Knowledge:
        authorizations = read_list(text, self.server_keys)
        if authorizations.kiosk_id != self.kiosk_id:
            raise ForgedText(f"list for kiosk {authorizations.kiosk_id}, this is {self.kiosk_id}")
        known = self.authorizations
        if known is not None and authorizations.version < known.version:
            raise ForgedText(f"list version {authorizations.version} is older than {known.version}")
        return self._in_force(authorizations, text)

    def _in_force(self, authorizations: AuthorizationList, text: str) -> Knowledge:
        cards = {entry.token_hash: entry for entry in authorizations.entries}
        blocked = frozenset(name for name, entry in cards.items() if entry.is_blocked)
        return replace(
            self,
            authorizations=authorizations,
            cards=cards,
            blocked=blocked,
            list_text=text,
        )

    @property
    def list_changes(self) -> int:
        """How many changes stand on the full list."""
        return self.list_text.count("\n")

    def with_spent(self, voucher_ids: Iterable[str]) -> Knowledge:
        return replace(self, spent_vouchers=self.spent_vouchers | set(voucher_ids))

    def with_drawn(self, account_id: str, amount_minor: int) -> Knowledge:
        """After an offline use: an account's credit is its cap in all, however often it is used."""
        drawn = self.drawn_minor.get(account_id, 0) + amount_minor
        return replace(self, drawn_minor={**self.drawn_minor, account_id: drawn})

    def offers(self) -> dict[int, TariffOffer]:
        if self.authorizations is None:
            return {}
        return {int(evse_id): offer for evse_id, offer in self.authorizations.offers.items()}

    @property
    def later_offers(self) -> tuple[LaterOffer, ...]:
        return () if self.authorizations is None else self.authorizations.later or ()

    @property
    def offers_until(self) -> datetime | None:
        return None if self.authorizations is None else self.authorizations.price_valid_until

    def entry(self, token: IdToken) -> ListEntry | None:
        return self.cards.get(token_hash(token.kind, token.value))


def precheck(knowledge: Knowledge, ask: Ask, now: datetime) -> Refused | None:
    """What is refused here whatever the server would say: a forged, foreign, expired or spent voucher."""
    if ask.token.kind is not TokenKind.VOUCHER:
        return None
    verdict = _voucher(knowledge, ask.token, now)
    return Refused(ask.ids.transaction_id, verdict) if isinstance(verdict, NoticeCode) else None


def decide(
    knowledge: Knowledge, ask: Ask, now: datetime, accounts_in_use: frozenset[str], was_sent: bool = False
) -> Authorized | Refused:
    """The answer without a server. `accounts_in_use` are those with a transaction running at this kiosk.

    `was_sent`: the server was asked and has not answered in time.
    """
    transaction_id, token = ask.ids.transaction_id, ask.token
    if token.kind is TokenKind.DIRECT_PAYMENT:
        # Only its provider knows it: there is no credit on it.
        return Refused(transaction_id, NoticeCode.PAYMENT_NO_ANSWER if was_sent else NoticeCode.PAYMENT_OFFLINE)
    offer = in_force(knowledge.offers(), knowledge.later_offers, now).get(ask.evse_id)
    has_ended = knowledge.offers_until is not None and now >= knowledge.offers_until
    if offer is None or knowledge.authorizations is None or has_ended:
        return Refused(transaction_id, NoticeCode.NO_ANSWER)
    if token.kind is TokenKind.VOUCHER:
        voucher = _voucher(knowledge, token, now)
        if isinstance(voucher, NoticeCode):
            return Refused(transaction_id, voucher)
        if voucher.currency != offer.tariff.currency:
            return Refused(transaction_id, NoticeCode.FORGED_VOUCHER)
        if knowledge.vouchers_in_doubt:
            return Refused(transaction_id, NoticeCode.NO_ANSWER)
        authority = Authority(
            token.kind,
            token_hash(token.kind, token.value),
            account_id=f"voucher:{voucher.voucher_id}",
            voucher_id=voucher.voucher_id,
            cap_minor=voucher.value_minor,
        )
        return Authorized(transaction_id, authority, offer, offline=True)
    entry = knowledge.entry(token)
    if entry is None:
        return Refused(transaction_id, NoticeCode.UNKNOWN_TOKEN)
    if entry.is_blocked:
        return Refused(transaction_id, NoticeCode.BLOCKED_TOKEN)
    if now >= knowledge.authorizations.valid_until:
        return Refused(transaction_id, NoticeCode.NO_ANSWER)
    left_minor = entry.cap_minor - knowledge.drawn_minor.get(entry.account_id, 0)
    if left_minor <= 0:
        return Refused(transaction_id, NoticeCode.NO_CREDIT)
    if entry.account_id in accounts_in_use:
        return Refused(transaction_id, NoticeCode.ALREADY_CHARGING)
    authority = Authority(token.kind, entry.token_hash, entry.account_id, entry.group_id, cap_minor=left_minor)
    return Authorized(transaction_id, authority, offer, offline=True)


def still_holds(knowledge: Knowledge, word: Authority, was_offline: bool) -> bool:
    """Whether what a charge began with is still good: its token and its account are not blocked on the newest list.

    A token the list does not name was the server's to allow, and its word stands as it does for a running charge; one
    that was allowed by the list alone and has gone from it is not.
    """
    if word.voucher_id is not None:
        return True  # it is spent on this very order
    entry = knowledge.cards.get(word.token_hash)
    if entry is not None:
        return not entry.is_blocked
    of_account = [entry for entry in knowledge.cards.values() if entry.account_id == word.account_id]
    return not was_offline and (not of_account or not all(entry.is_blocked for entry in of_account))


def is_known_good(knowledge: Knowledge, token: IdToken, now: datetime) -> bool:
    """The own list knows it and does not block it; or a voucher of ours for this kiosk that was not spent."""
    if token.kind is TokenKind.VOUCHER:
        return isinstance(_voucher(knowledge, token, now), Voucher)
    entry = knowledge.entry(token)
    return entry is not None and not entry.is_blocked


REFUSAL_OF = {
    AuthorizeStatus.BLOCKED: NoticeCode.BLOCKED_TOKEN,
    AuthorizeStatus.CONCURRENT_TX: NoticeCode.ALREADY_CHARGING,
    AuthorizeStatus.EXPIRED: NoticeCode.EXPIRED_TOKEN,
    AuthorizeStatus.INVALID: NoticeCode.FORGED_VOUCHER,
    AuthorizeStatus.NO_CREDIT: NoticeCode.NO_CREDIT,
    AuthorizeStatus.NOT_AT_THIS_LOCATION: NoticeCode.VOUCHER_FOR_OTHER_KIOSK,
    AuthorizeStatus.UNKNOWN: NoticeCode.UNKNOWN_TOKEN,
}


PAYMENT_REFUSAL_OF = {
    PaymentRefusal.INSUFFICIENT_FUNDS: NoticeCode.PAYMENT_NO_MONEY,
    PaymentRefusal.UNKNOWN_CODE: NoticeCode.PAYMENT_UNKNOWN,
    PaymentRefusal.USED_CODE: NoticeCode.PAYMENT_USED,
    PaymentRefusal.EXPIRED_CODE: NoticeCode.PAYMENT_EXPIRED,
    PaymentRefusal.BLOCKED: NoticeCode.PAYMENT_BLOCKED,
    PaymentRefusal.PROVIDER_SILENT: NoticeCode.PAYMENT_NO_ANSWER,
    PaymentRefusal.NOT_TAKEN_HERE: NoticeCode.PAYMENT_NOT_HERE,
    PaymentRefusal.DECLINED: NoticeCode.PAYMENT_DECLINED,
}


def read_answer(ask: Ask, answer: AuthorizeAnswer) -> Authorized | Refused:
    """The server's answer to an Ask. An acceptance without offer or account is none, nor is one of a voucher that
    does not say which voucher and up to what amount, or of a payment code without what was held: without a cap either
    would be worth anything."""
    transaction_id = ask.ids.transaction_id
    if ask.token.kind is TokenKind.DIRECT_PAYMENT:
        if answer.status is not AuthorizeStatus.ACCEPTED:
            return Refused(transaction_id, PAYMENT_REFUSAL_OF[answer.reason or PaymentRefusal.DECLINED])
        if answer.offer is None or answer.account_id is None or answer.cap_minor is None:
            return Refused(transaction_id, NoticeCode.PAYMENT_NO_ANSWER)
    if answer.status is not AuthorizeStatus.ACCEPTED:
        code = REFUSAL_OF[answer.status]
        if answer.status is AuthorizeStatus.NO_CREDIT and ask.token.kind is TokenKind.VOUCHER:
            code = NoticeCode.SPENT_VOUCHER
        return Refused(transaction_id, code)
    if answer.offer is None or answer.account_id is None:
        return Refused(transaction_id, NoticeCode.NO_ANSWER)
    if ask.token.kind is TokenKind.VOUCHER and (answer.voucher_id is None or answer.cap_minor is None):
        return Refused(transaction_id, NoticeCode.NO_ANSWER)
    authority = Authority(
        ask.token.kind,
        token_hash(ask.token.kind, ask.token.value),
        answer.account_id,
        answer.group_id,
        voucher_id=answer.voucher_id,
        cap_minor=answer.cap_minor,
    )
    return Authorized(transaction_id, authority, answer.offer, offline=False)


def _voucher(knowledge: Knowledge, token: IdToken, now: datetime) -> Voucher | NoticeCode:
    try:
        voucher = read_voucher(token.value, knowledge.server_keys)
    except ForgedText:
        return NoticeCode.FORGED_VOUCHER
    if voucher.kiosk_id != knowledge.kiosk_id:
        return NoticeCode.VOUCHER_FOR_OTHER_KIOSK
    if voucher.voucher_id in knowledge.spent_vouchers:
        return NoticeCode.SPENT_VOUCHER
    if now >= voucher.valid_until:
        return NoticeCode.EXPIRED_TOKEN
    return voucher
