"""The frame of every operator page: navigation with its counts, who is signed in, the way out."""

from __future__ import annotations

from fastapi import Request, Response

from billing.api.gate import server_of
from billing.pages.navigation import BELONGS_TO, places_for
from billing.pages.operator_view import counts
from billing.pages.render import page
from billing.people.access import csrf_field

LIVE_S = {"fleet": 20, "sessions": 20, "kiosk": 3}  # pages that keep themselves current, and how often they look


async def operator_page(request: Request, name: str, values: dict[str, object], status: int = 200) -> Response:
    """Template `operator_NAME.html`; `values` needs `heading`. Every form in it writes `{{ csrf }}`.

    Only for routes behind `staff` (billing.people.access), which says who is asking.
    """
    server = server_of(request)
    person = request.state.person
    live_s = LIVE_S.get(name)
    shared = {
        "here": BELONGS_TO.get(name, name),
        "places": places_for(person),
        "person": person,
        "live_s": live_s,
        "csrf": csrf_field(request),
        "counts": await server.read(counts),
        "operator_name": server.settings.operator_name,
        "now_text": server.now().strftime("%A %d %B %Y, %H:%M UTC"),
    }
    return page(f"operator_{name}.html", {**shared, **values}, status, runs_script=live_s is not None)
