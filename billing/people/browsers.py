"""A browser in words, so that somebody knows their own in a list: "Firefox, Windows". Nothing is decided by it."""

from __future__ import annotations

# In this order: many claim to be others besides.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


def browser_words(user_agent: str) -> str:
    """ "" for one we do not know."""
    found = (next((words for part, words in table if part in user_agent), "") for table in (_BROWSERS, _SYSTEMS))
    return ", ".join(words for words in found if words)
