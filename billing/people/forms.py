"""Forms that count only when they come from our own page.

Each form carries a token made from the browser's session (before sign-in: from a cookie of its own). A page elsewhere
can send a form here, and the browser adds its cookies; but it can neither read the token nor make it.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl

from fastapi import Request
from markupsafe import Markup

from billing.api.gate import body_of
from billing.people.cookies import DRIVER, FORM, SESSION, read_cookie
from billing.people.tokens import new_token

FIELD = "form_token"
MOST_FIELDS = 60
OWN_SITES = ("same-origin", "none")  # none: typed by the reader, or sent again by a reload


class WrongForm(Exception):
    """A form that is not taken; the page says what that means. Nothing was changed."""


def csrf_field(request: Request) -> Markup:
    """The hidden input every form has: `{{ csrf }}` in a template."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, form_token(_key(request)))


async def checked_form(request: Request, limit: int = 4_000, most_fields: int = MOST_FIELDS) -> dict[str, str]:
    """The fields of a form from our own page, of at most `limit` bytes. Raises WrongForm, TooLarge."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in OWN_SITES:
        raise WrongForm("sent from another site")
    body = await body_of(request, limit)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=most_fields)
    except ValueError as error:
        raise WrongForm("not readable as a form") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise WrongForm("a field came twice")
    key = _key_of(request)
    if not key or not hmac.compare_digest(fields.pop(FIELD, "").encode(), form_token(key).encode()):
        raise WrongForm("without this browser's token")
    return fields


def form_token(key: str) -> str:
    """What a form carries for a session's (or, before sign-in, a form cookie's) secret."""
    return hmac.digest(key.encode(), b"form", hashlib.sha256).hex()[:32]


def _key_of(request: Request) -> str:
    return read_cookie(request, SESSION) or read_cookie(request, DRIVER) or read_cookie(request, FORM)


def _key(request: Request) -> str:
    key = _key_of(request)
    if not key:
        key = getattr(request.state, "new_form_key", "") or new_token()
        request.state.new_form_key = key  # billing.app sets the cookie with the answer
    return key
