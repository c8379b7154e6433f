"""A page as PDF, printed by WeasyPrint from the same templates.

Law:
- Nothing is fetched: a document may use what lies in billing/static, and a document that asks for more is refused.
- Printing takes the processor for about a second, so one document is printed at a time, in a thread of its own, and no
  more than MOST_WAITING wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fastapi import Response

STATIC = Path(__file__).parent.parent / "static"
MEDIA_TYPES = {".css": "text/css", ".svg": "image/svg+xml"}
HERE = "https://print.invalid"  # where a document's "/static/…" leads; the name belongs to nobody (RFC 2606)
MOST_WAITING = 20

_one_at_a_time = threading.Lock()
_printer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="billing-printer")
_waiting = threading.BoundedSemaphore(MOST_WAITING)


class PrinterMissing(OSError):
    """A library of the system that WeasyPrint stands on is not there; the message says which and what brings it."""


class PrinterBusy(RuntimeError):
    """More documents wait than are printed in half a minute."""


class NotPrintable(ValueError):
    """The document asks for something that is not in billing/static; the message names it."""


def pdf_of(html: str) -> bytes:
    """The document as PDF, A4 unless its style says otherwise; tagged, so that it can be read aloud.

    Blocks for about a second: from a coroutine call `printed`. Raises NotPrintable, PrinterMissing.
    """
    # Imported here: it takes a second and needs Pango, and a server that prints nothing wants neither.
    try:
        from weasyprint import HTML
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import FatalURLFetchingError
    except OSError as error:
        raise PrinterMissing(f"PDF: {error}; Debian's libpango-1.0-0 and libpangoft2-1.0-0 bring it") from error
    with _one_at_a_time:
        try:
            document = HTML(string=html, base_url=f"{HERE}/", url_fetcher=_fetcher())
            made: bytes = document.write_pdf(font_config=FontConfiguration(), pdf_tags=True)
        except FatalURLFetchingError as error:
            raise NotPrintable(f"{error}: a document may use billing/static only") from error
    return made


async def pdf_response(html: str, file_name: str) -> Response:
    """The document as an answer the browser shows. Where it cannot be printed now, one line that says why (503)."""
    try:
        made = await printed(html)
    except (PrinterBusy, PrinterMissing) as error:
        return Response(str(error), 503, {"Retry-After": "30"}, media_type="text/plain; charset=utf-8")
    headers = {
        "Content-Disposition": f'inline; filename="{file_name}"',
        "Content-Security-Policy": "frame-ancestors 'none'",  # a browser's own viewer wants styles of its own
    }
    return Response(made, 200, headers, media_type="application/pdf")


async def printed(html: str) -> bytes:
    """pdf_of in the printer's thread. Raises PrinterBusy where too many wait, and what pdf_of raises."""
    if not _waiting.acquire(blocking=False):
        raise PrinterBusy(f"{MOST_WAITING} documents wait for the printer already; try again in half a minute")
    try:
        return await asyncio.wrap_future(_printer.submit(pdf_of, html))
    finally:
        _waiting.release()


def _fetcher() -> Any:
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class FromStatic(URLFetcher):  # type: ignore[misc]  # the library has no types
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
            name = url.removeprefix(f"{HERE}/static/")
            file = STATIC / name
            if name == url or file.parent != STATIC or file.suffix not in MEDIA_TYPES or not file.is_file():
                raise ValueError(f"{url} is not in billing/static")
            return URLFetcherResponse(url, file.read_bytes(), {"Content-Type": MEDIA_TYPES[file.suffix]})

    return FromStatic(fail_on_errors=True)
