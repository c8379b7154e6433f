"""Where a kiosk stands and what its connectors are, in OCPI's words: what a CDR says of its Location.

A kiosk that nobody placed has a name and an address only; what is not known is left out, never made up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from billing.database import insert_if_absent
from billing.ocpi.tables import ocpi_locations
from contract.codec import from_bytes, to_bytes


class ConnectorType(StrEnum):
    """OCPI ConnectorType, those a kiosk of ours can have."""

    IEC_62196_T1 = "IEC_62196_T1"
    IEC_62196_T2 = "IEC_62196_T2"
    IEC_62196_T1_COMBO = "IEC_62196_T1_COMBO"
    IEC_62196_T2_COMBO = "IEC_62196_T2_COMBO"
    CHADEMO = "CHADEMO"
    DOMESTIC_F = "DOMESTIC_F"


class ConnectorFormat(StrEnum):
    SOCKET = "SOCKET"
    CABLE = "CABLE"


class PowerType(StrEnum):
    AC_1_PHASE = "AC_1_PHASE"
    AC_3_PHASE = "AC_3_PHASE"
    DC = "DC"


@dataclass(frozen=True, slots=True)
class Location:
    """Of OCPI's CdrLocation. `country` is ISO 3166-1 alpha-3; coordinates are WGS 84 with five to seven decimals."""

    address: str
    city: str
    country: str
    latitude: str
    longitude: str
    postal_code: str | None = None
    connector_standard: ConnectorType = ConnectorType.IEC_62196_T2
    connector_format: ConnectorFormat = ConnectorFormat.SOCKET
    connector_power_type: PowerType = PowerType.AC_3_PHASE

    def __post_init__(self) -> None:
        for name, most in (("address", 45), ("city", 45)):
            if not 1 <= len(text := getattr(self, name)) <= most or not text.isprintable():
                raise ValueError(f"{name} {text[:50]!r}: want 1 to {most} characters")
        if self.postal_code is not None and not 1 <= len(self.postal_code) <= 10:
            raise ValueError(f"postal code {self.postal_code[:20]!r}: want 1 to 10 characters")
        if re.fullmatch(r"[A-Z]{3}", self.country) is None:
            raise ValueError(f"country {self.country[:10]!r}: want three letters as DEU")
        for name, pattern, most_degrees in (
            ("latitude", r"-?[0-9]{1,2}\.[0-9]{5,7}", 90),
            ("longitude", r"-?[0-9]{1,3}\.[0-9]{5,7}", 180),
        ):
            text = getattr(self, name)
            if re.fullmatch(pattern, text) is None or abs(float(text)) > most_degrees:
                raise ValueError(f"{name} {text[:20]!r}: want degrees with five to seven decimals, as 53.54512")


def place(connection: Connection, kiosk_id: str, location: Location) -> None:
    """Say where a kiosk stands, in place of what was said before. CDRs show it from then on."""
    connection.execute(ocpi_locations.delete().where(ocpi_locations.c.kiosk_id == kiosk_id))
    values = {"kiosk_id": kiosk_id, "country": location.country, "body": to_bytes(location).decode()}
    connection.execute(insert_if_absent(connection, ocpi_locations), values)


def location_of(connection: Connection, kiosk_id: str) -> Location | None:
    body = connection.execute(select(ocpi_locations.c.body).where(ocpi_locations.c.kiosk_id == kiosk_id)).scalar()
    return None if body is None else from_bytes(Location, body)
