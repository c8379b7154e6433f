"""`kiosk-billing tariff show, import, try` and `kiosk place`: what the tariff pages do, on one line each."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from billing import directory
from billing.cli_base import Result, database_of
from billing.cli_work import check_to_come, moment_of, note_published
from billing.directory import NotKnown
from billing.ocpi.fields import read_file
from billing.ocpi.location import ConnectorFormat, ConnectorType, Location, PowerType, place
from billing.ocpi.tariff import read_tariff as read_ocpi
from billing.ocpi.write import tariff_json
from billing.pages.render import LANGUAGES
from billing.pages.tariff_view import compared, totals, validity_text, words_of
from billing.settings import read_settings, server_time
from billing.tariff_files import read_tariff as read_own
from billing.tariffs import versions
from billing.tariffs.checks import warnings_about
from billing.tariffs.trial import NotASession, made_up, past, priced
from contract.codec import WireError, to_wire
from contract.price import Price
from contract.tariff import Tariff


def show_tariff(arguments: Namespace) -> Result:
    settings = read_settings(arguments.data_dir, arguments.database)
    with database_of(arguments) as connection:
        found = _version(connection, arguments.tariff, arguments.version)
        places = versions.offered_at(connection, arguments.tariff)
    text = tariff_json(
        found.tariff,
        settings.country_code,
        settings.party_id,
        found.created,
        from_=found.from_,
        until=found.until,
        ocpi=arguments.ocpi or "2.2.1",
    )
    if arguments.ocpi:
        return Result(text, json.loads(text))
    lines = [
        f"{found.tariff.id} version {found.tariff.version}, {found.validity.value.lower()}, {validity_text(found)}"
    ]
    for code, language in LANGUAGES.items():
        lines += [f"{language}:", *(f"  {line}" for line in words_of(found.tariff, code))]
    offers = [(f"{one.kiosk_name} EVSE {one.evse_id}", one.offer) for one in places if not one.is_offline]
    lines += [f"offered at {place_name}" for place_name, _ in offers]
    lines += [f"note: {warning}" for warning in warnings_about(found.tariff, offers)]
    return Result("\n".join(lines), json.loads(text))


def import_tariff(arguments: Namespace) -> Result:
    tariff = _read_ocpi(arguments.file)
    from_ = moment_of(arguments.from_, "--from")
    with database_of(arguments) as connection:
        tariff_id = arguments.name or tariff.id
        tariff = replace(tariff, id=tariff_id, version=versions.next_version(connection, tariff_id))
        check_to_come(from_, server_time())
        if not arguments.dry_run:
            now = server_time()
            directory.load_tariff(connection, tariff, now, from_)
            note_published(connection, tariff, from_, now)
    done = "would be published" if arguments.dry_run else "published"
    lines = [f"tariff {tariff.id} version {tariff.version} {done}", *words_of(tariff, "en")]
    lines += [f"note: {warning}" for warning in warnings_about(tariff)]
    return Result("\n".join(lines), {"id": tariff.id, "version": tariff.version, "is_published": not arguments.dry_run})


def try_tariff(arguments: Namespace) -> Result:
    """Line by line as price() gives them, and beside the version in force where there is one."""
    with database_of(arguments) as connection:
        new = _tariff(connection, arguments)
        known = versions.in_force(versions.versions_of(connection, new.id, server_time()))
        if arguments.session:
            usage = past(connection, arguments.session)
        else:
            names = ("kwh", "charging_min", "parking_min", "reserved_min", "begins", "zone")
            given = {name: getattr(arguments, name) for name in names}
            try:
                usage = made_up(given, arguments.grace_min * 60, server_time())
            except NotASession as error:
                raise ValueError(f"--{error.field.replace('_', '-')}: {error}") from error
    cost = priced(new, usage)
    before: Price | None = None
    if known is not None and known.tariff != new:
        before = priced(known.tariff, usage)
    lines = [usage.label]
    owed = totals(before, cost)
    rows = [(row.what, row.old, row.new, row.change) for row in compared(before, cost)]
    rows.append(("rounded once", owed["old"], owed["new"], owed["change"]))
    if before is None:
        lines += [f"{what:<28}{amount:>12}" for what, _, amount, _ in rows]
    else:
        lines.append(f"{'':<28}{'in force':>12}{'this one':>12}{'change':>12}")
        lines += [f"{what:<28}{old:>12}{amount:>12}{change:>12}" for what, old, amount, change in rows]
    data = {"session": usage.label, "currency": cost.currency, "incl_vat_minor": cost.incl_vat_minor}
    data |= {"lines": [to_wire(line) for line in cost.lines], "rule": cost.rule}
    data |= {} if before is None else {"in_force_incl_vat_minor": before.incl_vat_minor}
    return Result("\n".join(lines), data)


def place_kiosk(arguments: Namespace) -> Result:
    location = Location(
        arguments.address,
        arguments.city,
        arguments.country.upper(),
        arguments.latitude,
        arguments.longitude,
        arguments.postal_code,
        ConnectorType(arguments.connector),
        ConnectorFormat(arguments.format),
        PowerType(arguments.power_type),
    )
    with database_of(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        place(connection, kiosk_id, location)
    text = f"{kiosk_id} stands at {location.address}, {location.city}, {location.country}"
    return Result(text, {"kiosk_id": kiosk_id} | to_wire(location))


def _tariff(connection: Connection, arguments: Namespace) -> Tariff:
    path = Path(arguments.tariff)
    if path.suffix in (".json", ".toml") and path.is_file():
        try:
            return read_own(path)
        except WireError:
            if path.suffix == ".toml":
                raise
        return _read_ocpi(path)
    return _version(connection, arguments.tariff, arguments.version).tariff


def _version(connection: Connection, tariff_id: str, number: int | None) -> versions.Version:
    known = versions.versions_of(connection, tariff_id, server_time())
    if not known:
        raise NotKnown(f"no tariff {tariff_id!r}; known: {', '.join(versions.names(connection)) or 'none yet'}")
    if number is None:
        return versions.in_force(known) or known[0]
    found = next((one for one in known if one.tariff.version == number), None)
    if found is None:
        raise NotKnown(f"tariff {tariff_id}: no version {number}; the newest is {known[0].tariff.version}")
    return found


def _read_ocpi(path: Path) -> Tariff:
    if path.suffix == ".toml" and path.is_file():
        raise ValueError(
            f"{path}: want an OCPI Tariff object in JSON; kiosk-billing tariff load publishes our own TOML"
        )
    try:
        return read_ocpi(read_file(path))
    except WireError as error:
        raise WireError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error
