"""GET /r/{receipt_id}: the receipt behind the id the kiosk minted. Who has the 128-bit id may read it; no account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from billing import keys
from billing.api.gate import server_of
from billing.ocpi.cdr_object import Owner
from billing.pages.pdf import pdf_response
from billing.pages.receipt_parts import cdr_body
from billing.pages.receipt_view import find_receipt
from billing.pages.render import LANGUAGES, choose_language, html, page
from billing.pages.texts import RECEIPT

router = APIRouter()


@router.get("/r/{receipt_id}.pdf")
async def get_pdf(request: Request, receipt_id: str, lang: str | None = None) -> Response:
    """The same on A4. Where there is nothing to print yet, the page that says so."""
    values = await _values(request, receipt_id, lang)
    if values["receipt"] is None:
        return RedirectResponse(f"/r/{values['receipt_key']}", 303)
    home = server_of(request).settings.public_url or str(request.base_url)
    document = html("receipt_pdf.html", values | {"address": f"{home.rstrip('/')}/r/{values['receipt_key']}"})
    return await pdf_response(document, f"receipt-{values['receipt_key'][:8]}.pdf")


@router.get("/r/{receipt_id}")
@router.get("/R/{receipt_id}", include_in_schema=False)  # a QR code in alphanumeric mode has capitals only
async def get_receipt(request: Request, receipt_id: str, lang: str | None = None) -> Response:
    values = await _values(request, receipt_id, lang)
    status = 200 if values["is_possible"] else 404
    return page("receipt.html", values, status, runs_script=values["looks_again"])


async def _values(request: Request, receipt_id: str, lang: str | None) -> dict[str, Any]:
    server = server_of(request)
    language = choose_language(lang, request.headers.get("Accept-Language", ""))
    receipt_key = keys.receipt_key(receipt_id)
    is_possible = keys.is_receipt_key(receipt_key)
    found = await server.read(lambda c: find_receipt(c, receipt_key, language, server.now())) if is_possible else None
    looks_again = is_possible and (found is None or found.state == "charging")
    return {
        "words": RECEIPT[language],
        "language": language,
        "languages": LANGUAGES,
        "operator_name": server.settings.operator_name,
        "help_contact": server.settings.help_contact,
        "receipt": found,
        "receipt_key": receipt_key[:40],
        "is_possible": is_possible,
        "looks_again": looks_again,
    }


@router.get("/r/{receipt_id}/cdr.json")
async def get_cdr(request: Request, receipt_id: str) -> Response:
    server = server_of(request)
    owner = Owner(server.settings.country_code, server.settings.party_id)
    body = await server.read(lambda c: cdr_body(c, receipt_id, owner))
    if body is None:
        return Response('{"error":"no CDR yet for this receipt"}', 404, media_type="application/json")
    return Response(body, media_type="application/json")
