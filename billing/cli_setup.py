"""Subcommands that make and run the server: init, migrate, serve, epoch."""

from __future__ import annotations

import json
import secrets
from argparse import Namespace

from billing import facts
from billing.cli_base import Result, data_dir_of, database_of
from billing.database import open_database
from billing.migrations import migrate, revision_of
from billing.passwords import USER, hash_password
from billing.server_key import make_server_key, public_hex
from billing.settings import SETTINGS_FILE, default_database_url, read_settings


def init(arguments: Namespace) -> Result:
    data_dir = arguments.data_dir
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = arguments.password or secrets.token_urlsafe(12)
    settings = {
        "operator_name": arguments.operator_name,
        "help_contact": arguments.help_contact,
        "operator_password_hash": hash_password(password),
    }
    with (data_dir / SETTINGS_FILE).open("x", encoding="utf-8") as file:
        # A JSON string is a TOML basic string.
        file.writelines(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in settings.items())
    key = make_server_key(data_dir)
    engine = open_database(arguments.database or default_database_url(data_dir))
    migrate(engine)
    with engine.begin() as connection:
        epoch = facts.epoch(connection)
    engine.dispose()
    data = {"data_dir": str(data_dir), "server_key": public_hex(key), "epoch": epoch, "user": USER}
    text = f"made {data_dir}: server key, settings, database\noperator pages: user {USER}"
    if arguments.password is None:
        data["password"] = password
        text += f", password {password} (shown this once)"
    return Result(text, data)


def migrate_database(arguments: Namespace) -> Result:
    engine = open_database(arguments.database or default_database_url(data_dir_of(arguments)))
    before = revision_of(engine)
    after = migrate(engine)
    engine.dispose()
    text = f"already at revision {after}" if before == after else f"revision {before or 'none'} → {after}"
    return Result(text, {"before": before, "after": after})


def serve(arguments: Namespace) -> Result:
    import uvicorn  # the web server is a third of a second that only this command needs

    from billing.app import create_app

    data_dir_of(arguments)
    if not 0 <= arguments.port <= 65535:
        raise ValueError(f"--port {arguments.port}: want 0 to 65535")
    settings = read_settings(arguments.data_dir, arguments.database)
    uvicorn.run(create_app(settings), host=arguments.host, port=arguments.port, log_level="warning", access_log=False)
    return Result("", {})


def show_epoch(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        epoch = facts.renew_epoch(connection) if arguments.renew else facts.epoch(connection)
    return Result(epoch, {"epoch": epoch})
