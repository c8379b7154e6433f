"""Checks of the way to the server: does it answer, and is this kiosk enrolled there. Standard library only."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from urllib.parse import urlsplit

from kiosk.config import Config
from kiosk.probe.findings import Finding, fail, ok, warn

NONCE = "/v1/nonce"  # answered without a signature (contract.api)


def server(config: Config) -> list[Finding]:
    """One question to the server, and the likely cause by where it broke."""
    url = config.server.url
    if url is None:
        return [warn("server", "", "none is configured", "[server] url is missing", "set it, then: kiosk enrol")]
    parts = urlsplit(url)
    host, is_tls = parts.hostname or "", parts.scheme == "https"
    connect = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
    connection = connect(host, parts.port, timeout=config.server.timeout_s)
    try:
        connection.request("GET", parts.path.rstrip("/") + NONCE)
        answer = connection.getresponse()
        if answer.status < 400 and answer.getheader("Kiosk-Nonce"):
            return [ok("server", url, "answers")]
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
    except ssl.SSLError as error:
        says = f"TLS: {error.reason or error}"
        return [
            fail("server", url, says, "a wrong clock, or the certificate ran out", "see clock above; tell the operator")
        ]
    except TimeoutError:
        says = f"no answer within {config.server.timeout_s:g} s"
        return [fail("server", url, says, "no network, or a firewall", "check cable, modem, firewall")]
    except (OSError, http.client.HTTPException) as error:
        says = str(error) or type(error).__name__
        return [fail("server", url, says, "no route, or the server is down", "check the network; tell the operator")]
    finally:
        connection.close()


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
