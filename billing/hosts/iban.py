"""International bank account numbers (ISO 13616) of the countries SEPA reaches: length and check digits."""

from __future__ import annotations

import re

# The registry's lengths. A country that is not listed is not reached by a SEPA credit transfer.
LENGTH = {
    "AD": 24, "AL": 28, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MT": 31, "NL": 18, "NO": 15,
    "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "VA": 22,
}  # fmt: skip
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")


class BadIban(ValueError):
    """The text is no IBAN that SEPA reaches; the message says what is wrong with it."""


def iban_of(text: str) -> str:
    """Without spaces, in capitals. Raises BadIban."""
    iban = re.sub(r"[\s-]", "", text).upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}", iban):
        raise BadIban("an IBAN is two letters, two digits, and the account: as DE89 3704 0044 0532 0130 00")
    country, want = iban[:2], LENGTH.get(iban[:2])
    if want is None:
        raise BadIban(f"{country} is no country that a SEPA transfer reaches")
    if len(iban) != want:
        raise BadIban(f"an IBAN of {country} has {want} characters, this one {len(iban)}")
    if int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 != 1:
        raise BadIban("the check digits do not fit: one character is wrong or two are swapped")
    return iban


def bic_of(text: str) -> str | None:
    """None for an empty text. Raises BadIban."""
    bic = text.replace(" ", "").upper()
    if bic and not _BIC.fullmatch(bic):
        raise BadIban(f"BIC {bic!a}: want 8 or 11 characters, as COBADEFFXXX")
    return bic or None


def in_groups(iban: str) -> str:
    """As people read it: in groups of four."""
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


def ending(iban: str) -> str:
    """Enough to recognise it."""
    return iban[-4:]
