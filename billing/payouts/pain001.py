"""The bank's file: ISO 20022 pain.001.001.09, a customer credit transfer, by sepaxml, checked by its schema.

The library draws ids and times of its own; the run's stand in their place, so that the bank recognises a file it has
had before, and a payout by its end-to-end id.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import sepaxml
import xmlschema

SCHEMA = "pain.001.001.09"
_NAMESPACE = f"urn:iso:std:iso:20022:tech:xsd:{SCHEMA}"
LONGEST_PURPOSE = 140
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "&": "+"})


class BadFile(ValueError):
    """The file is not what the schema wants."""


@dataclass(frozen=True, slots=True)
class Payer:
    name: str
    iban: str
    bic: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """`end_to_end_id` at most 35 characters; the bank repeats it in whatever it says about the transfer."""

    end_to_end_id: str
    name: str
    iban: str
    bic: str | None
    amount_minor: int
    purpose: str


def pain001(payer: Payer, message_id: str, transfers: Sequence[Transfer], on: date, made_at: datetime) -> str:
    """The file's text. `on` is the day the bank shall pay. Raises BadFile."""
    config = {"name": sepa_text(payer.name), "IBAN": payer.iban, "currency": "EUR", "batch": True}
    if payer.bic is not None:
        config["BIC"] = payer.bic
    sepa = sepaxml.SepaTransfer(config, schema=SCHEMA, clean=False)
    for transfer in transfers:
        payment = {
            "name": sepa_text(transfer.name),
            "IBAN": transfer.iban,
            "amount": transfer.amount_minor,
            "execution_date": on,
            "description": sepa_text(transfer.purpose)[:LONGEST_PURPOSE],
            "endtoend_id": transfer.end_to_end_id,
        }
        if transfer.bic is not None:
            payment["BIC"] = transfer.bic
        sepa.add_payment(payment)
    document = ElementTree.fromstring(sepa.export(validate=False))
    _put(document, "GrpHdr/MsgId", message_id)
    _put(document, "GrpHdr/CreDtTm", made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _put(document, "PmtInf/PmtInfId", message_id)
    if payer.bic is None:
        _say_no_bic(document)
    ElementTree.register_namespace("", _NAMESPACE)
    text = ElementTree.tostring(document, "utf-8", xml_declaration=True)
    check_file(text)
    return str(text, "utf-8")


def sepa_text(text: str) -> str:
    """In the characters every SEPA bank reads: accents off, umlauts written out, the rest as a full stop."""
    plain = unicodedata.normalize("NFKD", text.translate(_WRITTEN_OUT))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return re.sub(r"[^A-Za-z0-9/?:().,'+ -]", ".", plain)


def check_file(text: bytes) -> None:
    """Raises BadFile."""
    try:
        _schema().validate(text.decode())
    except (xmlschema.XMLSchemaValidationError, ElementTree.ParseError) as error:
        raise BadFile(f"not a {SCHEMA} file: {error}") from error


@cache
def _schema() -> xmlschema.XMLSchema:
    """As it comes with the library; reading it takes longer than everything else here."""
    return xmlschema.XMLSchema(Path(sepaxml.__file__).parent / "schemas" / f"{SCHEMA}.xsd")


def _put(document: ElementTree.Element, path: str, text: str) -> None:
    steps = [f"{{{_NAMESPACE}}}{step}" for step in ("CstmrCdtTrfInitn", *path.split("/"))]
    found = document.find("/".join(steps))
    if found is None:
        raise BadFile(f"{path} is missing")
    found.text = text


def _say_no_bic(document: ElementTree.Element) -> None:
    """The rulebook's word for a bank that is known by the IBAN alone."""
    names = ("CstmrCdtTrfInitn", "PmtInf", "DbtrAgt", "FinInstnId")
    bank = document.find("/".join(f"{{{_NAMESPACE}}}{name}" for name in names))
    if bank is None:
        raise BadFile("DbtrAgt is missing")
    other = ElementTree.SubElement(bank, f"{{{_NAMESPACE}}}Othr")
    ElementTree.SubElement(other, f"{{{_NAMESPACE}}}Id").text = "NOTPROVIDED"
