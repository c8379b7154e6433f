"""The routes of contract.api over HTTP: read, check, call a function of the room, answer."""
