"""Subcommands that make and run the server: init, migrate, serve, authority, epoch."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from billing import certificates, facts
from billing.cli_base import Result, SetUpAlready, data_dir_of, database_of
from billing.database import open_database
from billing.migrations import migrate, revision_of
from billing.people import invitations, persons
from billing.people.roles import Role
from billing.server_key import KEY_FILE, make_server_key, public_hex
from billing.settings import SETTINGS_FILE, check_url, default_database_url, read_settings, server_time


def init(arguments: Namespace) -> Result:
    data_dir = arguments.data_dir
    for file in (SETTINGS_FILE, KEY_FILE):
        if (data_dir / file).exists():
            raise SetUpAlready(f"{data_dir} is set up already ({file} is there); nothing was changed")
    check_url(f"--public-url {arguments.public_url[:80]!r}", arguments.public_url)
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = {
        "operator_name": arguments.operator_name,
        "help_contact": arguments.help_contact,
        "public_url": arguments.public_url.rstrip("/"),
    }
    with (data_dir / SETTINGS_FILE).open("x", encoding="utf-8") as file:
        # A JSON string is a TOML basic string.
        file.writelines(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in settings.items())
    key = make_server_key(data_dir)
    engine = open_database(arguments.database or default_database_url(data_dir))
    migrate(engine)
    with engine.begin() as connection:
        epoch = facts.epoch(connection)
        admin = persons.add_person(connection, arguments.admin, arguments.admin, Role.ADMIN, server_time())
        sign_up = settings["public_url"] + invitations.invite(connection, admin.person_id, server_time())
    engine.dispose()
    authority = certificates.make_authority(data_dir, arguments.operator_name, server_time())
    hosts = tuple(arguments.name or certificates.DEFAULT_HOSTS)
    certificates.make_certificate(data_dir, hosts, server_time())
    data = {"data_dir": str(data_dir), "server_key": public_hex(key), "epoch": epoch, "admin": arguments.admin}
    data |= {"authority": str(authority), "sign_up": sign_up}
    text = f"made {data_dir}: server key, settings, database, test authority\n"
    text += f"certificate for {', '.join(hosts)}; kiosks are given {authority}\n"
    text += f"{arguments.admin} chooses a password here, once, within {invitations.LIVES.days} days:\n{sign_up}"
    if not settings["public_url"]:
        text += f"\nput this server's address before it, with serve's port, as https://{hosts[0]}:8080;"
        text += f" public_url in {data_dir / SETTINGS_FILE} makes the next links whole"
    return Result(text, data)


def migrate_database(arguments: Namespace) -> Result:
    engine = open_database(arguments.database or default_database_url(data_dir_of(arguments)))
    before = revision_of(engine)
    after = migrate(engine)
    engine.dispose()
    text = f"already at revision {after}" if before == after else f"revision {before or 'none'} → {after}"
    return Result(text, {"before": before, "after": after})


def serve(arguments: Namespace) -> Result:
    from billing.serving import Options  # the web server is a third of a second that only this command needs
    from billing.serving import serve as serve_until_stopped

    data_dir_of(arguments)
    if not 0 <= arguments.port <= 65535:
        raise ValueError(f"--port {arguments.port}: want 0 to 65535")
    certificate, key = _certificate_of(arguments)
    read_settings(arguments.data_dir, arguments.database)  # a mistake in them is told before anything starts
    options = Options(
        arguments.data_dir,
        arguments.database,
        arguments.host,
        arguments.port,
        arguments.workers,
        certificate,
        key,
        arguments.plain,
        arguments.access_log,
    )
    serve_until_stopped(options)
    return Result("", {})


def _certificate_of(arguments: Namespace) -> tuple[Path | None, Path | None]:
    """Certificate and key to show: those named, else the test authority's. None, None for plain HTTP."""
    certificate: Path | None = arguments.tls_certificate
    key: Path | None = arguments.tls_key
    if (certificate is None) != (key is None):
        raise ValueError("--tls-certificate and --tls-key: want both or neither")
    if arguments.plain:
        if certificate is not None:
            raise ValueError("--plain: want no certificate beside it")
        return None, None
    if certificate is not None and key is not None:
        for file in (certificate, key):
            file.open("rb").close()  # a missing file is told by its name
        return certificate, key
    own = certificates.served(arguments.data_dir)
    if own is None and arguments.host in ("127.0.0.1", "::1", "localhost"):
        return None, None  # nobody but this machine listens
    if own is None:
        raise ValueError(
            "no certificate: make one with kiosk-billing authority make, name one with --tls-certificate and --tls-key,"
            " or say --plain where a proxy does TLS"
        )
    if own.is_due(server_time()):
        text = f"the certificate ends on {own.ends:%Y-%m-%d}; renew it with: kiosk-billing authority renew"
        print(f"kiosk-billing: {text}", file=sys.stderr, flush=True)
    return own.certificate, own.key


def make_authority(arguments: Namespace) -> Result:
    data_dir = data_dir_of(arguments)
    operator_name = read_settings(data_dir).operator_name
    certificates.make_authority(data_dir, operator_name, server_time())
    return renew_certificate(arguments)


def renew_certificate(arguments: Namespace) -> Result:
    """A new certificate from the same authority; for the same hosts, if none are named."""
    data_dir = data_dir_of(arguments)
    former = certificates.served(data_dir)
    hosts = tuple(arguments.name or (former.hosts if former is not None else certificates.DEFAULT_HOSTS))
    made = certificates.make_certificate(data_dir, hosts, server_time(), arguments.days)
    text = f"certificate for {', '.join(made.hosts)} until {made.ends:%Y-%m-%d}; restart serve to show it"
    return Result(text, {"hosts": list(made.hosts), "ends": made.ends.isoformat(), "file": str(made.certificate)})


def show_authority(arguments: Namespace) -> Result:
    data_dir = data_dir_of(arguments)
    pem = certificates.authority_pem(data_dir)
    made = certificates.served(data_dir)
    data = {"authority": pem}
    if made is not None:
        data |= {"hosts": ", ".join(made.hosts), "ends": made.ends.isoformat()}
    return Result(pem, data)


def show_epoch(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        epoch = facts.renew_epoch(connection) if arguments.renew else facts.epoch(connection)
    return Result(epoch, {"epoch": epoch})
