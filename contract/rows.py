"""Bodies of journal rows that are no transaction events; what the server reads beside the transactions.

| kind          | body                        | meaning                                                  |
|---------------|-----------------------------|----------------------------------------------------------|
| authorization | Asked                       | these ids were minted and the server may be asked        |
| authorization | contract.api.Disclaim       | those ids never became Started, release what was held    |
"""

from __future__ import annotations

from dataclasses import dataclass

from contract.identity import TokenKind


@dataclass(frozen=True, slots=True)
class Asked:
    """Journaled before the Ask leaves the kiosk. `token_hash` names the token: the journal holds no card."""

    transaction_id: str
    order_id: str
    receipt_id: str
    evse_id: int
    token_kind: TokenKind
    token_hash: str
