"""The narrow page that phones, sign-in and accounts share, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from billing.api.gate import server_of
from billing.pages.render import LANGUAGES, choose_language, page
from billing.people.access import csrf_field
from billing.people.cookies import read_cookie, set_cookie

LANGUAGE = "language"
HINT = "hl"  # the screen's language, in the address it shows (contract.device_code.hinted)
LANGUAGE_LIVES_S = 365 * 86_400

Texts = Mapping[str, Mapping[str, str]]


def language_of(request: Request) -> str:
    """As chosen here, else as chosen before, else the browser's; else the one of the screen that was scanned."""
    chosen = request.query_params.get("lang") or read_cookie(request, LANGUAGE)
    return choose_language(chosen, request.headers.get("Accept-Language", ""), request.query_params.get(HINT, ""))


def with_language(request: Request, response: Response) -> Response:
    """The answer remembers what was chosen here, and a hint that was followed."""
    chosen = request.query_params.get("lang")
    if chosen is None and language_of(request) == request.query_params.get(HINT):
        chosen = request.query_params[HINT]
    if chosen in LANGUAGES:
        set_cookie(request, response, LANGUAGE, chosen, LANGUAGE_LIVES_S)
    return response


def words_of(request: Request, texts: Texts) -> Mapping[str, str]:
    return texts[language_of(request)]


def narrow_page(
    request: Request,
    template: str,
    texts: Texts,
    values: Mapping[str, Any],
    status: int = 200,
    *,
    runs_script: bool = False,
) -> HTMLResponse:
    """A template that extends phone.html; `texts` has one table of words per language, each with `title`.

    `values` may bring `kept`: query fields that the language links carry along; and `passkey`
    (billing.pages.passkey_form), with which the page runs its script.
    """
    settings = server_of(request).settings
    shared = {
        "words": words_of(request, texts),
        "language": language_of(request),
        "languages": LANGUAGES,
        "operator_name": settings.operator_name,
        "csrf": csrf_field(request),
    }
    runs_script = runs_script or bool(values.get("passkey"))
    response = page(template, {**shared, **values}, status, runs_script=runs_script)
    with_language(request, response)
    return response
