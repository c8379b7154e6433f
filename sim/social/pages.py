"""The payment app as a person sees it: confirm a payment, show a payment code, look at the account. Simple pages.

`/app/pay` is where a shop sends the browser; it comes back to `return_url` with `token=…`, or with `declined=1`.
A person of this street has no password: whoever holds the phone says who they are.
"""

from __future__ import annotations

import html
import io
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import qrcode
import qrcode.image.svg
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from sim.social.bank import TOKEN_LIVES_S, Bank, Refusal

DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3}
LARGEST_FORM = 4_000
STYLE = """
body{font:18px/1.5 system-ui,sans-serif;margin:0 auto;max-width:26rem;padding:1rem;color:#1b1b2f;background:#f6f4ff}
h1{font-size:1.3rem;margin:.2rem 0 1rem}header{color:#5b3fd6;font-weight:700}
.sum{font-size:2.2rem;font-weight:700;margin:.2rem 0;line-height:1.1}
button,.button{display:block;width:100%;box-sizing:border-box;min-height:3.2rem;margin:.6rem 0;font:inherit;
border-radius:.8rem;border:2px solid #5b3fd6;background:#5b3fd6;color:#fff;text-align:center;text-decoration:none;
padding:.7rem}button.quiet{background:#fff;color:#5b3fd6}label{display:block;padding:.6rem 0;min-height:1.6rem}
input{width:1.3rem;height:1.3rem;vertical-align:middle;margin-right:.5rem}svg{width:100%;height:auto;background:#fff}
li{margin:.4rem 0}.code{font-family:monospace;overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){body{background:#15132a;color:#eee}header{color:#b9a8ff}
button.quiet{background:#15132a;color:#b9a8ff}}
"""


def add_pages(app: FastAPI, bank: Bank) -> None:
    @app.get("/app")
    async def home() -> Response:
        people = "".join(
            f'<li><a href="/app/account?person={html.escape(name)}">{html.escape(name)}</a>, '
            f'<a href="/app/code?person={html.escape(name)}">payment code</a></li>'
            for name in sorted(bank.people)
        )
        return _page("Whose phone is this?", f"<ul>{people}</ul>")

    @app.get("/app/account")
    async def account(person: str) -> Response:
        if person not in bank.people:
            return _page("No such account", "", 404)
        free = _sum(bank.available(person, time.time()), bank.currency)
        notices = "".join(
            f"<li>{html.escape(n.text)} <b>{_sum(n.amount_minor, bank.currency)}</b></li>"
            for n in reversed(bank.notices)
            if n.person == person
        )
        link = f'<a class="button" href="/app/code?person={html.escape(person)}">Show a payment code</a>'
        return _page(
            f"{html.escape(person)}'s account", f'<p class="sum">{free}</p><p>free to spend</p>{link}<ul>{notices}</ul>'
        )

    @app.get("/app/code")
    async def code(person: str) -> Response:
        """A new payment code each time it is shown: for the reader of a shop."""
        try:
            token = bank.issue_token(person, time.time())
        except Refusal as refusal:
            return _page(html.escape(str(refusal)), "", 404)
        body = (
            f"<p>Hold this before the reader. Good once, for {int(TOKEN_LIVES_S)} seconds.</p>{qr_svg(token)}"
            f'<p class="code">{html.escape(token)}</p>'
            f'<a class="button" href="/app/code?person={html.escape(person)}">New code</a>'
        )
        return _page(f"Pay as {html.escape(person)}", body)

    @app.get("/app/pay")
    async def ask(amount_minor: int, currency: str, text: str, return_url: str) -> Response:
        if not _may_return(return_url) or amount_minor <= 0:
            return _page("This is no payment", "<p>The shop's request cannot be read.</p>", 400)
        people = "".join(
            f'<label><input type="radio" name="person" value="{html.escape(name)}" required'
            f"{' checked' if len(bank.people) == 1 else ''}>{html.escape(name)}</label>"
            for name in sorted(bank.people)
        )
        body = (
            f'<p>{html.escape(text[:200])}</p><p class="sum">{_sum(amount_minor, currency)}</p>'
            "<p>is held. Only what you use is taken; the rest is free again.</p>"
            f'<form method="post"><fieldset><legend>Whose account?</legend>{people}</fieldset>'
            f'<input type="hidden" name="return_url" value="{html.escape(return_url)}">'
            '<button name="answer" value="confirm">Confirm</button>'
            '<button class="quiet" name="answer" value="decline" formnovalidate>Decline</button></form>'
        )
        return _page("Confirm a payment", body)

    @app.post("/app/pay")
    async def answer(request: Request) -> Response:
        body = await request.body()
        if len(body) > LARGEST_FORM:
            return _page("Too much", "", 413)
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        return_url = form.get("return_url", "")
        if not _may_return(return_url):
            return _page("This is no payment", "", 400)
        if form.get("answer") != "confirm":
            return RedirectResponse(_with(return_url, {"declined": "1"}), 303)
        try:
            token = bank.issue_token(form.get("person", ""), time.time())
        except Refusal as refusal:
            return _page(html.escape(str(refusal)), "", 422)
        return RedirectResponse(_with(return_url, {"token": token}), 303)


def qr_svg(text: str) -> str:
    drawing = io.BytesIO()
    qrcode.make(text, image_factory=qrcode.image.svg.SvgPathImage, border=4).save(drawing)
    svg = drawing.getvalue().decode()
    return svg[svg.index("<svg") :]


def _may_return(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _with(url: str, query: dict[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def _sum(amount_minor: int, currency: str) -> str:
    digits = DIGITS.get(currency, 2)
    return f"{amount_minor / 10**digits:,.{digits}f} {html.escape(currency)}"


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    words = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style><header>spay, simulated</header>"
        f"<main><h1>{title}</h1>{body}</main>"
    )
    return HTMLResponse(words, status, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
