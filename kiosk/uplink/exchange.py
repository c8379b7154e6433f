"""One request over HTTP and its answer: signed, bounded in time and size, one try (two where the nonce was old)."""

from __future__ import annotations

from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter

from contract.api import AuthorizeAnswer, CommandAnswer, Commands, RowAnswer
from contract.codec import WireError, from_bytes, to_bytes
from contract.tokens import LONGEST_SIGNED_TEXT
from kiosk.tls import CertificateRefused, Refusal, ServerTrust
from kiosk.uplink.drain import Answer, AskRequest, LetterRequest, ListRequest, PollRequest, RowsRequest, ServerRequest
from kiosk.uplink.identity import Identity
from kiosk.uplink.known_time import KnownTime
from kiosk.wire import OfflineCause

T = TypeVar("T")

CONNECT_PATIENCE_S = 5.0
CHUNK = 65_536


class Unreachable(Exception):
    """No answer, or none that can be read; the same request may work later."""

    def __init__(self, text: str, because: OfflineCause = OfflineCause.NO_ANSWER) -> None:
        super().__init__(text)
        self.because = because


class RefusedByServer(Exception):
    """The server is there and will not take this request as it is."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


class _TrustAdapter(HTTPAdapter):
    """Carries our context to every connection; the authorities that come with requests are not believed."""

    def __init__(self, trust: ServerTrust) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        super().init_poolmanager(*arguments, **settings, ssl_context=self._trust)

    def cert_verify(self, *_: Any) -> None:
        """The context verifies; requests would add its own authorities to it here."""


class Session:
    """A session of requests that believes `trust`, and tells `known_time` what time verified answers say."""

    def __init__(self, trust: ServerTrust, known_time: KnownTime) -> None:
        self._trust, self._known_time = trust, known_time
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no password file from the environment
        self._session.headers["User-Agent"] = "charging-kiosk"
        self._session.mount("https://", _TrustAdapter(trust))

    def send(
        self, method: str, url: str, body: bytes, headers: dict[str, str], timeout_s: float
    ) -> tuple[int, bytes, str | None]:
        """Status, body and nonce of one answer. Raises Unreachable."""
        if body:
            headers["Content-Type"] = "application/json"
        try:
            with self._session.request(
                method,
                url,
                data=body or None,
                headers=headers,
                timeout=(CONNECT_PATIENCE_S, timeout_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                if url.lower().startswith("https://"):
                    self._known_time.learn(response.headers.get("Date"), self._trust.last_end)
                return response.status_code, _limited(response), response.headers.get("Kiosk-Nonce")
        except requests.RequestException as error:
            raise Unreachable(_in_short(error), _cause_of(error)) from error

    def close(self) -> None:
        self._session.close()


class Exchange:
    """One kept-alive session. Not thread-safe: each lane has its own."""

    def __init__(self, url: str, identity: Identity, timeout_s: float, session: Session) -> None:
        self._url, self._identity, self._timeout_s = url.rstrip("/"), identity, timeout_s
        self._nonce: str | None = None
        self._session = session

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
                raise Unreachable("the server gave no nonce", OfflineCause.SERVER_REFUSES)
            nonce, self._nonce = self._nonce, None
            headers = self._identity.headers(method, target, nonce, body)
            status, answer = self._send(method, target, body, headers, wait_s)
            if status == 401 and not is_last:
                continue
            if status in (200, 204):
                return status, answer
            reason = answer[:300].decode(errors="replace")
            if status in (401, 403, 408, 425, 429) or status >= 500 or status < 400:
                raise Unreachable(f"{method} {target}: {status} {reason}", OfflineCause.SERVER_REFUSES)
            raise RefusedByServer(status, f"{method} {target}: {reason}")
        raise AssertionError("two tries, then an answer or an error")

    def _send(self, method: str, target: str, body: bytes, headers: dict[str, str], wait_s: float) -> tuple[int, bytes]:
        try:
            timeout_s = self._timeout_s + wait_s
            status, answer, self._nonce = self._session.send(method, self._url + target, body, headers, timeout_s)
        except Unreachable as error:
            raise Unreachable(f"{self._url}: {error}", error.because) from error
        return status, answer

    def _value(self, cls: type[T], status: int, body: bytes) -> T:
        if status != 200:
            text = f"{cls.__name__}: status {status} where 200 was wanted"
            raise Unreachable(text, OfflineCause.SERVER_REFUSES)
        try:
            return from_bytes(cls, body)
        except WireError as error:
            raise Unreachable(f"an answer that cannot be read: {error}", OfflineCause.SERVER_REFUSES) from error


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


def _innermost(error: BaseException) -> BaseException:
    """The innermost cause says it best: 'Connection refused' instead of three nested pools."""
    while not isinstance(error, CertificateRefused) and (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _in_short(error: BaseException) -> str:
    inner = _innermost(error)
    return str(inner) or type(inner).__name__


def _cause_of(error: BaseException) -> OfflineCause:
    inner = _innermost(error)
    if not isinstance(inner, CertificateRefused):
        return OfflineCause.NO_ANSWER
    is_expired = inner.refusal is Refusal.EXPIRED
    return OfflineCause.CERTIFICATE_EXPIRED if is_expired else OfflineCause.CERTIFICATE_REFUSED
