"""Checks of the way to the server: does it answer, is its certificate believed, and is this kiosk enrolled there."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from kiosk.config import Config
from kiosk.probe.findings import Finding, fail, ok, warn
from kiosk.tls import (
    KNOWN_TIME_FILE,
    BadAuthority,
    CertificateRefused,
    Refusal,
    ServerTrust,
    authority_file,
    read_known_time,
    system_time,
    trust,
)

NONCE = "/v1/nonce"  # answered without a signature (contract.api)
ENDS_SOON = timedelta(days=14)
ADVICE = {  # why a certificate is refused → likely cause, fix
    Refusal.AUTHORITY: (
        "another authority than this kiosk was given, or somebody in between",
        "kiosk-billing authority show; then kiosk enrol --ca FILE, or [server] ca_file",
    ),
    Refusal.HOST: (
        "the certificate is for other names than [server] url",
        "the operator renews it with that name: kiosk-billing authority renew --name HOST",
    ),
    Refusal.EXPIRED: ("the certificate ran out, or this clock is ahead", "tell the operator; see clock above"),
    Refusal.NOT_YET_VALID: ("this clock is behind, or the server's was ahead", "see clock above; tell the operator"),
}


def server(config: Config) -> list[Finding]:
    """One question to the server, and the likely cause by where it broke."""
    url = config.server.url
    if url is None:
        return [warn("server", "", "none is configured", "[server] url is missing", "set it, then: kiosk enrol")]
    parts = urlsplit(url)
    host, patience_s, context = parts.hostname or "", config.server.timeout_s, None
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        try:
            context = _trust(config)
        except BadAuthority as error:
            return [fail("server", url, str(error), "no file there, or another one", "kiosk enrol --ca FILE")]
        except PermissionError as error:
            return [warn("server", url, str(error), "this user may not see whom the kiosk believes", "use sudo")]
        connection = http.client.HTTPSConnection(host, parts.port, timeout=patience_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=patience_s)
    try:
        connection.request("GET", parts.path.rstrip("/") + NONCE)
        answer = connection.getresponse()
        if answer.status < 400 and answer.getheader("Kiosk-Nonce"):
            return [_certificate(url, context)]
        says = f"answers {answer.status} {answer.reason} to {NONCE}"
        return [
            fail("server", url, says, "another program at that address, or the server is ill", "check [server] url")
        ]
    except socket.gaierror as error:
        return [
            fail(
                "server",
                url,
                f"no address for {host}: {error.strerror}",
                "no network or DNS",
                "check cable, modem, DNS",
            )
        ]
    except CertificateRefused as error:
        return [fail("server", url, str(error), *ADVICE[error.refusal])]
    except ssl.SSLError as error:
        says = f"TLS: {error.reason or error}"
        return [fail("server", url, says, "no TLS at that address, or too old a one", "check [server] url")]
    except TimeoutError:
        says = f"no answer within {config.server.timeout_s:g} s"
        return [fail("server", url, says, "no network, or a firewall", "check cable, modem, firewall")]
    except (OSError, http.client.HTTPException) as error:
        says = str(error) or type(error).__name__
        return [fail("server", url, says, "no route, or the server is down", "check the network; tell the operator")]
    finally:
        connection.close()


def _trust(config: Config) -> ServerTrust:
    """As the uplink believes it; who may not read the uplink's known time does without. Raises BadAuthority."""
    known_time = read_known_time(config.kiosk.uplink_dir / KNOWN_TIME_FILE)
    return trust(authority_file(config.server.ca_file, Path(config.kiosk.state_dir)), lambda: known_time)


def _certificate(url: str, context: ServerTrust | None) -> Finding:
    if context is None or context.last_end is None:
        return ok("server", url, "answers")
    if context.last_end - system_time() < ENDS_SOON:
        says = f"answers, but its certificate ends on {context.last_end:%Y-%m-%d}"
        return warn("server", url, says, "nobody renewed it", "the operator: kiosk-billing authority renew")
    return ok("server", url, f"answers; its certificate is good until {context.last_end:%Y-%m-%d}")


def phone_pages(config: Config) -> list[Finding]:
    """Where the codes on the screen lead: a driver's phone is no browser on this machine."""
    address = config.kiosk.address
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    fix = "[kiosk] address: the server's public https address, as phones reach it"
    if host == "localhost" or host.endswith(".localhost") or host.startswith("127.") or host == "::1":
        return [warn("phone pages", address, "phones cannot reach this machine's own address", "as delivered", fix)]
    if parts.scheme != "https":
        return [warn("phone pages", address, "codes on the screen lead to pages without TLS", "http in it", fix)]
    return [ok("phone pages", address, "where the codes on the screen lead")]


def enrolment(config: Config) -> list[Finding]:
    """Whether there is an enrolment, and for the configured server. The key itself is the uplink's alone."""
    path = config.kiosk.enrolment
    enrol = "kiosk enrol --code CODE, with a code from the operator's page"
    try:
        found = json.loads(path.read_bytes())
        kiosk_id, url = str(found["kiosk_id"]), str(found["server_url"])
    except FileNotFoundError:
        return [fail("enrolment", str(path), "not enrolled", "a new kiosk, or a new card", enrol)]
    except PermissionError as error:
        return [warn("enrolment", str(path), str(error.strerror), "this user may not read it", "use sudo")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [fail("enrolment", str(path), f"unreadable: {error}", "a damaged file", enrol)]
    if config.server.url is not None and url.rstrip("/") != config.server.url.rstrip("/"):
        says = f"enrolled as {kiosk_id} at {url}, but [server] url is {config.server.url}"
        return [warn("enrolment", str(path), says, "the server moved", enrol)]
    return [ok("enrolment", str(path), f"enrolled as {kiosk_id}")]
