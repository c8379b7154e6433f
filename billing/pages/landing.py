"""GET /: what a phone finds behind the kiosk's own code; GET /r?number=: from a typed number to its receipt.

A receipt opens with all 32 characters only: the short number on the kiosk's screen could be guessed.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from billing import keys
from billing.api.gate import server_of
from billing.pages.account import post_of
from billing.pages.landing_texts import LANDING
from billing.pages.narrow import language_of, with_language
from billing.pages.render import LANGUAGES, page

LONGEST_NUMBER = 60

router = APIRouter()


@router.get("/")
async def get_landing(request: Request) -> Response:
    return landing(request)


@router.get("/r")
async def get_by_number(request: Request, number: str = "") -> Response:
    typed = "".join(letter for letter in number if letter not in "- \u00a0\u3000")
    receipt_key = keys.receipt_key(typed)
    if not keys.is_receipt_key(receipt_key):
        return landing(request, wrong=number[:LONGEST_NUMBER].strip())
    language = request.query_params.get("lang")
    query = f"?lang={language}" if language in LANGUAGES else ""
    return RedirectResponse(f"/r/{receipt_key}{query}", 303)


def landing(request: Request, *, wrong: str = "", is_lost: bool = False) -> Response:
    """The first page. `wrong`: what was typed and is no receipt number; `is_lost`: its address names no page."""
    settings = server_of(request).settings
    language = language_of(request)
    values = {
        "words": LANDING[language],
        "language": language,
        "languages": LANGUAGES,
        "operator_name": settings.operator_name,
        "help_contact": settings.help_contact,
        "wrong": wrong,
        "is_lost": is_lost,
        "has_accounts": post_of(request) is not None,
    }
    response = page("landing.html", values, 404 if is_lost else 200)
    with_language(request, response)
    return response
