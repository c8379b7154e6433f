"""Who stands there: an id token as OCPP 2.1 writes it (IdTokenType)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LONGEST_TOKEN = 600  # characters; a signed voucher is below 400
PHONE_PAYER = "checkout:"  # begins the account under which the server lets somebody pay by phone without having one


def is_phone_payer(account_id: str | None) -> bool:
    return account_id is not None and account_id.startswith(PHONE_PAYER)


class TokenKind(StrEnum):
    """OCPP 2.1 IdTokenEnumStringType values, and one of ours for a voucher."""

    ISO14443 = "ISO14443"  # NFC tag, value is the UID in upper-case hex
    MEMBER_CODE = "KeyCode"  # QR code of a member account
    VOUCHER = "Voucher"  # QR voucher signed by the server, value is the whole signed text
    DIRECT_PAYMENT = "DirectPayment"  # a payment app's code, new for each payment; only the server can ask whose
    CENTRAL = "Central"  # started from the server (phone page), value is the command id


@dataclass(frozen=True, slots=True)
class IdToken:
    """A token as the reader saw it. `value` is 1 to 600 printable characters."""

    kind: TokenKind
    value: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.value) <= LONGEST_TOKEN or not self.value.isprintable():
            raise ValueError(f"id token of kind {self.kind}: want 1 to {LONGEST_TOKEN} printable characters")

    @property
    def masked(self) -> str:
        """For screens and logs: enough to recognise the own card, too little to copy it."""
        return "…" + self.value[-4:] if len(self.value) > 4 else "…"
