"""The controller's one local socket: screens, technicians and the uplink meet the controller here.

Law:
- A client never slows the controller: it gets the newest snapshot or none, from bounded buffers, and is dropped
  when it does not read.
- Who may be what is decided by the kernel's word about the peer, never by what the peer says.
- A line that is wrong is answered and changes nothing.
"""

from kiosk.panel.access import Access
from kiosk.panel.server import Desk, Panel, QueryRefused

__all__ = ["Access", "Desk", "Panel", "QueryRefused"]
