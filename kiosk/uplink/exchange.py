"""One request over HTTP and its answer: signed, bounded in time and size, one try (two where the nonce was old)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import requests

from contract.api import AuthorizeAnswer, CommandAnswer, Commands, RowAnswer
from contract.codec import WireError, from_bytes, to_bytes
from contract.tokens import LONGEST_SIGNED_TEXT
from kiosk.uplink.drain import Answer, AskRequest, LetterRequest, ListRequest, PollRequest, RowsRequest, ServerRequest
from kiosk.uplink.identity import Identity

T = TypeVar("T")

CONNECT_PATIENCE_S = 5.0
CHUNK = 65_536


class Unreachable(Exception):
    """No answer, or none that can be read; the same request may work later."""


class RefusedByServer(Exception):
    """The server is there and will not take this request as it is."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


class Exchange:
    """One kept-alive session. Not thread-safe: each lane has its own."""

    def __init__(self, url: str, identity: Identity, timeout_s: float) -> None:
        self._url, self._identity, self._timeout_s = url.rstrip("/"), identity, timeout_s
        self._nonce: str | None = None
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no password file from the environment
        self._session.headers["User-Agent"] = "charging-kiosk"

    def carry(self, request: ServerRequest) -> Answer:
        """Send one request and read the answer. Raises Unreachable, RefusedByServer."""
        match request:
            case AskRequest(asked):
                return self._value(AuthorizeAnswer, *self._signed("POST", "/v1/authorize", to_bytes(asked)))
            case LetterRequest(letter):
                path = "/v1/commands/answer" if isinstance(letter, CommandAnswer) else "/v1/disclaim"
                self._signed("POST", path, to_bytes(letter))
                return None
            case RowsRequest(batch):
                return self._value(RowAnswer, *self._signed("POST", "/v1/rows", to_bytes(batch)))
            case ListRequest(after_version):
                status, body = self._signed("GET", f"/v1/list?after={after_version}", b"")
                return None if status == 204 else _text(body)
            case PollRequest(wait_s):
                target = f"/v1/commands?wait_s={wait_s:g}"
                return self._value(Commands, *self._signed("GET", target, b"", wait_s))

    def close(self) -> None:
        self._session.close()

    def _signed(self, method: str, target: str, body: bytes, wait_s: float = 0.0) -> tuple[int, bytes]:
        """A nonce that is unknown to the server, say after its restart, costs one more try with the one it sent."""
        if self._nonce is None:
            self._send("GET", "/v1/nonce", b"", {}, 0.0)
        for is_last in (False, True):
            if self._nonce is None:
                raise Unreachable("the server gave no nonce")
            nonce, self._nonce = self._nonce, None
            headers = self._identity.headers(method, target, nonce, body)
            status, answer = self._send(method, target, body, headers, wait_s)
            if status == 401 and not is_last:
                continue
            if status in (200, 204):
                return status, answer
            reason = answer[:300].decode(errors="replace")
            if status in (401, 403, 408, 425, 429) or status >= 500 or status < 400:
                raise Unreachable(f"{method} {target}: {status} {reason}")
            raise RefusedByServer(status, f"{method} {target}: {reason}")
        raise AssertionError("two tries, then an answer or an error")

    def _send(self, method: str, target: str, body: bytes, headers: dict[str, str], wait_s: float) -> tuple[int, bytes]:
        if body:
            headers["Content-Type"] = "application/json"
        try:
            with self._session.request(
                method,
                self._url + target,
                data=body or None,
                headers=headers,
                timeout=(CONNECT_PATIENCE_S, self._timeout_s + wait_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._nonce = response.headers.get("Kiosk-Nonce")
                return response.status_code, _limited(response)
        except requests.RequestException as error:
            raise Unreachable(f"{self._url}: {_in_short(error)}") from error

    def _value(self, cls: type[T], status: int, body: bytes) -> T:
        if status != 200:
            raise Unreachable(f"{cls.__name__}: status {status} where 200 was wanted")
        try:
            return from_bytes(cls, body)
        except WireError as error:
            raise Unreachable(f"an answer that cannot be read: {error}") from error


def fetch_plain(url: str, path: str, body: bytes, timeout_s: float) -> tuple[int, bytes]:
    """One unsigned POST, for enrolment. Raises Unreachable."""
    session = requests.Session()
    session.trust_env = False
    headers = {"Content-Type": "application/json"}
    timeout = (CONNECT_PATIENCE_S, timeout_s)
    post: Callable[..., requests.Response] = session.post
    try:
        with (
            session,
            post(
                url.rstrip("/") + path, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            ) as response,
        ):
            return response.status_code, _limited(response)
    except requests.RequestException as error:
        raise Unreachable(f"{url}: {_in_short(error)}") from error


def _limited(response: requests.Response) -> bytes:
    parts, size = [], 0
    for part in response.iter_content(CHUNK):
        size += len(part)
        if size > LONGEST_SIGNED_TEXT:
            raise Unreachable(f"an answer of more than {LONGEST_SIGNED_TEXT} bytes")
        parts.append(part)
    return b"".join(parts)


def _text(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise Unreachable("a list that is no signed text") from error


def _in_short(error: BaseException) -> str:
    """The innermost cause says it best: 'Connection refused' instead of three nested pools."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__
