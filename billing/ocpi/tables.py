"""Where kiosks stand, in OCPI's words."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, Text

from billing.tables import metadata

ocpi_locations = Table(
    "ocpi_locations",
    metadata,
    Column("kiosk_id", ForeignKey("kiosks.kiosk_id"), primary_key=True),
    Column("country", String(3), nullable=False),
    Column("body", Text, nullable=False),  # billing.ocpi.location.Location
)
