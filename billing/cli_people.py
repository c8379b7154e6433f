"""Subcommands about people and programs that are let in: person, api-key, audit."""

from __future__ import annotations

from argparse import Namespace

from billing.cli_base import Result, database_of
from billing.drivers import cards
from billing.hosts.party import find_host
from billing.people import api_keys, audit, invitations, persons, second_proof
from billing.people.roles import Role
from billing.settings import read_settings, server_time


def person_add(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        now = server_time()
        name = arguments.name or arguments.login
        if arguments.host is not None:
            find_host(connection, arguments.host)
        person = persons.add_person(
            connection, arguments.login, name, Role(arguments.role), now, host_id=arguments.host
        )
        path = invitations.invite(connection, person.person_id, now)
    return _invited(arguments, arguments.login, path)


def person_list(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        entries = persons.everybody(connection)
    data = [
        {
            "login": entry.login,
            "name": entry.person.name,
            "role": entry.person.role.value,
            "host_id": entry.person.host_id,
            "state": _state(entry),
            "second_proof": " and ".join(entry.proofs),
        }
        for entry in entries
    ]
    lines = [
        f"{one['login']}  {one['name']}  {one['role']}  {one['host_id'] or '-'}  {one['state']}"
        + (f", {one['second_proof']}" if one["second_proof"] else "")
        for one in data
    ]
    return Result("\n".join(lines) or "nobody yet; kiosk-billing person add LOGIN --role admin", data)


def person_disable(arguments: Namespace) -> Result:
    return _set_disabled(arguments, disabled=True)


def person_enable(arguments: Namespace) -> Result:
    return _set_disabled(arguments, disabled=False)


def person_reset(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        entry, now = persons.known_login(connection, arguments.login), server_time()
        person_id = entry.person.person_id
        if arguments.second_proof:
            second_proof.remove_all(connection, person_id, now)
            audit.note(connection, audit.COMMAND_LINE, f"removed the second proof of {entry.login}", person_id, now)
        path = invitations.invite(connection, person_id, now)
    return _invited(arguments, entry.login, path)


def api_key_add(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        key = api_keys.add_key(connection, arguments.name, Role(arguments.role), server_time())
    return Result(f"{key}\n(shown this once) Authorization: Bearer {key}", {"name": arguments.name, "key": key})


def api_key_list(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        rows = api_keys.all_keys(connection)
    data = [{"name": row.name, "role": row.role, "is_revoked": row.revoked_ms is not None} for row in rows]
    text = "\n".join(f"{row.name}  {row.role}  {'live' if row.revoked_ms is None else 'revoked'}" for row in rows)
    return Result(text or "no keys yet; kiosk-billing api-key add NAME", data)


def api_key_revoke(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        api_keys.revoke_key(connection, arguments.name, server_time())
    return Result(f"{arguments.name} opens nothing any more", {"name": arguments.name})


def account_code(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        now = server_time()
        code = cards.new_claim(connection, arguments.account, now)
        audit.note(connection, audit.COMMAND_LINE, "made a code for linking cards", arguments.account, now)
    days = cards.CLAIM_LIVES.days
    text = f"{code} links the cards of {arguments.account} to a driver's sign-in, once, within {days} days"
    return Result(text, {"account_id": arguments.account, "code": code})


def show_audit(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        found = audit.deeds(connection, arguments.most, arguments.subject, arguments.who)
    text = "\n".join(f"{deed.at:%Y-%m-%d %H:%M:%S}  {deed.who}  {deed.what}  {deed.subject}" for deed in found)
    data = [
        {"number": d.number, "at": d.at.isoformat(), "who": d.who, "what": d.what, "subject": d.subject} for d in found
    ]
    return Result(text or "nothing was noted yet", data)


def _set_disabled(arguments: Namespace, *, disabled: bool) -> Result:
    with database_of(arguments) as connection:
        persons.set_disabled(connection, arguments.login, server_time(), disabled=disabled)
    text = f"{arguments.login} is {'disabled and signed out everywhere' if disabled else 'enabled'}"
    return Result(text, {"login": arguments.login, "is_disabled": disabled})


def _state(entry: persons.Entry) -> str:
    if entry.is_disabled:
        return "disabled"
    return "invited" if entry.password_hash is None else "signed up"


def _invited(arguments: Namespace, login: str, path: str) -> Result:
    link = read_settings(arguments.data_dir).public_url.rstrip("/") + path
    text = f"{login} chooses a password here, once, within {invitations.LIVES.days} days:\n{link}"
    return Result(text, {"login": login, "sign_up": link})
