"""Cookies as they are set and read: HttpOnly, SameSite=Lax, for this host alone, and Secure.

Only where a browser on this very machine speaks plain HTTP (development, the demo) is a cookie not Secure; a browser
would not send it back. There the name has no `__Host-`, so the two never pass for each other.
"""

from __future__ import annotations

from ipaddress import ip_address

from fastapi import Request, Response

from billing.api.gate import server_of

SESSION = "session"
DRIVER = "driver"  # a driver's own session, beside that of staff or a host in the same browser
FORM = "form"  # before sign-in: what a form's token is made from
KNOWN = "known"  # signed in here before
LONGEST = 400
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def is_secure(request: Request) -> bool:
    """Whether the browser reaches us by TLS, our own or a proxy's."""
    if request.url.scheme == "https" or server_of(request).settings.is_behind_proxy:
        return True
    return request.url.hostname not in LOCAL_NAMES


def read_cookie(request: Request, name: str) -> str:
    """ "" where there is none, or one that cannot be ours."""
    value = request.cookies.get(_full(request, name), "")
    return value if len(value) <= LONGEST and value.isascii() else ""


def set_cookie(request: Request, response: Response, name: str, value: str, lives_s: int | None = None) -> None:
    """`lives_s` None: until the browser is closed."""
    response.set_cookie(
        _full(request, name), value, max_age=lives_s, path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(_full(request, name), path="/", secure=is_secure(request), httponly=True, samesite="lax")


def address_of(request: Request) -> str:
    """Where a request comes from, as guessing is counted: an IPv6 customer has a whole /64."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:60]
    if address.version == 6 and address.ipv4_mapped is None:
        return f"{ip_address(int(address) >> 64 << 64)}/64"
    return str(address)


def browser_of(request: Request) -> str:
    return request.headers.get("User-Agent", "")[:200]


def _full(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name
