"""The kiosk's loop and what stands around it. Begin reading at `loop.Controller.beat`."""

from kiosk.controller.loop import (
    DOCUMENT_DOUBT,
    DOCUMENT_DRAWN,
    DOCUMENT_LIST,
    DOCUMENT_MEMORY,
    DOCUMENT_OVERRIDES,
    INBOX_LIMIT,
    MOST_CHANGES,
    MOST_UNWRITTEN,
    Controller,
)
from kiosk.controller.ports import Entry, Found, Identity, Notes, Recorder, Uplink, Write

__all__ = [
    "DOCUMENT_DOUBT",
    "DOCUMENT_DRAWN",
    "DOCUMENT_LIST",
    "DOCUMENT_MEMORY",
    "DOCUMENT_OVERRIDES",
    "INBOX_LIMIT",
    "MOST_CHANGES",
    "MOST_UNWRITTEN",
    "Controller",
    "Entry",
    "Found",
    "Identity",
    "Notes",
    "Recorder",
    "Uplink",
    "Write",
]
